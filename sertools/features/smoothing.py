"""Scores over time: which rows belong together, which moment is whose, smoothing."""

import numpy as np
import pandas as pd

__all__ = ["classes", "moments", "range_at", "smoothed", "stretches"]

_NO_GAP = 1e-3
"""Seconds; rows that are no farther apart belong to one stretch of speech."""

_FIELDS = ("start", "end", "emotion", "verdict", "probability", "margin")


def classes(table: pd.DataFrame) -> list[str]:
    """Name the probability columns of a timeline.

    Raises
    ------
    ValueError
        If it is no timeline, or its rows are out of order.
    """
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

    Returns
    -------
    ndarray of shape (n,), int
        0 for the first stretch, and so on.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 1, 3], "end": [2.0, 3, 4]})
    >>> stretches(rows.assign(end=[2.0, 2.5, 4])).tolist()
    [0, 0, 1]
    """
    starts, ends = (table[name].to_numpy(dtype=float) for name in ("start", "end"))
    return np.r_[0, np.cumsum(starts[1:] > ends[:-1] + _NO_GAP)][: len(table)]


def smoothed(table: pd.DataFrame, seconds: float) -> pd.DataFrame:
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
    >>> smoothed(said, seconds=2)["happy"].round(3).tolist()
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

    Parameters
    ----------
    table : DataFrame
        As `timeline` gives.

    Returns
    -------
    DataFrame
        The same rows with other ``start`` and ``end``, without overlap.

    Raises
    ------
    ValueError
        If `table` is no timeline.

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

    Parameters
    ----------
    windows : DataFrame
        As `timeline` gives, with overlapping windows; or several such tables,
        of other models for example, one under the other.
    times : ndarray of shape (m,)
        Seconds.

    Returns
    -------
    low, high : ndarray of shape (m, k), float64
        A column a class; NaN where no window holds the moment.

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
