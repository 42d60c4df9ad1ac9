"""Run many planned runs: a few at a time, each in a kernel process of its own."""

import datetime
import errno
import os
import shutil
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TextIO

from sertools.report._index import write_index
from sertools.report._notebooks import find
from sertools.report._page import number, span
from sertools.report._plan import RunSpec, plan
from sertools.report._run import (
    Place,
    RunResult,
    load,
    made,
    record_failure,
    recover_all,
    run_once,
)
from sertools.report._status import read_json

_SIGNS = {"ok": "✓", "failed": "✕", "skipped": "·"}
_COLOURS = {"ok": 32, "failed": 31, "skipped": 2}
_BAR = 16


def cause(error: Mapping) -> str:
    """Say in one line where and why a run failed."""
    cell = error.get("cell") or {}
    where = f"cell {cell['index'] + 1}" if cell.get("index") is not None else "the run"
    line = f" ({cell['line']})" if cell.get("line") else ""
    message = " ".join(str(error.get("message")).split())
    return f"{where}{line} failed: {error.get('name')}: {message}"


def sum_up(finished: Iterable[RunResult]) -> str:
    """Count what became of the runs: ``12 runs: 9 ok (2 of them before), 3 failed``."""
    finished = list(finished)
    ok = [one for one in finished if one.ok]
    earlier = sum(one.how == "skipped" for one in ok)
    failed = len(finished) - len(ok)
    text = f"{len(finished)} {'run' if len(finished) == 1 else 'runs'}: {len(ok)} ok"
    text += f" ({earlier} of them before)" if earlier else ""
    return text + (f", {failed} failed" if failed else "")


class Progress:
    """Keep count of a grid, and say nothing."""

    def __init__(self, planned: Iterable[RunSpec], jobs: int = 1):
        self.planned = {run.name: run for run in planned}
        self.jobs = jobs
        self.ended: dict[str, RunResult] = {}
        self.going: dict[str, tuple[float, int, int]] = {}
        self._lock = threading.RLock()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception) -> None:
        """End the telling."""

    def cell(self, name: str, done: int, cells: int) -> None:
        """Hear that a run has come to its next cell."""
        with self._lock:
            began = self.going.get(name, (time.monotonic(),))[0]
            new = name not in self.going
            self.going[name] = (began, done, cells)
            if new:
                self._on_start(name)

    def end(self, finished: RunResult) -> None:
        """Hear that a run has ended."""
        with self._lock:
            self.going.pop(finished.name, None)
            self.ended[finished.name] = finished
            self._on_end(finished)

    def draw(self) -> None:
        """Show how things stand, if this is shown at all."""

    def seconds_left(self) -> float | None:
        """Estimate the time left from what ended; None where nothing has yet."""
        took: dict[str, list[float]] = {}
        for one in self.ended.values():
            if one.how == "ran" and one.run.get("seconds"):
                took.setdefault(one.run["notebook"], []).append(one.run["seconds"])
        if not took:
            return None
        every = [seconds for some in took.values() for seconds in some]
        mean = {name: sum(some) / len(some) for name, some in took.items()}
        left = 0.0
        for name, run in self.planned.items():
            if name not in self.ended:
                due = mean.get(run.notebook, sum(every) / len(every))
                began = self.going.get(name, (time.monotonic(),))[0]
                left += max(due - (time.monotonic() - began), 0.05 * due)
        return left / max(min(self.jobs, len(self.planned) - len(self.ended)), 1)

    def _on_start(self, name: str) -> None:
        """React to the start of a run."""

    def _on_end(self, finished: RunResult) -> None:
        """React to the end of a run."""

    def _place(self) -> str:
        width = len(str(len(self.planned)))
        return f"[{len(self.ended):{width}}/{len(self.planned)}]"


