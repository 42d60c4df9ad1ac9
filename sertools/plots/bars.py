"""Horizontal bars: what one clip scored, and which features told most."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import labels
from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["class_scores", "importances"]

BAR = "#0072B2"


def class_scores(
    scores: "Mapping[str, float] | pd.Series", ax: "Axes | None" = None
) -> "Axes":
    """Draw what a model says about one clip, the best emotion first.

    Parameters
    ----------
    scores : mapping or Series of str to float
        Emotion to score, for example ``{"happy": 0.7, "sad": 0.3}``.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One bar an emotion, from 0 to 1 where all scores lie there.

    Raises
    ------
    ValueError
        If there is no score, or one is not a number.

    Examples
    --------
    >>> ax = class_scores({"sad": 0.3, "happy": 0.7})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['happy', 'sad']
    """
    column = _column(scores, "scores").sort_values(ascending=False, kind="stable")
    ax = canvas.axes(ax, 5.5, 0.32 * len(column) + 0.8)
    colours = [labels.colour(name) for name in column.index]
    _bars(ax, column, colours, [f"{score:.2f}" for score in column])
    if column.between(0, 1).all():
        ax.set(xlim=(0, 1.1), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel("score")
    return ax


def importances(
    series: "pd.Series | pd.DataFrame | Mapping[str, float]",
    top: int = 15,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the most telling features, the first on top.

    Parameters
    ----------
    series : Series, mapping or DataFrame
        Feature to importance; or a DataFrame indexed by feature with columns
        ``mean`` and ``std``, drawn with error bars of one standard deviation.
    top : int, default 15
        How many features to draw: those furthest from zero.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One bar a feature.

    Raises
    ------
    ValueError
        If there is no importance, one is not a number, `top` is below 1, or a
        DataFrame lacks ``mean`` or ``std``.

    Examples
    --------
    >>> ax = importances(pd.Series({"loudness": 0.1, "pitch": 0.4}), top=1)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['pitch']
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, not {top}.")
    spread = None
    if isinstance(series, pd.DataFrame):
        missing = {"mean", "std"} - set(series.columns)
        if missing:
            raise ValueError(
                f"The table of importances lacks {', '.join(sorted(missing))}; "
                "it needs the columns mean and std."
            )
        series, spread = series["mean"], series["std"]
    column = _column(series, "importances")
    order = column.abs().sort_values(ascending=False, kind="stable").index[:top]
    column = column[order]
    ax = canvas.axes(ax, 7.5, 0.27 * len(column) + 0.9)
    decimals = max(0, 1 - int(np.floor(np.log10(column.abs().max() or 1))))
    numbers = [f"{value:.{decimals}f}" for value in column]
    _bars(ax, column, BAR, numbers, None if spread is None else spread[order])
    ax.set_xlabel(
        "importance" if spread is None else "importance (line: one standard deviation)"
    )
    return ax


def _column(scores: "Mapping[str, float] | pd.Series", noun: str) -> pd.Series:
    column = pd.Series(scores, dtype=float)
    if column.empty:
        raise ValueError(f"There are no {noun} to draw.")
    unfit = column.index[~np.isfinite(column)]
    if len(unfit):
        raise ValueError(f"The {noun} of {', '.join(map(str, unfit))} are no numbers.")
    return column


def _bars(
    ax: "Axes",
    column: pd.Series,
    colours: "str | list[str]",
    numbers: list[str],
    spread: pd.Series | None = None,
) -> None:
    """Draw one bar a row, the first on top, each with its number."""
    places = np.arange(len(column))
    reach = np.zeros(len(column)) if spread is None else spread.to_numpy()
    ax.barh(places, column, color=colours, height=0.72)
    if spread is not None:
        ax.errorbar(
            column, places, xerr=reach, fmt="none", ecolor=canvas.INK, elinewidth=1
        )
    for place, number in enumerate(numbers):
        ax.annotate(
            number.replace("-", "\N{MINUS SIGN}"),
            (max(column.iloc[place] + reach[place], 0), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=canvas.SMALL,
            color=canvas.INK,
        )
    ax.set_yticks(places, column.index)
    ax.set_ylim(len(column) - 0.4, -0.6)
    ax.margins(x=0.12)
    canvas.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    if (column < 0).any():
        ax.axvline(0, color=canvas.MUTED, linewidth=0.8)
