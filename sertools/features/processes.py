"""Worker processes: they start lean, answer through pipes, and may die."""

import atexit
import contextlib
import functools
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator

from sertools.features.asking import Answers, Question, asked, decoded

__all__ = ["Died", "Stopped", "Worker", "lent", "serve"]

_SERVE = "from sertools.features.processes import serve; serve()"
_ONE_THREAD = ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB")  # there is a worker a core


class Died(Exception):
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

    def ask(self, engine: bytes, question: Question, part: dict[bytes, str]) -> Answers:
        """Ask about some clips.

        Parameters
        ----------
        engine : bytes
            The pickled system; the process loads it unless it was the last one.
        question : Question
            What is asked.
        part : dict of bytes to str
            Absolute path by the clip's digest.

        Returns
        -------
        Answers
            Of all these clips.

        Raises
        ------
        Died
            If the process did.
        Stopped
            If the worker was stopped before.
        Exception
            What the system raised, where no clip is to blame.
        """
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
            raise Died from None
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
def lent(n: int) -> Iterator[list[Worker]]:
    """Lend workers; they stay warm for who asks next, unless it ends in an error.

    Parameters
    ----------
    n : int
        How many.
    """
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
    environment = {f"{name}_NUM_THREADS": "1" for name in _ONE_THREAD} | os.environ
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        process_group=0,  # Ctrl-C is for the one who asks
    )


def serve() -> None:
    """Answer, in a worker process, until nobody asks or listens any more."""
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


def _answer(engine: bytes, question: Question, part) -> Answers | Exception:
    try:
        return asked(_engine(engine), question, *decoded(part, question.rate))
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
