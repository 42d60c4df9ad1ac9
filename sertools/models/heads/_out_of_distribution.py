"""Out-of-distribution detection by a Mahalanobis-like distance, axis by axis."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

_LEAST = 1e-12  # of a distance whose logarithm is taken
_CLIP = 5.0  # standard deviations: one wild feature is not the whole voice
_FALL = 4  # power of the distance with which certainty falls beyond the edge
_STRANGE = 1.5  # edges from the middle at which half goes to `other`
_STEEPNESS = 20  # of the step from strange to foreign


@dataclass(frozen=True)
class OODDetector:
    """How far from its training clips a head may be asked.

    The distance of a clip is the root mean square of its features, each
    standardised as in training and clipped at five standard deviations. Nothing
    is inverted or estimated beyond a mean and a spread a feature, so it stands
    with few clips and many features.

    Within `edge` nothing changes. Beyond it the temperature grows with the
    fourth power of the distance: a head is asked about speech unlike what it
    knows, and answers less and less surely. At one and a half times `edge`
    half of the probability goes to ``other``, and soon all of it: farther out
    lie hiss, tones and silence, for which no emotion should be named at all.

    Parameters
    ----------
    mean, scale : ndarray of shape (d,)
        Of the training clips' features.
    edge : float
        The distance within which 97 % of the training clips lie when their
        speaker is held out.
    """

    mean: np.ndarray
    scale: np.ndarray
    edge: float = np.inf

    @classmethod
    def of(cls, X: np.ndarray, edge: float = np.inf) -> "OODDetector":
        """Measure training features of shape (n, d)."""
        scale = X.std(axis=0)
        return cls(X.mean(axis=0), np.where(scale > 0, scale, 1.0), edge)

    def distance(self, X: np.ndarray) -> np.ndarray:
        """Give the distance of each row, shape (n,), in standard deviations.

        Examples
        --------
        >>> detector = OODDetector(np.zeros(2), np.ones(2))
        >>> detector.distance(np.array([[3.0, 4.0]])).round(2)
        array([3.54])
        """
        steps = np.clip((X - self.mean) / self.scale, -_CLIP, _CLIP)
        return np.sqrt(np.square(steps).mean(axis=1))

    def flattening(self, X: np.ndarray) -> np.ndarray:
        """Give the factor of the temperature for each row, shape (n,), 1 or more."""
        return flattening(self.distance(X), self.edge)

    def outside(self, X: np.ndarray) -> np.ndarray:
        """Give the share that goes to ``other`` for each row, shape (n,), 0 to 1."""
        return share(self.distance(X), self.edge)


def flattening(distance: np.ndarray, edge: float) -> np.ndarray:
    """Give the factor of the temperature at some distances, shape (n,), 1 or more.

    Examples
    --------
    >>> flattening(np.array([0.5, 1.0, 1.5]), 1.0).round(2).tolist()
    [1.0, 1.0, 5.06]
    """
    return np.maximum(distance / edge, 1) ** _FALL


def share(distance: np.ndarray, edge: float) -> np.ndarray:
    """Give the share that goes to ``other`` at some distances, shape (n,), 0 to 1.

    Examples
    --------
    >>> share(np.array([1.0, 1.35, 1.5, 1.65]), 1.0).round(2).tolist()
    [0.0, 0.11, 0.5, 0.87]
    """
    steps = np.log(np.maximum(distance, _LEAST)) - np.log(_STRANGE * edge)
    return expit(_STEEPNESS * steps)
