"""What a model gains by keeping silent where it is least sure."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas
from sertools.plots.canvas import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Abstention, Result

__all__ = ["risk_coverage"]

_FEWEST = 10  # clips of which an error is drawn
_MARKED = 0.8


def risk_coverage(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw the error among the surest clips against the share that is answered.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        The error with its 95 % band over speakers, and 1 - UAR as long as every
        emotion has clips left; for comparison an oracle, who is silent on the
        wrong answers first, and silence by chance. The area under each curve is
        its mean error.

    Raises
    ------
    ValueError
        If the answers come without probabilities.

    References
    ----------
    Geifman and El-Yaniv (2017), Selective classification for deep neural
    networks, arXiv:1705.08500

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
    >>> ax = risk_coverage(evaluation.from_predictions(table))
    >>> ax.get_ylabel()
    'error among the answers'
    """
    found = result.abstention()
    ax = canvas.axes(ax, 7.5, 4.8 + canvas.extra(result, 7.5))
    _curves(ax, found)
    _mark(ax, found)
    top = max(found.curve["error"].iloc[-1], found.curve["uar_error"].iloc[-1])
    ax.set(xlim=(0, 1.01), ylim=(0, min(1.02, max(2 * top, 0.1))))
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    ax.set_xlabel("share of the clips that is answered, the surest first")
    ax.set_ylabel("error among the answers")
    canvas.tidy(ax, grid="y")
    canvas.legend_below(ax)
    note = f"{canvas.about(result)}. Area: the mean error over all shares answered"
    canvas.heading(ax, "What silence buys", note, result.warnings)
    return ax


def _curves(ax: "Axes", found: "Abstention") -> None:
    curve, areas = found.curve, found.areas
    ax.axhline(
        areas["random"],
        color=canvas.INK,
        ls=":",
        lw=1.3,
        label=f"silent by chance, area {areas['random']:.3f}",
    )
    drawn = curve[curve["n_clips"] >= min(_FEWEST, len(curve))]
    if drawn["low"].notna().any():
        ax.fill_between(
            drawn["coverage"],
            drawn["low"],
            drawn["high"],
            color=BLUE,
            alpha=0.14,
            linewidth=0,
            label="95 % over speakers",
        )
    area = f"area {areas['value']:.3f}"
    ax.plot(
        drawn["coverage"],
        drawn["error"],
        color=BLUE,
        lw=2.4,
        label=f"error, {area}",
    )
    ax.plot(
        drawn["coverage"],
        drawn["uar_error"],
        color=ORANGE,
        ls=(0, (5, 1.5)),
        lw=1.7,
        label="1 \N{MINUS SIGN} UAR",
    )
    ax.plot(
        curve["coverage"],
        curve["oracle"],
        color=canvas.MUTED,
        ls="-.",
        lw=1.4,
        label=f"oracle, area {areas['oracle']:.3f}",
    )


def _mark(ax: "Axes", found: "Abstention") -> None:
    """Write the error where four clips in five are answered, and at the end."""
    for share, place in ((_MARKED, (0, -26)), (1.0, (-2, 22))):
        row = found.at(share)
        ax.plot(row["coverage"], row["error"], "o", color=BLUE, ms=7, mec="white")
        ax.annotate(
            f"{row['error']:.3f}",
            (row["coverage"], row["error"]),
            xytext=place,
            textcoords="offset points",
            ha="right" if share == 1 else "center",
            fontsize=canvas.TEXT,
            fontweight="bold",
            color=canvas.INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
            arrowprops={"arrowstyle": "-", "color": canvas.MUTED, "lw": 0.7},
        )
