"""Run a notebook with parameters, and write a report one can open anywhere."""

import argparse

from sertools.cli import output
from sertools.cli.usage import BadUsage, checking

__all__ = ["declare", "run"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument("notebook", nargs="?", help="name of a notebook, or a file")
    parser.add_argument(
        "-p",
        dest="given",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter of the notebook; repeat for more",
    )
    parser.add_argument(
        "--out", default="runs", metavar="DIR", help="where reports go (runs)"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="stop a run that takes longer"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run a notebook and print where its report is; without a name, list them."""
    from sertools import report
    from sertools.report.status import read_json

    if arguments.notebook is None:
        return _list(arguments.json)
    given = _given(arguments.given)
    with checking():
        _check(arguments.notebook, given)
    with output.working():
        folder = report.run(
            arguments.notebook, given, arguments.out, timeout=arguments.timeout
        )
    status = read_json(folder / "run.json")
    page = folder / "report.html"
    if arguments.json:
        output.as_json({"report": str(page), **status})
    if status["status"] != "ok":
        output.note(f"sertools: {_failure(status['error'])}")
    if not arguments.json:
        output.say(str(page))
    return 0 if status["status"] == "ok" else 1


def _given(pairs: list[list[str]]) -> dict[str, str]:
    given = dict(pairs)
    if len(given) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise BadUsage(f"set twice: {', '.join(twice)}. Give each -p once.")
    return given


def _check(notebook: str, given: dict[str, str]) -> None:
    """Refuse wrong names and values before a kernel starts."""
    from sertools import datasets, labels, report

    try:
        declared = report.parameters(notebook)
    except FileNotFoundError as error:
        raise BadUsage(str(error)) from error
    if "out" in given:
        raise BadUsage("A report sets 'out' itself: say where reports go with --out.")
    values = report.check(declared, given)
    if values.get("dataset"):
        datasets.card(values["dataset"])
    for word in str(values.get("emotions", "")).split(","):
        if word.strip():
            labels.canonical(word)


def _list(json: bool) -> int:
    from sertools import report

    found = report.notebooks()
    if json:
        output.as_json({name: str(path) for name, path in found.items()})
        return 0
    output.table(((name, path) for name, path in found.items()), ("notebook", ""))
    return 0


def _failure(error: dict) -> str:
    cell = error.get("cell") or {}
    where = f"cell {cell['index'] + 1}" if cell.get("index") is not None else "the run"
    line = f" ({cell['line']})" if cell.get("line") else ""
    message = " ".join(str(error["message"]).split())
    return f"{where}{line} failed: {error['name']}: {message}"
