"""Make a head by name, and fit one that wants to know who speaks."""

import difflib
import inspect

from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

__all__ = ["fit", "make", "names"]


def _svm(seed: int) -> Pipeline:
    from sertools.models.heads.svm import SpeakerSVC

    return Pipeline([("scale", StandardScaler()), ("svm", SpeakerSVC())])


def _random_forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(
        n_estimators=300, class_weight="balanced", random_state=seed, n_jobs=-1
    )


def _logistic(seed: int) -> Pipeline:
    from sertools.models.heads.rotation import UnitRotation

    classifier = LogisticRegression(C=3, class_weight="balanced", max_iter=2000)
    return Pipeline(
        [
            ("scale", StandardScaler()),
            ("rotate", UnitRotation()),
            ("logistic", classifier),
        ]
    )


def _average(seed: int) -> BaseEstimator:
    from sertools.models.heads.average import Average

    return Average(_logistic(seed))


def _linear(seed: int) -> Pipeline:
    from sertools.models.heads.linear import LinearHead

    return Pipeline([("scale", StandardScaler()), ("linear", LinearHead(seed=seed))])


_MAKERS = {
    "svm": _svm,
    "random_forest": _random_forest,
    "logistic": _logistic,
    "average": _average,
    "linear": _linear,
}


def names() -> list[str]:
    """List the heads.

    Returns
    -------
    list of str
        Names that `make` takes.

    Examples
    --------
    >>> names()
    ['svm', 'random_forest', 'logistic', 'average', 'linear']
    """
    return list(_MAKERS)


def make(head: str | BaseEstimator, seed: int = 0) -> BaseEstimator:
    """Make an unfitted head.

    Parameters
    ----------
    head : str or scikit-learn classifier
        ``svm``: RBF kernel, C = 1, temperature fitted on held-out speakers.
        ``random_forest``: 300 trees. ``logistic``: multinomial. ``average``:
        one ``logistic`` per fused embedder, probabilities averaged.
        ``linear``: torch.nn.Linear, mean of five runs, stopped early on
        held-out speakers. All scale their features and weigh their classes
        equally. A scikit-learn classifier is cloned.
    seed : int, default 0
        Of the heads that draw random numbers.

    Returns
    -------
    estimator
        With ``fit``, ``predict_proba`` and, once fitted, ``classes_``.

    Raises
    ------
    ValueError
        If the name is unknown, or the estimator gives no probabilities.

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
        return clone(head)
    if head not in _MAKERS:
        near = difflib.get_close_matches(head.lower(), names(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"Unknown head {head!r}.{hint} Known: {', '.join(names())}.")
    return _MAKERS[head](seed)


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
