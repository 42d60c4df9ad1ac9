"""Subgroup scores: by sex, by text, by how long or loud a clip is."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools.evaluation._permutation_tests import LEVEL
from sertools.plots import _style
from sertools.plots._style import BLUE, INK, MUTED, ORANGE, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation._subgroups import Subgroups

_LONGEST = 34  # letters; longer names of groups are cut


def subgroups(
    subgroups: "Subgroups",
    by: "str | list[str] | None" = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw subgroup scores: the UAR of groups of clips, property by property.

    Parameters
    ----------
    subgroups : sertools.evaluation.Subgroups
        As `sertools.evaluation.subgroups` gives.
    by : str or list of str, optional
        Properties to draw; all if not given.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One dot a group with its 95 % interval over speakers, and how many
        clips and speakers it has. A diamond is a group that was found to
        differ from the rest; a hollow dot is one that cannot be tested. A
        short line marks the mean of the property's groups.

    Raises
    ------
    ValueError
        If a property is not among those that were looked at.

    Examples
    --------
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "clip": range(40),
    ...         "emotion": ["sad", "happy"] * 20,
    ...         "predicted": ["sad"] * 40,
    ...         "speaker": ["one", "two"] * 20,
    ...         "sex": ["female"] * 20 + ["male"] * 20,
    ...     }
    ... )
    >>> found = evaluation.subgroups(evaluation.from_predictions(table))
    >>> [label.get_text() for label in subgroups(found, "sex").get_yticklabels()]
    ['female (20; 2)', 'male (20; 2)']
    """
    wanted = [by] if isinstance(by, str) else list(by or subgroups.verdicts)
    if unknown := [name for name in wanted if name not in subgroups.verdicts]:
        known = ", ".join(subgroups.verdicts)
        raise ValueError(f"Not looked at: {', '.join(unknown)}. Known: {known}.")
    table = subgroups.groups[subgroups.groups["property"].isin(wanted)]
    places = _places(table, wanted)
    ax = _style.axes(ax, 8, 0.26 * (max(places.max(), 0) + 1) + 1.9)
    for name in wanted:
        rows = table[table["property"] == name]
        chance = 1 / max(len(subgroups.emotions[name]), 1)
        _mean(ax, rows["uar"], places[rows.index], chance)
    for row in table.itertuples():
        _group(ax, row, places[row.Index])
    _names(ax, table, places, wanted)
    _key(ax, table)
    _style.score_rows(ax, (places.max() + 0.7, -1.4), _style.OVER_SPEAKERS, SMALL)
    who = _style.made_by(subgroups.info)
    note = f"{who}. " * bool(who) + "In brackets: clips; speakers."
    head = "For whom does it fail?"
    _style.heading(ax, head, note, _style.alarms(subgroups.notes))
    return ax


def _places(table: pd.DataFrame, wanted: list[str]) -> pd.Series:
    """Give each group a line, and leave one free above each property."""
    blocks = table["property"].map({name: i for i, name in enumerate(wanted)})
    order = blocks.sort_values(kind="stable")
    lines = np.arange(len(order)) + 1.6 * order.to_numpy()
    return pd.Series(lines, order.index, dtype=float)


def _mean(ax: "Axes", scores: pd.Series, places: pd.Series, chance: float) -> None:
    """Mark the mean of the groups, and what guessing among their emotions gives."""
    if scores.notna().any():
        ends = [places.min() - 0.45, places.max() + 0.45]
        ax.plot([scores.mean()] * 2, ends, color=MUTED, lw=1, zorder=1)
        ax.plot([chance] * 2, ends, ":", color=INK, lw=1.2, zorder=1)


def _group(ax: "Axes", row, place: float) -> None:
    if np.isnan(row.uar):
        _style.beside(ax, place, "too few clips", color=MUTED)
        return
    found, hollow = row.p_joint <= LEVEL, np.isnan(row.p_joint)
    colour = ORANGE if found else BLUE
    if not np.isnan(row.low):
        ax.plot([row.low, row.high], [place] * 2, color=colour, lw=2)
    look = {"color": colour, "mfc": "white" if hollow else colour, "mew": 1.5}
    ax.plot(row.uar, place, "D" if found else "o", ms=6.5, **look)
    text = _style.interval_text(row.uar, row.low, row.high)
    _style.beside(ax, place, f"{row.uar:.2f}" if np.isnan(row.low) else text)


def _names(ax: "Axes", table: pd.DataFrame, places, wanted: list[str]) -> None:
    """Name groups at the axis, and properties above them."""
    ordered = table.loc[places.index]
    ax.set_yticks(places, [_label(row) for row in ordered.itertuples()])
    for name in wanted:
        first = places[table.index[table["property"] == name]].min()
        ax.annotate(
            f"by {name}",
            (0, first - 0.95),
            xycoords=ax.get_yaxis_transform(),
            xytext=(4, 0),
            textcoords="offset points",
            fontweight="bold",
            **_style.LABEL,
        )


def _label(row) -> str:
    name = row.group.rpartition("/")[2] if row.property == "speaker" else row.group
    if len(name) > _LONGEST:
        name = f"{name[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"
    if row.property == "speaker" or pd.isna(row.n_speakers):
        return f"{name} ({row.n_clips})"
    return f"{name} ({row.n_clips}; {row.n_speakers:.0f})"


def _key(ax: "Axes", table: pd.DataFrame) -> None:
    """Explain the marks that are there."""
    scored = table.dropna(subset="uar")
    found, untested = scored["p_joint"] <= LEVEL, scored["p_joint"].isna()
    kinds = {
        "not told from the rest": ((~found & ~untested).any(), "o", BLUE, BLUE),
        "differs from the rest": (found.any(), "D", ORANGE, ORANGE),
        "cannot be tested": (untested.any(), "o", BLUE, "white"),
    }
    for word, (there, marker, colour, inside) in kinds.items():
        if there:
            look = {"color": colour, "mfc": inside, "mew": 1.5, "ls": ""}
            ax.plot([], [], marker, label=word, **look)
    ax.plot([], [], color=MUTED, lw=1, label="mean of the groups")
    ax.plot([], [], ":", color=INK, lw=1.2, label="chance")
