"""Models side by side: their scores, and which of them cannot be told apart."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Comparison

__all__ = ["comparison"]

_BLUE, _ORANGE = "#0072B2", "#B34700"
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
        join models that cannot be told apart.

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
    models = comparison.models
    word = itertools.chain(["other answers count as wrong"], itertools.repeat(None))
    ax = canvas.axes(ax, 8, 0.42 * len(models) + 1.9)
    for place, row in enumerate(models.itertuples()):
        if not np.isnan(row.low):
            ax.plot([row.low, row.high], [place] * 2, color=_BLUE, linewidth=2.5)
        if row.uar_outside < row.uar - 1e-9:
            ax.plot(row.uar_outside, place, "|", color=_ORANGE, ms=12, label=next(word))
        ax.plot(row.uar, place, "o", color=_BLUE, markersize=8)
        score = {"value": row.uar, "low": _none(row.low), "high": _none(row.high)}
        ax.text(
            1.02,
            place,
            canvas.span(score),
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=canvas.SMALL,
            color=canvas.INK,
        )
    _brackets(ax, comparison)
    chance = 1 / len(comparison.emotions)
    ax.axvline(chance, color=canvas.INK, ls=":", zorder=1, label=f"chance {chance:.2f}")
    ax.set_yticks(range(len(models)), list(map(str, models.index)))
    ax.set(xlim=(0, 1), ylim=(len(models) - 0.5, -0.5), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel("UAR (bar: 95 % interval over speakers)")
    canvas.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=canvas.TEXT)
    canvas.legend_below(ax)
    alarms = [n for n in comparison.notes if n.startswith(("Random w", "Synthetic"))]
    canvas.heading(ax, "Which model is better?", _about(comparison), alarms)
    return ax


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _about(comparison: "Comparison") -> str:
    n = comparison.n_speakers
    who = "speakers unknown" if n is None else f"{n} speakers"
    start = f"{comparison.n_clips} clips, {who}, {', '.join(comparison.emotions)}"
    if comparison.pairs["p_joint"].isna().any():
        return f"{start}; too few speakers to tell models apart"
    return f"{start}; brackets join models that cannot be told apart"


def _brackets(ax: "Axes", comparison: "Comparison") -> None:
    """Join neighbours of which no pair was found to differ."""
    for number, (first, last) in enumerate(alike(comparison)):
        x = 1.32 + 0.025 * number
        ax.plot(
            [x, x],
            [first - 0.25, last + 0.25],
            transform=ax.get_yaxis_transform(),
            color=canvas.MUTED,
            linewidth=3,
            clip_on=False,
            solid_capstyle="butt",
        )


def alike(comparison: "Comparison") -> list[tuple[int, int]]:
    """Find the longest runs of models of which no pair was found to differ."""
    names = list(comparison.models.index)
    place = {name: i for i, name in enumerate(names)}
    apart = np.zeros((len(names),) * 2, dtype=bool)
    for row in comparison.pairs.itertuples():
        differ = np.isnan(row.p_joint) or row.p_joint <= _LEVEL
        apart[place[row.a], place[row.b]] = apart[place[row.b], place[row.a]] = differ
    runs = []
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and not apart[first : last + 2, last + 1].any():
            last += 1
        if last > first and (not runs or runs[-1][1] < last):
            runs.append((first, last))
    return runs
