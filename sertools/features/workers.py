"""Answer for clips, a few at a time, in processes that may die."""

from collections.abc import Iterator

import numpy as np

from sertools import audio
from sertools.models.base import Model
from sertools.store import Entry

__all__ = ["answers", "columns"]

_CHUNK = 16  # clips a worker takes at once


def columns(model: Model, jobs: int) -> list[str]:
    """Name the numbers of an answer, where the answer will be computed.

    Parameters
    ----------
    model : Model
        Embedder or classifier.
    jobs : int
        As for `answers`: a library that a worker should load stays out of
        this process.

    Returns
    -------
    list of str
        Names.
    """
    if jobs == 1 or not model.isolated:
        return model.columns()
    from joblib import Parallel, delayed

    return Parallel(_processes(jobs))([delayed(type(model).columns)(model)])[0]


def _processes(jobs: int) -> int:
    """Give the number of workers: at least two, for one means none at all."""
    from joblib import effective_n_jobs

    return max(effective_n_jobs(jobs), 2)


def answers(
    model: Model, todo: dict[bytes, str], jobs: int
) -> Iterator[dict[bytes, Entry | str]]:
    """Answer chunk by chunk, in worker processes where the model wants them.

    If a worker dies, the clips it left are tried again in two halves, until
    the clip that kills it stands alone.

    Parameters
    ----------
    model : Model
        Embedder or classifier.
    todo : dict of bytes to str
        Absolute path by the clip's digest.
    jobs : int
        Worker processes; -1 is one a core, 1 works in this process.

    Yields
    ------
    dict of bytes to Entry or str
        Some clips, as they are done; a reason stands in for one that failed.
    """
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    keys = list(todo)
    chunks = [keys[i : i + _CHUNK] for i in range(0, len(keys), _CHUNK)]
    work = ({key: todo[key] for key in chunk} for chunk in chunks)
    if jobs == 1 or not model.isolated:
        yield from (_answer(model, part) for part in work)
        return
    left = dict(todo)
    try:
        workers = Parallel(_processes(jobs), return_as="generator_unordered")
        for done in workers(delayed(_answer)(model, part) for part in work):
            for key in done:
                del left[key]
            yield done
    except TerminatedWorkerError:
        if len(left) == 1:
            yield dict.fromkeys(left, "the process that read it died (a native crash)")
            return
        keys = list(left)
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            yield from answers(model, {key: left[key] for key in half}, jobs)


def _answer(model: Model, part: dict[bytes, str]) -> dict[bytes, Entry | str]:
    """Load and embed some clips; a reason stands in for a clip that fails."""
    done: dict[bytes, Entry | str] = {}
    waveforms = {}
    for key, path in part.items():
        try:
            waveforms[key] = audio.load(path, model.sampling_rate)
        except (ValueError, OSError) as error:
            done[key] = str(error).removeprefix(f"{path}: ").rstrip(".")
    try:
        vectors = dict(
            zip(waveforms, model.answer(list(waveforms.values())), strict=True)
        )
    except ModuleNotFoundError:  # no clip is to blame
        raise
    except Exception:  # one clip spoils the batch: find which
        vectors = {}
        for key, waveform in waveforms.items():
            try:
                vectors[key] = model.answer([waveform])[0]
            except Exception as error:
                reason = " ".join(str(error).split()).rstrip(".")
                done[key] = f"{model.spec} failed on it ({reason})"
    for key, vector in vectors.items():
        vector = np.asarray(vector, np.float32)  # as the store will give it back
        done[key] = Entry(vector, audio.is_silent(waveforms[key]))
    return done
