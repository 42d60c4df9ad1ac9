"""Proper scores of probabilities: log loss and Brier, with intervals over speakers."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit
from scipy.stats import t as student_t

from sertools.evaluation.intervals import MIN_SPEAKERS, Evaluated

LEAST = float(np.finfo(float).eps)
"""Smaller probabilities are taken for this one, as scikit-learn does."""


_SCALES = {
    "log": (np.log, np.exp, np.inf),
    "logit": (lambda x: logit(x / 2), lambda x: 2 * expit(x), 2.0),
    "share": (logit, expit, 1.0),
    "plain": (lambda x: x, lambda x: x, np.inf),
}
"""There, back, and the most that a value can be."""


class Answers(NamedTuple):
    """What a model said of each clip, and what was true.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Columns as in ``Result.classes``.
    codes : ndarray of shape (n,), int
        The column that is true; -1 where the model has no such class.
    speakers : ndarray of shape (n,), str, or None
        Who speaks; ``None`` if that is unknown of any clip.
    """

    probabilities: np.ndarray
    codes: np.ndarray
    speakers: np.ndarray | None


def answers(result: Evaluated, why: str | None = None) -> Answers:
    """Take the probabilities out of a result.

    Parameters
    ----------
    result : Result
        Any.
    why : str, optional
        What the probabilities are needed for: refuse those that are only 0 or 1.

    Returns
    -------
    Answers
        Rows as in ``predictions``.

    Raises
    ------
    ValueError
        If every probability is 0 or 1 and `why` is given.
    """
    table = result.predictions
    probabilities = table[result.classes].to_numpy(np.float64)
    if why and is_one_hot(probabilities):
        raise ValueError(
            f"These answers come without probabilities (each is 0 or 1): nothing to "
            f"{why}. Give from_predictions a probability column for each emotion."
        )
    place = {name: number for number, name in enumerate(result.classes)}
    codes = np.array([place.get(name, -1) for name in table["emotion"]])
    unknown = table["speaker"].isna().any()
    who = None if unknown else table["speaker"].to_numpy(dtype=str)
    return Answers(probabilities, codes, who)


def others(result: Evaluated, what: str) -> list[str]:
    """Name the speakers, each of whom the others can be held out for.

    Parameters
    ----------
    result : Result
        Any.
    what : str
        What is taken from the other speakers, to say so.

    Returns
    -------
    list of str
        Two or more, sorted.

    Raises
    ------
    ValueError
        If the speaker of a clip is unknown, or there is one only.
    """
    speakers = result.predictions["speaker"]
    if n := int(speakers.isna().sum()):
        raise ValueError(
            f"The speaker of {n} of {len(speakers)} clips is unknown, so no {what} can "
            "be taken from other speakers alone. Add a speaker column to the "
            "predictions, or drop those clips."
        )
    if speakers.nunique() < 2:
        raise ValueError(
            f"One speaker only ({speakers.iloc[0]}): there are no other speakers to "
            f"take a {what} from."
        )
    return sorted(speakers.unique())


def is_one_hot(probabilities: np.ndarray) -> bool:
    """Say whether every probability is 0 or 1: answers, and no probabilities."""
    return bool(np.isin(probabilities, (0.0, 1.0)).all())


def log_loss(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the surprise at what is true, clip by clip, in nats.

    A truth that was given no probability at all would be an infinite surprise.
    Below 2.2e-16, the smallest step of a number near 1, it counts as 36, as in
    scikit-learn.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Rows sum to one.
    codes : ndarray of shape (n,), int
        The column that is true, or -1.

    Returns
    -------
    ndarray of shape (n,)
        From 0, sure and right, upwards; evenly spread guesses have log(k).

    References
    ----------
    Gneiting and Raftery (2007), Strictly proper scoring rules, prediction, and
    estimation, doi:10.1198/016214506000001437

    Examples
    --------
    >>> log_loss(np.array([[0.5, 0.5], [0.9, 0.1]]), np.array([0, 0])).round(3).tolist()
    [0.693, 0.105]
    """
    true = probabilities[np.arange(len(codes)), codes]
    return -np.log(np.clip(np.where(codes < 0, 0.0, true), LEAST, 1.0))


