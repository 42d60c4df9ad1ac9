"""Execute a notebook in a kernel of its own; recover what was killed meanwhile."""

import contextlib
import errno
import importlib
import logging
import os
import re
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from sertools import display
from sertools.files import holding, write_text
from sertools.report._history import note
from sertools.report._kernel import (
    Limits,
    Place,
    Stop,
    Watch,
    connection_file,
    how_it_ended,
    manager_class,
)
from sertools.report._notebooks import CELL
from sertools.report._ours import is_ours
from sertools.report._plan import RunSpec
from sertools.report._schema import read_if_there, read_json
from sertools.report._status import Status

if TYPE_CHECKING:
    from nbformat import NotebookNode

INTERRUPTED = "Interrupted"
"""Name of the error of a run that somebody ended."""


_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BAR = re.compile(r"\d+%\|.*\|.*\d+/\d+ \[|^\s*\d+it \[")  # as tqdm draws it
_MARKER = "papermill-error-cell-tag"
_LOG_LINES = 40
_HIDDEN = re.compile(r"\.(?P<run>.+-[0-9a-f]{8})\.([0-9a-f]{8}(\.old)?|lock)")
_DRAFT = re.compile(r"\.index\.[0-9a-f]{8}\.html")
_ENDED = ("ok", "failed")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_STALE = 600  # seconds after which nobody is still writing a page
_one_at_a_time = threading.Lock()
_ENGINES = ("nbformat", "nbclient", "papermill", "psutil")
_PAGES = ("nbconvert", "bs4")


@dataclass
class Outcome:
    """What became of an execution."""

    notebook: "NotebookNode"
    error: dict | None  # cell (index, first tag, first line; or None), name, message
    peak_rss_mb: float  # of kernel and children, in 1e6 bytes


