"""Hold new runs against old ones, and say which scores fell."""

import argparse
import math

from sertools.cli import _output, _targets
from sertools.cli._parser import BadUsage, Parser, checking


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    add = parser.add_argument
    add("old", metavar="OLD", help="a run, or a folder of runs")
    add("new", metavar="NEW", help="the same, made later")
    add(
        "--fail-below",
        type=_limit,
        default=-0.02,
        metavar="D",
        help="end with 1 where the UAR moved by less than this, and not by chance "
        "(-0.02)",
    )
    add(
        "--markdown",
        metavar="FILE",
        help="write it for a pull request; - prints that instead",
    )
    parser.share("--json")


def run(arguments: argparse.Namespace) -> int:
    """Print an answer an experiment; 1 if one fell."""
    from sertools import report
    from sertools.files import write_text

    if arguments.json and arguments.markdown == "-":
        raise BadUsage("--json and --markdown - both want standard output.")
    old, new = arguments.old, arguments.new
    place = None if arguments.markdown == "-" else arguments.markdown
    _targets.file(place, "--markdown", _is_comparison, [old, new])
    with checking(FileNotFoundError):
        found = report.check_regressions(old, new, arguments.fail_below)
    if arguments.json:
        _output.as_json(found.as_dict())
    elif arguments.markdown == "-":
        _output.say(found.markdown().rstrip())
    else:
        _output.say(repr(found))
    if place:
        write_text(place, found.markdown())
    return 1 if found.fell else 0


def _is_comparison(text: str) -> bool:
    return text.startswith("### UAR: ")


def _limit(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1 <= value <= 0:
        raise argparse.ArgumentTypeError(f"{text} is not from -1 to 0, such as -0.02")
    return value
