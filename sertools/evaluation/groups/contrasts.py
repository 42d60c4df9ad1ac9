"""Does a group fare otherwise than the rest? Tests with whole speakers as the unit."""

import functools
from math import comb

import numpy as np
from scipy.stats import t as student_t

from sertools.evaluation.comparison.exchange import Differences
from sertools.evaluation.comparison.power import (
    POWER,
    errors_needed,
    signs,
    student,
    studied,
)
from sertools.evaluation.groups.dealing import deals, ways
from sertools.evaluation.groups.tally import Tally

__all__ = ["between", "joined", "least_between", "least_within", "within"]

_DRAWS = 20_000
_LEVEL = 0.05
_STUDIED = 1000  # ways to deal up to which studies are drawn to find what is seen


def within(
    tallies: list[Tally], seed: int = 0, families: int = 1, draws: int = _DRAWS
) -> Differences:
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
    Differences
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
    null = np.vstack([block @ added.T for block in signs(added.shape[1], seed, draws)])
    difference = added.sum(axis=1)
    around = np.square(added - weight * difference[:, None]).sum(axis=1)
    error = np.sqrt(np.where(n > 1, n / np.maximum(n - 1, 1), np.nan) * around)

    def needed(level: np.ndarray, far: float) -> list[float]:
        pairs = zip(n, np.maximum(level, 1 / len(null)), strict=True)
        return [errors_needed(int(k), float(alpha)) for k, alpha in pairs]

    return _judged(difference, null, error, n - 1, needed, families)


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
) -> Differences:
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
    Differences
        One entry a group: its recall, the mean over emotions that it shares
        with the rest, less that of the rest.

    Examples
    --------
    >>> tally = Tally(np.array([[4.0]] * 5 + [[1.0]] * 5), np.full((10, 1), 4.0))
    >>> found = between(tally, np.repeat([0, 1], 5))
    >>> found.difference.round(2).tolist(), found.p.round(4).tolist()
    ([0.75, -0.75], [0.0079, 0.0079])
    """
    dealt = deals(groups, seed, draws)
    n = int(groups.max()) + 1
    null = np.stack([_difference(tally, dealt == g) for g in range(n)], axis=1)
    observed = np.array([_difference(tally, groups == g)[0] for g in range(n)])
    found = [_welch(tally, groups == g) for g in range(n)]
    error, freedom = map(np.array, zip(*found, strict=True))

    def needed(level: np.ndarray, far: float) -> list[float]:
        if ways(np.bincount(groups)) <= min(_STUDIED, draws):
            sizes = np.bincount(groups)
            return [
                _dealt(int(k), len(groups) - int(k), float(a))
                for k, a in zip(sizes, level, strict=True)
            ]
        own = student_t.ppf(POWER, np.maximum(freedom, 1))
        return student(far, len(groups) - 1) + own

    return _judged(observed, null, error, freedom, needed, families)


@functools.lru_cache(maxsize=256)
def _dealt(inside: int, outside: int, level: float) -> float:
    """Give the standard errors that are found where few ways to deal there are."""
    if min(inside, outside) < 1:
        return float("nan")
    error = np.sqrt(1 / inside + 1 / outside)
    here = deals(np.repeat([1, 0], [inside, outside]), 0, _STUDIED) == 1
    moves = np.where(here, 1 / inside, -1 / outside) / error
    return studied(moves, here[0] * error, level)


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


def _judged(observed, null, error, freedom, needed, families) -> Differences:
    """Compare what was observed with what chance gives.

    `needed` says how many standard errors a difference needs to be found, by the
    level of each test alone, and by how far in spreads it has to stand out.
    """
    spread = np.sqrt(np.square(null).mean(axis=0))
    scale = np.where(spread > 1e-12, spread, 1)
    size, moved = np.abs(observed) / scale, np.abs(null) / scale
    largest = moved.max(axis=1)
    reach = student_t.ppf(0.975, np.maximum(freedom, 1)) * error
    far = _critical(largest, 1 - (1 - _LEVEL) ** (1 / families))
    level = (moved >= far - 1e-9).mean(axis=0)
    return Differences(
        observed,
        observed - reach,
        observed + reach,
        (moved >= size - 1e-9).mean(axis=0),
        joined((largest[:, None] >= size - 1e-9).mean(axis=0), families),
        np.array(needed(level, far)) * error,
    )


def _critical(sizes: np.ndarray, level: float) -> float:
    """Find the size that chance reaches with no more than this share."""
    found, counts = np.unique(sizes.round(9), return_counts=True)
    reached = counts[::-1].cumsum() / len(sizes)
    rare = np.flatnonzero(reached <= level + 1e-9)
    return float(found[::-1][rare[-1] if len(rare) else 0])


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
