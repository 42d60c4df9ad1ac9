"""Permutation tests over whole speakers: sign flips and permuted labels, with max-T.

Is a difference real, and which difference would have been found? Speakers are
exchanged, for clips of one speaker are not independent.
"""

import functools
import itertools
from math import comb, prod
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t

from sertools.evaluation.intervals import jackknife_variance

POWER = 0.8
"""The share of studies that would find the difference called detectable."""

_EXACT = 14  # speakers up to which all exchanges are gone through
_FEW = 10  # speakers up to which studies are drawn to find what a test can see
_STUDIES = 1000


def signs(speakers: int, seed: int, draws: int):
    """Give signs to exchange by, in blocks of rows; the first row exchanges nothing."""
    if speakers <= _EXACT:  # one speaker may stay: turning all changes no size
        rest = itertools.product((1.0, -1.0), repeat=speakers - 1)
        yield np.array([(1.0, *others) for others in rest])
        return
    drawn = np.random.default_rng(seed)
    yield np.ones((1, speakers))
    for first in range(0, draws, 2000):
        size = (min(2000, draws - first), speakers)
        yield drawn.choice((1.0, -1.0), size)


@functools.lru_cache(maxsize=256)
def minimum_detectable_effect(speakers: int, level: float) -> float:
    """Find the minimum detectable effect, in standard errors, at a power of 80 %."""
    if speakers > _FEW:
        far = to_t(norm.isf(level / 2), speakers)
        return far + float(student_t.ppf(POWER, speakers - 1))
    (every,) = signs(speakers, 0, 0)
    return studied(every, np.full(speakers, speakers**-0.5), level)


def studied(moves: np.ndarray, effect: np.ndarray, level: float) -> float:
    """Draw studies whose speakers differ as the normal law says; see what they find."""
    noise = np.random.default_rng(0).normal(size=(moves.shape[1], _STUDIES))
    turned, plain = moves @ noise, (moves @ effect)[:, None]

    def share(errors: float) -> float:
        sizes = np.abs(turned + errors * plain)
        p = (sizes >= sizes[0] - 1e-9).mean(axis=0)
        return float((p <= level + 1e-9).mean())

    low, high = 0.0, 30.0
    if share(high) < POWER:
        return float("nan")
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if share(middle) >= POWER else (middle, high)
    return high


def to_t(far: float, n: int) -> float:
    """Turn a size in spreads of what chance deals into Student's t.

    A difference adds to that spread, so that `far` is at most the root of `n`.
    """
    return float(far * np.sqrt((n - 1) / (n - min(far**2, n - 1))))


MIN_SPEAKERS = 6
"""With five, even the most extreme exchange has a chance of 2 in 32: above 5 %."""

_DRAWS = 20_000
LEVEL = 0.05
"""Of every test: below this p-value a difference is called one."""


class Differences(NamedTuple):
    """What was found to differ, one entry a test: a pair of models, or a group."""

    difference: np.ndarray  # of the scores: a less b, or a group less the rest
    low: np.ndarray  # 95 % over speakers, each test alone; NaN with too few speakers
    high: np.ndarray
    p: np.ndarray  # two-sided, for the test alone
    p_joint: np.ndarray  # for all tests together (max-T)
    detectable: np.ndarray  # what four of five such studies would have found


def speaker_contributions(
    right: np.ndarray, emotions: np.ndarray, speakers: np.ndarray, by_class: bool = True
) -> np.ndarray:
    """Say what each speaker adds to the score."""
    _, emotion, n_clips = np.unique(emotions, return_inverse=True, return_counts=True)
    weight = 1 / (len(n_clips) * n_clips[emotion]) if by_class else 1 / len(right)
    _, speaker = np.unique(speakers, return_inverse=True)
    return np.bincount(speaker, weights=right * weight)


def sign_flip_test(
    differences: np.ndarray, seed: int = 0, draws: int = _DRAWS
) -> Differences:
    """Sign-flip test of pairs of models, with max-T over all pairs.

    If two are equally good, it is chance which of them gave which answers to a
    speaker (Noreen 1989; Westfall and Young 1993).
    """
    spread = np.sqrt(np.square(differences).sum(axis=1))
    scale = np.where(spread > 0, spread, 1)[:, None]
    observed = np.abs(differences.sum(axis=1)) / scale[:, 0]
    blocks = [
        np.abs(block @ (differences / scale).T)
        for block in signs(differences.shape[1], seed, draws)
    ]
    moved = np.concatenate(blocks)
    most = moved.max(axis=1, keepdims=True)
    low, high, error = _interval(differences)
    return Differences(
        differences.sum(axis=1),
        low,
        high,
        (moved >= observed - 1e-9).mean(axis=0),
        (most >= observed - 1e-9).mean(axis=0),
        _reach(moved, most[:, 0], differences.shape[1]) * error,
    )


