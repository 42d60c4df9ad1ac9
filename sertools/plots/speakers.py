"""How well each speaker is recognised."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Result

__all__ = ["speaker_recall"]

NAMED = 30
"""Up to so many speakers each has a name and a number; more are a strip of dots."""

_MARKS = {"female": ("o", "#0072B2"), "male": ("s", "#D55E00")}
_UNKNOWN = ("D", "#6B6B6B")


def speaker_recall(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw each speaker's own UAR, the best on top.

    A speaker's UAR is the mean recall over the emotions that this speaker has.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One mark a speaker, its shape the speaker's sex; lines at the mean of
        the speakers and at chance. Above 30 speakers only the best and the
        worst are named.

    Raises
    ------
    ValueError
        If the result does not know who speaks.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "clip": ["a", "b", "c"],
    ...         "emotion": ["happy", "sad", "sad"],
    ...         "speaker": ["one", "one", "two"],
    ...         "happy": [0.9, 0.2, 0.6],
    ...         "sad": [0.1, 0.8, 0.4],
    ...     }
    ... )
    >>> ax = speaker_recall(evaluation.from_predictions(table))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['one (2)', 'two (1)']
    """
    if not result.predictions["speaker"].notna().any():
        raise ValueError(
            "The predictions do not say who speaks: fill their column speaker."
        )
    table = (
        result.by("speaker")
        .drop("unknown", errors="ignore")
        .sort_values("uar", ascending=False, kind="stable")
    )
    table["sex"] = _sexes(result.predictions).reindex(table.index)
    many = len(table) > NAMED
    height = 6.5 if many else 0.27 * len(table) + 2.1
    ax = canvas.axes(ax, 7, height + canvas.extra(result, 7))
    _dots(ax, table, many)
    mean = table["uar"].mean()
    ax.axvline(
        mean, color=canvas.INK, linestyle="--", zorder=1, label=f"mean {mean:.2f}"
    )
    ax.axvline(
        result.chance,
        color=canvas.INK,
        linestyle=":",
        zorder=1,
        label=f"chance {result.chance:.2f}",
    )
    (_number_ranks if many else _name_speakers)(ax, table)
    ax.set(xlim=(-0.02, 1.02), xticks=np.linspace(0, 1, 6))
    margin = max(0.7, 0.02 * len(table))
    ax.set_ylim(len(table) - 1 + margin, -margin)
    ax.set_xlabel("UAR of the speaker's own clips")
    canvas.tidy(ax, grid="x")
    canvas.legend_below(ax)
    canvas.heading(ax, "Speakers, best first", _note(result), result.warnings)
    return ax


def _note(result: "Result") -> str:
    unknown = int(result.predictions["speaker"].isna().sum())
    hidden = f"; not shown: {unknown} clips whose speaker is unknown" if unknown else ""
    return canvas.about(result) + hidden


def _sexes(predictions: pd.DataFrame) -> pd.Series:
    known = predictions.dropna(subset=["speaker", "sex"])
    return known.groupby("speaker")["sex"].first()


def _dots(ax: "Axes", table: pd.DataFrame, many: bool) -> None:
    places = np.arange(len(table))
    groups = table["sex"].where(table["sex"].isin(_MARKS), "sex unknown").to_numpy()
    for group in sorted(set(groups)):
        marker, colour = _MARKS.get(group, _UNKNOWN)
        chosen = groups == group
        ax.plot(
            table["uar"].to_numpy()[chosen],
            places[chosen],
            marker,
            color=colour,
            markersize=5 if many else 7.5,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=f"{group} ({chosen.sum()})",
        )


def _short(speakers: pd.Index) -> list[str]:
    """Leave out the corpus where all speakers are of one."""
    names = [str(name) for name in speakers]
    corpora = {name.partition("/")[0] for name in names if "/" in name}
    if len(corpora) == 1 and all("/" in name for name in names):
        return [name.partition("/")[2] for name in names]
    return names


def _name_speakers(ax: "Axes", table: pd.DataFrame) -> None:
    names = _short(table.index)
    ax.set_yticks(
        range(len(table)),
        [f"{name} ({n})" for name, n in zip(names, table["n_clips"], strict=True)],
    )
    ax.set_ylabel("speaker (clips)")
    for place, uar in enumerate(table["uar"]):
        _beside(ax, place, uar, f"{uar:.2f}")


def _number_ranks(ax: "Axes", table: pd.DataFrame) -> None:
    ranks = [1, *range(10, len(table) + 1, 10)]
    ax.set_yticks([rank - 1 for rank in ranks], ranks)
    ax.set_ylabel(f"rank of the {len(table)} speakers")
    names = _short(table.index)
    for place in (0, len(table) - 1):
        uar = table["uar"].iloc[place]
        left = place > 0 and uar > 0.2
        _beside(ax, place, uar, f"{names[place]}: {uar:.2f}", left)


def _beside(
    ax: "Axes", place: int, value: float, text: str, left: bool = False
) -> None:
    ax.annotate(
        text,
        (value, place),
        xytext=(-7 if left else 7, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=canvas.SMALL,
        color=canvas.INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
    )
