"""Answer for clips, a few at a time, in processes that may die."""

import warnings
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sertools import audio
from sertools.store import Entry

if TYPE_CHECKING:  # a worker loads what its engine needs, and no scikit-learn
    from sertools.models.base import Model

__all__ = ["Answers", "answers"]

_CHUNK = 16  # clips a worker takes at once
_DIED = "the process that read it died (a native crash)"


class Answers(NamedTuple):
    """What came back for some clips.

    Parameters
    ----------
    names : list of str
        Of the numbers of an answer.
    done : dict of bytes to Entry or str
        By the clip's digest; a reason stands in for a clip that failed.
    """

    names: list[str]
    done: dict[bytes, Entry | str]


def _processes(jobs: int) -> int:
    """Give the number of workers: at least two, for one means none at all."""
    from joblib import effective_n_jobs

    return max(effective_n_jobs(jobs), 2)


def answers(
    model: "Model", method: str, todo: dict[bytes, str], jobs: int
) -> Iterator[Answers]:
    """Answer chunk by chunk, in worker processes where the model wants them.

    If a worker dies, the clips it left are tried again in two halves, until
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
    alone = jobs == 1 or not model.isolated
    work = _parts(todo, 1 if alone else _processes(jobs))
    ask = {"method": method, "rate": model.sampling_rate, "spec": model.spec}
    if alone:
        yield from _in_turn(model, work, ask)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # it restarts them by itself, and nothing is lost
    warnings.filterwarnings("ignore", "A worker stopped while some jobs were given")
    engine, left = model.engine(), dict(todo)
    try:
        workers = Parallel(_processes(jobs), return_as="generator_unordered")
        for some in workers(delayed(_answer)(engine, part, **ask) for part in work):
            for key in some.done:
                del left[key]
            yield some
    except TerminatedWorkerError:
        if len(left) == 1:
            yield Answers([], dict.fromkeys(left, _DIED))
            return
        keys = list(left)
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            yield from answers(model, method, {key: left[key] for key in half}, jobs)


def _in_turn(model: "Model", work, ask: dict) -> Iterator[Answers]:
    """Answer in this process, decoding the next part while one is worked on."""
    with ThreadPoolExecutor(1) as ahead:
        decoding = deque()
        for part in work:
            decoding.append(ahead.submit(_decoded, part, ask["rate"]))
            if len(decoding) > 1:
                yield _asked(model, *decoding.popleft().result(), **ask)
        while decoding:
            yield _asked(model, *decoding.popleft().result(), **ask)


def _parts(todo: dict[bytes, str], workers: int) -> Iterator[dict[bytes, str]]:
    """Cut the work into parts: smaller towards the end, so that all end together."""
    keys = list(todo)
    while keys:
        size = _CHUNK if workers == 1 else len(keys) // (2 * workers)
        size = min(max(size, 4), _CHUNK)
        yield {key: todo[key] for key in keys[:size]}
        keys = keys[size:]


def _answer(
    engine, part: dict[bytes, str], method: str, rate: int, spec: str
) -> Answers:
    """Load some clips and ask for them."""
    return _asked(engine, *_decoded(part, rate), method, rate, spec)


def _decoded(
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


def _asked(engine, waveforms, reasons, method: str, rate: int, spec: str) -> Answers:
    """Ask for some waveforms; a reason stands in for one that fails."""
    done: dict[bytes, Entry | str] = dict(reasons)
    ask = getattr(engine, method)
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
                done[key] = f"{spec} failed on it ({reason})"
    for key, vector in vectors.items():
        vector = np.asarray(vector, np.float32)  # as the store will give it back
        if np.isfinite(vector).all():
            done[key] = Entry(vector, audio.is_silent(waveforms[key]))
        else:
            done[key] = f"{spec} failed on it (its features are not finite numbers)"
    names = engine.get_feature_names_out() if method == "embed" else engine.classes_
    return Answers([str(name) for name in names], done)
