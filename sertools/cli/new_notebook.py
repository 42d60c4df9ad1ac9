"""Start a notebook of your own, which is a report at once."""

import argparse

from sertools.cli import _output
from sertools.cli._parser import BadUsage, checking


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add = parser.add_argument
    add("name", metavar="NAME", help="such as my_question")
    add("--out", default=".", metavar="DIR", help="where it goes (this folder)")


def run(arguments: argparse.Namespace) -> int:
    """Write the notebook, and print where it is."""
    from sertools import report

    with checking():
        try:
            path = report.new_notebook(arguments.name, arguments.out)
        except FileExistsError as error:
            raise BadUsage(str(error)) from error
    _output.say(str(path))
    _output.note(f"Run it with: sertools report {path}; or open it: sertools lab.")
    return 0
