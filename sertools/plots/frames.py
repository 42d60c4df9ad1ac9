"""Scores over time: one row a class, one column a moment."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["frame_scores"]

_ROOM = 24
"""Frames up to which every cell has its number."""


def frame_scores(table: pd.DataFrame, top: int = 8, ax: "Axes | None" = None) -> "Axes":
    """Draw what a model scores from moment to moment within one clip.

    Parameters
    ----------
    table : DataFrame of shape (frames, classes)
        Scores in [0, 1], indexed by the seconds at which the frames begin.
    top : int, default 8
        Classes to draw: those with the highest score anywhere in the clip.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One row a class, the best on average on top. Where there are few frames,
        the numbers stand in the cells.

    Raises
    ------
    ValueError
        If the table is empty.

    Examples
    --------
    >>> seconds = pd.Index([0.0, 0.48], name="seconds")
    >>> heard = pd.DataFrame({"Sigh": [0, 0.1], "Speech": [0.9, 1]}, index=seconds)
    >>> [label.get_text() for label in frame_scores(heard).get_yticklabels()]
    ['Speech', 'Sigh']
    """
    if table.empty:
        raise ValueError("The table of scores is empty.")
    shown = table[table.max().nlargest(top).index]
    shown = shown[shown.mean().sort_values(ascending=False, kind="stable").index]
    ax = canvas.axes(ax, 8, 0.32 * shown.shape[1] + 1.0)
    edges = _edges(shown.index.to_numpy(dtype=float))
    rows = np.arange(shown.shape[1] + 1) - 0.5
    mesh = ax.pcolormesh(
        edges, rows, shown.to_numpy().T, cmap="Blues", vmin=0, vmax=1, edgecolors="face"
    )
    if len(shown) <= _ROOM:
        _write(ax, shown, edges)
    else:
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.01, aspect=12)
        bar.set_label("score", fontsize=canvas.SMALL)
        bar.ax.tick_params(labelsize=canvas.SMALL)
        bar.outline.set_visible(False)
    ax.set_yticks(range(shown.shape[1]), list(map(str, shown.columns)))
    ax.set(ylim=(shown.shape[1] - 0.5, -0.5), xlabel="seconds")
    canvas.tidy(ax)
    ax.tick_params(axis="y", length=0)
    return ax


def _edges(starts: np.ndarray) -> np.ndarray:
    """Give the borders between frames; the last is as long as the one before."""
    step = np.diff(starts)[-1] if len(starts) > 1 else 1.0
    return np.append(starts, starts[-1] + step)


def _write(ax: "Axes", shown: pd.DataFrame, edges: np.ndarray) -> None:
    middles = (edges[:-1] + edges[1:]) / 2
    width = 72 * canvas.inches(ax)[0] / len(shown)
    size = float(np.clip(width / 2.6, 5, canvas.SMALL))
    for (frame, row), score in np.ndenumerate(shown.to_numpy()):
        ax.text(
            middles[frame],
            row,
            f"{score:.2f}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if score > 0.6 else canvas.INK,
        )
