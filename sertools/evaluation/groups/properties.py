"""What clips can be grouped by: sex, text, how long they are, how loud ..."""

import os

import numpy as np
import pandas as pd

from sertools import features
from sertools.models import load as load_model

__all__ = ["PROPERTIES", "groupings"]

PROPERTIES = ("sex", "speaker", "intensity", "text", "duration", "loudness")
"""Looked at where nothing else is asked for."""

_MOST = 30
"""More values than this are too many to test one by one."""
_THIRDS = {
    "duration": ("short", "medium", "long"),
    "loudness": ("quiet", "medium", "loud"),
}
_UNITS = {"duration": "s", "loudness": "dB"}


def groupings(
    clips: pd.DataFrame, by: list[str] | None = None
) -> tuple[dict[str, pd.Series], list[str]]:
    """Name the group of each clip, property by property.

    Parameters
    ----------
    clips : DataFrame
        Indexed by clip. ``duration`` (seconds) and ``loudness`` (dB of full
        scale) are measured from ``path`` where there are no such columns.
        Columns of numbers, those two among them, are cut into thirds.
    by : list of str, optional
        Properties; those of `PROPERTIES` that are known if not given.

    Returns
    -------
    groups : dict of str to Series of str
        By clip; missing where it is unknown.
    notes : list of str
        What could not be grouped, and why.

    Raises
    ------
    ValueError
        If a property that was asked for is unknown.

    Examples
    --------
    >>> clips = pd.DataFrame({"sex": ["female", "male"], "duration": [1.0, 2.0]})
    >>> groups, notes = groupings(clips)
    >>> list(groups["duration"])
    ['short (up to 1.3 s)', 'long (over 1.7 s)']
    >>> notes[0]
    'By speaker: it is not known of these clips.'
    """
    wanted = list(PROPERTIES if by is None else by)
    known = clips.assign(**_measured(clips, wanted))
    found, notes = {}, []
    for name in wanted:
        column = known.get(name)
        why = _unfit(name, column)
        if not why:
            found[name] = _named(name, column)
        elif by is not None and (column is None or column.isna().all()):
            usable = sorted(c for c in known if c != "path" and known[c].notna().any())
            raise ValueError(f"{why} Known: {', '.join(usable)}.")
        else:
            notes.append(why)
    return found, notes


def _measured(clips: pd.DataFrame, wanted: list[str]) -> dict[str, pd.Series]:
    """Measure duration and loudness, where asked for and not given."""
    missing = [name for name in _UNITS if name in wanted and name not in clips]
    if not missing or "path" not in clips or clips["path"].isna().any():
        return {}
    if not all(map(os.path.isfile, clips["path"])):
        return {}
    model = load_model("duration_loudness")
    X = features.extract(model, clips, progress=False).astype(float)
    measured = {"duration": np.exp(X["log_seconds"]), "loudness": X["level_db"]}
    return {name: measured[name].reindex(clips.index) for name in missing}


def _unfit(name: str, column: pd.Series | None) -> str:
    """Say why clips cannot be grouped by a column; nothing if they can."""
    if column is None or column.isna().all():
        how = " and their files are not here" if name in _UNITS else ""
        return f"By {name}: it is not known of these clips{how}."
    if column.nunique() == 1:
        return f"By {name}: all clips are {column.dropna().iloc[0]}."
    if name != "speaker" and not _continuous(column) and column.nunique() > _MOST:
        return f"By {name}: {column.nunique()} values are too many to test one by one."
    return ""


def _continuous(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column) or (
        pd.api.types.is_numeric_dtype(column) and column.nunique() > _MOST
    )


def _named(name: str, column: pd.Series) -> pd.Series:
    if not _continuous(column):
        return column.astype(object).map(str, na_action="ignore")
    low, high = np.nanquantile(column, [1 / 3, 2 / 3])
    unit = f" {_UNITS[name]}" if name in _UNITS else ""
    words = _THIRDS.get(name, ("low", "medium", "high"))
    names = [
        f"{words[0]} (up to {low:.1f}{unit})",
        f"{words[1]} ({low:.1f} to {high:.1f}{unit})",
        f"{words[2]} (over {high:.1f}{unit})",
    ]
    places = np.searchsorted([low, high], column.to_numpy(dtype=float), side="left")
    third = pd.Series(np.array(names, dtype=object)[places], column.index, name=name)
    kind = pd.CategoricalDtype(names, ordered=True)  # short before medium before long
    return third.where(column.notna()).astype(kind)
