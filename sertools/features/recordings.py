"""Follow emotion through a recording: speech is scored, silence is not."""

import itertools
import os
from pathlib import Path

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
    hop: float | None = None,
) -> pd.DataFrame:
    """Score a recording stretch by stretch, or window by window.

    Without `hop`, a short recording is one row, as it is. A longer one is cut
    where speech pauses, and a stretch of speech longer than `window` into equal
    parts. With `hop`, every recording is cut where speech pauses, and each
    stretch of speech is heard through windows of equal length that overlap.
    Either way silence is not scored, and no row reaches across a pause.

    Parameters
    ----------
    model : Classifier
        As `sertools.models.load` gives.
    source : path or ndarray of shape (t,), float32
        A file of any length, or mono samples at the model's ``sampling_rate``.
    longest : float, default 15
        Seconds; without `hop`, a recording up to this length is one row.
    window : float, default 8
        Seconds; no row of a longer recording is longer.
    method : {"auto", "silero", "energy"}
        How speech is found; see `sertools.audio.segments`.
    progress : bool, default True
        Show a bar.
    hop : float, optional
        Seconds from the start of one window to that of the next, at most
        `window`. The last window of a stretch is moved back to end where the
        stretch ends; a stretch shorter than a window is one row. The work grows
        by ``window / hop``.

    Returns
    -------
    DataFrame
        ``start`` and ``end`` in seconds, in order, then one probability column a
        class; rows overlap only with `hop`. No rows where no speech is heard.
        ``attrs`` holds ``seconds``, the recording's length, ``model``, and
        ``recording``, the file's name or "".

    Raises
    ------
    FileNotFoundError, ValueError
        As `sertools.audio.load` does; if `model` is no classifier, a length is
        not positive, or `hop` is longer than `window`.

    See Also
    --------
    smoothed : average over neighbouring windows.
    verdicts : one answer for each moment, or "not sure".

    Examples
    --------
    >>> from sertools import models
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 16_000)
    >>> timeline(models.load("trained"), hiss)[["start", "end"]].values.tolist()
    [[0.0, 1.0]]
    """
    _check(model, longest, window, hop)
    rate = model.sampling_rate
    waveform = audio.load(source, rate)
    places = _places(waveform, rate, longest, window, method, hop)
    scores = [np.empty((0, len(model.classes_)))]
    with bars.bar(len(places), model.spec, "stretches", progress) as counter:
        for first in range(0, len(places), _AT_ONCE):
            some = places[first : first + _AT_ONCE]
            scores.append(model.predict_proba([waveform[a:b] for a, b in some]))
            counter.update(len(some))
    table = pd.DataFrame(np.array(places).reshape(-1, 2) / rate, columns=_COLUMNS)
    table[list(model.classes_)] = np.concatenate(scores)
    named = isinstance(source, (str, os.PathLike))
    table.attrs = {
        "model": model.label,
        "seconds": len(waveform) / rate,
        "recording": Path(source).name if named else "",
    }
    return table


_COLUMNS = ["start", "end"]


def _check(model, longest, window, hop) -> None:
    """Refuse what cannot work before anything is decoded."""
    if not hasattr(model, "predict_proba"):
        raise ValueError(
            f"{getattr(model, 'spec', model)} gives features, not emotions. Train a "
            "head on them: sertools train --help"
        )
    if not (longest > 0 and window > 0):
        raise ValueError(f"Lengths must be positive, not {longest} s and {window} s.")
    if hop is not None and not 0 < hop <= window:
        raise ValueError(
            f"A hop must be positive and no longer than the window of {window} s, or "
            f"speech would go unheard; not {hop} s."
        )


def _places(waveform, rate, longest, window, method, hop) -> list[tuple[int, int]]:
    """Say from which sample to which each row goes."""
    if audio.is_silent(waveform):
        return []
    if hop is None and len(waveform) <= longest * rate:
        return [(0, len(waveform))]
    places = []
    for start, end in audio.segments(waveform, rate, method)[_COLUMNS].to_numpy():
        first, last = round(start * rate), min(round(end * rate), len(waveform))
        if hop is None:
            places += _parts(first, last, window * rate)
        else:
            starts, pieces = audio.windows(waveform[first:last], rate, window, hop)
            places += [
                (first + round(start * rate), first + round(start * rate) + len(piece))
                for start, piece in zip(starts, pieces, strict=True)
            ]
    return places


def _parts(first: int, last: int, longest: float) -> list[tuple[int, int]]:
    """Cut a stretch into as few equal parts as its length allows."""
    parts = max(int(np.ceil((last - first) / longest)), 1)
    edges = np.linspace(first, last, parts + 1).round().astype(int)
    return [(int(a), int(b)) for a, b in itertools.pairwise(edges)]
