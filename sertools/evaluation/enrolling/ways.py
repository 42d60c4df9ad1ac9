"""Ways to standardise a speaker of whom only some clips are known."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import softmax

from sertools.features.scaling import Population, divided

__all__ = ["WAYS", "Way"]

Place = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Features (n, d) and those of the enrolment clips (m, d) -> standardised (n, d)."""

_ROUNDS = 4  # of guessing the emotions and moving the middle
_NORMAL = 1.349  # quartiles of a normal distribution lie so many deviations apart


class Way(NamedTuple):
    """A way to standardise by speaker.

    Parameters
    ----------
    learn : callable
        Features (n, d), speakers (n,) and emotions (n,) of training clips ->
        `Place`, and the training clips as it places them (n, d).
    least : int
        So few enrolment clips are enough.
    words : str
        What is done.
    """

    learn: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[Place, np.ndarray]]
    least: int
    words: str


def _each(place: Place, values, speakers, enrolled=None) -> np.ndarray:
    """Place every training speaker by all, or the enrolled ones, of their clips."""
    placed = np.empty(values.shape)
    enrolled = np.ones(len(values), bool) if enrolled is None else enrolled
    for name in np.unique(speakers):
        rows = speakers == name
        own = rows & enrolled
        placed[rows] = place(values[rows], values[own if own.sum() > 1 else rows])
    return placed


def _plain(values, speakers, emotions):
    def place(new, enrolled):
        return divided(new - enrolled.mean(axis=0), enrolled.std(axis=0))

    return place, _each(place, values, speakers)


def _robust(values, speakers, emotions):
    def place(new, enrolled):
        low, middle, high = np.quantile(enrolled, [0.25, 0.5, 0.75], axis=0)
        return divided(new - middle, (high - low) / _NORMAL)

    return place, _each(place, values, speakers)


def _centred(values, speakers, emotions):
    deviation = np.sqrt(Population.of(values, speakers).within)

    def place(new, enrolled):
        return divided(new - enrolled.mean(axis=0), deviation)

    return place, _each(place, values, speakers)


def _neutral(values, speakers, emotions):
    population = Population.of(values, speakers)
    deviation = np.sqrt(population.within)

    def place(new, enrolled):
        return divided(new - enrolled.mean(axis=0), deviation)

    return place, _each(place, values, speakers, emotions == "neutral")


def _shrunk(values, speakers, emotions):
    population = Population.of(values, speakers)
    return population.place, _each(population.place, values, speakers)


def _explained(values, speakers, emotions):
    """Take out of the enrolment clips what their guessed emotions explain.

    The training speakers tell where the emotions lie around a speaker's middle,
    and how far middles lie apart. Of a new speaker, emotions are guessed, what
    they explain is subtracted, the middle moves to what is left, shrunk by the
    number of clips; and again.
    """
    from sklearn.linear_model import LogisticRegression

    population = Population.of(values, speakers)
    deviation = np.sqrt(population.within)

    def scale(new):
        return divided(new - population.mean, deviation)

    scaled = scale(values)
    middles = np.array([_middle(scaled, speakers == p, emotions) for p in speakers])
    around = scaled - middles
    names = np.unique(emotions)
    means = np.array([around[emotions == name].mean(axis=0) for name in names])
    rest = (around - means[np.searchsorted(names, emotions)]).var(axis=0) + 1e-9
    _, first, sizes = np.unique(speakers, return_index=True, return_counts=True)
    chance = rest * (1 / sizes).mean()
    between = np.maximum(middles[first].var(axis=0, ddof=1) - chance, 0)
    guess = LogisticRegression(C=1 / values.shape[1], class_weight="balanced")
    guess.fit(around, emotions)
    slopes, offsets = guess.coef_.T, guess.intercept_
    if len(names) == 2:
        slopes, offsets = np.c_[0 * slopes, slopes], np.append(0, offsets)

    def place(new, enrolled):
        moved, known = np.zeros(values.shape[1]), scale(enrolled)
        for _ in range(_ROUNDS if len(known) else 0):
            guessed = softmax((known - moved) @ slopes + offsets, axis=1)
            left = known - guessed @ means
            moved = left.mean(axis=0) * between / (between + rest / len(known))
        return scale(new) - moved

    return place, _each(place, values, speakers)


def _middle(scaled, rows, emotions) -> np.ndarray:
    """Give the mean of a speaker's emotions' means."""
    own = np.unique(emotions[rows])
    means = [scaled[rows & (emotions == name)].mean(axis=0) for name in own]
    return np.mean(means, axis=0)


WAYS = {
    "speaker": Way(_plain, 2, "mean and deviation of the enrolment clips"),
    "speaker_centred": Way(_centred, 1, "mean of the enrolment clips alone"),
    "speaker_robust": Way(_robust, 2, "their median and quartiles"),
    "speaker_neutral": Way(
        _neutral, 1, "their mean, training speakers placed by their neutral clips"
    ),
    "speaker_shrunk": Way(
        _shrunk, 0, "their mean, shrunk towards that of the training speakers"
    ),
    "speaker_explained": Way(
        _explained, 0, "the same, once what their guessed emotions explain is out"
    ),
}
"""By name; all presume who speaks, and other clips of theirs."""
