"""List the corpora: what is here, and the command for the rest; or describe one."""

import argparse
import warnings

from sertools.cli import _output
from sertools.cli._parser import Parser, checking

_HEAD = ("name", "here", "MB", "speakers", "licence", "where, and what brings the rest")
_LICENCE = 30  # characters of it in the list


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    parser.add_argument("name", nargs="?", help="one corpus: everything about it")
    parser.share("--json")


def run(arguments: argparse.Namespace) -> int:
    """List the corpora, or describe one."""
    from sertools import datasets

    with checking():
        names = [arguments.name] if arguments.name else datasets.names()
        cards = {name: datasets.card(name) for name in names}
    found = [{**cards[name], **_presence(name)} for name in names]
    if arguments.json:
        _output.as_json(found[0] if arguments.name else found)
    elif arguments.name:
        _output.say(repr(cards[arguments.name]))
        _tell_presence(found[0])
    else:
        _output.table(map(_row, found), _HEAD)
    return 0


def _presence(name: str) -> dict:
    """Count what is here, by file names: nothing is read."""
    from sertools import datasets

    dataset = datasets.get(name)
    command = f"sertools fetch {name}" if dataset.downloadable else dataset.remedy()
    try:
        folder = str(datasets.find(name))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            n_here = len(datasets.load(name))
    except FileNotFoundError:
        folder, n_here = None, 0
    complete = n_here >= dataset.n_clips if dataset.n_clips else None
    return {
        "folder": folder,
        "n_here": n_here,
        "complete": complete,
        "command": None if complete else command,
    }


def _tell_presence(found: dict) -> None:
    folder, command = found["folder"], found["command"]
    clips = f"{_here(found)} clips in {folder}" if folder else "no"
    _output.say(f"here: {clips}")
    if command:
        _output.say(f"the whole corpus: {command}")


def _row(found: dict) -> tuple:
    licence = found["license"]
    if len(licence) > _LICENCE:
        licence = f"{licence[: _LICENCE - 3]}..."
    facts = (found.get("megabytes"), found["n_speakers"], licence)
    return found["name"], _here(found), *facts, _where(found)


def _here(found: dict) -> str:
    published = found["n_clips"]
    return f"{found['n_here']} of {published}" if published else ""


def _where(found: dict) -> str:
    """Say where it lies, and what brings it, or the rest of it."""
    folder, command = found["folder"], found["command"]
    if folder and found["synthetic"]:
        folder = f"{folder} (synthetic speech)"
    if not folder:
        return command
    return f"{folder}; the whole: {command}" if command else folder