def brier(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the squared distance from what is true, clip by clip.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Rows sum to one.
    codes : ndarray of shape (n,), int
        The column that is true, or -1.

    Returns
    -------
    ndarray of shape (n,)
        The sum over the classes, from 0, sure and right, to 2, sure and wrong.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability,
    doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2

    Examples
    --------
    >>> brier(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([0, 0])).tolist()
    [0.5, 2.0]
    """
    true = probabilities[np.arange(len(codes)), codes]
    hit = np.where(codes < 0, 0.0, true)
    return np.square(probabilities).sum(axis=1) - 2 * hit + 1


LOSSES = {"log_loss": (log_loss, "log"), "brier": (brier, "logit")}
"""The losses, each with the scale on which its interval is made."""


def mean(
    values: np.ndarray,
    speakers: np.ndarray | None,
    scale: str = "plain",
    level: float = 0.95,
) -> dict[str, float | None]:
    """Average over all clips, with an interval over speakers.

    The delete-one-speaker jackknife, as for the scores (see
    `sertools.evaluation.intervals.jackknife`), on a scale that fits the values.

    Parameters
    ----------
    values : ndarray of shape (n,)
        One value a clip.
    speakers : ndarray of shape (n,), optional
        Who speaks.
    scale : {"plain", "log", "logit", "share"}
        ``log`` for values from 0 upwards, ``logit`` for values from 0 to 2,
        ``share`` from 0 to 1, ``plain`` for values of any sign.
    level : float, default 0.95
        Of the interval.

    Returns
    -------
    dict
        ``value``, ``low``, ``high``; the last two ``None`` with fewer than 3
        speakers, if they are unknown, or where the mean is at an end of a scale
        that knows no ends.

    Examples
    --------
    >>> found = mean(np.array([0.1, 0.3, 0.2, 0.4]), np.array(list("aabc")), "log")
    >>> [round(number, 2) for number in found.values()]
    [0.25, 0.09, 0.7]
    """
    value = float(np.mean(values))
    nothing = {"value": value, "low": None, "high": None}
    there, back, most = _SCALES[scale]
    if speakers is None or (scale != "plain" and not 0 < value < most):
        return nothing
    _, speaker = np.unique(speakers, return_inverse=True)
    clips = np.bincount(speaker)
    if (n := len(clips)) < MIN_SPEAKERS:
        return nothing
    without = (np.sum(values) - np.bincount(speaker, values)) / (len(values) - clips)
    if scale != "plain":
        without = np.maximum(without, 1e-3 * value)
    if np.isfinite(most):
        without = np.minimum(without, most - 1e-3 * (most - value))
    spread = there(without)
    error = np.sqrt((n - 1) / n * np.square(spread - spread.mean()).sum())
    reach = student_t.ppf((1 + level) / 2, n - 1) * error
    ends = float(back(there(value) - reach)), float(back(there(value) + reach))
    return {"value": value, "low": ends[0], "high": ends[1]}


def prior_predictor(said: Answers) -> np.ndarray:
    """Guess how often each emotion comes, and nothing else.

    Parameters
    ----------
    said : Answers
        Of which only codes and speakers are looked at.

    Returns
    -------
    ndarray of shape (n, k)
        For each clip the shares of the emotions among the clips of the other
        speakers (half a clip added to each), or among all clips where speakers
        are unknown or there is one only.

    Examples
    --------
    >>> said = Answers(np.zeros((4, 2)), np.array([0, 0, 0, 1]), np.array(list("aabb")))
    >>> prior_predictor(said).round(2).tolist()
    [[0.5, 0.5], [0.5, 0.5], [0.83, 0.17], [0.83, 0.17]]
    """
    _, codes, speakers = said
    classes = np.unique(codes[codes >= 0])
    alone = speakers is None or len(np.unique(speakers)) < 2
    who = np.zeros(len(codes)) if alone else speakers
    guess = np.zeros_like(said.probabilities)
    for name in np.unique(who):
        own = who == name
        known = codes[(codes >= 0) & (own if alone else ~own)]
        counts = np.bincount(known, minlength=guess.shape[1])[classes] + 0.5
        guess[np.ix_(own, classes)] = counts / counts.sum()
    return guess
