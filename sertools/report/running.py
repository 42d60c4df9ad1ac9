"""Make one run: a folder with all that came out of a notebook."""

import contextlib
import importlib
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sertools.atomic import write_text
from sertools.markup import listed

from .execution import Outcome, Place, execute
from .history import note
from .kernel import Stop
from .planning import Planned
from .resuming import (
    hidden_folder,
    lock,
    made,
    outcome_of,
    put,
    settle,
    was_interrupted,
)
from .status import Status, read_json

__all__ = ["Finished", "attempt", "load", "write_off"]

_one_at_a_time = threading.Lock()
_ENGINES = ("nbformat", "nbclient", "papermill", "psutil")
_PAGES = ("nbconvert", "bs4")


@dataclass(frozen=True, repr=False)
class Finished:
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

    def __repr__(self) -> str:
        error = self.run.get("error") or {}
        why = f" ({error['name']})" if error.get("name") else ""
        status = self.run.get("status", "unreadable")
        how = "" if self.how == "ran" else f", {self.how}"
        return f"{self.name}: {status}{why}{how}; {self.folder / 'report.html'}"

    def _repr_html_(self) -> str:
        return listed(repr(self))


def attempt(
    planned: Planned,
    out: Path,
    *,
    before: tuple | None = None,
    force: bool = False,
    place: Place | None = None,
    stop: Stop | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Finished | None:
    """Make a run, unless it is there already or somebody else is making it.

    The work happens in a hidden folder beside the final one and takes its name
    only when all is there.

    Parameters
    ----------
    planned : Planned
        The run.
    out : Path
        Folder for all runs, absolute; it exists.
    before : tuple, optional
        What `made` said when the grid started. A run made since then is taken
        as it is, whatever came of it.
    force : bool, default False
        Run it even if it is ok already.
    place : Place, optional
        Where the kernel runs.
    stop : Stop, optional
        Ends the run once it is set.
    tell : callable, optional
        Called when a cell starts; see `execute`.

    Returns
    -------
    Finished or None
        None: somebody else is making it right now.
    """
    load()
    final = out / planned.name
    with lock(final, wait=False) as mine:
        if not mine:
            return None
        settle(final)
        there = outcome_of(final)
        if there and made(final) != before and not was_interrupted(there):
            return Finished(planned.name, final, there, "taken")
        if there and there["status"] == "ok" and not force:
            return Finished(planned.name, final, there, "skipped")
        work = hidden_folder(final)
        try:
            status = _begun(planned, work)
            to_set = planned.settings | ({"out": str(work)} if planned.saves else {})
            outcome = execute(
                planned.source,
                to_set,
                work / "notebook.ipynb",
                limits=planned.limits,
                place=place,
                stop=stop,
                tell=tell,
            )
            _fill(work, final, outcome, status)
            kept = there and there["status"] == "ok" and was_interrupted(status.fields)
            if not kept:
                _present(work, final, planned, status)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        return Finished(planned.name, final, status.fields)


def load(pages: bool = False) -> None:
    """Import what runs need, one thread at a time.

    Threads that first import such packages at once may meet half of one.

    Parameters
    ----------
    pages : bool, default False
        Also what is needed at the end of a run.
    """
    with _one_at_a_time:
        for name in (*_ENGINES, *(_PAGES if pages else ())):
            importlib.import_module(name)


def write_off(planned: Planned, out: Path, error: Mapping[str, object]) -> Finished:
    """Record a run that could not even be attempted to its end, as failed.

    Parameters
    ----------
    planned : Planned
        The run.
    out : Path
        Folder for all runs.
    error : mapping
        ``cell``, ``name`` and ``message``.

    Returns
    -------
    Finished
        An ok run that is there keeps its place.
    """
    final = out / planned.name
    status = Status(planned.notebook, planned.values, run=planned.name)
    status.end(error)
    with lock(final) as _:
        there = outcome_of(final)
        if not (there and there["status"] == "ok"):
            work = hidden_folder(final)
            try:
                _fill(work, final, Outcome(planned.source, dict(error), 0.0), status)
                _present(work, final, planned, status)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    return Finished(planned.name, final, status.fields)


def _begun(planned: Planned, work: Path) -> Status:
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
    metrics = read_json(work / "metrics.json")
    status.end(outcome.error, metrics, outcome.peak_rss_mb)
    status.write(work)


def _present(work: Path, final: Path, planned: Planned, status: Status) -> None:
    """Write the report, and put the folder where it belongs in any case."""
    try:
        load(pages=True)
        from .page import write_page

        with _one_at_a_time:  # it is all Python: two at once are no quicker
            write_page(work, planned.declared)
    except Exception as error:
        message = f"The run came to its end, but not its page: {error}"
        told = {"cell": None, "name": type(error).__name__, "message": message}
        fields = status.fields
        status.end(fields["error"] or told, fields, fields["peak_rss_mb"])
        status.write(work)
    put(work, final)
    with contextlib.suppress(OSError):  # the index adds what is missing
        note(final.parent, status.fields, read_json(final / "metrics.json"))
