"""Is the difference real? Exchange two models' answers, speaker by speaker."""

import functools
import itertools
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t

__all__ = ["MIN_SPEAKERS", "Exchange", "exchange", "shares"]

MIN_SPEAKERS = 6
"""With five, even the most extreme exchange has a chance of 2 in 32: above 5 %."""

_EXACT = 14  # speakers up to which all exchanges are gone through
_DRAWS = 20_000
_LEVEL, _POWER = 0.05, 0.8
_FEW = 10  # speakers up to which studies are drawn to find what a test can see
_STUDIES = 1000


class Exchange(NamedTuple):
    """What the exchange found, one entry a pair of models.

    Parameters
    ----------
    difference : ndarray of shape (pairs,)
        Of the pooled scores.
    low, high : ndarray of shape (pairs,)
        95 % interval over speakers, each pair by itself.
    p, p_joint : ndarray of shape (pairs,)
        Two-sided; for the pair alone, and for all pairs together (max-T).
    detectable : ndarray of shape (pairs,)
        The difference that four of five such studies would have found.
    """

    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    p_joint: np.ndarray
    detectable: np.ndarray


def shares(
    right: np.ndarray, emotions: np.ndarray, speakers: np.ndarray, by_class: bool = True
) -> np.ndarray:
    """Say what each speaker adds to the score.

    The pooled UAR is a sum over clips: each clip that is right adds one over
    the number of classes and of clips of its class. So it is a sum over
    speakers.

    Parameters
    ----------
    right : ndarray of shape (n,), bool or float
        Whether each clip was right; a share where it was so in part.
    emotions, speakers : ndarray of shape (n,)
        What is true, and who speaks.
    by_class : bool, default True
        The UAR; the accuracy otherwise.

    Returns
    -------
    ndarray of shape (speakers,)
        Sorted by speaker; the sum is the score.

    Examples
    --------
    >>> right = np.array([True, False, True])
    >>> who, what = np.array(["a", "b", "b"]), np.array(["sad", "sad", "happy"])
    >>> shares(right, what, who).tolist()
    [0.25, 0.5]
    """
    _, emotion, n_clips = np.unique(emotions, return_inverse=True, return_counts=True)
    weight = 1 / (len(n_clips) * n_clips[emotion]) if by_class else 1 / len(right)
    _, speaker = np.unique(speakers, return_inverse=True)
    return np.bincount(speaker, weights=right * weight)


def exchange(differences: np.ndarray, seed: int = 0, draws: int = _DRAWS) -> Exchange:
    """Test pairs of models by exchanging their answers for whole speakers.

    If two models are equally good, it is chance which of them gave which
    answers to a speaker's clips; exchanging them turns the sign of what that
    speaker adds to the difference. All exchanges are gone through where the
    speakers are few; else they are drawn. The joint p-value of a pair is how
    often an exchange gives *any* pair a difference as large for its spread
    (Westfall and Young's max-T).

    Parameters
    ----------
    differences : ndarray of shape (pairs, speakers)
        What each speaker adds to the difference of the scores.
    seed : int, default 0
        Of the exchanges drawn.
    draws : int
        How many.

    Returns
    -------
    Exchange
        One entry a pair.

    References
    ----------
    Westfall and Young (1993), Resampling-based multiple testing
    Noreen (1989), Computer-intensive methods for testing hypotheses

    Examples
    --------
    >>> found = exchange(np.array([[0.02, 0.01, 0.03, 0.02, 0.01, 0.02]]))
    >>> found.p.tolist()
    [0.03125]
    """
    spread = np.sqrt(np.square(differences).sum(axis=1))
    scale = np.where(spread > 0, spread, 1)[:, None]
    observed = np.abs(differences.sum(axis=1)) / scale[:, 0]
    blocks = [
        np.abs(signs @ (differences / scale).T)
        for signs in _exchanges(differences.shape[1], seed, draws)
    ]
    moved = np.concatenate(blocks)
    most = moved.max(axis=1, keepdims=True)
    low, high, error = _interval(differences)
    return Exchange(
        differences.sum(axis=1),
        low,
        high,
        (moved >= observed - 1e-9).mean(axis=0),
        (most >= observed - 1e-9).mean(axis=0),
        _reach(moved, most[:, 0], differences.shape[1]) * error,
    )


def _reach(moved: np.ndarray, most: np.ndarray, speakers: int) -> float:
    """Say how many standard errors a pair needs to be found apart.

    To be called different, a pair has to stand out among all pairs: that is the
    same as a stricter level for each pair alone, which the exchanges tell.
    """
    ordered = np.sort(most)[::-1]
    reached = ordered[max(int(_LEVEL * len(ordered)) - 1, 0)]
    level = (moved >= reached - 1e-9).mean()
    return _errors(speakers, max(level, 1 / len(moved)))


@functools.lru_cache(maxsize=64)
def _errors(speakers: int, level: float) -> float:
    """Find the difference, in standard errors, that 80 % of such tests would find.

    With more than ten speakers by Student's law; with fewer, where exchanges are
    too few for it, by drawing studies whose speakers differ as the normal law says.
    """
    if speakers > _FEW:
        z = norm.isf(level / 2)
        far = z * np.sqrt((speakers - 1) / (speakers - min(z**2, speakers - 1)))
        return float(far + student_t.ppf(_POWER, speakers - 1))
    (signs,) = _exchanges(speakers, 0, 0)
    noise = np.random.default_rng(0).normal(size=(speakers, _STUDIES))
    turned, plain = signs @ noise, signs.sum(axis=1, keepdims=True)
    low, high = 0.0, 30.0
    for _ in range(12):
        middle = (low + high) / 2
        sums = np.abs(turned + middle / np.sqrt(speakers) * plain)
        found = (sums >= sums[0] - 1e-9).mean(axis=0) <= level + 1e-9
        low, high = (low, middle) if found.mean() >= _POWER else (middle, high)
    return high


def _exchanges(speakers: int, seed: int, draws: int):
    """Give signs in blocks of rows; the first row of all exchanges nothing."""
    if speakers <= _EXACT:  # one speaker may stay: turning all changes no size
        rest = itertools.product((1.0, -1.0), repeat=speakers - 1)
        yield np.array([(1.0, *signs) for signs in rest])
        return
    drawn = np.random.default_rng(seed)
    yield np.ones((1, speakers))
    for first in range(0, draws, 2000):
        size = (min(2000, draws - first), speakers)
        yield drawn.choice((1.0, -1.0), size)


def _interval(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the 95 % interval of each difference over speakers, and its error."""
    n = differences.shape[1]
    around = differences - differences.mean(axis=1, keepdims=True)
    error = np.sqrt(n / (n - 1) * np.square(around).sum(axis=1))
    reach = student_t.ppf(0.975, n - 1) * error
    value = differences.sum(axis=1)
    return value - reach, value + reach, error