def execute(
    source: "NotebookNode",
    values: Mapping[str, object],
    draft: Path,
    limits: Limits,
    place: Place | None = None,
    stop: Stop | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Execute a notebook in this interpreter's kernel; it is gone at the end."""
    import nbformat

    place = replace(place or Place(), safe=is_ours(source))
    tell = tell or (lambda done, cells: None)
    source = _stamped(source)
    nbformat.write(source, draft)
    log = draft.with_name(".kernel.log")
    current: dict = {}
    tell(0, len(source.cells))
    watch = Watch(limits.timeout, limits.memory, stop)
    with connection_file() as connection, watch, log.open("wb") as descriptor:

        def on_start(cell, cell_index):
            if cell.cell_type == "code":
                current["cell"] = cell
            if CELL in cell.metadata:  # papermill adds one with the parameters
                tell(cell.metadata[CELL], len(source.cells))

        kernel = manager_class(watch, descriptor.fileno(), connection, place)
        failure = _papermill(
            draft, values, on_cell_start=on_start, kernel_manager_class=kernel
        )
    _check_disk(failure, draft)
    notebook = _result(draft)
    error = None
    if failure is not None:
        words = _words(log)
        error = _error(failure, notebook, current.get("cell"), watch, limits, words)
    log.unlink(missing_ok=True)
    return Outcome(notebook, error, round(watch.peak / 1e6, 1))


def _papermill(draft, values, **options) -> Exception | None:
    """Execute the draft in place; give what ended it, if it did not come through."""
    import papermill

    logging.getLogger("papermill").addHandler(logging.NullHandler())  # we tell it
    place = str(draft).replace("{", "{{").replace("}", "}}")  # it formats paths
    try:
        papermill.execute_notebook(
            place,
            place,
            parameters=dict(values),
            kernel_name="python3",
            language="python",
            progress_bar=False,
            store_widget_state=False,  # bars that ran out; widgets are pictures here
            **options,
        )
    except Exception as failure:
        return failure
    return None


def _check_disk(failure: Exception | None, draft: Path) -> None:
    """Call a full disk by its name: what papermill leaves then is half a notebook."""
    while failure is not None:
        if getattr(failure, "errno", None) in _FULL:
            told = "The disk is full: the run was stopped, and can be made again"
            raise OSError(failure.errno, told, str(draft.parent.parent)) from failure
        failure = failure.__cause__ or failure.__context__


def _stamped(source: "NotebookNode") -> "NotebookNode":
    """Copy a notebook, without outputs, each cell knowing its position."""
    import copy

    source = copy.deepcopy(source)
    for index, cell in enumerate(source.cells):
        cell.metadata[CELL] = index
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    source.metadata.pop("widgets", None)
    return source


def _result(draft: Path) -> "NotebookNode":
    """Read what papermill left, without the marks it puts around an error."""
    import nbformat

    notebook = nbformat.read(draft, as_version=4)
    notebook.cells = [
        cell for cell in notebook.cells if _MARKER not in cell.metadata.get("tags", [])
    ]
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = [output for output in cell.outputs if not _is_bar(output)]
    return notebook


def _is_bar(output: "NotebookNode") -> bool:
    """Tell a progress bar, which is of no use once the work is done."""
    text = output.get("data", {}).get("text/plain", output.get("text", ""))
    lines = [line for line in re.split(r"[\r\n]", _ANSI.sub("", text)) if line.strip()]
    return bool(lines) and all(_BAR.search(line) for line in lines)


def _error(failure, notebook, last, watch, limits: Limits, words) -> dict:
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    name, message, cell = type(failure).__name__, str(failure), last
    if watch.cause:
        name, message = _verdict(watch, limits)
    elif isinstance(failure, PapermillExecutionError):
        cell = _failing(notebook) or last
        name, message = failure.ename, _ANSI.sub("", failure.evalue)
        return {"cell": _named(cell), "name": name, "message": message}
    elif isinstance(failure, DeadKernelError):
        message = f"The kernel died ({how_it_ended(watch.process)})."
    elif last is None and words:  # the kernel did not even start
        message = f"{message}: {words[-1]}"
    if cell is not None:
        _show(notebook, cell, name, message, words)
    return {"cell": _named(cell), "name": name, "message": message}


def _verdict(watch: Watch, limits: Limits) -> tuple[str, str]:
    """Say why the kernel was killed."""
    if watch.cause == "stop":
        return INTERRUPTED, "The run was stopped before its end."
    if watch.cause == "timeout":
        message = f"The run took longer than {limits.timeout:g} s and was stopped."
        return "TimeoutError", message
    return "MemoryError", (
        f"The run held {watch.peak / 1e6:.0f} MB, more than the {limits.memory:g} MB "
        "that it may, and was stopped."
    )


def _failing(notebook: "NotebookNode") -> "NotebookNode | None":
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return cell
    return None


def _show(notebook, cell, name: str, message: str, words: list[str]) -> None:
    """Leave in the notebook itself what ended it: papermill calls it completed."""
    import nbformat

    for other in notebook.cells:
        if other.metadata.get(CELL, -1) == cell.metadata.get(CELL, -2):
            other.outputs.append(
                nbformat.v4.new_output(
                    "error",
                    ename=name,
                    evalue=message,
                    traceback=[f"{name}: {message}", *words],
                )
            )
            other.metadata.setdefault("papermill", {}).update(
                status="failed", exception=True
            )
    notebook.metadata.setdefault("papermill", {})["exception"] = True


def _named(cell: "NotebookNode | None") -> dict | None:
    if cell is None:
        return None
    lines = [line.strip() for line in cell.source.splitlines()]
    return {
        "index": cell.metadata.get(CELL),
        "tag": (cell.metadata.get("tags") or [None])[0],
        "line": next((line for line in lines if line), ""),
    }


def _words(log: Path) -> list[str]:
    """Give the last lines that the kernel's process wrote past the notebook."""
    text = log.read_text(encoding="utf-8", errors="replace")
    return _ANSI.sub("", text).splitlines()[-_LOG_LINES:]


def lock(final: Path, wait: bool = True):
    """Hold the lock of one run: whoever has it may make, move and remove it."""
    return holding(final.with_name(f".{final.name}.lock"), wait)


@contextlib.contextmanager
def _hidden_folder(final: Path) -> Iterator[Path]:
    """Make the hidden folder that a run is made in; it is gone at the end."""
    work = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}")
    work.mkdir(parents=True)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def made(final: Path) -> tuple | None:
    """Tell one making of a run from another; None where there is none."""
    try:
        about = (final / "run.json").stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ino


def outcome_of(final: Path) -> dict | None:
    """Give the `run.json` of a run that came to its end, with its report."""
    run = read_json(final / "run.json") or {}
    whole = run.get("status") in _ENDED and (final / "report.html").exists()
    return run if whole else None


def was_interrupted(run: dict) -> bool:
    """Say whether somebody ended this run before its end."""
    return (run.get("error") or {}).get("name") == INTERRUPTED


def publish(work: Path, final: Path) -> None:
    """Give the hidden folder its name, in place of an earlier run that has it."""
    while True:
        try:
            os.rename(work, final)
            return
        except OSError:
            if not final.is_dir():
                raise
        old = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.old")
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            os.rename(final, old)
        shutil.rmtree(old, ignore_errors=True)


def recover(final: Path) -> None:
    """Recover a run whose maker was killed; needs its lock.

    What was whole but for its name gets it, or what it was about to replace.
    """
    left = [
        path
        for path in final.parent.glob(f".{final.name}.*")
        if path.is_dir() and _HIDDEN.fullmatch(path.name)
    ]
    for path in sorted(left, key=lambda path: path.name.endswith(".old")):
        if not final.exists() and outcome_of(path):
            os.rename(path, final)
        else:
            shutil.rmtree(path, ignore_errors=True)


def recover_all(out: Path) -> None:
    """Recover all runs in a folder that nobody is making any more."""
    found = [(path, _HIDDEN.fullmatch(path.name)) for path in out.glob(".*")]
    for run in sorted({match["run"] for _, match in found if match}):
        with lock(out / run, wait=False) as mine:
            if mine:
                recover(out / run)
    for path, _ in found:
        with contextlib.suppress(OSError):
            old = time.time() - path.stat().st_mtime > _STALE
            if _DRAFT.fullmatch(path.name) and old:
                path.unlink()


