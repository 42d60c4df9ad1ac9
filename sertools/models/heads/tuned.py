"""A head that chooses its settings, judged on training speakers held out."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.models.heads.holdout import held_out
from sertools.models.heads.making import fit as fit_head

__all__ = ["Tuned", "sweep", "within"]

_FEWEST = 3  # training speakers: with two, a choice would hang on one voice


class Tuned(ClassifierMixin, BaseEstimator):
    """Choose a head's settings on training speakers, then fit it on all clips.

    The training speakers are held out in turn. The setting with the best UAR over
    all their clips together is taken; of equals, the one that stands first. With
    fewer than three speakers, or none known, nothing can be chosen honestly: the
    head stays as it is, and ``chosen_`` is ``None``.

    Parameters
    ----------
    head : scikit-learn classifier
        As `sertools.models.heads.make` gives.
    grid : list of dict
        Settings to choose from, the most regularised first.
    quick : dict, optional
        Settings in force only while the others are compared: fewer trees, say.
    folds : int, default 5
        In at most how many turns the training speakers are held out.

    References
    ----------
    Cawley and Talbot (2010), On over-fitting in model selection and subsequent
    selection bias in performance evaluation, JMLR 11, 2079-2107,
    https://jmlr.org/papers/v11/cawley10a.html

    Examples
    --------
    >>> from sertools.models import heads
    >>> rng, y = np.random.default_rng(0), np.tile(["angry", "sad"], 12)
    >>> X = rng.normal(size=(24, 3)) + (y == "sad")[:, None]
    >>> head = heads.make("logistic", tune=True)
    >>> sorted(heads.fit(head, X, y, np.repeat(list("abcd"), 6)).chosen_)
    ['logistic__C']
    """

    def __init__(self, head, grid, quick=None, folds=5):
        self.head = head
        self.grid = grid
        self.quick = quick
        self.folds = folds

    def fit(self, X, y, groups=None):
        """Choose and fit on features (n, d), emotions (n,); `groups`: who speaks."""
        table = hasattr(X, "columns")  # its names tell the sets of features apart
        X, y = validate_data(self, X, y, skip_check_array=table, accept_sparse=True)
        check_classification_targets(y)
        self.scores_ = self._compared(X, np.asarray(y), groups)
        self.chosen_ = None
        chosen = clone(self.head)
        if self.scores_ is not None:
            self.chosen_ = dict(self.grid[int(np.argmax(self.scores_))])
            chosen.set_params(**self.chosen_)
        self.head_ = fit_head(chosen, X, y, groups)
        self.classes_ = self.head_.classes_
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self.head).input_tags.sparse
        return tags

    def _compared(self, X, y, groups) -> np.ndarray | None:
        """Give each setting's UAR over the training speakers, held out in turn."""
        if groups is None or len(np.unique(np.asarray(groups, str))) < _FEWEST:
            return None
        groups = np.asarray(groups, str)
        codes = np.unique(y, return_inverse=True)[1]
        head = clone(self.head).set_params(**(self.quick or {}))
        found = np.full((len(self.grid), len(codes)), -1)
        for train, test in held_out(codes, groups, self.folds):
            known = np.unique(codes[train])
            if len(known) < 2:
                continue  # one class only: nothing to tell apart
            part = (_safe_indexing(X, train), codes[train], groups[train])
            answers = sweep(head, self.grid, *part, _safe_indexing(X, test))
            found[:, test] = [known[scores.argmax(axis=1)] for scores in answers]
        judged = found[0] >= 0
        if not judged.any():
            return None
        right = found[:, judged] == codes[judged]
        own = [codes[judged] == code for code in np.unique(codes[judged])]
        return np.mean([right[:, one].mean(axis=1) for one in own], axis=0).round(9)

    def predict_proba(self, X) -> np.ndarray:
        """Give the chosen head's probabilities, shape (n, k), as in ``classes_``."""
        check_is_fitted(self)
        table = hasattr(X, "columns")
        given = {"skip_check_array": table, "accept_sparse": True, "reset": False}
        X = validate_data(self, X, **given)
        return self.head_.predict_proba(X)

    def predict(self, X) -> np.ndarray:
        """Give the most probable class of each row, shape (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


def sweep(head, grid, X, y, groups, test) -> list[np.ndarray]:
    """Fit a head under each of some settings, and ask it about other clips.

    What the settings share is done once: scaling and rotation of the features in a
    pipeline, and whatever a head's own ``sweep`` knows how to share.

    Parameters
    ----------
    head : scikit-learn classifier
        Unfitted, and left so.
    grid : list of dict
        Settings.
    X, y, groups
        Features, classes and speakers of the training clips.
    test : DataFrame or ndarray of shape (n, d)
        Features of the clips asked about.

    Returns
    -------
    list of ndarray of shape (n, k)
        Probabilities under each setting, columns sorted by class.
    """
    if isinstance(head, Pipeline):
        name, last = head.steps[-1]
        if all(key.startswith(f"{name}__") for setting in grid for key in setting):
            before = clone(head[:-1])
            X, test = before.fit_transform(X, y), before.transform(test)
            return sweep(last, within(grid, name), X, y, groups, test)
    if hasattr(head, "sweep"):
        return head.sweep(grid, X, y, groups, test)
    fresh = (clone(head).set_params(**setting) for setting in grid)
    return [fit_head(one, X, y, groups).predict_proba(test) for one in fresh]


def within(grid, name: str) -> list[dict]:
    """Give settings as the part `name` of a head takes them."""
    return [{k.removeprefix(f"{name}__"): v for k, v in s.items()} for s in grid]
