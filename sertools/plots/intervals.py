"""Scores with their intervals, beside what chance and loudness alone reach."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Result

__all__ = ["scores"]

_WORDS = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1"}


def scores(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw UAR, accuracy and macro F1 with their 95 % intervals over speakers.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        One point a score. Lines mark the UAR of chance and, where the result
        has it, the UAR that duration and loudness alone reach.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "clip": ["a", "b", "c"],
    ...         "emotion": ["happy", "sad", "sad"],
    ...         "speaker": ["1", "1", "2"],
    ...         "happy": [0.9, 0.2, 0.6],
    ...         "sad": [0.1, 0.8, 0.4],
    ...     }
    ... )
    >>> ax = scores(evaluation.from_predictions(table))
    >>> ax.texts[0].get_text()
    '0.75 (no interval)'
    """
    ax = canvas.axes(ax, 7, 2.9 + canvas.extra(result, 7))
    for place, (name, score) in enumerate(result.scores().items()):
        _point(ax, place, score)
        ax.text(
            1.02,
            place,
            canvas.span(score),
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=canvas.TEXT,
            fontweight="bold" if name == "uar" else "normal",
            color=canvas.INK,
        )
    _reference_lines(ax, result)
    words = [_WORDS.get(name, name) for name in result.scores()]
    ax.set_yticks(range(len(words)), words)
    ax.set(xlim=(0, 1), ylim=(len(words) - 0.5, -0.5), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel(f"score ({_meaning(result)})")
    canvas.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=canvas.TEXT)
    canvas.legend_below(ax)
    canvas.heading(ax, "Scores", canvas.about(result), result.warnings)
    return ax


def _meaning(result: "Result") -> str:
    if result.scores()["uar"]["low"] is None:
        few = (result.n_speakers or 0) < 3
        return "no interval: " + ("it takes 3 speakers" if few else "all are alike")
    return "bar: 95 % interval over speakers"


def _point(ax: "Axes", place: int, score: dict) -> None:
    if score["low"] is not None:
        ax.plot(
            [score["low"], score["high"]],
            [place, place],
            color="#0072B2",
            linewidth=2.5,
            solid_capstyle="butt",
        )
    ax.plot(score["value"], place, "o", color="#0072B2", markersize=9)


def _reference_lines(ax: "Axes", result: "Result") -> None:
    ax.axvline(
        result.chance,
        color=canvas.INK,
        linestyle=":",
        linewidth=1.5,
        zorder=1,
        label=f"chance {result.chance:.2f}",
    )
    if result.baseline:
        uar = result.baseline["uar"]["value"]
        ax.axvline(
            uar,
            color="#B34700",
            linestyle="--",
            linewidth=1.5,
            zorder=1,
            label=f"duration and loudness alone {uar:.2f}",
        )
