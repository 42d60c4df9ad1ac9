"""Start a notebook of your own, which is a report at once."""

import argparse

from sertools.cli import _output
from sertools.cli._parser import Parser, checking


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    parser.add_argument("name", metavar="NAME", help="such as my_question")
    parser.share("--out", default=".", help="where it goes (this folder)")


def run(arguments: argparse.Namespace) -> int:
    """Write the notebook, and print where it is."""
    from sertools import report

    with checking(FileExistsError):
        path = report.new_notebook(arguments.name, arguments.out)
    _output.say(str(path))
    _output.note(f"Run it with: sertools report {path}; or open it: sertools lab.")
    return 0