def _reach(moved: np.ndarray, most: np.ndarray, speakers: int) -> float:
    """Say how many standard errors a pair needs to be found apart."""
    ordered = np.sort(most)[::-1]
    reached = ordered[max(int(LEVEL * len(ordered)) - 1, 0)]
    level = (moved >= reached - 1e-9).mean()
    return minimum_detectable_effect(speakers, max(level, 1 / len(moved)))


def _interval(differences: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the 95 % interval of each difference over speakers, and its error."""
    n = differences.shape[1]
    around = differences - differences.mean(axis=1, keepdims=True)
    error = np.sqrt(n / (n - 1) * np.square(around).sum(axis=1))
    reach = student_t.ppf(0.975, n - 1) * error
    value = differences.sum(axis=1)
    return value - reach, value + reach, error


def n_permutations(sizes: np.ndarray) -> int:
    """Count the ways to deal speakers out to groups of these sizes."""
    left = np.cumsum(sizes)
    return prod(comb(int(n), int(k)) for n, k in zip(left, sizes, strict=True))


def label_permutations(groups: np.ndarray, seed: int, draws: int) -> np.ndarray:
    """Deal speakers out to groups as large as theirs."""
    sizes = np.bincount(groups)
    if n_permutations(sizes) <= draws:
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


class HitCounts(NamedTuple):
    """How often each speaker was right, emotion by emotion."""

    hits: np.ndarray  # clips that were right: (speakers, emotions) or more
    clips: np.ndarray  # all clips

    @classmethod
    def of(cls, right, codes, shape) -> "HitCounts":
        """Count clips by speaker, emotion and, if need be, group."""
        hits, clips = np.zeros(shape), np.zeros(shape)
        np.add.at(hits, tuple(codes), np.asarray(right, dtype=float))
        np.add.at(clips, tuple(codes), 1.0)
        return cls(hits, clips)

    def paired(self) -> int:
        """Count speakers with an emotion both inside and outside of the group."""
        return int((self.clips.min(axis=-1) > 0).any(axis=1).sum())


def null_spread(
    tally: HitCounts, seed: int = 0, draws: int = 5000
) -> tuple[float, float, float]:
    """Compare how far speakers spread with what luck alone would do."""
    drawn = np.random.default_rng(seed)
    clips, hits = tally.clips.astype(int), tally.hits.sum(axis=0).astype(int)
    null = np.zeros((draws, len(clips)))
    for column, n in zip(clips.T, hits, strict=True):
        null += drawn.multivariate_hypergeometric(column, n, size=draws) / column
    by_luck = (null / clips.shape[1]).std(axis=1)
    spread = (tally.hits / clips).mean(axis=1).std()
    p = (1 + (by_luck >= spread - 1e-9).sum()) / (1 + draws)
    return float(spread), float(by_luck.mean()), float(p)


_STUDIED = 1000  # ways to deal up to which studies are drawn to find what is seen


def paired_test(
    tallies: list[HitCounts], seed: int = 0, families: int = 1, draws: int = _DRAWS
) -> Differences:
    """Paired (sign-flip) test of groups that every speaker has clips in, with max-T.

    Each is compared with the rest at the same speaker and the same emotion.
    """
    added, weight = map(np.array, zip(*map(_own_differences, tallies), strict=True))
    n = (weight > 0).sum(axis=1)
    null = np.vstack([block @ added.T for block in signs(added.shape[1], seed, draws)])
    difference = added.sum(axis=1)
    around = np.square(added - weight * difference[:, None]).sum(axis=1)
    error = np.sqrt(np.where(n > 1, n / np.maximum(n - 1, 1), np.nan) * around)

    def needed(level: np.ndarray, far: float) -> list[float]:
        pairs = zip(n, np.maximum(level, 1 / len(null)), strict=True)
        return [minimum_detectable_effect(int(k), float(alpha)) for k, alpha in pairs]

    return _judged(difference, null, error, n - 1, needed, families)


def _own_differences(tally: HitCounts) -> tuple[np.ndarray, np.ndarray]:
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


def unpaired_test(
    tally: HitCounts,
    groups: np.ndarray,
    seed: int = 0,
    families: int = 1,
    draws: int = _DRAWS,
) -> Differences:
    """Unpaired (label permutation) test of groups of speakers, such as the sexes."""
    dealt = label_permutations(groups, seed, draws)
    n = int(groups.max()) + 1
    null = np.stack([_difference(tally, dealt == g) for g in range(n)], axis=1)
    observed = np.array([_difference(tally, groups == g)[0] for g in range(n)])
    found = [_welch(tally, groups == g) for g in range(n)]
    error, freedom = map(np.array, zip(*found, strict=True))

    def needed(level: np.ndarray, far: float) -> list[float]:
        if n_permutations(np.bincount(groups)) <= min(_STUDIED, draws):
            sizes = np.bincount(groups)
            return [
                _dealt(int(k), len(groups) - int(k), float(a))
                for k, a in zip(sizes, level, strict=True)
            ]
        own = student_t.ppf(POWER, np.maximum(freedom, 1))
        return to_t(far, len(groups) - 1) + own

    return _judged(observed, null, error, freedom, needed, families)


@functools.lru_cache(maxsize=256)
def _dealt(inside: int, outside: int, level: float) -> float:
    """Give the standard errors that are found where few ways to deal there are."""
    if min(inside, outside) < 1:
        return float("nan")
    error = np.sqrt(1 / inside + 1 / outside)
    here = label_permutations(np.repeat([1, 0], [inside, outside]), 0, _STUDIED) == 1
    moves = np.where(here, 1 / inside, -1 / outside) / error
    return studied(moves, here[0] * error, level)


def _difference(tally: HitCounts, inside: np.ndarray) -> np.ndarray:
    """Give the group's mean recall less that of the rest, for each row of places."""
    inside = np.atleast_2d(inside).astype(float)
    hits, clips = inside @ tally.hits, inside @ tally.clips
    other_hits, other_clips = tally.hits.sum(0) - hits, tally.clips.sum(0) - clips
    both = (clips > 0.5) & (other_clips > 0.5)
    own = hits / np.where(both, clips, 1) - other_hits / np.where(both, other_clips, 1)
    return (own * both).sum(axis=1) / np.maximum(both.sum(axis=1), 1)


def _welch(tally: HitCounts, inside: np.ndarray) -> tuple[float, float]:
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
                _difference(
                    HitCounts(tally.hits[kept], tally.clips[kept]), inside[kept]
                )[0]
                for kept in without
            ]
        )
        parts.append((jackknife_variance(moved), n - 1))
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    return np.sqrt(total), total**2 / spread if spread else parts[0][1] + parts[1][1]


