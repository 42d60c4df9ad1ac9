"""Run many planned runs: a few at a time, each in a kernel process of its own."""

import errno
import os
import tempfile
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path

from sertools.report._index import write_index
from sertools.report._notebooks import find
from sertools.report._plan import RunSpec, plan
from sertools.report._progress import Progress, progress_of
from sertools.report._run import (
    Place,
    RunResult,
    load,
    made,
    record_failure,
    recover_all,
    run_once,
)

_LOOK = 0.1  # seconds between two drawings
_BUSY = 0.3  # seconds until a run that somebody else makes is asked for again
_INDEX = 10.0  # seconds between two writings of the index while runs go on
_GRACE = 20.0  # seconds that runs have to end after they were stopped
_SHARED = "choose with --out a folder that all machines share."


def run_all(
    planned: Iterable[RunSpec],
    out: str | os.PathLike = "runs",
    *,
    jobs: int | None = None,
    force: bool = False,
    scheduler: str | None = None,
    progress: bool = True,
) -> list[RunResult]:
    """Run what was planned, and write a report of each run and an index of all.

    A run that is ok already (the same notebook, parameters, corpus, weights and
    version of sertools) is skipped; one that failed or was interrupted is run
    again. Any number of calls may work in one folder at once: they share the
    runs out. What one run does, hanging or dying included, is no other's
    concern.

    Parameters
    ----------
    planned : iterable of RunSpec
        As `plan` gives them.
    out : path-like, default="runs"
        Folder for all runs.
    jobs : int, optional
        How many runs go at once: one if not given, or as many as a cluster can.
    force : bool, default False
        Run also what is ok already.
    scheduler : str, optional
        Address of a Dask cluster that does the work, such as
        ``"tcp://10.0.0.1:8786"``. It must see the same files.
    progress : bool, default True
        Tell on standard error how far it is.

    Returns
    -------
    list of RunResult
        One a planned run, in their order.

    Raises
    ------
    OSError
        If nothing can be written to `out`; nothing has started then.
    KeyboardInterrupt, SystemExit
        If it is stopped: what was going on is recorded as failed, and no kernel
        is left.
    """
    planned = list(planned)
    out = _opened(Path(out).expanduser().resolve())
    recover_all(out)
    before = {run.name: made(out / run.name) for run in planned}
    try:
        with progress_of(planned, jobs or 1, progress) as told:
            if scheduler:
                _on_cluster(scheduler, planned, out, before, force, told, jobs)
            else:
                _Crew(planned, out, before, force, told).work(jobs or 1)
    finally:
        _list(out)
    return [told.ended[run.name] for run in planned]


def _opened(out: Path) -> Path:
    """Make the folder, and try to write there before hours are spent on it."""
    if out.exists() and not out.is_dir():
        reason = "is a file; choose another folder with --out (in Python: out=)"
        raise NotADirectoryError(errno.ENOTDIR, reason, str(out))
    try:
        out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=out).close()
    except OSError as error:
        reason = f"{error.strerror}; choose another folder with --out (in Python: out=)"
        raise type(error)(error.errno, reason, str(out)) from error
    return out


def _list(out: Path) -> None:
    """Write the index; no run is lost if that goes wrong."""
    try:
        write_index(out)
    except Exception as error:
        warnings.warn(f"{out / 'index.html'} was not written: {error}", stacklevel=3)


class _Crew:
    """Some threads, each minding one kernel at a time."""

    def __init__(self, planned, out: Path, before: dict, force: bool, told: Progress):
        self._queue, self._out, self._before = deque(planned), out, before
        self._force, self._told = force, told
        self._stop = threading.Event()

    def work(self, jobs: int) -> None:
        """Do it all, drawing from this thread, where Ctrl-C arrives."""
        # A thread that is joined when Ctrl-C arrives counts as ended in Python 3.11.
        ended = [threading.Event() for _ in range(max(min(jobs, len(self._queue)), 1))]
        for one in ended:
            threading.Thread(target=self._mind, args=(one,), daemon=True).start()
        try:
            load(pages=True)  # while the first kernels start
            self._watch(ended)
        except BaseException:
            self._stop.set()
            end = time.monotonic() + _GRACE
            for one in ended:
                one.wait(max(end - time.monotonic(), 0))
            raise

    def _watch(self, ended: list[threading.Event]) -> None:
        written, listed = time.monotonic(), 0
        for one in ended:
            while not one.wait(_LOOK):
                self._told.draw()
                done = len(self._told.ended)
                if done > listed and time.monotonic() - written > _INDEX:
                    _list(self._out)
                    written, listed = time.monotonic(), done

    def _mind(self, ended: threading.Event) -> None:
        """Take runs from the queue until there are none, or it is time to stop."""
        try:
            while self._queue and not self._stop.is_set():
                self._take()
        finally:
            ended.set()

    def _take(self) -> None:
        try:
            run = self._queue.popleft()
        except IndexError:  # another thread has it
            return
        finished = self._made(run)
        if finished is None:  # somebody else is at it: another one first
            self._queue.append(run)
            self._stop.wait(_BUSY)
        else:
            self._told.end(finished)

    def _made(self, run: RunSpec) -> RunResult | None:
        try:
            return run_once(
                run,
                self._out,
                before=self._before[run.name],
                force=self._force,
                stop=self._stop,
                tell=lambda done, cells: self._told.cell(run.name, done, cells),
            )
        except Exception as error:  # such as a full disk: this run's trouble alone
            return written_off(run, self._out, error)


