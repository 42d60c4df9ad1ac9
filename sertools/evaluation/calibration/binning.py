"""Expected calibration error, and what it is worth: its bias is part of the number."""

import numpy as np
from scipy.optimize import brentq
from scipy.special import erf

__all__ = ["calibration_error", "class_wise_error", "if_calibrated", "places"]


def places(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Give the bin of each confidence in [0, 1]; bins are equally wide.

    Examples
    --------
    >>> places(np.array([0.0, 0.25, 0.99, 1.0]), 4).tolist()
    [0, 1, 3, 3]
    """
    return np.clip((confidence * bins).astype(int), 0, bins - 1)


def calibration_error(
    confidence: np.ndarray,
    right: np.ndarray,
    speakers: np.ndarray | None = None,
    bins: int = 10,
) -> tuple[float, float]:
    """Give the mean gap between how sure answers are and how often they are right.

    A bin's gap is taken without its sign, so that mere chance adds to it: with
    few clips even a perfectly calibrated model shows an error. The second
    number asks which gaps, all in proportion to those seen, would show what is
    seen once chance is added to them. Chance is a normal spread of each bin's
    gap, as wide as its clips or its speakers make it, whichever is wider.

    Parameters
    ----------
    confidence : ndarray of shape (n,)
        How sure, 0 to 1.
    right : ndarray of shape (n,), bool
        Whether it was right.
    speakers : ndarray of shape (n,), optional
        Who speaks; without, only clips make chance.
    bins : int, default 10
        Of equal width.

    Returns
    -------
    plain : float
        The usual estimate (ECE), 0 to 1.
    debiased : float
        Chance taken out, 0 to 1.

    References
    ----------
    Naeini et al. (2015), doi:10.1609/aaai.v29i1.9602
    Kumar, Liang and Ma (2019), Verified uncertainty calibration,
    arXiv:1909.10155, on the bias

    Examples
    --------
    >>> right = np.arange(100) < 50
    >>> plain, debiased = calibration_error(np.full(100, 0.95), right)
    >>> round(plain, 3), round(debiased, 3)
    (0.45, 0.45)
    >>> plain, debiased = calibration_error(np.full(100, 0.52), right)
    >>> round(plain, 3), round(debiased, 3)
    (0.02, 0.0)
    """
    place = places(confidence, bins)
    total = np.bincount(place, confidence - right, minlength=bins)
    noise = np.bincount(place, confidence * (1 - confidence), minlength=bins)
    if speakers is not None:
        noise = np.maximum(noise, _between(confidence - right, place, speakers, bins))
    seen = np.abs(total).sum()
    debiased = seen * _share_of_gaps(np.abs(total), np.sqrt(noise))
    return float(seen / len(right)), float(debiased / len(right))


def _between(gaps: np.ndarray, place: np.ndarray, speakers, bins: int) -> np.ndarray:
    """Estimate the variance over speakers of each bin's summed gaps."""
    _, speaker = np.unique(speakers, return_inverse=True)
    sums, clips = np.zeros((2, speaker.max() + 1, bins))
    np.add.at(sums, (speaker, place), gaps)
    np.add.at(clips, (speaker, place), 1)
    mean = sums.sum(axis=0) / np.maximum(clips.sum(axis=0), 1)
    people = (clips > 0).sum(axis=0)
    return (
        np.square(sums - clips * mean).sum(axis=0) * people / np.maximum(people - 1, 1)
    )


def _share_of_gaps(gaps: np.ndarray, noise: np.ndarray) -> float:
    """Find the share of the gaps that shows all of them once chance is added."""
    noise = np.maximum(noise, 1e-12)

    def excess(share: float) -> float:
        middle = share * gaps / noise
        folded = np.sqrt(2 / np.pi) * np.exp(-np.square(middle) / 2)
        folded += middle * erf(middle / np.sqrt(2))
        return (noise * folded).sum() - gaps.sum()

    if excess(0.0) >= 0:
        return 0.0
    return 1.0 if excess(1.0) <= 0 else float(brentq(excess, 0.0, 1.0))


def class_wise_error(
    probabilities: np.ndarray,
    codes: np.ndarray,
    speakers: np.ndarray | None = None,
    bins: int = 10,
) -> tuple[float, float]:
    """Average the calibration error of each class's own probability.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Of all classes, not of the winner alone.
    codes : ndarray of shape (n,), int
        The column that is true.
    speakers, bins
        As for `calibration_error`.

    Returns
    -------
    plain, debiased : float
        As for `calibration_error`.

    References
    ----------
    Kull et al. (2019), Beyond temperature scaling, arXiv:1910.12656

    Examples
    --------
    >>> half = np.full((4, 2), 0.5)
    >>> class_wise_error(half, np.array([0, 0, 0, 0]))[0]
    0.5
    """
    each = [
        calibration_error(column, codes == number, speakers, bins)
        for number, column in enumerate(probabilities.T)
    ]
    plain, debiased = np.mean(each, axis=0)
    return float(plain), float(debiased)


def if_calibrated(
    probabilities: np.ndarray, bins: int = 10, draws: int = 300, seed: int = 0
) -> np.ndarray:
    """Draw what a perfectly calibrated model with these probabilities would show.

    Each clip's truth is drawn from its own probabilities, clip by clip; people
    who are harder for a model than others would add to it.

    Parameters
    ----------
    probabilities : ndarray of shape (n, k)
        Rows sum to one.
    bins : int, default 10
        Of equal width.
    draws : int, default 300
        How many.
    seed : int, default 0
        Of the draws.

    Returns
    -------
    ndarray of shape (draws, 2)
        The calibration error of the top label, and class-wise, plain.

    Examples
    --------
    >>> if_calibrated(np.full((100, 2), 0.5), draws=50).mean(axis=0).round(1).tolist()
    [0.0, 0.0]
    """
    rng = np.random.default_rng(seed)
    n, k = probabilities.shape
    ends = np.cumsum(probabilities, axis=1)
    ends /= ends[:, -1:]
    top, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    cells = places(probabilities, bins) + bins * np.arange(k)
    expected = np.bincount(cells.ravel(), probabilities.ravel(), minlength=k * bins)
    found = np.empty((draws, 2))
    rows, place = np.arange(n), places(sure, bins)
    for draw in range(draws):
        true = np.minimum((rng.random((n, 1)) > ends).sum(axis=1), k - 1)
        gaps = np.bincount(place, sure - (true == top), minlength=bins)
        seen = np.bincount(cells[rows, true], minlength=k * bins)
        found[draw] = np.abs(gaps).sum() / n, np.abs(expected - seen).sum() / (n * k)
    return found
