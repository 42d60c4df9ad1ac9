"""Find what commonly breaks, and print the command that mends it."""

import argparse
import dataclasses

from sertools.cli import output

__all__ = ["declare", "run"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "--quick", action="store_true", help="leave out what takes longer than a second"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look at everything; exit code 1 if something fails."""
    from sertools import doctor

    found = []
    for check in doctor.examine(quick=arguments.quick):
        found.append(check)
        if not arguments.json:
            output.say(f"{check.state:4}  {check.name}: {check.message}")
            if check.mend:
                output.say(f"      mend it: {check.mend}")
    if arguments.json:
        output.as_json([dataclasses.asdict(check) for check in found])
    return int(any(check.state == "fail" for check in found))
