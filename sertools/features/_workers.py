"""Answer for clips, a few at a time, in processes that may die."""

import atexit
import contextlib
import functools
import os
import pickle
import subprocess
import threading
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from queue import SimpleQueue
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sertools import _interpreter, audio
from sertools.store import Entry

if TYPE_CHECKING:
    from sertools.models.base import Model


class Request(NamedTuple):
    """What is asked about every clip."""

    method: str
    rate: int
    spec: str

    def answer(self, engine, part: dict[bytes, str]) -> "Response":
        """Answer about some clips, in the worker."""
        return handle(engine, self, *decoded(part, self.rate))


class ModelFailure(str):
    """The reason for which a system failed on a clip: perhaps not the clip's fault."""


class Response(NamedTuple):
    """What came back for some clips."""

    names: list[str]
    done: dict[bytes, Entry | str]


def decoded(
    part: dict[bytes, str], rate: int
) -> tuple[dict[bytes, np.ndarray], dict[bytes, str]]:
    """Load some clips; say why others cannot be."""
    waveforms, reasons = {}, {}
    for key, path in part.items():
        try:
            waveforms[key] = audio.load(path, rate)
        except (ValueError, OSError) as error:
            reasons[key] = str(error).removeprefix(f"{path}: ").rstrip(".")
    return waveforms, reasons


def handle(
    engine,
    question: Request,
    waveforms: dict[bytes, np.ndarray],
    reasons: dict[bytes, str],
) -> Response:
    """Ask for some waveforms; a reason stands in for one that fails."""
    done: dict[bytes, Entry | str] = dict(reasons)
    ask, spec = getattr(engine, question.method), question.spec
    try:
        vectors = dict(zip(waveforms, ask(list(waveforms.values())), strict=True))
    except (ModuleNotFoundError, FileNotFoundError):  # no clip is to blame
        raise
    except Exception:  # one clip spoils the batch: find which
        vectors = {}
        for key, waveform in waveforms.items():
            try:
                vectors[key] = ask([waveform])[0]
            except Exception as error:
                reason = " ".join(str(error).split()).rstrip(".")
                done[key] = _failure(spec, reason, len(waveform) / question.rate)
    for key, vector in vectors.items():
        vector = np.asarray(vector, np.float32)  # as the store will give it back
        if np.isfinite(vector).all():
            done[key] = Entry(vector, audio.is_silent(waveforms[key]))
        else:
            reason, seconds = "its features are not finite numbers", len(waveforms[key])
            done[key] = _failure(spec, reason, seconds / question.rate)
    scores = question.method != "embed"
    names = engine.classes_ if scores else engine.get_feature_names_out()
    return Response([str(name) for name in names], done)


def _failure(spec: str, reason: str, seconds: float) -> ModelFailure:
    """Say that a system failed on a clip, and that the clip is short where it is."""
    short = f"; it lasts {1000 * seconds:.0f} ms only" if seconds < _SHORT else ""
    return ModelFailure(f"{spec} failed on it ({reason}{short})")


_SHORT = 0.2  # seconds below which a system may well have too few frames
_SERVE = "from sertools.features._workers import serve; serve()"
_ONE_THREAD = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB")  # there is a worker a core


class WorkerDied(Exception):
    """The process ended before it answered."""


class Stopped(Exception):
    """Nothing more is wanted of the worker."""


class Worker:
    """A process of its own, started when it is first asked and whenever it died.

    It begins as a bare interpreter: unlike those of ``multiprocessing`` it does
    not run the caller's script again, and unlike joblib's it imports nothing but
    what the answers take.
    """

    def __init__(self):
        self._process: subprocess.Popen | None = None
        self._stopped = False

    @property
    def alive(self) -> bool:
        """Whether it has a process."""
        return self._process is not None and self._process.poll() is None

    def ask(self, engine: bytes, question: Request, part: dict[bytes, str]) -> Response:
        """Ask about some clips."""
        if self._stopped:
            raise Stopped
        if not self.alive:
            self.close()
            self._process = _started()
        try:
            pickle.dump((engine, question, part), self._process.stdin)
            self._process.stdin.flush()
            answer = pickle.load(self._process.stdout)
        except (EOFError, OSError, pickle.UnpicklingError):
            self.close()
            raise WorkerDied from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def stop(self) -> None:
        """Stop whatever it is at; another thread may be waiting for the answer."""
        self._stopped = True
        if process := self._process:
            process.kill()

    def close(self) -> None:
        """End its process, if it has one, and wait until it is gone."""
        process, self._process = self._process, None
        if process:
            process.kill()
            with contextlib.suppress(OSError):  # a question that nobody reads
                process.stdin.close()
            process.stdout.close()
            process.wait()


_idle: list[Worker] = []


os.register_at_fork(after_in_child=_idle.clear)  # they answer to the parent


@atexit.register
def _dismiss() -> None:
    while _idle:
        _idle.pop().close()


