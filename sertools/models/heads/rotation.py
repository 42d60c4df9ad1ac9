"""Make many features few without losing anything a linear head could use."""

import numpy as np
from scipy.linalg import qr
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["UnitRotation"]


class UnitRotation(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Rotate features onto the span of the training clips, at unit mean length.

    With more features than clips, the rotation leaves all inner products between
    centred clips as they are, so a linear head with an intercept and an L2 penalty
    answers the same, in a fraction of the time. Any axes of that span will do; an
    exact PCA finds special ones, and takes twice as long. Dividing by the root of
    the number of features makes one penalty fit 88 features and 6373.

    Examples
    --------
    >>> X = np.random.default_rng(0).normal(size=(5, 40))
    >>> UnitRotation().fit_transform(X).shape
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
