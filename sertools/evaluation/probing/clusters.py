"""How a space of features is arranged: shares of its variance, and silhouettes."""

import numpy as np

__all__ = ["scaled", "share", "shuffled", "silhouette", "silhouette_by_luck"]


def scaled(X: np.ndarray) -> np.ndarray:
    """Bring columns to mean 0 and variance 1; leave out those that never change.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Features.

    Returns
    -------
    ndarray of shape (n, at most d), float64
        The changing columns.

    Examples
    --------
    >>> scaled(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0], [1.0]]
    """
    X = np.asarray(X, dtype=np.float64)
    spread = X.std(axis=0)
    changing = spread > 1e-12 * np.maximum(np.abs(X).max(axis=0), 1e-300)
    return (X[:, changing] - X[:, changing].mean(axis=0)) / spread[changing]


def share(X: np.ndarray, groups: np.ndarray) -> float:
    """Give the share of the variance of a space that lies between groups.

    Adjusted for chance (epsilon squared), so that groups that say nothing get
    0 on the average, however many there are, as far as points are drawn one by
    one. Groups of whole speakers get more, for the clips of one speaker are alike.

    Parameters
    ----------
    X : ndarray of shape (n, d)
        Points.
    groups : ndarray of shape (n,)
        The group of each.

    Returns
    -------
    float
        At most 1; may fall a little below 0.

    References
    ----------
    Kelley (1935), An unbiased correlation ratio measure, doi:10.1073/pnas.21.9.554

    Examples
    --------
    >>> share(np.array([[0.0], [0.0], [1.0], [1.0]]), np.array(list("aabb")))
    1.0
    """
    codes, k = _codes(groups)
    n = len(X)
    if n <= k:
        return float("nan")
    counts = np.bincount(codes)
    sums = np.zeros((k, X.shape[1]))
    np.add.at(sums, codes, X)
    whole = np.square(X - X.mean(axis=0)).sum()
    within = np.square(X - (sums / counts[:, None])[codes]).sum()
    return float(1 - (within / (n - k)) / (whole / (n - 1)))


def silhouette(distances: np.ndarray, groups: np.ndarray) -> float:
    """Say how much nearer points are to their own group than to the next.

    Parameters
    ----------
    distances : ndarray of shape (n, n)
        Between the points.
    groups : ndarray of shape (n,)
        The group of each; two groups or more.

    Returns
    -------
    float
        The mean over points, -1 to 1; a point that is alone in its group
        counts 0.

    References
    ----------
    Rousseeuw (1987), Silhouettes, doi:10.1016/0377-0427(87)90125-7

    Examples
    --------
    >>> points = np.array([0.0, 0.0, 1.0, 1.0])
    >>> silhouette(np.abs(points[:, None] - points), np.array(list("aabb")))
    1.0
    """
    codes, k = _codes(groups)
    member = np.eye(k)[codes]
    counts = member.sum(axis=0)
    sums = distances @ member
    rows = np.arange(len(codes))
    own = sums[rows, codes] / np.maximum(counts[codes] - 1, 1)
    other = sums / counts
    other[rows, codes] = np.inf
    nearest = other.min(axis=1)
    widest = np.maximum(own, nearest)
    values = np.divide(nearest - own, widest, out=own * 0, where=widest > 0)
    return float(np.where(counts[codes] > 1, values, 0).mean())


def shuffled(groups: np.ndarray, strata: np.ndarray, drawn: np.random.Generator):
    """Shuffle the names of groups within strata, or stratum by stratum.

    Where a stratum is all of one group (a speaker is of one sex), whole strata
    change their names; else the points of a stratum do among each other.

    Parameters
    ----------
    groups, strata : ndarray of shape (n,)
        Of each point.
    drawn : numpy Generator
        What draws.

    Returns
    -------
    ndarray of shape (n,), int
        The shuffled groups, as numbers.

    Examples
    --------
    >>> drawn = np.random.default_rng(3)
    >>> shuffled(np.array(list("ffmm")), np.array([1, 1, 2, 2]), drawn).tolist()
    [1, 1, 0, 0]
    """
    codes, _ = _codes(groups)
    cells, k = _codes(strata)
    places = [np.flatnonzero(cells == cell) for cell in range(k)]
    if k > 1 and all(len(set(codes[place])) == 1 for place in places):
        whole = np.array([codes[place[0]] for place in places])
        return drawn.permutation(whole)[cells]
    moved = codes.copy()
    for place in places:
        moved[place] = drawn.permutation(codes[place])
    return moved


def silhouette_by_luck(
    distances: np.ndarray,
    groups: np.ndarray,
    strata: np.ndarray,
    seed: int = 0,
    draws: int = 199,
) -> np.ndarray:
    """Give silhouettes of groups whose names were shuffled.

    Parameters
    ----------
    distances : ndarray of shape (n, n)
        Between the points.
    groups, strata : ndarray of shape (n,)
        Of each point; see `shuffled`.
    seed : int, default 0
        Of the shuffles.
    draws : int, default 199
        How many.

    Returns
    -------
    ndarray of shape (draws,)
        What luck would give.
    """
    drawn = np.random.default_rng(seed)
    found = [shuffled(groups, strata, drawn) for _ in range(draws)]
    return np.array([silhouette(distances, moved) for moved in found])


def _codes(groups: np.ndarray) -> tuple[np.ndarray, int]:
    names, codes = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    return codes, len(names)
