"""Is the difference real? Exchange two models' answers, speaker by speaker."""

from typing import NamedTuple

import numpy as np
from scipy.stats import t as student_t

from sertools.evaluation.comparison.power import errors_needed, signs

__all__ = ["MIN_SPEAKERS", "Differences", "exchange", "shares"]

MIN_SPEAKERS = 6
"""With five, even the most extreme exchange has a chance of 2 in 32: above 5 %."""

_DRAWS = 20_000
_LEVEL = 0.05


class Differences(NamedTuple):
    """What was found to differ, one entry a test: a pair of models, or a group.

    Parameters
    ----------
    difference : ndarray of shape (tests,)
        Of the scores: the first model's less the second's, a group's less that
        of the rest.
    low, high : ndarray of shape (tests,)
        95 % interval over speakers, each test by itself; NaN where there are
        too few speakers.
    p, p_joint : ndarray of shape (tests,)
        Two-sided; for the test alone, and for all tests together (max-T).
    detectable : ndarray of shape (tests,)
        The difference that four of five such studies would have found, by the
        joint p-value.
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


def exchange(
    differences: np.ndarray, seed: int = 0, draws: int = _DRAWS
) -> Differences:
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
    Differences
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
        np.abs(block @ (differences / scale).T)
        for block in signs(differences.shape[1], seed, draws)
    ]
    moved = np.concatenate(blocks)
    most = moved.max(axis=1, keepdims=True)
    low, high, error = _interval(differences)
    return Differences(
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
    return errors_needed(speakers, max(level, 1 / len(moved)))


def _interval(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the 95 % interval of each difference over speakers, and its error."""
    n = differences.shape[1]
    around = differences - differences.mean(axis=1, keepdims=True)
    error = np.sqrt(n / (n - 1) * np.square(around).sum(axis=1))
    reach = student_t.ppf(0.975, n - 1) * error
    value = differences.sum(axis=1)
    return value - reach, value + reach, error
