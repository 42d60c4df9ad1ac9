"""Make a head by name: classifiers trained on embeddings."""

import difflib

from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from sertools.models.heads._average import Average
from sertools.models.heads._linear import LinearHead, WeightedLinear
from sertools.models.heads._model_selection import Best
from sertools.models.heads._preprocessing import OrthogonalProjection, RankGauss
from sertools.models.heads._svm import SpeakerSVC
from sertools.models.heads._tuning import Tuned


def _svm(seed: int) -> Pipeline:
    steps = [("rank", RankGauss()), ("scale", StandardScaler())]  # nothing is far out
    return Pipeline([*steps, ("svm", SpeakerSVC())])


def _random_forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(
        n_estimators=300, class_weight="balanced", random_state=seed, n_jobs=-1
    )


def _logistic(seed: int) -> Pipeline:
    classifier = LogisticRegression(C=3, class_weight="balanced", max_iter=2000)
    return Pipeline(
        [
            ("rank", RankGauss()),
            ("scale", StandardScaler()),
            ("rotate", OrthogonalProjection()),
            ("logistic", classifier),
        ]
    )


def _average(seed: int) -> Average:
    return Average(_logistic(seed))


def _best(seed: int) -> Best:
    return Best()


def _linear(seed: int) -> Pipeline:
    return Pipeline([("scale", StandardScaler()), ("linear", LinearHead(seed=seed))])


def _weighted(seed: int) -> Pipeline:
    scale = StandardScaler().set_output(transform="pandas")  # keeps the names
    return Pipeline([("scale", scale), ("weighted", WeightedLinear(seed=seed))])


_MAKERS = {
    "svm": _svm,
    "random_forest": _random_forest,
    "logistic": _logistic,
    "average": _average,
    "best": _best,
    "linear": _linear,
    "weighted": _weighted,
}

_READING_NAMES = ("average", "best", "weighted")
_PENALTIES = (0.3, 1.0, 3.0, 10.0)
_DECAYS = (1.0, 0.1, 0.01)

# What can be chosen, the most regularised first.
_GRIDS = {
    "svm": [
        {"svm__C": C, "svm__gamma": gamma} for C in _PENALTIES for gamma in (0.3, 1.0)
    ],
    "random_forest": [
        {"min_samples_leaf": leaf, "max_features": features}
        for leaf in (9, 3, 1)
        for features in ("log2", "sqrt")
    ],
    "logistic": [{"logistic__C": C} for C in _PENALTIES],
    "average": [{"head__logistic__C": C} for C in _PENALTIES],
    "linear": [{"linear__weight_decay": decay} for decay in _DECAYS],
    "weighted": [{"weighted__weight_decay": decay} for decay in _DECAYS],
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
    'svm, random_forest, logistic, average, best, linear, weighted'
    """
    return list(_MAKERS)


def reading_names() -> list[str]:
    """List the heads that read from their names which features belong together.

    They tell embedders, or a network's layers, apart, and are to be fitted on a
    DataFrame.

    Examples
    --------
    >>> reading_names()
    ['average', 'best', 'weighted']
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
        ``svm``: RBF kernel, C = 1, on the features' ranks among the training clips,
        temperature fitted on held-out speakers. ``random_forest``: 300 trees.
        ``logistic``: multinomial, on ranks, too. ``average``:
        one ``logistic`` per fused embedder, probabilities averaged.
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
