"""Models side by side: their scores, and which of them cannot be told apart."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas
from sertools.plots.canvas import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Comparison

__all__ = ["comparison"]

_LEVEL = 0.05


def comparison(comparison: "Comparison", ax: "Axes | None" = None) -> "Axes":
    """Draw the UAR of several models with intervals, the best on top.

    Parameters
    ----------
    comparison : sertools.evaluation.Comparison
        As `sertools.evaluation.compare` gives.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One point a model, with its 95 % interval over speakers. Grey brackets
        join models that cannot be told apart. Scores that are not to be ranked
        with the first stand under a line; those that others published under
        another, with hollow marks.

    Notes
    -----
    Two intervals may overlap although the models differ: both models heard the
    same speakers, so that the difference is known better than either score.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools.evaluation import compare, from_predictions
    >>> truth = pd.DataFrame({"clip": list("abcd"), "emotion": ["sad", "angry"] * 2})
    >>> right = from_predictions(truth.assign(predicted=truth["emotion"]))
    >>> wrong = from_predictions(truth.assign(predicted="sad"))
    >>> ax = comparison(compare({"right": right, "wrong": wrong}))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['right', 'wrong']
    """
    groups = comparison.groups()
    others = comparison.published
    sizes = [len(rows) for _, rows in groups]
    if others is not None and len(others):
        sizes.append(len(others))
    ax = canvas.axes(ax, 8, 0.42 * (sum(sizes) + 0.8 * len(sizes)) + 1.6)
    names, places, top = [], [], 0.0
    word = itertools.chain(["other answers count as wrong"], itertools.repeat(None))
    for why, rows in groups:
        if why:
            top = _heading(ax, top, f"apart, not ranked: {why.split(',')[0]}")
        at = top + np.arange(len(rows))
        for place, row in zip(at, rows.itertuples(), strict=True):
            _ours(ax, place, row, word)
        _brackets(ax, comparison, rows.index, top)
        names, places, top = names + list(rows.index), [*places, *at], at[-1] + 1
    ours = top - 0.5
    if others is not None and len(others):
        top = _heading(ax, top, "apart, not ranked: published, other protocol")
        at = top + np.arange(len(others))
        for place, row in zip(at, others.itertuples(), strict=True):
            _theirs(ax, place, row)
        names, places, top = names + list(others.index), [*places, *at], at[-1] + 1
    chance = 1 / len(comparison.emotions)
    line = {"color": canvas.INK, "ls": ":", "zorder": 1}
    ax.plot([chance] * 2, [-0.5, ours], **line, label=f"chance {chance:.2f}")
    ax.set_yticks(places, list(map(str, names)))
    ax.set(xlim=(0, 1), ylim=(top - 0.5, -0.5), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel("UAR (bar: 95 % interval over speakers)")
    canvas.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=canvas.TEXT)
    canvas.legend_below(ax)
    alarms = [n for n in comparison.notes if n.startswith(("Random w", "Synthetic"))]
    ranked = len(comparison.pairs) > 0
    head = "Which model is better?" if ranked else "Not to be ranked with each other"
    canvas.heading(ax, head, _about(comparison), alarms)
    return ax


def _ours(ax: "Axes", place: float, row, word) -> None:
    """Draw one model: its point, its bar, and the stricter scoring."""
    if not np.isnan(row.low):
        ax.plot([row.low, row.high], [place] * 2, color=BLUE, linewidth=2.5)
    if row.uar_outside < row.uar - 1e-9:
        ax.plot(row.uar_outside, place, "|", color=ORANGE, ms=12, label=next(word))
    ax.plot(row.uar, place, "o", color=BLUE, markersize=8)
    score = {"value": row.uar, "low": _none(row.low), "high": _none(row.high)}
    _beside(ax, place, canvas.span(score))


def _theirs(ax: "Axes", place: float, row) -> None:
    """Draw what others published: hollow, without a bar."""
    ax.plot(row.score, place, "D", mfc="none", mec=canvas.MUTED, mew=1.6, ms=7)
    _beside(ax, place, f"{row.score:.2f} {row.measure}, {row.n_emotions} emotions")


def _beside(ax: "Axes", place: float, text: str) -> None:
    ax.text(
        1,
        place,
        text,
        transform=_right(ax, 9),
        va="center",
        fontsize=canvas.SMALL,
        color=canvas.INK,
    )


def _right(ax: "Axes", points: float):
    """Reckon from the right edge: so many points across, data up and down."""
    from matplotlib.transforms import ScaledTranslation

    across = ScaledTranslation(points / 72, 0, ax.get_figure(root=True).dpi_scale_trans)
    return ax.get_yaxis_transform() + across


def _heading(ax: "Axes", top: float, text: str) -> float:
    """Draw a line under what stands above, and a heading; give the next place."""
    ax.axhline(top - 0.4, color=canvas.MUTED, linewidth=0.8)
    words = ax.text(
        0.01,
        top + 0.1,
        text,
        transform=ax.get_yaxis_transform(),
        va="center",
        fontsize=canvas.SMALL,
        color=canvas.MUTED,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    words.set_in_layout(False)
    return top + 0.9


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _about(comparison: "Comparison") -> str:
    n = comparison.n_speakers
    who = "speakers unknown" if n is None else f"{n} speakers"
    start = f"{comparison.n_clips} clips, {who}, {', '.join(comparison.emotions)}"
    if not len(comparison.pairs):
        return start
    if comparison.pairs["p_joint"].isna().any():
        return f"{start}; too few speakers to tell models apart"
    return f"{start}; brackets join models that cannot be told apart"


def _brackets(ax: "Axes", comparison: "Comparison", names, top: float) -> None:
    """Join neighbours of which no pair was found to differ."""
    for number, (first, last) in enumerate(alike(comparison, names)):
        ax.plot(
            [1, 1],
            [top + first - 0.25, top + last + 0.25],
            transform=_right(ax, 118 + 7 * number),
            color=canvas.MUTED,
            linewidth=3,
            clip_on=False,
            solid_capstyle="butt",
        )


def alike(comparison: "Comparison", names=None) -> list[tuple[int, int]]:
    """Find the longest runs of models of which no pair was found to differ."""
    names = list(comparison.models.index if names is None else names)
    place = {name: i for i, name in enumerate(names)}
    apart = np.zeros((len(names),) * 2, dtype=bool)
    for row in comparison.pairs.itertuples():
        if row.a in place and row.b in place:
            differ = np.isnan(row.p_joint) or row.p_joint <= _LEVEL
            apart[place[row.a], place[row.b]] = apart[place[row.b], place[row.a]] = (
                differ
            )
    runs = []
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and not apart[first : last + 2, last + 1].any():
            last += 1
        if last > first and (not runs or runs[-1][1] < last):
            runs.append((first, last))
    return runs
