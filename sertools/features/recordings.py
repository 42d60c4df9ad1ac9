"""Follow emotion through a recording: speech is scored, silence is not."""

import itertools
import os

import numpy as np
import pandas as pd

from sertools import audio
from sertools import progress as bars
from sertools.models.base import Classifier

__all__ = ["timeline"]

_AT_ONCE = 16  # stretches that a system hears in one call


def timeline(
    model: Classifier,
    source: str | os.PathLike | np.ndarray,
    longest: float = 15.0,
    window: float = 8.0,
    method: str = "auto",
    progress: bool = True,
) -> pd.DataFrame:
    """Score a recording stretch by stretch.

    A short recording is one row, as it is. A longer one is cut where speech
    pauses, and a stretch of speech longer than `window` into equal parts;
    silence is not scored.

    Parameters
    ----------
    model : Classifier
        As `sertools.models.load` gives.
    source : path or ndarray of shape (t,), float32
        A file of any length, or mono samples at the model's ``sampling_rate``.
    longest : float, default 15
        Seconds; a recording up to this length is one row.
    window : float, default 8
        Seconds; no row of a longer recording is longer.
    method : {"auto", "silero", "energy"}
        How speech is found; see `sertools.audio.segments`.
    progress : bool, default True
        Show a bar.

    Returns
    -------
    DataFrame
        ``start`` and ``end`` in seconds, in order and without overlap, then one
        probability column a class. No rows where no speech is heard.
        ``attrs["seconds"]`` is the recording's length.

    Raises
    ------
    FileNotFoundError, ValueError
        As `sertools.audio.load` does; if `model` is no classifier, or a length
        is not positive.

    Examples
    --------
    >>> from sertools import models
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 16_000)
    >>> timeline(models.load("trained"), hiss)[["start", "end"]].values.tolist()
    [[0.0, 1.0]]
    """
    if not hasattr(model, "predict_proba"):
        raise ValueError(
            f"{getattr(model, 'spec', model)} gives features, not emotions. Train a "
            "head on them: sertools train --help"
        )
    if not (longest > 0 and window > 0):
        raise ValueError(f"Lengths must be positive, not {longest} s and {window} s.")
    rate = model.sampling_rate
    waveform = audio.load(source, rate)
    places = _places(waveform, rate, longest, window, method)
    scores = [np.empty((0, len(model.classes_)))]
    with bars.bar(len(places), model.spec, "stretches", progress) as counter:
        for first in range(0, len(places), _AT_ONCE):
            some = places[first : first + _AT_ONCE]
            scores.append(model.predict_proba([waveform[a:b] for a, b in some]))
            counter.update(len(some))
    table = pd.DataFrame(np.array(places).reshape(-1, 2) / rate, columns=_COLUMNS)
    table[list(model.classes_)] = np.concatenate(scores)
    table.attrs = {"model": model.label, "seconds": len(waveform) / rate}
    return table


_COLUMNS = ["start", "end"]


def _places(waveform, rate, longest, window, method) -> list[tuple[int, int]]:
    """Say from which sample to which each row goes."""
    if audio.is_silent(waveform):
        return []
    if len(waveform) <= longest * rate:
        return [(0, len(waveform))]
    places = []
    for start, end in audio.segments(waveform, rate, method)[_COLUMNS].to_numpy():
        first, last = round(start * rate), min(round(end * rate), len(waveform))
        parts = max(int(np.ceil((last - first) / (window * rate))), 1)
        edges = np.linspace(first, last, parts + 1).round().astype(int)
        places += [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
    return places
