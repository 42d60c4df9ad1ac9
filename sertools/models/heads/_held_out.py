"""Group cross-validation inside a training: training speakers held out in turn."""

import inspect

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline

FEWEST = 3  # training speakers: with two, a choice would hang on one voice


def held_out(
    y: np.ndarray, speakers=None, folds: int = 5, seed: int | None = None
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Split training clips by speaker; by clip only where nobody knows who speaks.

    Classes are spread evenly over at most `folds` folds. Without a `seed` nothing is
    shuffled. The list is empty where two folds cannot be made.

    Examples
    --------
    >>> splits = held_out(np.tile([0, 1], 4), list("aabbccdd"), folds=2)
    >>> [len(test) for train, test in splits]
    [4, 4]
    """
    known = enough(speakers, 2)
    groups = np.asarray(speakers, str) if known else None
    units = len(np.unique(groups)) if known else len(y)
    rarest = np.unique(y, return_counts=True)[1].min()
    folds = min(folds, units, rarest)
    if folds < 2:
        return []
    kind = StratifiedGroupKFold if known else StratifiedKFold
    splitter = kind(folds, shuffle=seed is not None, random_state=seed)
    splits = splitter.split(np.zeros(len(y)), y, groups)
    return [(train, test) for train, test in splits if len(test)]  # uneven speakers


def enough(speakers, fewest: int = FEWEST) -> bool:
    """Say whether so many speakers are known."""
    return speakers is not None and len(np.unique(np.asarray(speakers, str))) >= fewest


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


def sweep(head, grid, X, y, groups, test) -> list[np.ndarray]:
    """Fit a head under each setting of `grid`, and ask it about the clips of `test`.

    What the settings share is done once: the steps of a pipeline before the last, and
    whatever a head's own ``sweep`` knows how to share. Gives probabilities (n, k) a
    setting, columns sorted by class.
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
