"""Execute a notebook in a kernel of its own, and say what went wrong, if it did."""

import logging
import re
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .kernel import Watch, how_it_ended, manager_class

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["CELL", "Outcome", "execute"]

CELL = "report_cell"
"""Key in a cell's metadata: its position in the notebook it came from."""

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


def execute(
    source: "NotebookNode",
    values: Mapping[str, object],
    draft: Path,
    *,
    timeout: float | None = None,
    progress: bool = True,
) -> Outcome:
    """Execute a notebook in this interpreter's kernel, in the caller's folder.

    Parameters
    ----------
    source : NotebookNode
        The notebook.
    values : mapping of str to value
        What to set in it.
    draft : Path
        Where papermill keeps the notebook while it runs.
    timeout : float, optional
        Seconds that the whole notebook may take.
    progress : bool, default=True
        Show on standard error how far it is, if that is a terminal.

    Returns
    -------
    Outcome
        Also when a cell failed or the kernel died. The kernel and its children
        are gone by then; so they are when Ctrl-C ends this early.
    """
    import nbformat

    source = _stamped(source)
    nbformat.write(source, draft)
    log = draft.with_name(".kernel.log")
    current: dict = {}
    with (
        Watch(timeout) as watch,
        _bar(source, draft, progress) as bar,
        log.open("wb") as descriptor,
    ):

        def on_start(cell, cell_index):
            if cell.cell_type == "code":
                current["cell"] = cell
            bar.update()

        failure = _in_thread(
            lambda: _papermill(
                draft,
                values,
                on_cell_start=on_start,
                kernel_manager_class=manager_class(watch, descriptor.fileno()),
            ),
            watch.kill,
        )
    notebook = _result(draft)
    error = None
    if failure is not None:
        words = _words(log)
        error = _error(failure, notebook, current.get("cell"), watch, timeout, words)
    log.unlink(missing_ok=True)
    return Outcome(notebook, error, round(watch.peak / 1e6, 1))


def _papermill(draft, values, **options) -> None:
    import papermill

    logging.getLogger("papermill").addHandler(logging.NullHandler())  # we tell it
    place = str(draft).replace("{", "{{").replace("}", "}}")  # it formats paths
    papermill.execute_notebook(
        place,
        place,
        parameters=dict(values),
        kernel_name="python3",
        language="python",
        progress_bar=False,
        **options,
    )


def _in_thread(work: Callable[[], None], stop: Callable[[], None]) -> Exception | None:
    """Do the work in a thread, so that Ctrl-C lands here and can stop it."""
    caught = []

    def target():
        try:
            work()
        except Exception as error:
            caught.append(error)

    thread = threading.Thread(target=target, daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(0.2)
    except BaseException:
        stop()
        thread.join(timeout=10)
        raise
    return caught[0] if caught else None


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


def _error(failure, notebook, last, watch, timeout, words) -> dict:
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    name, message, cell = type(failure).__name__, str(failure), last
    if isinstance(failure, PapermillExecutionError):
        cell = _failing(notebook) or last
        name, message = failure.ename, _ANSI.sub("", failure.evalue)
        return {"cell": _named(cell), "name": name, "message": message}
    if watch.timed_out:
        name = "TimeoutError"
        message = f"The run took longer than {timeout:g} s and was stopped."
    elif isinstance(failure, DeadKernelError):
        message = f"The kernel died ({how_it_ended(watch.process)})."
    elif last is None and words:  # the kernel did not even start
        message = f"{message}: {words[-1]}"
    if cell is not None:
        _show(notebook, cell, name, message, words)
    return {"cell": _named(cell), "name": name, "message": message}


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


def _bar(source: "NotebookNode", draft: Path, progress: bool):
    from tqdm import tqdm

    return tqdm(
        total=len(source.cells),
        desc=draft.parent.name.strip(".").partition(".")[0],
        unit="cell",
        leave=False,
        disable=not progress or not sys.stderr.isatty(),
    )
