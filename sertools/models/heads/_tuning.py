"""Grid search over a head's settings, on training speakers held out."""

import numpy as np
from sklearn.base import clone
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from sertools.models.heads._base import Head
from sertools.models.heads._held_out import enough, fit, held_out, sweep


class Tuned(Head):
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

    Notes
    -----
    scikit-learn's ``GridSearchCV`` averages one UAR a fold. Here few speakers make
    small folds, in which an emotion may be missing: the clips of all folds are scored
    together, which often chooses another setting.

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
        self.head_ = fit(chosen, X, y, groups)
        self.classes_ = self.head_.classes_
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = get_tags(self.head).input_tags.sparse
        return tags

    def _compared(self, X, y, groups) -> np.ndarray | None:
        """Give each setting's UAR over the training speakers, held out in turn."""
        if not enough(groups):
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
        return self.head_.predict_proba(validate_data(self, X, **given))
