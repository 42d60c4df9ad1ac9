"""Does a group fare otherwise than the rest? Tests with whole speakers as the unit."""

import itertools
from math import comb, prod
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student_t

from sertools.evaluation.comparison.exchange import _exchanges as exchanges

__all__ = [
    "Contrasts",
    "Tally",
    "between",
    "joined",
    "least_between",
    "least_within",
    "luck",
    "within",
]

_DRAWS = 20_000


class Tally(NamedTuple):
    """How often each speaker was right, emotion by emotion.

    Parameters
    ----------
    hits, clips : ndarray of shape (speakers, emotions) or more
        Clips that were right, and all clips.
    """

    hits: np.ndarray
    clips: np.ndarray

    @classmethod
    def of(cls, right, codes, shape) -> "Tally":
        """Count clips by speaker, emotion and, if need be, group.

        Parameters
        ----------
        right : array-like of shape (n,), bool
            Whether each clip was right.
        codes : tuple of array-like of shape (n,), int
            Speaker, emotion and perhaps group of each clip, from 0.
        shape : tuple of int
            How many of each there are.

        Examples
        --------
        >>> Tally.of([True, False], ([0, 1], [0, 0]), (2, 1)).hits.tolist()
        [[1.0], [0.0]]
        """
        hits, clips = np.zeros(shape), np.zeros(shape)
        np.add.at(hits, tuple(codes), np.asarray(right, dtype=float))
        np.add.at(clips, tuple(codes), 1.0)
        return cls(hits, clips)

    def paired(self) -> int:
        """Count speakers with an emotion both inside and outside of the group."""
        return int((self.clips.min(axis=-1) > 0).any(axis=1).sum())


class Contrasts(NamedTuple):
    """What tests of groups against the rest found, one entry a group.

    Parameters
    ----------
    difference : ndarray of shape (groups,)
        Of the mean recall over emotions: the group's less that of the rest.
    low, high : ndarray of shape (groups,)
        95 % interval over speakers, each group by itself; NaN where there are
        too few speakers.
    p, p_joint : ndarray of shape (groups,)
        Two-sided; for the group alone, and for all groups together (max-T).
    detectable : ndarray of shape (groups,)
        The difference that four of five such studies would have found.
    """

    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    p_joint: np.ndarray
    detectable: np.ndarray


def within(
    tallies: list[Tally], seed: int = 0, families: int = 1, draws: int = _DRAWS
) -> Contrasts:
    """Test groups that every speaker has clips in, such as texts.

    A group's recall is compared with that of the rest at the same speaker and
    the same emotion, so that neither who speaks nor which emotions the group
    holds plays a part. Each speaker's own difference changes its sign at
    random: all signs are gone through where the speakers are few. All groups
    share the signs, which makes the joint p-value (max-T).

    Parameters
    ----------
    tallies : list of Tally of shape (speakers, emotions, 2)
        One a group, of the same speakers; the last axis holds the rest and
        the group.
    seed : int, default 0
        Of the signs drawn.
    families : int, default 1
        How many such sets of tests the joint p-value has to hold for.
    draws : int
        How many.

    Returns
    -------
    Contrasts
        One entry a tally.

    References
    ----------
    Westfall and Young (1993), Resampling-based multiple testing

    Examples
    --------
    >>> clips = np.full((6, 1, 2), 4.0)
    >>> hits = np.stack([np.full((6, 1), 1.0), np.full((6, 1), 3.0)], axis=-1)
    >>> found = within([Tally(hits, clips)])
    >>> found.difference.round(3).tolist(), found.p.tolist()
    ([0.5], [0.03125])
    """
    added, weight = map(np.array, zip(*map(_own_differences, tallies), strict=True))
    n = (weight > 0).sum(axis=1)
    null = np.vstack([s @ added.T for s in exchanges(added.shape[1], seed, draws)])
    difference = added.sum(axis=1)
    around = np.square(added - weight * difference[:, None]).sum(axis=1)
    error = np.sqrt(np.where(n > 1, n / np.maximum(n - 1, 1), np.nan) * around)
    return _judged(difference, null, error, n - 1, families)


