"""Hold training speakers out, for what a head must learn from others."""

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

__all__ = ["held_out"]


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
