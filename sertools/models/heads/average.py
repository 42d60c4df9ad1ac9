"""One head per embedder, probabilities averaged."""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from sertools.models.fusion import SEPARATOR
from sertools.models.heads.making import fit as fit_head

__all__ = ["Average"]


class Average(ClassifierMixin, BaseEstimator):
    """Fit one head on each embedder's features and average their probabilities.

    Which columns belong together is read from their names, as
    `sertools.models.Fusion` writes them (``"opensmile/..."``); features
    without such names are one set.

    Parameters
    ----------
    head : scikit-learn classifier
        Cloned once for each set.
    """

    def __init__(self, head):
        self.head = head

    def fit(self, X, y, groups=None):
        """Fit on features (n, d) and emotions (n,); `groups` says who speaks."""
        self.sets_ = _sets(X)
        self.heads_ = [
            fit_head(clone(self.head), _columns(X, places), y, groups)
            for places in self.sets_.values()
        ]
        self.classes_ = self.heads_[0].classes_
        return self

    def predict_proba(self, X) -> np.ndarray:
        """Give the mean probabilities, shape (n, k), columns as in ``classes_``."""
        check_is_fitted(self)
        pairs = zip(self.heads_, self.sets_.values(), strict=True)
        return np.mean([h.predict_proba(_columns(X, p)) for h, p in pairs], axis=0)

    def predict(self, X) -> np.ndarray:
        """Give the most probable class of each row, shape (n,)."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def _sets(X) -> dict[str, list[int]]:
    if not isinstance(X, pd.DataFrame):
        return {"": list(range(np.shape(X)[1]))}
    sets: dict[str, list[int]] = {}
    for place, name in enumerate(map(str, X.columns)):
        embedder = name.partition(SEPARATOR)[0] if SEPARATOR in name else ""
        sets.setdefault(embedder, []).append(place)
    return sets


def _columns(X, places: list[int]) -> np.ndarray:
    return np.asarray(X)[:, places]