class LogProgress(Progress):
    """Write a line when a run starts and when it ends, for a log."""

    def __init__(self, planned, jobs: int = 1, stream: TextIO | None = None):
        super().__init__(planned, jobs)
        self._stream = stream or sys.stderr

    def _on_start(self, name: str) -> None:
        self._say(f"{self._place()} started  {name}")

    def _on_end(self, finished: RunResult) -> None:
        word, said = _ending(finished)
        line = f"{self._place()} {word:8} {finished.name}  {said}"
        left = self.seconds_left() if len(self.ended) < len(self.planned) else None
        self._say(line + (f"; {_about(left)}" if left is not None else ""))

    def _say(self, text: str) -> None:
        now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")[:19]
        self._stream.write(f"{now}  {text}\n")
        self._stream.flush()


class LiveProgress(Progress):
    """Keep the last lines of a terminal up to date: what goes on, and the whole."""

    def __init__(self, planned, jobs: int = 1, stream: TextIO | None = None):
        super().__init__(planned, jobs)
        self._stream = stream or sys.stderr
        self._shown = 0  # lines that the next drawing overwrites
        self._news: list[RunResult] = []
        self._began = time.monotonic()

    def __exit__(self, *exception) -> None:
        """Take the live lines away; what ended stays."""
        self._write([])

    def draw(self) -> None:
        """Draw the live lines anew."""
        with self._lock:
            lines = [self._run(name, *how) for name, how in self.going.items()]
            if len(self.planned) > 1:
                lines.append(self._whole())
            self._write(lines)

    def _on_end(self, finished: RunResult) -> None:
        self._news.append(finished)

    def _write(self, lines: list[str]) -> None:
        with self._lock:
            width = shutil.get_terminal_size().columns - 1
            text = f"\x1b[{self._shown}F\x1b[J" if self._shown else "\r\x1b[J"
            text += "".join(f"{_headline(one, width)}\n" for one in self._news)
            text += "".join(f"{line[:width]}\n" for line in lines)
            self._news, self._shown = [], len(lines)
            self._stream.write(text)
            self._stream.flush()

    def _run(self, name: str, began: float, done: int, cells: int) -> str:
        full = round(_BAR * done / cells) if cells else 0
        bar = "━" * full + "╌" * (_BAR - full)
        took = _rounded(time.monotonic() - began)
        return f"  {bar} cell {done + 1:2} of {cells:2}  {took:>7}  {name}"

    def _whole(self) -> str:
        parts = [f"{len(self.ended)} of {len(self.planned)} runs"]
        failed = sum(not one.ok for one in self.ended.values())
        parts += [f"{failed} failed"] if failed else []
        parts.append(_rounded(time.monotonic() - self._began))
        left = self.seconds_left()
        if left is not None and len(self.ended) < len(self.planned):
            parts.append(_about(left))
        return ", ".join(parts)


def board(planned: Iterable[RunSpec], jobs: int, shown: bool = True) -> Progress:
    """Choose how to tell: live lines in a terminal, lines in a log, or not at all."""
    if not shown:
        return Progress(planned, jobs)
    return (LiveProgress if sys.stderr.isatty() else LogProgress)(planned, jobs)


def _rounded(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 9.5 else span(round(seconds))


def _about(left: float) -> str:
    return f"about {_rounded(max(left, 1))} left"


def _headline(finished: RunResult, width: int) -> str:
    word, said = _ending(finished)
    line = f"{_SIGNS[word]} {finished.name}  {said}"[:width]
    return f"\x1b[{_COLOURS[word]}m{line[0]}\x1b[0m{line[1:]}"


def _ending(finished: RunResult) -> tuple[str, str]:
    """Say in a word and a line how a run ended."""
    run = finished.run
    if finished.how == "skipped":
        since = (run.get("started") or "")[:16].replace("T", " ")
        return "skipped", f"ok since {since} UTC (--force runs it again)"
    also = " (run by another call)" if finished.how == "taken" else ""
    if not finished.ok:
        return "failed", cause(run.get("error") or {}) + also
    return "ok", f"{span(run.get('seconds'))}{_score(finished)}{also}"


def _score(finished: RunResult) -> str:
    uar = (read_json(finished.folder / "metrics.json") or {}).get("uar")
    value = uar.get("value") if isinstance(uar, dict) else None
    return f", UAR {number(value)}" if value is not None else ""


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
        with board(planned, jobs or 1, progress) as told:
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
