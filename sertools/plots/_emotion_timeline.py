"""Emotion timeline: a lane for each emotion of a recording, and the decisions."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import labels
from sertools.features._reject_option import MARGIN, NOT_SURE, decisions
from sertools.features._timeline import classes, range_at
from sertools.metadata import TimelineMetadata
from sertools.plots import _style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_MOMENTS = 480  # up to so many, each is drawn as it is; more are averaged
_BINS = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600)
"""Seconds over which a long recording is averaged."""
_NO_GAP = 1e-3  # seconds; what is no farther apart touches
_TICKS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
"""Seconds between ticks, once minutes are written."""
_FEW_RUNS = 150  # pieces of a strip that still have an edge each
_LANE, _STRIP = 0.86, 0.62  # of the height of a row
_SILENCE, _EMPTY = "#E6E6E6", "#FFFFFF"


def emotion_timeline(
    table: pd.DataFrame,
    windows: pd.DataFrame | None = None,
    truth: pd.DataFrame | None = None,
    margin: float = MARGIN,
    part: tuple[float, float] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw an emotion timeline: scores and decisions through a recording.

    The recording may last from seconds to hours.

    Parameters
    ----------
    table : DataFrame
        As `sertools.features.timeline` or `sertools.features.smooth` gives.
    windows : DataFrame, optional
        The overlapping windows behind the curves; `table` itself if not given.
        Several models' windows, one table under the other, show how far the
        models go apart.
    truth : DataFrame, optional
        What is known: ``start``, ``end``, ``emotion``, as
        `sertools.features.concatenate_clips` gives.
    margin : float, default 0.2
        How far the best must be ahead; see `sertools.features.decide`.
    part : tuple of two floats, optional
        From which second to which; the whole recording if not given.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        Time across; a lane an emotion, from 0 at its bottom line to 1 at the
        next. The line is the score, filled where it is the verdict; the band
        goes from the lowest to the highest score of all windows that hold the
        moment. It is no confidence interval: overlapping windows share most of
        what they hear. Grey is not scored: silence. Below, the verdicts with
        their names where there is room, and the truth, which also underlines its
        emotion's lane. Beside each emotion stands its share of the time that is
        scored. More than 480 moments are averaged over equal spans of time, and
        the longest verdict of each is drawn.

    Raises
    ------
    ValueError
        If `table` is no timeline, no speech was heard, in that part at least, or
        `windows` has other emotions.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 1], "end": [1.0, 2]})
    >>> ax = emotion_timeline(rows.assign(happy=[0.9, 0.4], sad=[0.1, 0.6]))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['happy 50 %', 'sad 50 %', 'verdict']
    """
    names = classes(table)
    told, begin, end = _crop(decisions(table, margin), part)
    if windows is not None and set(classes(windows.head(1))) != set(names):
        raise ValueError("The windows score other emotions than the table.")
    shares = _shares(told, names)
    windows = table if windows is None else windows
    drawn, width = _downsample(told, names, windows, begin, end)
    strips = ["verdict"] if truth is None else ["verdict", "truth"]
    rows = len(names) + len(strips)
    ax = _style.axes(ax, 10, 0.52 * rows + 1.5)
    if truth is not None:
        truth = truth[(truth["start"] < end) & (truth["end"] > begin)]
        truth = _longest_label(truth, "emotion", width, end) if width else truth
    _silence(ax, told, (begin, end), rows, width / 2)
    for place, name in enumerate(names):
        _lane(ax, drawn, name, rows - 1 - place)
        if truth is not None:
            _floor(ax, truth, name, rows - 1 - place)
    ax.set(xlim=(begin, end), ylim=(-0.08, rows))
    _ticks(ax, names, shares, strips)
    _time(ax, begin, end)
    _strip(ax, drawn, "verdict", len(strips) - 1)
    if truth is not None:
        _strip(ax, truth, "emotion", 0)
    head, note, warnings = _caption(table, told, width, margin, truth is not None)
    _style.heading(ax, head, note, warnings)
    return ax


def _crop(told: pd.DataFrame, part) -> tuple[pd.DataFrame, float, float]:
    """Keep the moments of a part, and say from where to where it goes."""
    last = told["end"].iloc[-1] if len(told) else 0.0
    seconds = TimelineMetadata.of(told).seconds
    begin, end = part or (0.0, float(last if seconds is None else seconds))
    inside = told[(told["start"] < end) & (told["end"] > begin)].reset_index(drop=True)
    if inside.empty:
        raise ValueError("There is nothing to draw: no speech was heard.")
    return inside, begin, end


