"""One head per embedder, and one above that weighs what they say."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.models.heads._average import Average, fused_sets
from sertools.models.heads._registry import fit as fit_head
from sertools.models.heads._registry import held_out

_LEAST = 1e-3  # of a probability whose logarithm is taken


_FEWEST = 3  # training speakers to learn from


class Stack(ClassifierMixin, BaseEstimator):
    """Fit one head on each embedder's features, and a logistic one on their answers.

    What the heads say of training speakers whom they have not heard teaches the one
    above how far each is to be believed. It is held back strongly, for a few
    speakers can teach little. With fewer than three speakers, or none known, the
    heads' probabilities are averaged, as `Average` does, and ``final_`` is ``None``.

    Parameters
    ----------
    head : scikit-learn classifier
        Cloned once for each set of features; see `Average`.
    C : float, default 0.1
        Inverse penalty of the head above.
    folds : int, default 5
        In at most how many turns the training speakers are held out.

    References
    ----------
    Wolpert (1992), Stacked generalization, doi:10.1016/S0893-6080(05)80023-1
    """

    def __init__(self, head, C=0.1, folds=5):
        self.head = head
        self.C = C
        self.folds = folds

    def fit(self, X, y, groups=None):
        """Fit on features (n, d) and emotions (n,); `groups` says who speaks."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.sets_ = fused_sets(getattr(self, "feature_names_in_", [""] * X.shape[1]))
        self.heads_ = [
            fit_head(clone(self.head), X[:, places], y, groups)
            for places in self.sets_.values()
        ]
        self.classes_ = self.heads_[0].classes_
        self.final_ = self._final(X, y, groups)
        return self

    def _final(self, X, y, groups) -> LogisticRegression | None:
        """Learn from answers about speakers that were held out; None if too few."""
        if groups is None or len(np.unique(np.asarray(groups, str))) < _FEWEST:
            return None
        groups = np.asarray(groups, str)
        codes = np.searchsorted(self.classes_, y)
        told = np.zeros((len(self.sets_), len(y), len(self.classes_)))
        judged = np.zeros(len(y), dtype=bool)
        for train, test in held_out(codes, groups, self.folds):
            if len(np.unique(codes[train])) < len(self.classes_):
                continue  # a class lives in these speakers alone
            for number, own in enumerate(self.sets_.values()):
                head = clone(self.head)
                fit_head(head, X[np.ix_(train, own)], y[train], groups[train])
                told[number, test] = head.predict_proba(X[np.ix_(test, own)])
            judged[test] = True
        if len(np.unique(codes[judged])) < len(self.classes_):
            return None
        final = LogisticRegression(C=self.C, class_weight="balanced", max_iter=2000)
        return final.fit(evidence(told[:, judged]), y[judged])

    def sweep(self, grid, X, y, groups, test) -> list[np.ndarray]:
        """Answer under each setting as an average of the heads; see `tuned.sweep`."""
        return Average(self.head).sweep(grid, X, y, groups, test)

    def predict_proba(self, X) -> np.ndarray:
        """Give probabilities, shape (n, k), columns as in ``classes_``."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        pairs = zip(self.heads_, self.sets_.values(), strict=True)
        told = np.stack([head.predict_proba(X[:, own]) for head, own in pairs])
        if self.final_ is None:
            return told.mean(axis=0)
        return self.final_.predict_proba(evidence(told))

    def predict(self, X) -> np.ndarray:
        """Give the most probable class of each row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


def evidence(told: np.ndarray) -> np.ndarray:
    """Turn probabilities (sets, n, k) into log ratios, shape (n, sets * k).

    Examples
    --------
    >>> evidence(np.array([[[0.5, 0.5]], [[0.9, 0.1]]])).round(2).tolist()
    [[0.0, 0.0, 1.1, -1.1]]
    """
    logs = np.log(np.maximum(told, _LEAST))
    centred = logs - logs.mean(axis=2, keepdims=True)
    return np.concatenate(list(centred), axis=1)
