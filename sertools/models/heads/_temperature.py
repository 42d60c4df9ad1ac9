"""Temperature scaling: make probabilities as sure as they are right."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

_LEAST = 1e-12  # of a probability whose logarithm is taken
_MOST = 4.0  # of a temperature's logarithm


def temper(probabilities: np.ndarray, temperature: float | np.ndarray) -> np.ndarray:
    """Scale probabilities (n, k) by one temperature, or by one a row.

    Above 1 it flattens them, below 1 it sharpens them; their order stays
    (Guo et al. 2017, arXiv:1706.04599).

    Examples
    --------
    >>> temper(np.array([[0.8, 0.2]]), 2).round(3).tolist()
    [[0.667, 0.333]]
    """
    if np.all(temperature == 1):
        return probabilities
    scores = np.log(np.maximum(probabilities, _LEAST))
    return softmax(scores / np.reshape(temperature, (-1, 1)), axis=1)


def fit_temperature(
    probabilities: np.ndarray,
    codes: np.ndarray,
    weights: np.ndarray | None = None,
    prior: float = 0.0,
) -> float:
    """Find the temperature with the least log loss on clips held out.

    `codes` are the true columns, `weights` count clips. `prior` weighs a standard
    normal of the temperature's logarithm, in clips: it keeps the temperature finite
    where all are right.
    """

    def loss(log_temperature: float) -> float:
        tempered = temper(probabilities, np.exp(log_temperature))
        away = prior * log_temperature**2 / 2 / len(codes)
        return log_loss(tempered, codes, weights) + away

    found = minimize_scalar(loss, bounds=(-_MOST, _MOST), method="bounded")
    return float(np.exp(found.x))


def log_loss(
    probabilities: np.ndarray, codes: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Give the mean surprise at what is true, in nats."""
    true = probabilities[np.arange(len(codes)), codes]
    return float(np.average(-np.log(np.maximum(true, _LEAST)), weights=weights))


def calibration_error(
    probabilities: np.ndarray, codes: np.ndarray, bins: int = 10
) -> float:
    """Give the expected calibration error: how sure, less how often right.

    Bins are of equal width, over the probability of what is predicted (Naeini et
    al. 2015, doi:10.1609/aaai.v29i1.9602).

    Examples
    --------
    >>> calibration_error(np.array([[0.75, 0.25]] * 4), np.array([0, 0, 0, 1]))
    0.0
    """
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == codes
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = np.bincount(place, sure - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(codes))
