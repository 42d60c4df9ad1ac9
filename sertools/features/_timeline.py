"""Follow emotion through a recording: speech is scored, silence is not."""

import itertools
import os
from pathlib import Path

import numpy as np
import pandas as pd

from sertools import audio
from sertools import progress as bars
from sertools.metadata import TimelineMetadata
from sertools.models.base import Classifier

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
        `sertools.metadata.TimelineMetadata` holds ``seconds``, the recording's
        length, ``model``, and ``recording``, the file's name or "".

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
    return TimelineMetadata(
        model=model.label,
        random_weights=bool(getattr(model, "random_weights", False)),
        recording=Path(source).name if named else "",
        seconds=len(waveform) / rate,
    ).attach(table)


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


_NO_GAP = 1e-3
"""Seconds; rows that are no farther apart belong to one stretch of speech."""

_FIELDS = ("start", "end", "emotion", "verdict", "probability", "margin")


def classes(table: pd.DataFrame) -> list[str]:
    """Name the probability columns of a timeline."""
    names = [str(name) for name in table.columns if name not in _FIELDS]
    if not names or not {"start", "end"} <= set(table.columns):
        raise ValueError(
            "This is no timeline: it needs start, end and a column for each emotion, "
            "as features.timeline gives."
        )
    for name in ("start", "end"):
        if (np.diff(table[name].to_numpy(dtype=float)) < 0).any():
            raise ValueError(f"The rows of a timeline must be in order of {name}.")
    return names


def stretches(table: pd.DataFrame) -> np.ndarray:
    """Count through the stretches of speech: rows that touch or overlap share one.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 1, 3], "end": [2.0, 3, 4]})
    >>> stretches(rows.assign(end=[2.0, 2.5, 4])).tolist()
    [0, 0, 1]
    """
    starts, ends = (table[name].to_numpy(dtype=float) for name in ("start", "end"))
    return np.r_[0, np.cumsum(starts[1:] > ends[:-1] + _NO_GAP)][: len(table)]


def smooth(table: pd.DataFrame, seconds: float) -> pd.DataFrame:
    """Average scores over time, within each stretch of speech.

    A row becomes the weighted mean of the rows of its stretch whose middle is
    less than `seconds` from its own; the weight falls in a straight line from
    one at the row itself to nothing at `seconds`. It looks ahead as far as back.
    Silence is never smoothed across: where rows neither touch nor overlap, one
    stretch ends. Near the ends of a stretch the mean is over fewer rows, all on
    one side; nothing is padded. The same table always gives the same answer.

    Parameters
    ----------
    table : DataFrame
        As `timeline` gives, most useful with `hop`.
    seconds : float
        Reach of the average to either side; 0 changes nothing.

    Returns
    -------
    DataFrame
        The same rows, in the same places. Each is a mean of probabilities, and
        so sums to one as they do.

    Raises
    ------
    ValueError
        If `seconds` is negative, or `table` is no timeline.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 1, 9], "end": [1.0, 2, 10]})
    >>> said = rows.assign(happy=[1.0, 0, 1], sad=[0.0, 1, 0])
    >>> smooth(said, seconds=2)["happy"].round(3).tolist()
    [0.667, 0.333, 1.0]
    """
    if not seconds >= 0:
        raise ValueError(f"Smoothing takes seconds, 0 or more, not {seconds}.")
    names = classes(table)
    given = table[names].to_numpy(dtype=np.float64)
    middles = table[["start", "end"]].to_numpy(dtype=float).mean(axis=1)
    made = given.copy()
    number = stretches(table)
    for rows in np.split(np.arange(len(table)), np.flatnonzero(np.diff(number)) + 1):
        near = middles[rows]
        lows = np.searchsorted(near, near - seconds, "right")
        highs = np.searchsorted(near, near + seconds, "left")
        for place, (low, high) in enumerate(zip(lows, highs, strict=True)):
            if high - low > 1:
                apart = np.abs(near[low:high] - near[place])
                weights = 1 - apart / seconds
                made[rows[place]] = weights @ given[rows[low:high]] / weights.sum()
    result = table.copy()
    result[names] = made
    return result


def moments(table: pd.DataFrame) -> pd.DataFrame:
    """Give each moment of speech to one row: where rows overlap, to the nearest.

    Where two neighbours overlap, the first ends and the second begins in the
    middle of what they share: of windows of equal length, each keeps the time
    that is nearest to its centre. Rows that do not overlap stay as they are.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 1, 2], "end": [2.0, 3, 4], "sad": 1.0})
    >>> moments(rows)[["start", "end"]].values.tolist()
    [[0.0, 1.5], [1.5, 2.5], [2.5, 4.0]]
    """
    classes(table)
    starts, ends = (
        table[name].to_numpy(dtype=float, copy=True) for name in ("start", "end")
    )
    shared = np.flatnonzero(starts[1:] < ends[:-1])
    middles = (starts[shared + 1] + ends[shared]) / 2
    starts[shared + 1] = ends[shared] = middles
    return table.assign(start=starts, end=ends)


