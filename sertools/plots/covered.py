"""For whom sets of emotions hold the truth."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas
from sertools.plots.canvas import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import EmotionSets

__all__ = ["set_coverage"]

_NAMED = 30


def set_coverage(sets: "EmotionSets", ax: "Axes | None" = None) -> "Axes":
    """Draw how often each speaker's sets hold the truth, the best covered on top.

    Parameters
    ----------
    sets : sertools.evaluation.EmotionSets
        As `sertools.evaluation.conformal` gives.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One mark a speaker, a filled circle where the level is reached and an
        open diamond where it is not, beside the speaker's mean size of a set;
        lines at the level and at the coverage of all clips.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "emotion": ["happy", "sad", "sad", "happy"],
    ...         "speaker": ["one", "one", "two", "two"],
    ...         "happy": [0.9, 0.2, 0.6, 0.7],
    ...         "sad": [0.1, 0.8, 0.4, 0.3],
    ...     }
    ... )
    >>> result = evaluation.from_predictions(table)
    >>> ax = set_coverage(evaluation.conformal(result, level=0.5))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['one (2)', 'two (2)']
    """
    table = sets.by("speaker")[::-1]
    many = len(table) > _NAMED
    ax = canvas.axes(ax, 7, 6.5 if many else 0.27 * len(table) + 2.3)
    _marks(ax, table, sets.level)
    whole = sets.coverage["value"]
    ax.axvline(
        sets.level, color=canvas.INK, ls="--", zorder=1, label=f"level {sets.level:g}"
    )
    ax.axvline(
        whole, color=canvas.INK, ls=":", zorder=1, label=f"all clips {whole:.2f}"
    )
    _names(ax, table, many)
    ax.set(xlim=(-0.02, 1.02), xticks=np.linspace(0, 1, 6))
    margin = max(0.7, 0.02 * len(table))
    ax.set_ylim(len(table) - 1 + margin, -margin)
    ax.set_xlabel("share of the speaker's clips whose set holds the truth")
    canvas.tidy(ax, grid="x")
    canvas.legend_below(ax)
    note = (
        f"{len(sets.sets)} clips, {len(table)} speakers, on average "
        f"{sets.sets['size'].mean():.2f} emotions of {len(sets.classes)} a set. "
        "No guarantee"
    )
    alarms = [n for n in sets.notes if n.startswith(("Random w", "Synthetic"))]
    canvas.heading(ax, "Whose emotion is in the set?", note, alarms)
    return ax


def _marks(ax: "Axes", table, level: float) -> None:
    places, shares = np.arange(len(table)), table["coverage"].to_numpy()
    reached = shares >= level - 1e-9
    size = 7.5 if len(table) <= _NAMED else 5
    kinds = (
        (reached, "o", BLUE, BLUE, "reached"),
        (~reached, "D", ORANGE, "white", "missed"),
    )
    for chosen, marker, colour, face, word in kinds:
        if chosen.any():
            ax.plot(
                shares[chosen],
                places[chosen],
                marker,
                color=colour,
                markerfacecolor=face,
                markersize=size,
                label=f"level {word} ({chosen.sum()})",
            )


def _names(ax: "Axes", table, many: bool) -> None:
    names = _short([str(name) for name in table.index])
    if many:
        ranks = [1, *range(10, len(table) + 1, 10)]
        ax.set_yticks([rank - 1 for rank in ranks], ranks)
        ax.set_ylabel(f"rank of the {len(table)} speakers")
        _beside(ax, len(table) - 1, f"{names[-1]}: {table['coverage'].iloc[-1]:.2f}")
        return
    ax.set_yticks(
        range(len(table)),
        [f"{name} ({n})" for name, n in zip(names, table["n_clips"], strict=True)],
    )
    ax.set_ylabel("speaker (clips)")
    for place, row in enumerate(
        table.rename(columns={"size": "emotions"}).itertuples()
    ):
        _beside(ax, place, f"{row.coverage:.2f}; {row.emotions:.1f} a set")


def _beside(ax: "Axes", place: int, text: str) -> None:
    ax.text(
        1.02,
        place,
        text,
        transform=ax.get_yaxis_transform(),
        va="center",
        fontsize=canvas.SMALL,
        color=canvas.INK,
    )


def _short(names: list[str]) -> list[str]:
    """Leave out the corpus where all speakers are of one."""
    corpora = {name.partition("/")[0] for name in names if "/" in name}
    if len(corpora) == 1 and all("/" in name for name in names):
        return [name.partition("/")[2] for name in names]
    return names
