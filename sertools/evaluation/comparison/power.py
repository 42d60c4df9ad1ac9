"""What a test over so few speakers can find: the difference that four of five would."""

import functools
import itertools

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t

__all__ = ["POWER", "errors_needed", "signs", "student", "studied"]

POWER = 0.8
"""The share of studies that would find the difference called detectable."""

_EXACT = 14  # speakers up to which all exchanges are gone through
_FEW = 10  # speakers up to which studies are drawn to find what a test can see
_STUDIES = 1000


def signs(speakers: int, seed: int, draws: int):
    """Give signs to exchange by, in blocks of rows; the first row exchanges nothing.

    Parameters
    ----------
    speakers : int
        Up to 14, every exchange comes once, in one block.
    seed, draws : int
        Of those drawn with more speakers, and how many.

    Yields
    ------
    ndarray of shape (exchanges, speakers)
        1 and -1.

    Examples
    --------
    >>> next(signs(2, 0, 0)).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
    if speakers <= _EXACT:  # one speaker may stay: turning all changes no size
        rest = itertools.product((1.0, -1.0), repeat=speakers - 1)
        yield np.array([(1.0, *others) for others in rest])
        return
    drawn = np.random.default_rng(seed)
    yield np.ones((1, speakers))
    for first in range(0, draws, 2000):
        size = (min(2000, draws - first), speakers)
        yield drawn.choice((1.0, -1.0), size)


@functools.lru_cache(maxsize=256)
def errors_needed(speakers: int, level: float) -> float:
    """Find the difference, in standard errors, that 80 % of such tests would find.

    With more than ten speakers by Student's law; with fewer, where exchanges are
    too few for it, by drawing studies; see `studied`.

    Parameters
    ----------
    speakers : int
        Whose signs are exchanged.
    level : float
        The p-value at which a test alone finds something.

    Returns
    -------
    float
        NaN where even the most extreme signs are no such surprise.

    Examples
    --------
    >>> round(errors_needed(24, 0.05), 1), errors_needed(5, 0.05)
    (3.0, nan)
    """
    if speakers > _FEW:
        far = student(norm.isf(level / 2), speakers)
        return far + float(student_t.ppf(POWER, speakers - 1))
    (every,) = signs(speakers, 0, 0)
    return studied(every, np.full(speakers, speakers**-0.5), level)


def studied(moves: np.ndarray, effect: np.ndarray, level: float) -> float:
    """Draw studies whose speakers differ as the normal law says; see what they find.

    Parameters
    ----------
    moves : ndarray of shape (ways, speakers)
        What each speaker adds to the difference, in every way that chance might
        have had it; the first row is as it was.
    effect : ndarray of shape (speakers,)
        What a difference of one standard error gives to each speaker.
    level : float
        The p-value at which a test finds something.

    Returns
    -------
    float
        Standard errors; NaN where no difference could be found, however large.
    """
    noise = np.random.default_rng(0).normal(size=(moves.shape[1], _STUDIES))
    turned, plain = moves @ noise, (moves @ effect)[:, None]

    def share(errors: float) -> float:
        sizes = np.abs(turned + errors * plain)
        p = (sizes >= sizes[0] - 1e-9).mean(axis=0)
        return float((p <= level + 1e-9).mean())

    low, high = 0.0, 30.0
    if share(high) < POWER:
        return float("nan")
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) >= POWER else (middle, high)
    return high


def student(far: float, n: int) -> float:
    """Turn a size in spreads of what chance deals into Student's t.

    A difference adds to that spread, which therefore can be `far` by the root of
    `n` at most, however large the difference.

    Parameters
    ----------
    far : float
        The size of a difference, over its spread.
    n : int
        Speakers who were exchanged; one fewer where they were dealt out.

    Examples
    --------
    >>> round(student(2.0, 10), 3), round(student(2.0, 1000), 3)
    (2.449, 2.003)
    """
    return float(far * np.sqrt((n - 1) / (n - min(far**2, n - 1))))