def _downsample(told, names, windows, begin, end) -> tuple[pd.DataFrame, float]:
    """Give the moments to draw, with their range; averaged if there are many."""
    middles = told[["start", "end"]].mean(axis=1).to_numpy()
    ranges = range_at(windows[["start", "end", *names]], middles)
    for word, values in zip(("low", "high"), ranges, strict=True):
        told = told.join(pd.DataFrame(values, columns=[f"{word} {n}" for n in names]))
    if len(told) <= _MOST_MOMENTS:
        return told, 0.0
    width = next((w for w in _BINS if end - begin <= w * _MOST_MOMENTS), _BINS[-1])
    told = _cut_at_bins(told, width)
    span, seconds = told["span"], told["end"] - told["start"]
    values = [c for c in told if c in names or c.startswith(("low ", "high "))]
    sums = told[values].mul(seconds, axis=0).groupby(span).sum()
    means = sums.div(seconds.groupby(span).sum(), axis=0)
    said = _longest_label(told, "verdict", width, end)
    return means.reset_index(drop=True).join(said), width


def _longest_label(table: pd.DataFrame, column: str, width: float, end: float):
    """Give one row a span of time: the name that holds longest in it."""
    if table.empty:
        return table
    parts = _cut_at_bins(table[["start", "end", column]], width)
    seconds = parts["end"] - parts["start"]
    sums = seconds.groupby([parts["span"], parts[column]]).sum()
    names = sums.unstack().idxmax(axis=1)
    starts = names.index.to_numpy() * float(width)
    ends = np.minimum(starts + width, end)
    return pd.DataFrame({"start": starts, "end": ends, column: names.to_numpy()})


def _cut_at_bins(table: pd.DataFrame, width: float) -> pd.DataFrame:
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


