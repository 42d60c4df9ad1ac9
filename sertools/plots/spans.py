"""Rows of a timeline as they are drawn: a part of them, averaged, joined."""

import numpy as np
import pandas as pd

from sertools.features.smoothing import range_at

__all__ = ["drawn", "gaps", "longest", "outline", "runs", "split", "within"]

_COLUMNS = 480
"""Moments up to which each is drawn as it is; more are averaged."""

_WIDTHS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600)
"""Seconds over which a long recording is averaged."""

_NO_GAP = 1e-3
"""Seconds; what is no farther apart touches."""


def within(told: pd.DataFrame, part) -> tuple[pd.DataFrame, float, float]:
    """Keep the moments of a part, and say from where to where it goes."""
    last = told["end"].iloc[-1] if len(told) else 0.0
    begin, end = part or (0.0, float(told.attrs.get("seconds", last)))
    inside = told[(told["start"] < end) & (told["end"] > begin)].reset_index(drop=True)
    if inside.empty:
        raise ValueError("There is nothing to draw: no speech was heard.")
    return inside, begin, end


def drawn(told, names, windows, begin, end) -> tuple[pd.DataFrame, float]:
    """Give the moments to draw, with their range; averaged if there are many."""
    middles = told[["start", "end"]].mean(axis=1).to_numpy()
    ranges = range_at(windows[["start", "end", *names]], middles)
    for word, values in zip(("low", "high"), ranges, strict=True):
        told = told.join(pd.DataFrame(values, columns=[f"{word} {n}" for n in names]))
    if len(told) <= _COLUMNS:
        return told, 0.0
    width = next((w for w in _WIDTHS if end - begin <= w * _COLUMNS), _WIDTHS[-1])
    told = split(told, width)
    span, seconds = told["span"], told["end"] - told["start"]
    values = [c for c in told if c in names or c.startswith(("low ", "high "))]
    sums = told[values].mul(seconds, axis=0).groupby(span).sum()
    means = sums.div(seconds.groupby(span).sum(), axis=0)
    said = longest(told, "verdict", width, end)
    return means.reset_index(drop=True).join(said), width


def longest(table: pd.DataFrame, column: str, width: float, end: float):
    """Give one row a span of time: the name that holds longest in it."""
    if table.empty:
        return table
    parts = split(table[["start", "end", column]], width)
    seconds = parts["end"] - parts["start"]
    sums = seconds.groupby([parts["span"], parts[column]]).sum()
    names = sums.unstack().idxmax(axis=1)
    starts = names.index.to_numpy() * float(width)
    ends = np.minimum(starts + width, end)
    return pd.DataFrame({"start": starts, "end": ends, column: names.to_numpy()})


def split(table: pd.DataFrame, width: float) -> pd.DataFrame:
    """Cut rows where spans of time meet, and say by number in which each lies."""
    first = np.floor(table["start"] / width).astype(int).to_numpy()
    last = np.ceil(table["end"] / width).astype(int).to_numpy()
    counts = np.maximum(last - first, 1)
    parts = table.loc[table.index.repeat(counts)].reset_index(drop=True)
    step = np.arange(len(parts)) - np.repeat(np.cumsum(counts) - counts, counts)
    span = np.repeat(first, counts) + step
    start = np.maximum(parts["start"], span * width)
    end = np.minimum(parts["end"], (span + 1) * width)
    return parts.assign(start=start, end=end, span=span)


def runs(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Join neighbours of one name that touch."""
    starts, ends = table["start"].to_numpy(), table["end"].to_numpy()
    names = table[column].to_numpy(dtype=object)
    new = (starts[1:] > ends[:-1] + _NO_GAP) | (names[1:] != names[:-1])
    first = np.flatnonzero(np.r_[True, new][: len(table)])
    last = np.r_[first, len(table)][1:] - 1
    return pd.DataFrame(
        {"start": starts[first], "end": ends[last], "name": names[first]}
    )


def outline(rows: pd.DataFrame, columns: list[str]) -> list[np.ndarray]:
    """Make steps of rows: two points a row, and a gap where they don't touch."""
    places = gaps(rows)
    x = np.insert(rows[["start", "end"]].to_numpy().ravel(), places, np.nan)
    made = [x]
    for column in columns:
        y = np.repeat(rows[column].to_numpy(dtype=float), 2)
        made.append(np.insert(y, places, np.nan))
    return made


def gaps(rows: pd.DataFrame) -> np.ndarray:
    """Give the places in an outline before which rows don't touch."""
    starts, ends = rows["start"].to_numpy(), rows["end"].to_numpy()
    return 2 * (np.flatnonzero(starts[1:] > ends[:-1] + _NO_GAP) + 1)