def _judged(observed, null, error, freedom, needed, families) -> Differences:
    """Compare what was observed with what chance gives."""
    spread = np.sqrt(np.square(null).mean(axis=0))
    scale = np.where(spread > 1e-12, spread, 1)
    size, moved = np.abs(observed) / scale, np.abs(null) / scale
    largest = moved.max(axis=1)
    reach = student_t.ppf(0.975, np.maximum(freedom, 1)) * error
    far = _critical(largest, 1 - (1 - LEVEL) ** (1 / families))
    level = (moved >= far - 1e-9).mean(axis=0)
    return Differences(
        observed,
        observed - reach,
        observed + reach,
        (moved >= size - 1e-9).mean(axis=0),
        sidak((largest[:, None] >= size - 1e-9).mean(axis=0), families),
        np.array(needed(level, far)) * error,
    )


def _critical(sizes: np.ndarray, level: float) -> float:
    """Find the size that chance reaches with no more than this share."""
    found, counts = np.unique(sizes.round(9), return_counts=True)
    reached = counts[::-1].cumsum() / len(sizes)
    rare = np.flatnonzero(reached <= level + 1e-9)
    return float(found[::-1][rare[-1] if len(rare) else 0])


def min_p_value_unpaired(speakers: int, inside: int) -> float:
    """Give the p-value of the most extreme way to deal speakers out."""
    return min(2 / comb(speakers, inside), 1.0)


def min_p_value_paired(speakers: int) -> float:
    """Give the p-value of the most extreme signs of so many speakers."""
    return min(2.0 ** (1 - speakers), 1.0)


def sidak(p: np.ndarray | float, families: int) -> np.ndarray | float:
    """Make a p-value hold for several families of tests (Šidák)."""
    return 1 - (1 - p) ** max(families, 1)
