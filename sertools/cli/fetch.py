"""Download corpora and weights from their owners into the user cache."""

import argparse

from sertools.cli import _output
from sertools.cli._parser import Parser, checking


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "names",
        nargs="+",
        metavar="NAME",
        help="corpora, or systems whose weights to fetch",
    )
    parser.add_argument(
        "--yes", action="store_true", help="accept licences that exclude commercial use"
    )
    parser.add_argument(
        "--kaggle", action="store_true", help="take the copy that Kaggle keeps"
    )
    parser.share("--json")


def run(arguments: argparse.Namespace) -> int:
    """Fetch one after the other; one that fails does not stop the rest."""
    with checking():
        ways = {name: _way(name, arguments) for name in arguments.names}
    folders, failed = {}, False
    for name, fetch in ways.items():
        try:
            with _output.working():
                folder = fetch()
        except (OSError, ValueError, ModuleNotFoundError) as error:
            _output.error(error, traceback=arguments.debug)
            folders[name], failed = None, True
            continue
        folders[name] = str(folder)
        if not arguments.json:
            _output.say(f"{name}: {folders[name]}")
    if arguments.json:
        _output.as_json(folders)
    return int(failed)


def _way(name: str, arguments: argparse.Namespace):
    """Find out whose name it is; refuse one that is nobody's."""
    from sertools import datasets

    if name in datasets.names():
        return lambda: datasets.fetch(name, arguments.yes, kaggle=arguments.kaggle)
    from sertools import models

    if name.partition(":")[0] in models.names():
        models.load(name)
        return lambda: models.fetch(name)
    raise ValueError(_unknown(name, datasets.names(), models.names()))


def _unknown(name: str, corpora: list[str], systems: list[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name.lower(), [*corpora, *systems], n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return (
        f"Nothing to fetch is called {name!r}.{hint} "
        f"Corpora: {', '.join(corpora)}. Systems: {', '.join(systems)}."
    )
