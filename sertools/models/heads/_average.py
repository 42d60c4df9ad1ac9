"""Soft voting over feature sets: one head per embedder, probabilities averaged."""

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.models.fusion import SEPARATOR
from sertools.models.heads._base import Head
from sertools.models.heads._held_out import fit as fit_head
from sertools.models.heads._held_out import sweep, within


class Average(Head):
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
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.sets_ = fused_sets(getattr(self, "feature_names_in_", [""] * X.shape[1]))
        self.heads_ = [
            fit_head(clone(self.head), X[:, places], y, groups)
            for places in self.sets_.values()
        ]
        self.classes_ = self.heads_[0].classes_
        return self

    def sweep(self, grid, X, y, groups, test) -> list[np.ndarray]:
        """Answer under each of its heads' settings; see `_held_out.sweep`."""
        named = getattr(X, "columns", [""] * X.shape[1])
        X, test = (np.asarray(part, np.float64) for part in (X, test))
        answers = [
            sweep(self.head, within(grid, "head"), X[:, own], y, groups, test[:, own])
            for own in fused_sets(named).values()
        ]
        return [np.mean(every, axis=0) for every in zip(*answers, strict=True)]

    def predict_proba(self, X) -> np.ndarray:
        """Give the mean probabilities, shape (n, k), columns as in ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        pairs = zip(self.heads_, self.sets_.values(), strict=True)
        return np.mean([head.predict_proba(X[:, own]) for head, own in pairs], axis=0)


def fused_sets(names) -> dict[str, list[int]]:
    """Give the columns of each fused embedder, read from the features' names."""
    sets: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        sets.setdefault(name.rpartition(SEPARATOR)[0], []).append(place)
    return sets
