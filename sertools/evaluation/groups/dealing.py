"""Speakers dealt out to groups: in every way where those are few, else drawn."""

import itertools
from math import comb, prod

import numpy as np

__all__ = ["deals", "ways"]


def ways(sizes: np.ndarray) -> int:
    """Count the ways to deal speakers out to groups of these sizes.

    Examples
    --------
    >>> ways(np.array([2, 2]))
    6
    """
    left = np.cumsum(sizes)
    return prod(comb(int(n), int(k)) for n, k in zip(left, sizes, strict=True))


def deals(groups: np.ndarray, seed: int, draws: int) -> np.ndarray:
    """Deal speakers out to groups as large as theirs.

    Parameters
    ----------
    groups : ndarray of shape (speakers,), int
        The group of each speaker: 0, 1 ...
    seed : int
        Of what is drawn.
    draws : int
        Above so many ways, so many are drawn, and the one that there is put
        before them; else each way comes once.

    Returns
    -------
    ndarray of shape (ways, speakers), int
        Groups.

    Examples
    --------
    >>> deals(np.array([0, 1, 1]), 0, 10).tolist()
    [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    """
    sizes = np.bincount(groups)
    if ways(sizes) <= draws:
        return np.array(list(_every(len(groups), list(sizes))))
    drawn = np.random.default_rng(seed)
    others = drawn.permuted(np.tile(groups, (draws, 1)), axis=1)
    return np.vstack([groups, others])


def _every(n: int, sizes: list[int]):
    """Deal n places out to groups of these sizes, in every way."""

    def deal(free: tuple, group: int):
        if group == len(sizes) - 1:
            yield dict.fromkeys(free, group)
            return
        for chosen in itertools.combinations(free, sizes[group]):
            rest = tuple(place for place in free if place not in chosen)
            for others in deal(rest, group + 1):
                yield dict.fromkeys(chosen, group) | others

    for dealt in deal(tuple(range(n)), 0):
        yield [dealt[place] for place in range(n)]