def range_at(windows: pd.DataFrame, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the lowest and the highest score of all windows that hold a moment.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 1], "end": [2.0, 3], "sad": [0.2, 0.6]})
    >>> low, high = range_at(rows, np.array([0.5, 1.5, 9]))
    >>> high[:, 0].tolist()
    [0.2, 0.6, nan]
    """
    ordered = windows.sort_values(["start", "end"], kind="stable")
    scores = ordered[[c for c in ordered if c not in _FIELDS]].to_numpy(dtype=float)
    starts, ends = (ordered[name].to_numpy(dtype=float) for name in ("start", "end"))
    reach = np.maximum.accumulate(ends) if len(ends) else ends
    low = np.full((len(times), scores.shape[1]), np.nan)
    high = low.copy()
    lasts = np.searchsorted(starts, times, "right")
    firsts = np.searchsorted(reach, times, "left")
    for place, (first, last) in enumerate(zip(firsts, lasts, strict=True)):
        here = scores[first:last][ends[first:last] >= times[place]]
        if len(here):
            low[place], high[place] = here.min(axis=0), here.max(axis=0)
    return low, high


_HISS = 3e-5  # peak of what fills the pauses, below what counts as sound


def concatenate_clips(
    clips: pd.DataFrame,
    sampling_rate: int = 16_000,
    pause: tuple[float, float] = (0.0, 1.5),
    seconds: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Join clips with pauses into one recording, and say what is where.

    The clips come in an order drawn at random, each as loud as it is. A pause
    is drawn evenly from `pause` and filled with a faint hiss (-90 dB), so that
    it is silence to any ear. It is no conversation: nobody answers anybody.

    Parameters
    ----------
    clips : DataFrame
        A clips table, with ``path`` and ``emotion``.
    sampling_rate : int, default 16000
        Hz.
    pause : tuple of two floats, default (0, 1.5)
        Shortest and longest pause, in seconds. What is shorter than 0.3 s ends
        no stretch of speech for `sertools.audio.segments`: two clips become one.
    seconds : float, default 0
        Begin again, in a new order, until the recording is this long; 0 takes
        each clip once.
    seed : int, default 0
        Of order and pauses.

    Returns
    -------
    waveform : ndarray of shape (t,), float32
        Mono; it begins and ends with a pause.
    truth : DataFrame
        One row a clip, in order: ``start`` and ``end`` in seconds, ``emotion``,
        ``clip``, and ``speaker`` where the table has one.

    Raises
    ------
    FileNotFoundError, ValueError
        As `sertools.audio.load` does; if there are no clips, or `pause` is not
        two lengths in order.

    Examples
    --------
    >>> from sertools import datasets
    >>> some = datasets.select(datasets.load("demo"), max_clips=3)
    >>> waveform, truth = concatenate_clips(some, seed=1)
    >>> sorted(truth["clip"]) == sorted(some.index)
    True
    """
    if clips.empty:
        raise ValueError("No clips to join.")
    shortest, longest = pause
    if not 0 <= shortest <= longest < np.inf:
        raise ValueError(f"A pause goes from 0 s or more to more, not from {pause}.")
    rng = np.random.default_rng(seed)
    parts, truth, length = [], [], 0

    def rest():
        samples = round(rng.uniform(shortest, longest) * sampling_rate)
        return rng.uniform(-_HISS, _HISS, samples).astype(np.float32)

    while not truth or length < seconds * sampling_rate:
        for place in rng.permutation(len(clips)):
            if truth and length >= seconds * sampling_rate > 0:
                break
            clip = audio.load(clips["path"].iloc[place], sampling_rate)
            quiet = rest()
            start = length + len(quiet)
            length = start + len(clip)
            parts += [quiet, clip]
            row = {"start": start / sampling_rate, "end": length / sampling_rate}
            truth.append(row | _told(clips, place))
    return np.concatenate([*parts, rest()]), pd.DataFrame(truth)


def _told(clips: pd.DataFrame, place: int) -> dict:
    row = {"emotion": clips["emotion"].iloc[place], "clip": clips.index[place]}
    return row | (
        {"speaker": clips["speaker"].iloc[place]} if "speaker" in clips else {}
    )
