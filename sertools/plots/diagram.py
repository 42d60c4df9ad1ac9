"""Whether a model that says 80 % is right eight times out of ten."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas
from sertools.plots.canvas import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Calibration, Result

__all__ = ["reliability"]

_STRIP = 0.2  # height of the histogram under the diagram


def reliability(result: "Result", bins: int = 10, ax: "Axes | None" = None) -> "Axes":
    """Draw how often answers are right against how sure they were.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    bins : int, default 10
        Of the confidence, equally wide.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        One point a bin, with its 95 % interval over speakers and a line to the
        diagonal, where a calibrated model would be; beneath, how many clips
        each bin has.

    Raises
    ------
    ValueError
        If the answers come without probabilities.

    References
    ----------
    Murphy and Winkler (1977), Reliability of subjective probability forecasts
    of precipitation and temperature, doi:10.2307/2346866

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "emotion": ["happy", "sad", "sad"],
    ...         "happy": [0.9, 0.2, 0.6],
    ...         "sad": [0.1, 0.8, 0.4],
    ...     }
    ... )
    >>> ax = reliability(evaluation.from_predictions(table))
    >>> ax.get_xlabel()
    'confidence: the probability of what it says'
    """
    found = result.calibration(bins)
    ax = canvas.axes(ax, 6.4, 6.6 + canvas.extra(result, 6.4))
    ends = [0, 1]
    ax.plot(ends, ends, color=canvas.INK, ls=":", lw=1.3, label="as sure as right")
    _sides(ax)
    _points(ax, found)
    _histogram(ax, found)
    ax.set(xlim=(0, 1.02), ylim=(-_STRIP - 0.02, 1.06))
    ax.set(xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
    ax.set_xlabel("confidence: the probability of what it says")
    ax.set_ylabel("share that is right")
    ax.yaxis.set_label_coords(-0.08, 0.58)
    canvas.tidy(ax, grid="y")
    canvas.legend_below(ax)
    note = f"{canvas.about(result)}. {_sum(found)}"
    canvas.heading(ax, "As sure as it is right?", note, result.warnings)
    return ax


def _sum(found: "Calibration") -> str:
    loss, error = found.scores.loc["log_loss"], found.errors.loc["top_label"]
    return (
        f"Log loss {loss['value']:.2f} (a constant guess: {loss['reference']:.2f}); "
        f"ECE {error['value']:.3f}, without chance {error['debiased']:.3f}"
    )


def _sides(ax: "Axes") -> None:
    for x, y, text in ((0.03, 0.96, "not sure enough"), (0.97, 0.06, "too sure")):
        ax.text(
            x,
            y,
            text,
            ha="left" if x < 0.5 else "right",
            fontsize=canvas.TEXT,
            style="italic",
            color=canvas.MUTED,
        )


def _points(ax: "Axes", found: "Calibration") -> None:
    table = found.bins
    ax.vlines(
        table["confidence"],
        table[["confidence", "accuracy"]].min(axis=1),
        table[["confidence", "accuracy"]].max(axis=1),
        color=ORANGE,
        lw=5,
        alpha=0.35,
        label="gap",
    )
    known = table.dropna(subset=["low"])
    if len(known):
        ax.vlines(
            known["confidence"],
            known["low"],
            known["high"],
            color=BLUE,
            lw=1.6,
            label="95 % over speakers",
        )
    size = 30 + 170 * table["n_clips"] / table["n_clips"].max()
    ax.scatter(
        table["confidence"],
        table["accuracy"],
        s=size,
        color=BLUE,
        edgecolor="white",
        linewidth=0.8,
        zorder=3,
    )


def _histogram(ax: "Axes", found: "Calibration") -> None:
    """Draw the clips of each bin in a strip beneath the diagram."""
    ax.axhline(0, color=canvas.MUTED, linewidth=0.8)
    for row in found.bins.itertuples():
        height = 0.62 * _STRIP * row.n_clips / found.bins["n_clips"].max()
        width = row.right - row.left
        ax.bar(
            (row.left + row.right) / 2,
            height,
            width=0.88 * width,
            bottom=-_STRIP,
            color=canvas.PALE,
            edgecolor=canvas.MUTED,
            linewidth=0.7,
        )
        if width >= 0.05:
            ax.text(
                (row.left + row.right) / 2,
                height - _STRIP + 0.008,
                str(row.n_clips),
                ha="center",
                va="bottom",
                fontsize=canvas.SMALL,
                color=canvas.INK,
            )
    ax.text(0.01, -0.012, "clips", va="top", fontsize=canvas.SMALL, color=canvas.MUTED)