def _merge_runs(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """Join neighbours of one name that touch."""
    starts, ends = table["start"].to_numpy(), table["end"].to_numpy()
    names = table[column].to_numpy(dtype=object)
    new = (starts[1:] > ends[:-1] + _NO_GAP) | (names[1:] != names[:-1])
    first = np.flatnonzero(np.r_[True, new][: len(table)])
    last = np.r_[first, len(table)][1:] - 1
    return pd.DataFrame(
        {"start": starts[first], "end": ends[last], "name": names[first]}
    )


def _step_outline(rows: pd.DataFrame, columns: list[str]) -> list[np.ndarray]:
    """Make steps of rows: two points a row, and a gap where they don't touch."""
    places = _gap_places(rows)
    x = np.insert(rows[["start", "end"]].to_numpy().ravel(), places, np.nan)
    made = [x]
    for column in columns:
        y = np.repeat(rows[column].to_numpy(dtype=float), 2)
        made.append(np.insert(y, places, np.nan))
    return made


def _gap_places(rows: pd.DataFrame) -> np.ndarray:
    """Give the places in an outline before which rows don't touch."""
    starts, ends = rows["start"].to_numpy(), rows["end"].to_numpy()
    return 2 * (np.flatnonzero(starts[1:] > ends[:-1] + _NO_GAP) + 1)


def _shares(told: pd.DataFrame, names: list[str]) -> dict[str, float]:
    seconds = (told["end"] - told["start"]).groupby(told["verdict"]).sum()
    seconds = seconds / seconds.sum()
    return {name: float(seconds.get(name, 0.0)) for name in [*names, NOT_SURE]}


def _silence(ax: "Axes", told: pd.DataFrame, part, rows: int, least: float) -> None:
    """Shade the time that is not scored, in pieces of at least so many seconds."""
    begin, end = part
    inner = told[["start", "end"]].to_numpy().ravel()
    edges = np.r_[begin, inner, end].reshape(-1, 2)
    gaps = [(a, b - a) for a, b in edges if b - a > max(least, 1e-3)]
    ax.broken_barh(gaps, (-0.08, rows + 0.08), color=_SILENCE, linewidth=0, zorder=0)


def _lane(ax: "Axes", drawn: pd.DataFrame, name: str, bottom: float) -> None:
    colour = labels.colour(name)
    ax.axhline(bottom, color=_style.PALE, linewidth=0.7, zorder=1)
    x, low, high, score = _step_outline(drawn, [f"low {name}", f"high {name}", name])
    low, high, score = (bottom + _LANE * y for y in (low, high, score))
    band = {"color": colour, "linewidth": 0, "zorder": 2}
    ax.fill_between(x, low, high, alpha=0.28, **band)
    won = np.repeat((drawn["verdict"] == name).to_numpy(), 2)
    won = np.insert(won, _gap_places(drawn), False)
    ax.fill_between(x, bottom, score, where=won, alpha=0.75, **band)
    ax.plot(x, score, color=colour, linewidth=1.2, zorder=3, label=name)


def _floor(ax: "Axes", truth: pd.DataFrame, name: str, bottom: float) -> None:
    """Underline an emotion's lane where it is true."""
    runs = _merge_runs(truth, "emotion")
    here = runs[runs["name"] == name]
    bars = np.c_[here["start"], here["end"] - here["start"]]
    ax.broken_barh(bars, (bottom - 0.08, 0.08), color=_style.INK, linewidth=0, zorder=3)


def _ticks(ax: "Axes", names, shares, strips) -> None:
    rows = len(names) + len(strips)
    places = [rows - 1 - i + _LANE / 2 for i in range(len(names))]
    places += [len(strips) - 1 - i + _STRIP / 2 for i in range(len(strips))]
    words = [f"{name} {100 * shares[name]:.0f} %" for name in names]
    ax.set_yticks(places, words + strips)
    _style.tidy(ax)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def _time(ax: "Axes", begin: float, end: float) -> None:
    """Write seconds, or minutes and seconds, or hours, as the length asks for."""
    if end <= 120:
        ax.set_xlabel("seconds")
        return
    length = end - begin
    step = next((s for s in _TICKS if length / s <= 12), 0)
    step = step or 3600 * int(np.ceil(length / 3600 / 12))
    ax.set_xticks(np.arange(np.ceil(begin / step) * step, end + 1e-6, step))
    hours = end >= 3600
    ax.xaxis.set_major_formatter(lambda x, _: _clock(x, hours))
    ax.set_xlabel("hours:minutes:seconds" if hours else "minutes:seconds")


def _clock(seconds: float, hours: bool) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    if hours:
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return f"{minutes}:{seconds:02}"


def _strip(ax: "Axes", table: pd.DataFrame, column: str, bottom: float) -> None:
    """Draw a strip of names: colour, hatching where unsure, words where they fit."""
    runs = _merge_runs(table, column)
    left, right = ax.get_xlim()
    points = 72 * _style.inches(ax)[0] / (right - left)
    for name, group in runs.groupby("name"):
        bars = np.c_[group["start"], group["end"] - group["start"]]
        unsure = name == NOT_SURE
        ax.broken_barh(
            bars,
            (bottom, _STRIP),
            facecolor=_EMPTY if unsure else labels.colour(name),
            edgecolor=_style.MUTED if unsure else "white",
            hatch="////" if unsure else None,
            linewidth=0.4 if len(runs) <= _FEW_RUNS else 0,
            zorder=3,
        )
    for run in runs.itertuples():
        start, end = max(run.start, left), min(run.end, right)
        if (end - start) * points > _style.EM * _style.SMALL * (len(run.name) + 0.5):
            ax.text(
                (start + end) / 2,
                bottom + _STRIP / 2,
                run.name,
                ha="center",
                va="center",
                fontsize=_style.SMALL,
                color=_style.INK,
                bbox={
                    "facecolor": "white",
                    "edgecolor": "none",
                    "pad": 1,
                    "alpha": 0.8,
                },
                clip_on=True,
                zorder=4,
            )


def _caption(table, told, width, margin, known) -> tuple[str, str, list[str]]:
    facts = TimelineMetadata.of(table)
    head = ", ".join(filter(None, (facts.recording, facts.model)))
    unsure = _shares(told, [])[NOT_SURE]
    parts = ["Line: score, 0 to 1", "filled: the verdict"]
    parts += ["band: lowest to highest of the windows that hold the moment"]
    parts += ["black: the truth"] if known else []
    parts += ["grey: not scored", f"hatched: not sure, ahead by less than {margin:g}"]
    note = "; ".join(parts) + f" ({100 * unsure:.0f} % of the speech)"
    if width:
        note += f". Averaged over {width:g} s"
    alarms = ["Random weights: this means nothing."] * facts.random_weights
    return head or "Emotion over time", note, alarms