@contextlib.contextmanager
def borrow_workers(n: int) -> Iterator[list[Worker]]:
    """Lend workers; they stay warm for who asks next, unless it ends in an error."""
    workers = [_spare() for _ in range(n)]
    try:
        yield workers
    except BaseException:
        for worker in workers:
            worker.close()
        raise
    _idle.extend(worker for worker in workers if worker.alive)


def _spare() -> Worker:
    try:
        return _idle.pop()
    except IndexError:
        return Worker()


def _started() -> subprocess.Popen:
    environment = {f"{name}_NUM_THREADS": "1" for name in _ONE_THREAD}
    environment |= _interpreter.environment()
    return subprocess.Popen(
        _interpreter.command("-c", _SERVE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        process_group=0,  # Ctrl-C is for the one who asks
    )


def serve() -> None:
    """Answer, in a worker process, until nobody asks or listens any more."""
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with (
        contextlib.suppress(EOFError, BrokenPipeError),
        open(os.dup(0), "rb") as questions,
        open(os.dup(1), "wb") as answers,
    ):
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)  # what libraries print is no answer
        while True:
            pickle.dump(_answer(*pickle.load(questions)), answers)
            answers.flush()


def _end_with(parent: int) -> None:
    """End this process soon after the one that asks, whatever it is at."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def _answer(engine: bytes, question: Request, part) -> Response | Exception:
    try:
        return question.answer(_engine(engine), part)
    except Exception as error:
        return _portable(error)


@functools.lru_cache(maxsize=1)
def _engine(pickled: bytes):
    return pickle.loads(pickled)


def _portable(error: Exception) -> Exception:
    """Give an error that survives the journey, and says where it happened."""
    from traceback import format_exc

    try:
        error = pickle.loads(pickle.dumps(error))
    except Exception:  # a class that cannot be made again
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In a worker process:\n{format_exc()}")
    return error


_CHUNK = 16  # clips a worker takes at once
_WORTH = 4  # clips that another worker is worth its start for
_DIED = "the process that read it died (a native crash)"


def answers(
    model: "Model", method: str, todo: dict[bytes, str], jobs: int
) -> Iterator[Response]:
    """Answer chunk by chunk, in worker processes where the model wants them.

    If a worker dies, the clips it was at are tried again in two halves, until
    the clip that kills it stands alone.
    """
    question = Request(method, model.sampling_rate, model.spec)
    if jobs == 1 or not model.run_in_workers:
        yield from _in_turn(model, question, parts(todo, 1))
    else:
        yield from shared_out(model.worker_engine(), question, todo, jobs)


def pickled(engine) -> bytes:
    """Pickle a system, whatever a notebook's own class is made of."""
    from joblib.externals.loky.backend.reduction import dumps

    return bytes(dumps(engine))


def _processes(jobs: int) -> int:
    """Give the number of workers: at least two, for one means none at all."""
    from joblib import effective_n_jobs

    return max(effective_n_jobs(jobs), 2)


def _in_turn(model: "Model", question: Request, work) -> Iterator[Response]:
    """Answer in this process, decoding the next part while one is worked on."""
    with ThreadPoolExecutor(1) as ahead:
        decoding = deque()
        for part in work:
            decoding.append(ahead.submit(decoded, part, question.rate))
            if len(decoding) > 1:
                yield handle(model, question, *decoding.popleft().result())
        while decoding:
            yield handle(model, question, *decoding.popleft().result())


def shared_out(engine, question, todo: dict, jobs: int) -> Iterator[Response]:
    """Share the work out among worker processes; a thread waits for each."""
    n = min(_processes(jobs), -(-len(todo) // _WORTH))
    engine, idle = pickled(engine), SimpleQueue()

    def ask(part: dict[bytes, str]) -> Response:
        worker = idle.get()
        try:
            return retry_halves(worker, engine, question, part)
        finally:
            idle.put(worker)

    with borrow_workers(n) as workers, ThreadPoolExecutor(n) as threads:
        for worker in workers:
            idle.put(worker)
        asking = [threads.submit(ask, part) for part in parts(todo, n)]
        try:
            for future in as_completed(asking):
                yield future.result()
        except BaseException:  # the consumer may have stopped listening, too
            for worker in workers:
                worker.stop()
            raise


def retry_halves(worker: Worker, engine: bytes, question: Request, part) -> Response:
    """Ask a worker; where it dies of the clips, ask for each half of them."""
    try:
        return worker.ask(engine, question, part)
    except WorkerDied:
        keys = list(part)
        if len(keys) == 1:
            return Response([], {keys[0]: _DIED})
        halves = keys[: len(keys) // 2], keys[len(keys) // 2 :]
        names, done = [], {}
        for half in halves:
            some = retry_halves(
                worker, engine, question, {key: part[key] for key in half}
            )
            names, done = names or some.names, done | some.done
        return Response(names, done)


def parts(todo: dict[bytes, str], workers: int) -> Iterator[dict[bytes, str]]:
    """Cut the work into parts: smaller towards the end, so that all end together."""
    keys = list(todo)
    while keys:
        size = _CHUNK if workers == 1 else len(keys) // (2 * workers)
        size = min(max(size, 1), _CHUNK)
        yield {key: todo[key] for key in keys[:size]}
        keys = keys[size:]
