"""Run notebooks with parameters, and write reports one can open anywhere."""

import argparse
import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.cli import _output, _targets
from sertools.cli._parser import BadUsage, Parser, amount, checking, whole_number

if TYPE_CHECKING:
    from sertools.report import Plan, PlanErrors, RunResult

_PLANS = (".yaml", ".yml")
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    add, share = parser.add_argument, parser.share
    add(
        "notebooks",
        nargs="*",
        metavar="notebook",
        help="names of notebooks, or files; or one plan, a .yaml file",
    )
    add(
        "-p",
        dest="given",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        help="set a parameter of the notebooks; repeat for more",
    )
    add(
        "--grid",
        action="append",
        default=[],
        metavar="NAME=A,B",
        help="try a parameter with several values (with ; between them, values may "
        "hold commas); repeat for all combinations",
    )
    share("--out", help="where reports go (runs)")
    share(
        "--jobs",
        type=whole_number,
        default=None,
        help="how many runs at once (1; on a cluster, all it can)",
    )
    add(
        "--timeout",
        type=amount,
        metavar="SECONDS",
        help="stop a run that takes longer",
    )
    add("--memory", type=amount, metavar="MB", help="stop a run that holds more")
    add("--force", action="store_true", help="run also what is ok already")
    share("--scheduler")
    add(
        "--repeat",
        metavar="RUN",
        help="make a run again, and say whether the numbers are the same",
    )
    share("--trust", help="--repeat: run a notebook that is none of ours")
    share("--json")


def run(arguments: argparse.Namespace) -> int:
    """Run notebooks and print where the reports are; without a name, list them."""
    if arguments.repeat is not None:
        return _repeat(arguments)
    if arguments.trust:
        raise BadUsage("--trust belongs to --repeat: notebooks that you name run.")
    if not arguments.notebooks:
        return _list(arguments.json)
    from sertools import report

    try:
        plan = _plan(arguments)
    except report.PlanErrors as mistakes:
        return _refuse(mistakes, arguments.notebooks)
    except FileNotFoundError as error:
        raise BadUsage(_with_parameters(str(error))) from error
    out = arguments.out or plan.out or "runs"
    _check_out(out, plan)
    # A cluster that cannot do the work is bad usage.
    wrong_cluster = checking() if arguments.scheduler else contextlib.nullcontext()
    with _output.working(), ending_cleanly(), wrong_cluster:
        finished = report.run_all(
            plan.runs,
            out,
            jobs=arguments.jobs or plan.jobs,
            force=arguments.force,
            scheduler=arguments.scheduler,
        )
    (_tell_one if len(finished) == 1 else _tell_all)(finished, arguments.json)
    return 0 if all(one.ok for one in finished) else 1


def _check_out(out: str, plan: "Plan") -> None:
    """Refuse a folder where the index or a run would replace what is not ours."""
    _targets.folder(out, "--out", lambda folder: True)
    index = os.path.join(out, "index.html")
    _targets.file(index, "--out", lambda text: "Content-Security-Policy" in text)
    for one in plan.runs:
        _targets.folder(os.path.join(out, one.name), "--out", _is_run)


def _is_run(folder: Path) -> bool:
    return (folder / "run.json").is_file()


def _repeat(arguments: argparse.Namespace) -> int:
    """Make a run again: 0 if every number is the same, else 1."""
    from sertools import report

    if arguments.notebooks or arguments.given or arguments.grid:
        raise BadUsage("--repeat takes notebook and parameters from the run itself.")
    options = ("jobs", "timeout", "memory", "force", "scheduler")
    if useless := [f"--{name}" for name in options if getattr(arguments, name)]:
        raise BadUsage(
            f"--repeat makes one run as it was, here: no {' or '.join(useless)}."
        )
    _targets.folder(arguments.out, "--out", lambda folder: True)
    with _output.working(), ending_cleanly(), checking(FileNotFoundError):
        found = report.repeat(arguments.repeat, arguments.out, trust=arguments.trust)
    if arguments.json:
        _output.as_json(found.as_dict())
    else:
        _output.say(repr(found))
    return 0 if found.identical else 1


