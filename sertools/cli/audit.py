"""Check a corpus's files against what its owner published, byte by byte."""

import argparse

from sertools.cli import _output
from sertools.cli._parser import Parser, checking, own_of


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    parser.add_argument("name", metavar="NAME", help="corpus; see sertools datasets")
    parser.share("--root", "--columns", "--labels")
    parser.share(
        "--strict", help="exit with 1 unless every published clip is here and unaltered"
    )
    parser.share("--json", help="print all that was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Read every file, and say what was found."""
    from sertools import datasets

    with checking():
        datasets.card(arguments.name)
        own = own_of(arguments, [arguments.name])
    with _output.working():
        clips = datasets.load(arguments.name, root=arguments.root, **own)
        found = datasets.audit(clips)
    if arguments.json:
        _output.as_json(found.summary())
    else:
        _output.say(repr(found))
    return int(arguments.strict and not found.passed)