@dataclass(frozen=True, repr=False)
class RunResult(display.Display):
    """What became of a planned run; shows itself as one line.

    Parameters
    ----------
    name : str
        Of its folder.
    folder : Path
        Where its files are.
    run : dict
        Content of ``run.json``.
    how : {"ran", "skipped", "taken"}
        Whether it was run here and now, was ok already, or was run by somebody
        else meanwhile.
    """

    name: str
    folder: Path
    run: dict
    how: str = "ran"

    @property
    def ok(self) -> bool:
        """Whether it has a result."""
        return self.run.get("status") == "ok"

    def _parts(self):
        error = self.run.get("error") or {}
        why = f" ({error['name']})" if error.get("name") else ""
        status = self.run.get("status", "unreadable")
        how = "" if self.how == "ran" else f", {self.how}"
        page = self.folder / "report.html"
        yield display.lines(f"{self.name}: {status}{why}{how}; {page}".split("\n"))


def run_once(
    planned: RunSpec,
    out: Path,
    *,
    before: tuple | None = None,
    force: bool = False,
    place: Place | None = None,
    stop: Stop | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> RunResult | None:
    """Make a run, unless it is there; None if somebody else is making it right now.

    It is made in a hidden folder. One made since `before` is taken as it is.
    """
    load()
    final = out / planned.name
    with lock(final, wait=False) as mine:
        if not mine:
            return None
        recover(final)
        there = outcome_of(final)
        if there and made(final) != before and not was_interrupted(there):
            return RunResult(planned.name, final, there, "taken")
        if there and there["status"] == "ok" and not force:
            return RunResult(planned.name, final, there, "skipped")
        with _hidden_folder(final) as work:
            status = _begun(planned, work)
            to_set = planned.settings | ({"out": str(work)} if planned.saves else {})
            draft, about = work / "notebook.ipynb", (planned.limits, place, stop, tell)
            _fill(work, final, execute(planned.source, to_set, draft, *about), status)
            kept = there and there["status"] == "ok" and was_interrupted(status.fields)
            if not kept:
                _present(work, final, planned, status)
        return RunResult(planned.name, final, status.fields)


def load(pages: bool = False) -> None:
    """Import what runs need, one thread at a time: two at once may meet half of one."""
    with _one_at_a_time:
        for name in (*_ENGINES, *(_PAGES if pages else ())):
            importlib.import_module(name)


def record_failure(
    planned: RunSpec, out: Path, error: Mapping[str, object]
) -> RunResult:
    """Record a run that never came to its end as failed; an ok one keeps its place."""
    final = out / planned.name
    status = Status(planned.notebook, planned.values, run=planned.name)
    status.end(error)
    with lock(final) as _:
        there = outcome_of(final)
        if not (there and there["status"] == "ok"):
            with _hidden_folder(final) as work:
                _fill(work, final, Outcome(planned.source, dict(error), 0.0), status)
                _present(work, final, planned, status)
    return RunResult(planned.name, final, status.fields)


def _begun(planned: RunSpec, work: Path) -> Status:
    status = Status(
        planned.notebook,
        planned.values,
        run=planned.name,
        notebook_path=str(planned.path) if planned.path else None,
        source_sha256=planned.source_sha256,
        inputs=planned.inputs,
        limits={"timeout": planned.limits.timeout, "memory": planned.limits.memory},
    )
    status.write(work)
    return status


def _fill(work: Path, final: Path, outcome: Outcome, status: Status) -> None:
    """Write all but the report itself into the working folder."""
    import nbformat

    draft = work / "notebook.ipynb"
    outcome.notebook.metadata.setdefault("papermill", {}).update(
        input_path=status.fields["notebook"], output_path=draft.name
    )
    text = nbformat.writes(outcome.notebook)
    write_text(draft, text.replace(work.name, final.name))
    metrics, wrong = read_if_there(work / "metrics.json")
    told = {"cell": None, "name": "ValueError", "message": f"Its result: {wrong}"}
    error = outcome.error or (told if wrong else None)
    status.end(error, metrics, outcome.peak_rss_mb)
    status.write(work)


def _present(work: Path, final: Path, planned: RunSpec, status: Status) -> None:
    """Write the report, and put the folder where it belongs in any case."""
    try:
        load(pages=True)
        from sertools.report._page import write_page

        with _one_at_a_time:  # it is all Python: two at once are no quicker
            write_page(work, planned.declared)
    except Exception as error:
        message = f"The run came to its end, but not its page: {error}"
        told = {"cell": None, "name": type(error).__name__, "message": message}
        fields = status.fields
        status.end(fields["error"] or told, fields, fields["peak_rss_mb"])
        status.write(work)
    publish(work, final)
    with contextlib.suppress(OSError):  # the index adds what is missing
        note(final.parent, status.fields, read_json(final / "metrics.json"))