def _on_cluster(scheduler, planned, out: Path, before, force, told, jobs) -> None:
    """Run on the workers of a Dask cluster, each run in a kernel process there."""
    from sertools.features import _cluster

    topic = f"sertools-{uuid.uuid4().hex[:12]}"
    halt, token = out / f".stop.{topic}", out / f".shared.{topic}"
    place = Place(os.getcwd(), _cluster.settings())
    with _cluster.connected(scheduler) as client:
        token.touch()
        try:
            _cluster.check(client, token, _SHARED)
        finally:
            token.unlink()
        tasks = _cluster.Tasks(client)
        client.subscribe_topic(topic, lambda event: told.cell(*event[1]))

        def submit(run: RunSpec):
            options = {"before": before[run.name], "force": force, "place": place}
            key = f"{run.name}-{topic}"
            task = (_task, run, out, options, halt, topic)
            return client.submit(*task, key=key, pure=False)

        def free() -> int:
            told.jobs = jobs or tasks.threads
            told.draw()
            return told.jobs

        def end(run: RunSpec, answer: RunResult | BaseException) -> None:
            lost = isinstance(answer, BaseException)
            told.end(written_off(run, out, answer) if lost else answer)

        try:
            for run, answer in tasks.share_out(planned, submit, free):
                end(run, answer)
        except BaseException:
            halt.touch()
            for run, answer in tasks.stopped():
                end(run, answer)
            halt.unlink(missing_ok=True)
            raise
        finally:
            client.unsubscribe_topic(topic)


def _task(run: RunSpec, out: Path, options: dict, halt: Path, topic: str) -> RunResult:
    """Make one run, on a worker of a cluster."""
    from distributed import get_worker

    worker, stop = get_worker(), _StopFile(halt)

    def tell(done: int, cells: int) -> None:
        worker.log_event(topic, (run.name, done, cells))

    while (finished := run_once(run, out, stop=stop, tell=tell, **options)) is None:
        time.sleep(_BUSY)  # another call makes it
        if stop.is_set():
            raise InterruptedError("The run was stopped before it began.")
    return finished


class _StopFile:
    """A file that says stop to every machine that sees it."""

    def __init__(self, path: Path):
        self._path, self._looked, self._seen = path, 0.0, False

    def is_set(self) -> bool:
        """Look for the file, once a second at most."""
        if not self._seen and time.monotonic() - self._looked > 1:
            self._seen, self._looked = self._path.exists(), time.monotonic()
        return self._seen


def written_off(run: RunSpec, out: Path, error: BaseException) -> RunResult:
    """Give a run up for a reason that is not the notebook's; record it if possible."""
    told = {"cell": None, "name": type(error).__name__, "message": str(error)}
    try:
        return record_failure(run, out, told)
    except OSError:
        return RunResult(run.name, out / run.name, {"status": "failed", "error": told})


def run(
    notebook: str | Path,
    given: Mapping[str, object] | None = None,
    out: str | os.PathLike = "runs",
    *,
    timeout: float | None = None,
    memory: float | None = None,
    progress: bool = True,
) -> Path:
    """Run one notebook and write its report, whether or not it was run before.

    The notebook runs in the caller's folder, in one kernel process of this
    interpreter, which is gone when this returns.

    Parameters
    ----------
    notebook : str or Path
        A name of `notebooks`, or the path of an ``.ipynb`` file.
    given : mapping of str to value, optional
        Parameters to set; text is read as the declared type.
    out : path-like, default="runs"
        Folder for all runs; ``index.html`` there lists them.
    timeout : float, optional
        Seconds after which the run is stopped and counts as failed.
    memory : float, optional
        Megabytes (1e6 bytes) that kernel and children may hold; with more the
        run is stopped and counts as failed.
    progress : bool, default=True
        Tell on standard error how far it is.

    Returns
    -------
    Path
        The run's folder, with ``run.json``, ``notebook.ipynb``, ``report.html``
        and, where the notebook recorded a result, ``metrics.json`` and
        ``predictions.parquet``. An earlier run of the same name is replaced.
        Whether a cell failed stands in ``run.json``: ``status`` and ``error``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is unknown or parameters do not fit, before anything starts.
    """
    path = find(notebook)
    planned = plan([path], given, timeout=timeout, memory=memory)
    return run_all(planned, out, force=True, progress=progress)[0].folder
