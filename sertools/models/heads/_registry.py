"""Make a head by name, and fit one that wants to know who speaks."""

import difflib
import inspect

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data


def _svm(seed: int) -> Pipeline:
    from sertools.models.heads._svm import SpeakerSVC

    return Pipeline([("scale", StandardScaler()), ("svm", SpeakerSVC())])


def _random_forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(
        n_estimators=300, class_weight="balanced", random_state=seed, n_jobs=-1
    )


def _logistic(seed: int) -> Pipeline:
    from sertools.models.heads._preprocessing import OrthogonalProjection, RankGauss

    classifier = LogisticRegression(C=3, class_weight="balanced", max_iter=2000)
    return Pipeline(
        [
            ("rank", RankGauss()),
            ("scale", StandardScaler()),
            ("rotate", OrthogonalProjection()),
            ("logistic", classifier),
        ]
    )


def _average(seed: int) -> BaseEstimator:
    from sertools.models.heads._average import Average

    return Average(_logistic(seed))


def _stack(seed: int) -> BaseEstimator:
    from sertools.models.heads._stack import Stack

    return Stack(_logistic(seed))


def _best(seed: int) -> BaseEstimator:
    from sertools.models.heads._model_selection import Best

    return Best()


def _linear(seed: int) -> Pipeline:
    from sertools.models.heads._linear import LinearHead

    return Pipeline([("scale", StandardScaler()), ("linear", LinearHead(seed=seed))])


def _weighted(seed: int) -> Pipeline:
    from sertools.models.heads._linear import WeightedLinear

    scale = StandardScaler().set_output(transform="pandas")  # keeps the names
    return Pipeline([("scale", scale), ("weighted", WeightedLinear(seed=seed))])


_MAKERS = {
    "svm": _svm,
    "random_forest": _random_forest,
    "logistic": _logistic,
    "average": _average,
    "stack": _stack,
    "best": _best,
    "linear": _linear,
    "weighted": _weighted,
}


_READING_NAMES = ("average", "stack", "best", "weighted")


_PENALTIES = (0.3, 1.0, 3.0, 10.0)


# What can be chosen, the most regularised first.
_GRIDS = {
    "svm": [
        {"svm__C": C, "svm__gamma": gamma}
        for C in (0.3, 1.0, 3.0, 10.0)
        for gamma in (0.3, 1.0)
    ],
    "random_forest": [
        {"min_samples_leaf": leaf, "max_features": features}
        for leaf in (9, 3, 1)
        for features in ("log2", "sqrt")
    ],
    "logistic": [{"logistic__C": C} for C in _PENALTIES],
    "average": [{"head__logistic__C": C} for C in _PENALTIES],
    "stack": [{"head__logistic__C": C} for C in _PENALTIES],
    "linear": [{"linear__weight_decay": decay} for decay in (1.0, 0.1, 0.01)],
    "weighted": [{"weighted__weight_decay": decay} for decay in (1.0, 0.1, 0.01)],
}


# While choosing, less is enough to tell better from worse.
_QUICK = {
    "random_forest": {"n_estimators": 100},
    "linear": {"linear__runs": 1},
    "weighted": {"weighted__runs": 1},
}


def names() -> list[str]:
    """List the heads.

    Returns
    -------
    list of str
        Names that `make` takes.

    Examples
    --------
    >>> ", ".join(names())
    'svm, random_forest, logistic, average, stack, best, linear, weighted'
    """
    return list(_MAKERS)


def reading_names() -> list[str]:
    """List the heads that read from their names which features belong together.

    They tell embedders, or a network's layers, apart, and are to be fitted on a
    DataFrame.

    Examples
    --------
    >>> reading_names()
    ['average', 'stack', 'best', 'weighted']
    """
    return list(_READING_NAMES)


def named(head: BaseEstimator, seed: int = 0) -> str | None:
    """Give the name by which `make` makes an equal head; ``None`` for one's own.

    Examples
    --------
    >>> named(make("svm")), named(make("svm", tune=True)), named(LogisticRegression())
    ('svm', 'svm', None)
    """
    for name in names():
        if repr(head) in (repr(make(name, seed)), repr(make(name, seed, tune=True))):
            return name
    return None