def _own_differences(tally: Tally) -> tuple[np.ndarray, np.ndarray]:
    """Give what each speaker adds to the difference, and each speaker's weight."""
    clips, hits = tally.clips, tally.hits
    both = clips.min(axis=-1) > 0
    recall = np.divide(hits, clips, out=np.zeros(hits.shape), where=clips > 0)
    harmonic = clips.prod(axis=-1) / np.maximum(clips.sum(axis=-1), 1)
    harmonic = np.where(both, harmonic, 0.0)
    total = harmonic.sum(axis=0)
    shared = max(int((total > 0).sum()), 1)
    weight = np.divide(harmonic, total * shared, out=harmonic * 0, where=total > 0)
    own = np.where(both, recall[..., 1] - recall[..., 0], 0.0)
    return (weight * own).sum(axis=1), weight.sum(axis=1)


def between(
    tally: Tally,
    groups: np.ndarray,
    seed: int = 0,
    families: int = 1,
    draws: int = _DRAWS,
) -> Contrasts:
    """Test groups of speakers, such as the sexes.

    Whole speakers change places between the groups. All ways to deal them out
    are gone through where they are few, else they are drawn; both without a
    thought for clips, which are not independent.

    Parameters
    ----------
    tally : Tally of shape (speakers, emotions)
        What each speaker adds.
    groups : ndarray of shape (speakers,), int
        The group of each speaker: 0, 1 ...
    seed : int, default 0
        Of what is drawn.
    families : int, default 1
        How many such sets of tests the joint p-value has to hold for.
    draws : int
        Above so many ways, so many are drawn.

    Returns
    -------
    Contrasts
        One entry a group: its recall, the mean over emotions that it shares
        with the rest, less that of the rest.

    Examples
    --------
    >>> tally = Tally(np.array([[4.0]] * 5 + [[1.0]] * 5), np.full((10, 1), 4.0))
    >>> found = between(tally, np.repeat([0, 1], 5))
    >>> found.difference.round(2).tolist(), found.p.round(4).tolist()
    ([0.75, -0.75], [0.0079, 0.0079])
    """
    sizes = np.bincount(groups)
    dealt = np.vstack([groups, *_deals(groups, seed, draws)])
    null = np.stack([_difference(tally, dealt == g) for g in range(len(sizes))], axis=1)
    found = [_welch(tally, groups == g) for g in range(len(sizes))]
    error, freedom = map(np.array, zip(*found, strict=True))
    exact = _ways(sizes) <= draws  # then the first row is there twice
    null, observed = null[1:] if exact else null, null[0]
    return _judged(observed, null, error, freedom, families)


def _ways(sizes: np.ndarray) -> int:
    """Count the ways to deal speakers out to groups of these sizes."""
    left = np.cumsum(sizes)
    return prod(comb(int(n), int(k)) for n, k in zip(left, sizes, strict=True))


def _deals(groups: np.ndarray, seed: int, draws: int):
    sizes = np.bincount(groups)
    if _ways(sizes) <= draws:
        yield np.array(list(_all_deals(len(groups), list(sizes))))
        return
    drawn = np.random.default_rng(seed)
    yield drawn.permuted(np.tile(groups, (draws, 1)), axis=1)


def _all_deals(n: int, sizes: list[int]):
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


def _difference(tally: Tally, inside: np.ndarray) -> np.ndarray:
    """Give the group's mean recall less that of the rest, for each row of places."""
    inside = np.atleast_2d(inside).astype(float)
    hits, clips = inside @ tally.hits, inside @ tally.clips
    other_hits, other_clips = tally.hits.sum(0) - hits, tally.clips.sum(0) - clips
    both = (clips > 0.5) & (other_clips > 0.5)
    own = hits / np.where(both, clips, 1) - other_hits / np.where(both, other_clips, 1)
    return (own * both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)


