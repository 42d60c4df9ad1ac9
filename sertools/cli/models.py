"""List the systems, or describe one."""

import argparse

from sertools.cli import _output
from sertools.cli._parser import Parser, checking

_ROOM = 40  # letters in the last column


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    parser.add_argument("name", nargs="?", help="one system: everything about it")
    parser.share("--json")


def run(arguments: argparse.Namespace) -> int:
    """List the systems, or describe one."""
    from sertools import models

    with checking():
        names = [arguments.name] if arguments.name else models.names()
        cards = [models.card(name) for name in names]
    if arguments.json:
        _output.as_json(cards[0] if arguments.name else cards)
    elif arguments.name:
        _output.say(repr(cards[0]))
    else:
        _output.table(map(_row, cards), ("name", "", "gives", "variants", "weights"))
    return 0


def _row(card: dict) -> tuple:
    gives, variants = " and ".join(card["answers"]), ", ".join(card["variants"])
    weights = card["weights"]
    if len(weights) > _ROOM:
        weights = f"see sertools models {card['name']}"
    return card["name"], card["title"], gives, variants, weights
