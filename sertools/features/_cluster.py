"""Speak to a Dask cluster: check its workers, hand tasks out, take what comes back.

Reports run on it (`sertools.report`), and features are extracted on it.
"""

import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import sertools
from sertools.extras import require
from sertools.features._workers import (
    Request,
    Response,
    borrow_workers,
    pickled,
    retry_halves,
)
from sertools.features._workers import parts as parts_of

if TYPE_CHECKING:
    from distributed import Client, Future

    from sertools.models.base import Model

_LOOK = 0.1  # seconds between two looks at what has ended
_ANSWER = 10.0  # seconds that a scheduler has to answer
_GRACE = 20.0  # seconds that tasks have to end after they were stopped
_DIED = "the Dask worker that read it died"
_ELSEWHERE = "put the clips where all machines see them, under the same path."


def connected(scheduler: str) -> "Client":
    """Connect to a scheduler; the client is a context."""
    distributed = require("distributed")
    try:
        return distributed.Client(scheduler, timeout=_ANSWER)
    except (OSError, TimeoutError) as error:
        raise ConnectionError(
            f"No Dask scheduler answers at {scheduler} ({error}). "
            "Start one with: dask scheduler"
        ) from error


def check(client: "Client", path: str | os.PathLike, remedy: str) -> None:
    """Make sure that every worker has this sertools and sees a file."""
    seen = client.run(_trouble, os.fspath(path), remedy, sertools.__version__)
    if not seen:
        raise ValueError("The Dask cluster has no workers. Start some: dask worker")
    for worker, trouble in seen.items():
        if trouble:
            raise ValueError(f"Dask worker {worker} {trouble}")


def _trouble(path: str, remedy: str, version: str) -> str:
    """Say, on a worker, what keeps it from doing the work."""
    if not os.path.exists(path):
        return f"does not see {os.path.dirname(path)}: {remedy}"
    if sertools.__version__ != version:
        return (
            f"has sertools {sertools.__version__}, not {version}: install the same "
            f"on all machines ({sys.executable})."
        )
    return ""


def settings() -> dict[str, str]:
    """Give this call's places of data and weights, for processes of the workers."""
    return {k: v for k, v in os.environ.items() if k.startswith("SERTOOLS_")}


class Tasks:
    """The tasks of one call: handed out as workers get free, taken as they end."""

    def __init__(self, client: "Client"):
        self._client = client
        self._pending: dict[Future, object] = {}

    @property
    def threads(self) -> int:
        """How many tasks the workers can do at once."""
        return max(sum(self._client.nthreads().values()), 1)

    def share_out(
        self,
        items: Iterable,
        submit: Callable[[object], "Future"],
        at_once: Callable[[], int],
    ) -> Iterator[tuple]:
        """Yield each item with its answer, or with the error that came instead."""
        waiting = deque(items)
        while waiting or self._pending:
            free = at_once() - len(self._pending)
            while waiting and free > 0:
                item = waiting.popleft()
                self._pending[submit(item)] = item
                free -= 1
            yield from self._ended()
            time.sleep(_LOOK)

    def stopped(self) -> Iterator[tuple]:
        """Yield what ends within a time of grace, and give the rest up."""
        end = time.monotonic() + _GRACE
        while self._pending and time.monotonic() < end:
            yield from self._ended()
            time.sleep(_LOOK)
        self.cancel()

    def cancel(self) -> None:
        """Give up all that has not ended."""
        self._client.cancel(list(self._pending))
        self._pending.clear()

    def _ended(self) -> Iterator[tuple]:
        for future in [future for future in self._pending if future.done()]:
            item = self._pending.pop(future)
            done = future.status == "finished"
            yield item, future.result() if done else _lost(future.exception())


def _lost(error: BaseException | None) -> BaseException:
    """Say plainly that a worker died."""
    if type(error).__name__ == "KilledWorker":
        return ChildProcessError("The Dask worker that ran it died.")
    return error or RuntimeError("The Dask cluster gave the task up.")


def answers_from(
    scheduler: str, model: "Model", method: str, todo: dict[bytes, str]
) -> Iterator[Response]:
    """Answer on a cluster, as `sertools.features._workers.answers` does here.

    The workers send features back; whoever asks is the only one to store them.
    """
    question = Request(method, model.sampling_rate, model.spec)
    engine = pickled(model.worker_engine())
    with connected(scheduler) as client:
        check(client, next(iter(todo.values())), _ELSEWHERE)
        tasks, ours = Tasks(client), settings()

        def submit(part: dict[bytes, str]) -> "Future":
            return client.submit(_answer, engine, question, part, ours, pure=False)

        work = parts_of(todo, tasks.threads)
        try:
            for part, answer in tasks.share_out(
                work, submit, lambda: 2 * tasks.threads
            ):
                if isinstance(answer, ChildProcessError):
                    answer = Response([], dict.fromkeys(part, _DIED))
                if isinstance(answer, BaseException):
                    raise answer
                yield answer
        finally:
            tasks.cancel()


def _answer(engine: bytes, question: Request, part, ours: dict[str, str]) -> Response:
    """Answer beside a Dask worker, in a process that may die: so the clip is found."""
    os.environ.update(ours)
    with borrow_workers(1) as (worker,):
        return retry_halves(worker, engine, question, part)