def _plan(arguments: argparse.Namespace) -> "Plan":
    """Work out what to run, before anything starts."""
    from sertools import report

    given, grid = _given(arguments.given), _grid(arguments.grid)
    limits = {"timeout": arguments.timeout, "memory": arguments.memory}
    plans = [name for name in arguments.notebooks if name.endswith(_PLANS)]
    if not plans:
        return report.Plan(report.plan(arguments.notebooks, given, grid, **limits))
    if len(arguments.notebooks) > 1 or grid:
        raise BadUsage("A plan stands alone: put notebooks and grid into it.")
    return report.read_plan(plans[0], given, **limits)


def _given(pairs: list[list[str]]) -> dict[str, str]:
    given = dict(pairs)
    if len(given) < len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise BadUsage(f"set twice: {', '.join(twice)}. Give each -p once.")
    return given


def _grid(texts: list[str]) -> dict[str, list[str]]:
    grid: dict[str, list[str]] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        if not equals or not name:
            raise BadUsage(
                f"--grid takes NAME=A,B, such as head=svm,logistic, not {text!r}."
            )
        if name in grid:
            raise BadUsage(
                f"--grid {name} is there twice. Give all its values at once."
            )
        split = values.split(";" if ";" in values else ",")
        grid[name] = list(dict.fromkeys(value.strip() for value in split))
    return grid


def _with_parameters(message: str) -> str:
    """Name a parameter of the notebook where another command would take an option."""
    parser = Parser(prog="sertools report")
    declare(parser)
    ours = parser._option_string_actions

    def put(word: re.Match) -> str:
        parameter = f"-p {word[1]}"
        told = word[0] in ours or parameter in message
        return word[0] if told else parameter

    return _OPTION.sub(put, message)


def _refuse(mistakes: "PlanErrors", notebooks: list[str]) -> int:
    """Name every mistake; nothing has started."""
    lines = _with_parameters(str(mistakes)).splitlines()
    if len(lines) == 1:
        raise BadUsage(lines[0]) from mistakes
    _output.note(f"sertools: {len(lines)} mistakes in {' '.join(notebooks)}:")
    for line in lines:
        _output.note(f"  {line}")
    _output.note("Nothing was started.")
    return 2


@contextlib.contextmanager
def ending_cleanly() -> Iterator[None]:
    """End on SIGTERM and SIGHUP as on Ctrl-C: with exit code 143 or 129.

    A signal that is being ignored, as SIGHUP is under ``nohup``, stays so.
    """

    def end(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in names):
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell_one(finished: list["RunResult"], json: bool) -> None:
    from sertools.report._progress import cause

    (one,) = finished
    page = one.folder / "report.html"
    if json:
        _output.as_json({"report": str(page), **one.run})
    if not one.ok:
        _output.note(f"sertools: {_with_parameters(cause(one.run['error']))}")
    if not json:
        _output.say(str(page))


def _tell_all(finished: list["RunResult"], json: bool) -> None:
    from sertools.report._progress import cause, sum_up

    index = finished[0].folder.parent / "index.html"
    if json:
        runs = [
            {"report": str(one.folder / "report.html"), "how": one.how, **one.run}
            for one in finished
        ]
        _output.as_json({"index": str(index), "runs": runs})
    for one in finished:
        if not one.ok:
            why = _with_parameters(cause(one.run["error"]))
            _output.note(f"sertools: {one.name}: {why}")
    if not json:
        _output.say(f"{sum_up(finished)}.")
        _output.say(str(index))


def _list(json: bool) -> int:
    from sertools import report

    found = report.notebooks()
    if json:
        _output.as_json({name: str(path) for name, path in found.items()})
        return 0
    _output.table(((name, path) for name, path in found.items()), ("notebook", ""))
    return 0
