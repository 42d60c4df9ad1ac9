"""Rank-based inverse normal scaling, and an exact orthogonal projection."""

import numpy as np
from scipy.linalg import qr
from scipy.special import ndtri
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    OneToOneFeatureMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted, validate_data

_MOST = 1000  # quantiles: finer ones tell no clips apart that matter


class RankGauss(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
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
    >>> RankGauss(quantiles=5).fit_transform(X).round(2).ravel().tolist()
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


class OrthogonalProjection(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    """Rotate features onto the span of the training clips, at unit mean length.

    With more features than clips, the rotation leaves all inner products between
    centred clips as they are, so a linear head with an intercept and an L2 penalty
    answers the same, in a fraction of the time. Any axes of that span will do; an
    exact PCA finds special ones, and takes twice as long. Dividing by the root of
    the number of features makes one penalty fit 88 features and 6373.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(5, 40))
    >>> OrthogonalProjection().fit_transform(X).shape
    (5, 5)
    """

    def fit(self, X, y=None):
        """Learn the axes from training clips, shape (n, d)."""
        X = validate_data(self, X, dtype=np.float64)
        self._n_features_out = min(X.shape)
        self.scale_ = 1 / np.sqrt(X.shape[1])
        vars(self).pop("axes_", None)  # of an earlier fit
        if X.shape[1] > X.shape[0]:
            self.mean_ = X.mean(axis=0)
            centred = (X - self.mean_).T
            self.axes_, _ = qr(centred, mode="economic", overwrite_a=True)
        return self

    def transform(self, X) -> np.ndarray:
        """Rotate and scale, to shape (n, min(n_train, d))."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        if hasattr(self, "axes_"):
            X = (X - self.mean_) @ self.axes_
        return X * self.scale_
