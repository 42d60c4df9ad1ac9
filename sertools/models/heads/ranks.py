"""Put each feature on a scale of ranks, learnt from the training clips."""

import numpy as np
from scipy.special import ndtri
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["NormalRanks"]

_MOST = 1000  # quantiles: finer ones tell no clips apart that matter


class NormalRanks(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Replace each value by how high it stands among the training clips.

    Many acoustic features have long tails, so that a few clips outweigh all others.
    Here a value counts by its rank, given as the quantile of a normal distribution,
    read off a line through a few quantiles of the training clips. What lies beyond
    the outermost of them counts as they do: no single wild value can decide.

    Parameters
    ----------
    quantiles : int or None, default 100
        How many the line runs through; ``None``: one a training clip, at most 1000.

    Examples
    --------
    >>> X = np.array([[1.0], [2.0], [3.0], [1000.0], [5.0]])
    >>> NormalRanks(quantiles=5).fit_transform(X).round(2).ravel().tolist()
    [-1.28, -0.52, 0.0, 1.28, 0.52]
    """

    def __init__(self, quantiles=100):
        self.quantiles = quantiles

    def fit(self, X, y=None):
        """Learn the quantiles of training clips, shape (n, d)."""
        X = validate_data(self, X, dtype=np.float64)
        count = self.quantiles
        if count is None:
            count = min(max(len(X), 2), _MOST)
        if count < 2:
            raise ValueError(f"quantiles={count}: a line needs two or more.")
        shares = (np.arange(count) + 0.5) / count
        if count == len(X):
            self.values_ = np.sort(X, axis=0)  # the same, at once
        else:
            self.values_ = np.quantile(X, shares, axis=0, method="hazen")
        self.scores_ = ndtri(shares)
        return self

    def transform(self, X) -> np.ndarray:
        """Read each value's score off the line, shape (n, d)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        up, down = self.scores_, -self.scores_[::-1]
        read = np.empty_like(X)
        tied = (np.diff(self.values_, axis=0) == 0).any(axis=0)
        for place, (own, values) in enumerate(zip(X.T, self.values_.T, strict=True)):
            read[:, place] = np.interp(own, values, up)
            if tied[place]:  # to the middle of what is tied
                below = np.interp(-own, -values[::-1], down)
                read[:, place] = (read[:, place] - below) / 2
        return read
