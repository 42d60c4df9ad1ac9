"""What a head loses without each family of features, and what each knows alone."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas
from sertools.plots.canvas import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Reliance

__all__ = ["reliance"]


def reliance(found: "Reliance", ax: "Axes | None" = None) -> "Axes":
    """Draw the UAR with each family of features shuffled, and of it alone.

    Parameters
    ----------
    found : sertools.evaluation.Reliance
        As `sertools.evaluation.reliance` gives.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        Two dots a family, each with its 95 % interval over speakers: with the
        family shuffled, and of a head trained on it alone. Lines mark the
        UAR of all families, and chance.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation, features, models
    >>> from sertools import datasets
    >>> clips = datasets.load("demo")
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False, progress=False)
    >>> names = {name: name for name in X}
    >>> found = evaluation.reliance("logistic", X, clips, names, repeats=2)
    >>> sorted(text.get_text() for text in reliance(found).get_yticklabels())
    ['level_db (1)', 'log_seconds (1)']
    """
    table = found.table
    ax = canvas.axes(ax, 8, 0.6 * len(table) + 2.1)
    without = found.uar - table[["drop", "high", "low"]].to_numpy()
    alone = table[["alone", "alone_low", "alone_high"]].to_numpy()
    for place in range(len(table)):
        _dot(ax, place - 0.16, without[place], BLUE, "o", "family shuffled", place)
        _dot(
            ax,
            place + 0.16,
            alone[place],
            ORANGE,
            "D",
            "trained on it alone",
            place,
        )
    ax.axvline(
        found.uar, color=canvas.MUTED, ls="--", zorder=1, label=f"all {found.uar:.2f}"
    )
    chance = found.chance
    ax.axvline(chance, color=canvas.INK, ls=":", zorder=1, label=f"chance {chance:.2f}")
    names = [f"{name} ({n})" for name, n in table["n_features"].items()]
    ax.set_yticks(range(len(table)), names)
    ax.set(xlim=(0, 1), ylim=(len(table) - 0.5, -0.5), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel("UAR (bar: 95 % interval over speakers)")
    canvas.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=canvas.TEXT)
    canvas.legend_below(ax)
    alarms = [n for n in found.notes if n.startswith(("Random w", "Synthetic"))]
    canvas.heading(ax, "What does it rely on?", _about(found), alarms)
    return ax


def _dot(ax, place: float, score, colour: str, marker: str, word: str, row: int):
    value, low, high = score
    if not np.isnan(low):
        ax.plot([low, high], [place] * 2, color=colour, linewidth=2.2, alpha=0.55)
    label = word if row == 0 else None
    ax.plot(value, place, marker, color=colour, markersize=7, ls="none", label=label)
    ax.annotate(
        f"{value:.2f}",
        (1.02, place),
        xycoords=ax.get_yaxis_transform(),
        va="center",
        fontsize=canvas.SMALL,
        color=colour,
    )


def _about(found: "Reliance") -> str:
    info = found.info
    who = ", ".join(str(info[k]) for k in ("dataset", "model", "head") if info.get(k))
    n = found.n_speakers
    speakers = f"{n} speakers" if n else "speakers unknown"
    return (
        f"{who}, {found.n_clips} clips, {speakers}; how many features in brackets; a "
        "family is shuffled among the clips of each held-out speaker"
    )