def make(head: str | BaseEstimator, seed: int = 0, tune: bool = False) -> BaseEstimator:
    """Make an unfitted head.

    Parameters
    ----------
    head : str or scikit-learn classifier
        ``svm``: RBF kernel, C = 1, temperature fitted on held-out speakers.
        ``random_forest``: 300 trees. ``logistic``: multinomial, on the features'
        ranks among the training clips. ``average``:
        one ``logistic`` per fused embedder, probabilities averaged. ``stack``:
        the same, weighed by what they said of held-out training speakers.
        ``best``: chosen among these and others, each time it is fitted, on
        training speakers held out; see `sertools.models.heads.Best`.
        ``linear``: torch.nn.Linear, mean of five runs, stopped early on
        held-out speakers. ``weighted``: the same, on a sum of a network's
        layers whose weights are learned. All scale their features and weigh
        their classes equally. A scikit-learn classifier is cloned.
    seed : int, default 0
        Of the heads that draw random numbers.
    tune : bool, default False
        Choose its settings while it is fitted, on training speakers held out; see
        `sertools.models.heads.Tuned`. ``best`` does so anyhow.

    Returns
    -------
    estimator
        With ``fit``, ``predict_proba`` and, once fitted, ``classes_``.

    Raises
    ------
    ValueError
        If the name is unknown, or the estimator gives no probabilities; if an
        estimator of one's own is to be tuned.

    Examples
    --------
    >>> type(make("logistic")).__name__
    'Pipeline'
    """
    if not isinstance(head, str):
        if not hasattr(head, "predict_proba"):
            raise ValueError(
                f"{head!r} gives no probabilities (predict_proba). "
                "Wrap it in sklearn.calibration.CalibratedClassifierCV."
            )
        return _tuned(named(head, seed), head) if tune else clone(head)
    if head not in _MAKERS:
        near = difflib.get_close_matches(head.lower(), names(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"Unknown head {head!r}.{hint} Known: {', '.join(names())}.")
    made = _MAKERS[head](seed)
    return _tuned(head, made) if tune else made


def _tuned(name: str | None, head: BaseEstimator) -> BaseEstimator:

    if isinstance(head, Tuned) or name == "best":
        return clone(head)
    if name is None:
        raise ValueError(
            f"Tuning knows what to try for {', '.join(names())}, not for "
            f"{type(head).__name__}. Wrap it in a search of your own: sklearn."
            "model_selection.GridSearchCV(estimator, settings, cv=GroupKFold(5)); "
            "it is told who speaks."
        )
    return Tuned(clone(head), _GRIDS[name], _QUICK.get(name))


def fit(head: BaseEstimator, X, y, speakers=None) -> BaseEstimator:
    """Fit a head, telling it who speaks where it wants to know.

    Parameters
    ----------
    head : estimator
        As `make` gives.
    X : DataFrame or ndarray of shape (n, d)
        Features of the training clips.
    y : array-like of shape (n,)
        Their emotions.
    speakers : array-like of shape (n,), optional
        Who speaks, for the heads that hold speakers out while they train.

    Returns
    -------
    estimator
        The same head, fitted.
    """
    last = head.steps[-1][1] if isinstance(head, Pipeline) else head
    if speakers is None or not _wants_speakers(last):
        return head.fit(X, y)
    prefix = f"{head.steps[-1][0]}__" if isinstance(head, Pipeline) else ""
    return head.fit(X, y, **{f"{prefix}groups": speakers})


def _wants_speakers(head: BaseEstimator) -> bool:
    """Say whether ``fit`` takes groups: by name, or to search with them."""
    searches = hasattr(head, "refit") and hasattr(head, "cv")
    return searches or "groups" in inspect.signature(head.fit).parameters


def held_out(
    y: np.ndarray, speakers=None, folds: int = 5, seed: int | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split training clips by speaker; by clip only where nobody knows who speaks.

    Parameters
    ----------
    y : ndarray of shape (n,)
        Classes, spread evenly over the folds as far as speakers allow.
    speakers : array-like of shape (n,), optional
        Who speaks.
    folds : int, default 5
        At most so many.
    seed : int, optional
        Shuffle with it; in order if not given.

    Returns
    -------
    list of (train, test) ndarrays of int
        Positions; empty where two folds cannot be made.

    Examples
    --------
    >>> splits = held_out(np.tile([0, 1], 4), list("aabbccdd"), folds=2)
    >>> [len(test) for train, test in splits]
    [4, 4]
    """
    known = speakers is not None and len(np.unique(np.asarray(speakers, str))) > 1
    units = np.unique(np.asarray(speakers, str)) if known else np.arange(len(y))
    rarest = np.unique(y, return_counts=True)[1].min()
    folds = min(folds, len(units), rarest)
    if folds < 2:
        return []
    kind = StratifiedGroupKFold if known else StratifiedKFold
    splitter = kind(folds, shuffle=seed is not None, random_state=seed)
    groups = np.asarray(speakers, str) if known else None
    splits = splitter.split(np.zeros(len(y)), y, groups)
    return [(train, test) for train, test in splits if len(test)]  # uneven speakers


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
        self.head_ = fit(chosen, X, y, groups)
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
    return [fit(one, X, y, groups).predict_proba(test) for one in fresh]


def within(grid, name: str) -> list[dict]:
    """Give settings as the part `name` of a head takes them."""
    return [{k.removeprefix(f"{name}__"): v for k, v in s.items()} for s in grid]
