"""List the corpora, or describe one."""

import argparse

from sertools.cli import output
from sertools.cli.usage import checking

__all__ = ["declare", "run"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument("name", nargs="?", help="one corpus: everything about it")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """List the corpora, or describe one."""
    from sertools import datasets

    with checking():
        names = [arguments.name] if arguments.name else datasets.names()
        cards = [{**datasets.card(name), "folder": _folder(name)} for name in names]
    if arguments.json:
        output.as_json(cards[0] if arguments.name else cards)
    elif arguments.name:
        output.say(repr(datasets.card(arguments.name)))
        output.say(f"here: {cards[0]['folder'] or 'no'}")
    else:
        output.table(map(_row, cards), ("name", "clips", "speakers", "", "licence", ""))
    return 0


def _row(card: dict) -> tuple:
    title = card["title"] if len(card["title"]) < 50 else f"{card['title'][:47]}..."
    where = card["folder"] or f"sertools fetch {card['name']}"
    if card["name"] == "folder":
        where = "--root DIR"
    name, clips, speakers = card["name"], card["n_clips"], card["n_speakers"]
    return name, clips, speakers, title, card["license"], where


def _folder(name: str) -> str | None:
    """Say where a corpus lies on this machine, if it does."""
    from sertools import datasets

    try:
        return str(datasets.find(name))
    except FileNotFoundError:
        return None
