"""Execute a notebook in a kernel of its own, and say what went wrong, if it did."""

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .kernel import Stop, Watch, how_it_ended, manager_class

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["CELL", "INTERRUPTED", "Limits", "Outcome", "Place", "execute"]

CELL = "report_cell"
"""Key in a cell's metadata: its position in the notebook it came from."""

INTERRUPTED = "Interrupted"
"""Name of the error of a run that somebody ended."""

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_BAR = re.compile(r"\d+%\|.*\|.*\d+/\d+ \[|^\s*\d+it \[")  # as tqdm draws it
_MARKER = "papermill-error-cell-tag"
_LOG_LINES = 40


@dataclass
class Outcome:
    """What became of an execution.

    Parameters
    ----------
    notebook : NotebookNode
        With its outputs, as far as it came.
    error : dict or None
        ``cell`` (``index`` in the notebook, first ``tag``, first ``line``; or
        None), ``name``, ``message``.
    peak_rss_mb : float
        Most memory of kernel and children, in megabytes (1e6 bytes).
    """

    notebook: "NotebookNode"
    error: dict | None
    peak_rss_mb: float


@dataclass(frozen=True)
class Limits:
    """What a run may take.

    Parameters
    ----------
    timeout : float or None
        Seconds for the whole notebook.
    memory : float or None
        Megabytes (1e6 bytes) for the kernel and its children.
    """

    timeout: float | None = None
    memory: float | None = None


@dataclass(frozen=True)
class Place:
    """Where a kernel runs.

    Parameters
    ----------
    folder : str or None
        Its current folder; None: that of this process.
    environment : mapping of str to str or None
        What it finds in its environment beside that of this process.
    """

    folder: str | None = None
    environment: Mapping[str, str] | None = None


def execute(
    source: "NotebookNode",
    values: Mapping[str, object],
    draft: Path,
    *,
    limits: Limits | None = None,
    place: Place | None = None,
    stop: Stop | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Outcome:
    """Execute a notebook in this interpreter's kernel.

    Parameters
    ----------
    source : NotebookNode
        The notebook.
    values : mapping of str to value
        What to set in it.
    draft : Path
        Where papermill keeps the notebook while it runs.
    limits : Limits, optional
        What ends the run if it is too much.
    place : Place, optional
        Where the kernel runs.
    stop : Stop, optional
        Ends the run once it is set.
    tell : callable, optional
        Called at the beginning and when a cell starts, with how many are behind it
        and how many there are.

    Returns
    -------
    Outcome
        Also when a cell failed or the kernel died. The kernel and its children
        are gone by then.
    """
    import nbformat

    limits, place = limits or Limits(), place or Place()
    source = _stamped(source)
    nbformat.write(source, draft)
    log = draft.with_name(".kernel.log")
    current: dict = {}
    tell = tell or (lambda done, cells: None)
    tell(0, len(source.cells))
    watch = Watch(limits.timeout, limits.memory, stop)
    with watch, log.open("wb") as descriptor:

        def on_start(cell, cell_index):
            if cell.cell_type == "code":
                current["cell"] = cell
            if CELL in cell.metadata:  # papermill adds one with the parameters
                tell(cell.metadata[CELL], len(source.cells))

        kernel = manager_class(
            watch, descriptor.fileno(), place.folder, place.environment
        )
        failure = _papermill(
            draft, values, on_cell_start=on_start, kernel_manager_class=kernel
        )
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
