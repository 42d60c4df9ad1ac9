"""Clips scored together, or group by group."""

import numpy as np
import pandas as pd

from sertools.evaluation.intervals import SCORES, counts_by_speaker, jackknife
from sertools.evaluation.result import FIELDS, Result

__all__ = ["by", "groups", "scores"]


def scores(table: pd.DataFrame, classes: list[str]) -> dict[str, dict]:
    """Score predictions; see `Result.scores`.

    Parameters
    ----------
    table : DataFrame
        With emotion, predicted and speaker.
    classes : list of str
        All that can be predicted.

    Returns
    -------
    dict of dict
        ``value``, ``low``, ``high`` by score.
    """
    unknown = table["speaker"].isna().any()
    speakers = np.zeros(len(table)) if unknown else table["speaker"]
    emotions = sorted(table["emotion"].unique())
    counts = counts_by_speaker(
        table["emotion"], table["predicted"], speakers, emotions, classes
    )
    return {
        name: dict(zip(("value", "low", "high"), jackknife(counts, score), strict=True))
        for name, score in SCORES.items()
    }


def by(result: Result, column: str) -> pd.DataFrame:
    """Score groups of clips apart; see `Result.by`."""
    table = result.predictions
    named = groups(table, column, FIELDS)
    rows = {}
    for group, part in table.groupby(named, sort=True):
        found = scores(part, result.classes)
        unknown = part["speaker"].isna().any()
        rows[group] = {
            "n_clips": len(part),
            "n_speakers": None if unknown else part["speaker"].nunique(),
            "n_emotions": part["emotion"].nunique(),
            "uar": found["uar"]["value"],
            "low": found["uar"]["low"],
            "high": found["uar"]["high"],
            "accuracy": found["accuracy"]["value"],
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(column)


def groups(table: pd.DataFrame, column: str, known=None) -> pd.Series:
    """Name the group of each row; ``unknown`` where the column says nothing.

    Parameters
    ----------
    table : DataFrame
        Any.
    column : str
        Of the table.
    known : iterable of str, optional
        Columns to name where there is no such one; all if not given.

    Raises
    ------
    ValueError
        If there is no such column.

    Examples
    --------
    >>> groups(pd.DataFrame({"sex": ["female", None]}), "sex").tolist()
    ['female', 'unknown']
    """
    if column not in table:
        told = ", ".join(table.columns if known is None else known)
        raise ValueError(f"No column {column!r} to group by. Known: {told}.")
    return table[column].fillna("unknown")
