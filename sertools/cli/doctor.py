"""Find what commonly breaks, and print the command that mends it."""

import argparse

from sertools.cli import _output
from sertools.cli._parser import Parser


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "--quick", action="store_true", help="leave out what takes longer than a second"
    )
    parser.share("--json")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; exit code 1 if something fails."""
    from sertools import doctor

    found = []
    for check in doctor.examine(quick=arguments.quick):
        found.append(check)
        if not arguments.json:
            _output.say(f"{check.state:4}  {check.name}: {check.message}")
            if check.remedy:
                _output.say(f"      mend it: {check.remedy}")
    if arguments.json:
        _output.as_json(
            [
                {
                    "name": check.name,
                    "state": check.state,
                    "message": check.message,
                    "mend": check.remedy,
                }
                for check in found
            ]
        )
    return int(any(check.state == "fail" for check in found))