def _welch(tally: Tally, inside: np.ndarray) -> tuple[float, float]:
    """Give the jackknife error of the difference, and its degrees of freedom."""
    parts = []
    for side in (inside, ~inside):
        places = np.flatnonzero(side)
        n = len(places)
        if n < 2 or n == len(inside):
            return np.nan, 1.0
        without = [np.delete(np.arange(len(inside)), place) for place in places]
        moved = np.array(
            [
                _difference(Tally(tally.hits[kept], tally.clips[kept]), inside[kept])[0]
                for kept in without
            ]
        )
        variance = (n - 1) / n * np.square(moved - moved.mean()).sum()
        parts.append((variance, n - 1))
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    return np.sqrt(total), total**2 / spread if spread else parts[0][1] + parts[1][1]


def _judged(observed, null, error, freedom, families) -> Contrasts:
    """Compare what was observed with what chance gives."""
    spread = np.sqrt(np.square(null).mean(axis=0))
    scale = np.where(spread > 1e-12, spread, 1)
    size, moved = np.abs(observed) / scale, np.abs(null) / scale
    largest = moved.max(axis=1)
    freedom = np.maximum(freedom, 1)
    reach = student_t.ppf(0.975, freedom) * error
    critical = np.quantile(largest, 0.95 ** (1 / families))
    return Contrasts(
        observed,
        observed - reach,
        observed + reach,
        (moved >= size - 1e-9).mean(axis=0),
        joined((largest[:, None] >= size - 1e-9).mean(axis=0), families),
        (critical + student_t.ppf(0.8, freedom)) * error,
    )


def luck(tally: Tally, seed: int = 0, draws: int = 5000) -> tuple[float, float, float]:
    """Compare how far speakers spread with what luck alone would do.

    If it mattered to no clip who speaks it, the clips of an emotion that were
    right would be dealt out among the speakers by chance.

    Parameters
    ----------
    tally : Tally of shape (speakers, emotions)
        Every speaker has clips of every emotion.
    seed : int, default 0
        Of what is drawn.
    draws : int
        How many.

    Returns
    -------
    spread, by_luck : float
        Standard deviation of the speakers' mean recalls, and its mean where
        luck alone decides.
    p : float
        How often luck spreads them as far.

    Examples
    --------
    >>> tally = Tally(np.array([[9.0], [1.0]]), np.array([[10.0], [10.0]]))
    >>> spread, by_luck, p = luck(tally)
    >>> round(spread, 2), bool(p < 0.01)
    (0.4, True)
    """
    drawn = np.random.default_rng(seed)
    clips, hits = tally.clips.astype(int), tally.hits.sum(axis=0).astype(int)
    null = np.zeros((draws, len(clips)))
    for column, n in zip(clips.T, hits, strict=True):
        null += drawn.multivariate_hypergeometric(column, n, size=draws) / column
    by_luck = (null / clips.shape[1]).std(axis=1)
    spread = (tally.hits / clips).mean(axis=1).std()
    p = (1 + (by_luck >= spread - 1e-9).sum()) / (1 + draws)
    return float(spread), float(by_luck.mean()), float(p)


def least_between(speakers: int, inside: int) -> float:
    """Give the p-value of the most extreme way to deal speakers out.

    Examples
    --------
    >>> round(least_between(8, 4), 4)
    0.0286
    """
    return min(2 / comb(speakers, inside), 1.0)


def least_within(speakers: int) -> float:
    """Give the p-value of the most extreme signs of so many speakers.

    Examples
    --------
    >>> least_within(6)
    0.03125
    """
    return min(2.0 ** (1 - speakers), 1.0)


def joined(p: np.ndarray | float, families: int) -> np.ndarray | float:
    """Make a p-value hold for several families of tests (Šidák).

    Examples
    --------
    >>> round(joined(0.02, 2), 4)
    0.0396
    """
    return 1 - (1 - p) ** max(families, 1)
