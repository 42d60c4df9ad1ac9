"""Support vector machine with probabilities by temperature scaling over speakers."""

import numpy as np
from scipy.special import softmax
from sklearn.base import clone
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel
from sklearn.svm import SVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.models.heads._base import Head
from sertools.models.heads._held_out import held_out
from sertools.models.heads._temperature import fit_temperature


class SpeakerSVC(Head):
    """RBF support vector machine with a temperature from held-out speakers.

    ``sklearn.svm.SVC(class_weight="balanced")`` tells each pair of classes apart. A
    class's value is the sum of its margins against all others: how clearly it wins,
    where scikit-learn's own ``"ovr"`` values mostly count how often. These become
    probabilities by a softmax with one temperature, which cannot change the order of
    the classes and minimises the log loss on training speakers held out in turn.

    Parameters
    ----------
    C : float, default 1.0
        Penalty.
    gamma : float, default 1.0
        Of the kernel, in units of what scikit-learn calls ``"scale"``.
    folds : int, default 5
        In how many turns the training speakers are held out.

    References
    ----------
    Guo et al. (2017), On calibration of modern neural networks, arXiv:1706.04599
    """

    def __init__(self, C=1.0, gamma=1.0, folds=5):
        self.C = C
        self.gamma = gamma
        self.folds = folds

    def fit(self, X, y, groups=None):
        """Fit on features (n, d) and emotions (n,); `groups` says who speaks."""
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Only one class: {self.classes_[0]}. Two are needed.")
        self.X_ = X
        self.gamma_ = self.gamma * _scale(X)
        kernel = rbf_kernel(X, gamma=self.gamma_)
        self.svc_ = self._svc().fit(kernel, codes)
        self.temperature_ = self._temperature(kernel, codes, groups)
        return self

    def decision_function(self, X) -> np.ndarray:
        """Give one value a class, shape (n, k), the highest wins; (n,) for two."""
        values = self._values(X)
        return values if len(self.classes_) > 2 else values[:, 1]

    def predict_proba(self, X) -> np.ndarray:
        """Give probabilities, shape (n, k), columns as in ``classes_``."""
        return softmax(self._values(X) / self.temperature_, axis=1)

    def sweep(self, grid, X, y, groups, test) -> list[np.ndarray]:
        """Answer under each setting of `C` and `gamma`; see `_held_out.sweep`.

        Distances are measured once, and no temperature is fitted: the order of the
        classes is that of `predict_proba`, which is all that a choice looks at.
        """
        scale = _scale(X)
        distances = [euclidean_distances(one, X, squared=True) for one in (X, test)]
        kernels, answers = {}, []
        for setting in grid:
            own = clone(self).set_params(**setting)
            if own.gamma not in kernels:
                kernels[own.gamma] = [np.exp(-own.gamma * scale * d) for d in distances]
            within, across = kernels[own.gamma]
            values = _summed(own._svc().fit(within, y), across)
            answers.append(softmax(values, axis=1))
        return answers

    def _values(self, X) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return _summed(self.svc_, rbf_kernel(X, self.X_, gamma=self.gamma_))

    def _svc(self) -> SVC:
        return SVC(
            C=self.C,
            kernel="precomputed",
            class_weight="balanced",
            decision_function_shape="ovo",
        )

    def _temperature(self, kernel, codes, groups) -> float:
        values = np.zeros((len(codes), len(self.classes_)))
        judged = np.zeros(len(codes), dtype=bool)
        for train, test in held_out(codes, groups, self.folds):
            if len(np.unique(codes[train])) < len(self.classes_):
                continue  # a class lives in these speakers alone
            svc = self._svc().fit(kernel[np.ix_(train, train)], codes[train])
            values[test] = _summed(svc, kernel[np.ix_(test, train)])
            judged[test] = True
        if not judged.any():
            return 1.0
        return fit_temperature(softmax(values[judged], axis=1), codes[judged])


def _scale(X: np.ndarray) -> float:
    spread = X.var()
    return 1 / (X.shape[1] * spread) if spread else 1.0


def _summed(svc: SVC, kernel: np.ndarray) -> np.ndarray:
    """Sum each class's margins against all others, shape (n, k)."""
    margins = svc.decision_function(kernel)
    if margins.ndim == 1:
        return np.c_[-margins, margins]
    if svc.decision_function_shape == "ovr":  # saved by an earlier version
        return margins
    each = np.eye(len(svc.classes_))
    first, second = np.triu_indices(len(each), 1)
    return margins @ (each[first] - each[second])
