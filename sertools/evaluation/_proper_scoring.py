"""Proper scoring rules: log loss and Brier score, with intervals over speakers."""

from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from sertools.evaluation.intervals import MIN_SPEAKERS, Evaluated, around

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
    """What a model said of each clip, and what was true."""

    probabilities: np.ndarray  # (n, k), columns as in Result.classes
    codes: np.ndarray  # the column that is true; -1 where there is no such class
    speakers: np.ndarray | None  # None where that is unknown of any clip


def answers(result: Evaluated, why: str | None = None) -> Answers:
    """Take the probabilities out of a result."""
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
    """Name the speakers, each of whom the others can be held out for."""
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
    """Give the log loss clip by clip, in nats: the surprise at what is true.

    Gneiting and Raftery (2007), doi:10.1198/016214506000001437; at most 36, as in
    scikit-learn.
    """
    true = probabilities[np.arange(len(codes)), codes]
    return -np.log(np.clip(np.where(codes < 0, 0.0, true), LEAST, 1.0))


def brier(probabilities: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the Brier score clip by clip, 0 to 2: the squared error of all classes."""
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
    """Average over all clips, with a jackknife interval over speakers, on a scale."""
    value = float(np.mean(values))
    nothing = {"value": value, "low": None, "high": None}
    there, back, most = _SCALES[scale]
    if speakers is None or (scale != "plain" and not 0 < value < most):
        return nothing
    _, speaker = np.unique(speakers, return_inverse=True)
    clips = np.bincount(speaker)
    if len(clips) < MIN_SPEAKERS:
        return nothing
    without = (np.sum(values) - np.bincount(speaker, values)) / (len(values) - clips)
    if scale != "plain":
        without = np.maximum(without, 1e-3 * value)
    if np.isfinite(most):
        without = np.minimum(without, most - 1e-3 * (most - value))
    low, high = map(float, around(value, without, there, back, level))
    return {"value": value, "low": low, "high": high}


def prior_predictor(said: Answers) -> np.ndarray:
    """Guess how often each emotion comes, and nothing else."""
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
