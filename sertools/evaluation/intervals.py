"""Scores (UAR, accuracy, macro F1), and jackknife intervals over speakers.

An interval says how far a score would move with other people.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t as student_t

__all__ = ["SCORES", "counts_by_speaker", "jackknife", "right_by_speaker"]

FIELDS = ("clip", "emotion", "predicted", "speaker", "sex", "fold", "path")
"""The columns of ``predictions`` before the probabilities."""

MIN_SPEAKERS = 3
"""With fewer there is no interval."""


class Evaluated(Protocol):
    """What is scored here: the data of a `Result`, before it knows its scores."""

    predictions: pd.DataFrame
    info: dict
    warnings: list[str]

    @property
    def classes(self) -> list[str]:
        """The classes predicted, sorted."""

    @property
    def emotions(self) -> list[str]:
        """The true emotions, sorted."""

    @property
    def n_speakers(self) -> int | None:
        """How many speakers were tested."""


def uar(counts: np.ndarray) -> np.ndarray:
    """Unweighted average recall: the mean of the recalls of the true classes.

    Parameters
    ----------
    counts : ndarray of shape (..., true, predicted)
        Confusion counts. Column i is the class of row i; further columns are
        predictions outside the true classes. Rows without clips don't count.

    Returns
    -------
    ndarray of shape (...)
        In [0, 1].

    Examples
    --------
    >>> float(uar(np.array([[8, 2], [1, 3]])))
    0.775
    """
    total = counts.sum(axis=-1)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    recall = np.divide(hits, total, out=np.zeros(total.shape), where=total > 0)
    return recall.sum(axis=-1) / np.maximum((total > 0).sum(axis=-1), 1)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Share of clips that are right; shapes as for `uar`.

    Examples
    --------
    >>> float(accuracy(np.array([[8, 2], [1, 9]])))
    0.85
    """
    hits = np.trace(counts, axis1=-2, axis2=-1)
    return hits / np.maximum(counts.sum(axis=(-2, -1)), 1)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Mean of the F1 scores of the true classes; shapes as for `uar`.

    Examples
    --------
    >>> float(macro_f1(np.array([[5, 0], [0, 5]])))
    1.0
    """
    total, n_true = counts.sum(axis=-1), counts.shape[-2]
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    claimed = counts.sum(axis=-2)[..., :n_true]
    either = total + claimed
    f1 = np.divide(2 * hits, either, out=np.zeros(either.shape), where=either > 0)
    return f1.sum(axis=-1) / np.maximum((total > 0).sum(axis=-1), 1)


SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "uar": uar,
    "accuracy": accuracy,
    "macro_f1": macro_f1,
}
"""The scores, each a function of confusion counts."""


def counts_by_speaker(true, predicted, speakers, emotions, classes) -> np.ndarray:
    """Count confusions speaker by speaker."""
    columns = [*emotions, *(name for name in classes if name not in emotions)]
    row = {name: place for place, name in enumerate(emotions)}
    column = {name: place for place, name in enumerate(columns)}
    who, speaker = np.unique(np.asarray(speakers, str), return_inverse=True)
    counts = np.zeros((len(who), len(emotions), len(columns)), dtype=np.int64)
    places = [row[name] for name in true], [column[name] for name in predicted]
    np.add.at(counts, (speaker, *places), 1)
    return counts


def right_by_speaker(right: np.ndarray, speakers: np.ndarray) -> np.ndarray:
    """Count what was right and what was not, as `jackknife` takes it."""
    _, speaker = np.unique(np.asarray(speakers, str), return_inverse=True)
    right = np.asarray(right, dtype=float)
    sides = [np.bincount(speaker, side) for side in (right, 1 - right)]
    return np.stack(sides, axis=-1)[:, None, :]


def jackknife_variance(without: np.ndarray) -> np.ndarray:
    """Jackknife variance of a value, from what it is without each one (axis 0)."""
    n = len(without)
    return (n - 1) / n * np.square(without - without.mean(axis=0)).sum(axis=0)


def around(value, without: np.ndarray, there, back, level: float = 0.95) -> tuple:
    """Jackknife interval on a scale (there, and back), with Student's t."""
    error = np.sqrt(jackknife_variance(there(without)))
    reach = student_t.ppf((1 + level) / 2, len(without) - 1) * error
    return back(there(value) - reach), back(there(value) + reach)


def jackknife(
    counts: np.ndarray,
    score: Callable[[np.ndarray], np.ndarray] = uar,
    level: float = 0.95,
) -> tuple[float, float | None, float | None]:
    """Score all speakers together, with an interval over speakers.

    The score is pooled over all clips. Leaving one speaker out at a time gives
    its standard error on the logit scale, and Student's t with G - 1 degrees
    of freedom the interval. It answers: tested on other speakers, recorded the
    same way, where would this score be? The trained heads are taken as they
    are: what training on other speakers would change is not in it.

    A score of exactly 0 or 1 has no logit: then the interval is the exact
    binomial one for speakers that are all wrong or all right.

    Parameters
    ----------
    counts : ndarray of shape (speakers, true, predicted)
        See `counts_by_speaker`.
    score : callable
        One of `SCORES`, or any function of counts of that form.
    level : float, default 0.95
        Of the interval.

    Returns
    -------
    value : float
        The pooled score.
    low, high : float or None
        ``None`` with fewer than 3 speakers, or where leaving any one out
        changes nothing: that is no reason to be certain.

    References
    ----------
    Efron and Stein (1981), The jackknife estimate of variance,
    doi:10.1214/aos/1176345462

    Examples
    --------
    >>> counts = np.array([[[8, 2], [3, 7]], [[9, 1], [2, 8]], [[7, 3], [4, 6]]])
    >>> [round(number, 3) for number in jackknife(counts)]
    [0.75, 0.44, 0.92]
    """
    pooled = counts.sum(axis=0)
    value, n = float(score(pooled)), len(counts)
    if n < MIN_SPEAKERS:
        return value, None, None
    tail = (1 - level) / 2
    if value in (0.0, 1.0):
        bound = tail ** (1 / n)
        return value, *((0.0, 1 - bound) if value == 0 else (bound, 1.0))
    edge = 0.5 / pooled.sum()
    without = np.clip(score(pooled - counts), edge, 1 - edge)
    if np.sqrt(jackknife_variance(logit(without))) < 1e-12:
        return value, None, None
    return value, *map(float, around(value, without, logit, expit, level))


def scores(table: pd.DataFrame, classes: list[str]) -> dict[str, dict]:
    """Score predictions; see `Result.scores`."""
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


def by(result: Evaluated, column: str) -> pd.DataFrame:
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
    """Name the group of each row; ``unknown`` where the column says nothing."""
    if column not in table:
        told = ", ".join(table.columns if known is None else known)
        raise ValueError(f"No column {column!r} to group by. Known: {told}.")
    return table[column].fillna("unknown")
