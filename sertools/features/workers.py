"""Answer for clips, a few at a time, in processes that may die."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import TYPE_CHECKING

from sertools.features.asking import Answers, Question, asked, decoded
from sertools.features.processes import Died, Worker, lent

if TYPE_CHECKING:
    from sertools.models.base import Model

__all__ = ["Answers", "answers"]

_CHUNK = 16  # clips a worker takes at once
_WORTH = 4  # clips that another worker is worth its start for
_DIED = "the process that read it died (a native crash)"


def answers(
    model: "Model", method: str, todo: dict[bytes, str], jobs: int
) -> Iterator[Answers]:
    """Answer chunk by chunk, in worker processes where the model wants them.

    If a worker dies, the clips it was at are tried again in two halves, until
    the clip that kills it stands alone.

    Parameters
    ----------
    model : Model
        Embedder or classifier.
    method : {"embed", "predict_proba"}
        What is asked of it.
    todo : dict of bytes to str
        Absolute path by the clip's digest.
    jobs : int
        Worker processes; -1 is one a core, 1 works in this process.

    Yields
    ------
    Answers
        For some clips, as they are done. The names come along, for the library
        that knows them may be at home in the workers only.
    """
    question = Question(method, model.sampling_rate, model.spec)
    if jobs == 1 or not model.isolated:
        yield from _in_turn(model, question, _parts(todo, 1))
    else:
        n = min(_processes(jobs), -(-len(todo) // _WORTH))
        yield from _shared(model.engine(), question, todo, n)


def _processes(jobs: int) -> int:
    """Give the number of workers: at least two, for one means none at all."""
    from joblib import effective_n_jobs

    return max(effective_n_jobs(jobs), 2)


def _in_turn(model: "Model", question: Question, work) -> Iterator[Answers]:
    """Answer in this process, decoding the next part while one is worked on."""
    with ThreadPoolExecutor(1) as ahead:
        decoding = deque()
        for part in work:
            decoding.append(ahead.submit(decoded, part, question.rate))
            if len(decoding) > 1:
                yield asked(model, question, *decoding.popleft().result())
        while decoding:
            yield asked(model, question, *decoding.popleft().result())


def _shared(engine, question: Question, todo, n: int) -> Iterator[Answers]:
    """Share the work out among so many workers; a thread waits for each."""
    from joblib.externals.loky.backend.reduction import dumps  # a notebook's class, too

    pickled, idle = bytes(dumps(engine)), SimpleQueue()

    def ask(part: dict[bytes, str]) -> Answers:
        worker = idle.get()
        try:
            return _borne(worker, pickled, question, part)
        finally:
            idle.put(worker)

    with lent(n) as workers, ThreadPoolExecutor(n) as threads:
        for worker in workers:
            idle.put(worker)
        asking = [threads.submit(ask, part) for part in _parts(todo, n)]
        try:
            for future in as_completed(asking):
                yield future.result()
        except BaseException:  # the consumer may have stopped listening, too
            for worker in workers:
                worker.stop()
            raise


def _borne(worker: Worker, engine: bytes, question: Question, part) -> Answers:
    """Ask a worker; where it dies of the clips, ask for each half of them."""
    try:
        return worker.ask(engine, question, part)
    except Died:
        keys = list(part)
        if len(keys) == 1:
            return Answers([], {keys[0]: _DIED})
        halves = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        names, done = [], {}
        for half in halves:
            some = _borne(worker, engine, question, {key: part[key] for key in half})
            names, done = names or some.names, done | some.done
        return Answers(names, done)


def _parts(todo: dict[bytes, str], workers: int) -> Iterator[dict[bytes, str]]:
    """Cut the work into parts: smaller towards the end, so that all end together."""
    keys = list(todo)
    while keys:
        size = _CHUNK if workers == 1 else len(keys) // (2 * workers)
        size = min(max(size, 1), _CHUNK)
        yield {key: todo[key] for key in keys[:size]}
        keys = keys[size:]
