"""Run planned runs on a Dask cluster that sees the same files."""

import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

import sertools
from sertools.extras import require
from sertools.report._grid import Progress, written_off
from sertools.report._plan import RunSpec
from sertools.report._run import Place, RunResult, run_once

_LOOK = 0.2  # seconds between two looks at what has ended
_BUSY = 0.5
_ANSWER = 10.0  # seconds that a scheduler has to answer
_GRACE = 20.0  # seconds that runs have to end after they were stopped


class _StopFile:
    """A file that says stop to every machine that sees it."""

    def __init__(self, path: Path):
        self._path, self._looked, self._seen = path, 0.0, False

    def is_set(self) -> bool:
        """Look for the file, once a second at most."""
        if not self._seen and time.monotonic() - self._looked > 1:
            self._seen, self._looked = self._path.exists(), time.monotonic()
        return self._seen


def run_there(
    scheduler: str,
    planned: list[RunSpec],
    out: Path,
    before: Mapping[str, tuple | None],
    force: bool,
    told: Progress,
    jobs: int | None = None,
) -> None:
    """Run on the workers of a cluster; each run has its own kernel process there."""
    distributed = require("distributed")
    try:
        client = distributed.Client(scheduler, timeout=_ANSWER)
    except (OSError, TimeoutError) as error:
        raise ConnectionError(
            f"No Dask scheduler answers at {scheduler} ({error}). "
            "Start one with: dask scheduler"
        ) from error
    with client:
        _check(client, out)
        _Cluster(client, planned, out, before, force, told).work(jobs)


def _check(client, out: Path) -> None:
    """Make sure that every worker sees the folder and has the same sertools."""
    token = out / f".shared.{uuid.uuid4().hex}"
    token.write_text(sertools.__version__, encoding="utf-8")
    try:
        seen = client.run(_sees, str(token), sertools.__version__)
    finally:
        token.unlink()
    if not seen:
        raise ValueError("The Dask cluster has no workers. Start some: dask worker")
    for worker, trouble in seen.items():
        if trouble:
            raise ValueError(f"Dask worker {worker} {trouble}")


def _sees(token: str, version: str) -> str:
    """Say, on a worker, what keeps it from doing the work."""
    if not os.path.exists(token):
        return (
            f"does not see {os.path.dirname(token)}: choose with --out a folder that "
            "all machines share."
        )
    if sertools.__version__ != version:
        return (
            f"has sertools {sertools.__version__}, not {version}: install the same "
            f"on all machines ({sys.executable})."
        )
    return ""


class _Cluster:
    """The runs of one call as Dask tasks."""

    def __init__(self, client, planned, out, before, force, told: Progress):
        self._client, self._told, self._out = client, told, out
        self._planned, self._before, self._force = planned, before, force
        self._topic = f"sertools-{uuid.uuid4().hex[:12]}"
        self._stop = out / f".stop.{self._topic}"

    def work(self, jobs: int | None) -> None:
        """Hand runs out as workers get free; on Ctrl-C tell them to stop."""
        self._client.subscribe_topic(self._topic, self._hear)
        waiting, pending = list(self._planned), {}
        try:
            while waiting or pending:
                self._told.jobs = jobs or sum(self._client.nthreads().values())
                while waiting and len(pending) < max(self._told.jobs, 1):
                    run = waiting.pop(0)
                    pending[self._handed(run)] = run
                self._collect(pending)
                self._told.draw()
                time.sleep(_LOOK)
        except BaseException:
            self._end(pending)
            raise
        finally:
            self._client.unsubscribe_topic(self._topic)

    def _handed(self, run: RunSpec):
        return self._client.submit(
            _task,
            run,
            str(self._out),
            self._before[run.name],
            self._force,
            _place(),
            str(self._stop),
            self._topic,
            key=f"{run.name}-{self._topic}",
            pure=False,
        )

    def _collect(self, pending: dict) -> None:
        for future in [future for future in pending if future.done()]:
            run = pending.pop(future)
            error = None if future.status == "finished" else future.exception()
            if future.status == "finished":
                self._told.end(future.result())
            else:
                self._told.end(written_off(run, self._out, _lost(error)))

    def _end(self, pending: dict) -> None:
        """Stop what goes on."""
        self._stop.touch()
        end = time.monotonic() + _GRACE
        while pending and time.monotonic() < end:
            self._collect(pending)
            time.sleep(_LOOK)
        self._client.cancel(list(pending))
        self._stop.unlink(missing_ok=True)

    def _hear(self, event: tuple) -> None:
        _, message = event
        self._told.cell(message["run"], message["done"], message["cells"])


def _place() -> Place:
    """Have kernels run in this folder, with this call's places of data."""
    ours = {k: v for k, v in os.environ.items() if k.startswith("SERTOOLS_")}
    return Place(os.getcwd(), ours)


def _task(run, out, before, force, place, stop, topic) -> RunResult:
    """Make one run, on a worker."""
    from distributed import get_worker

    worker, halt = get_worker(), _StopFile(Path(stop))
    tell = _teller(worker, topic, run.name)
    while True:
        options = {"before": before, "force": force, "place": place}
        finished = run_once(run, Path(out), stop=halt, tell=tell, **options)
        if finished is not None:
            return finished
        threading.Event().wait(_BUSY)  # another call makes it
        if halt.is_set():
            raise InterruptedError("The run was stopped before it began.")


def _teller(worker, topic: str, name: str) -> Callable[[int, int], None]:
    def tell(done: int, cells: int) -> None:
        worker.log_event(topic, {"run": name, "done": done, "cells": cells})

    return tell


def _lost(error: BaseException | None) -> BaseException:
    """Say plainly that a worker died."""
    if type(error).__name__ == "KilledWorker":
        return ChildProcessError("The Dask worker that ran it died.")
    return error or RuntimeError("The Dask cluster gave the run up.")
