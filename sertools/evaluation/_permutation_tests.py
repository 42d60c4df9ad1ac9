"""Is the difference real? Exchange two models' answers, speaker by speaker."""

import functools
import itertools
from math import comb, prod
from typing import NamedTuple

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t

POWER = 0.8
"""The share of studies that would find the difference called detectable."""


_EXACT = 14  # speakers up to which all exchanges are gone through


_FEW = 10  # speakers up to which studies are drawn to find what a test can see


_STUDIES = 1000


def signs(speakers: int, seed: int, draws: int):
    """Give signs to exchange by, in blocks of rows; the first row exchanges nothing.

    Parameters
    ----------
    speakers : int
        Up to 14, every exchange comes once, in one block.
    seed, draws : int
        Of those drawn with more speakers, and how many.

    Yields
    ------
    ndarray of shape (exchanges, speakers)
        1 and -1.

    Examples
    --------
    >>> next(signs(2, 0, 0)).tolist()
    [[1.0, 1.0], [1.0, -1.0]]
    """
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
    """Find the difference, in standard errors, that 80 % of such tests would find.

    With more than ten speakers by Student's law; with fewer, where exchanges are
    too few for it, by drawing studies; see `studied`.

    Parameters
    ----------
    speakers : int
        Whose signs are exchanged.
    level : float
        The p-value at which a test alone finds something.

    Returns
    -------
    float
        NaN where even the most extreme signs are no such surprise.

    Examples
    --------
    >>> [round(minimum_detectable_effect(n, 0.05), 1) for n in (24, 5)]
    [3.0, nan]
    """
    if speakers > _FEW:
        far = to_t(norm.isf(level / 2), speakers)
        return far + float(student_t.ppf(POWER, speakers - 1))
    (every,) = signs(speakers, 0, 0)
    return studied(every, np.full(speakers, speakers**-0.5), level)


def studied(moves: np.ndarray, effect: np.ndarray, level: float) -> float:
    """Draw studies whose speakers differ as the normal law says; see what they find.

    Parameters
    ----------
    moves : ndarray of shape (ways, speakers)
        What each speaker adds to the difference, in every way that chance might
        have had it; the first row is as it was.
    effect : ndarray of shape (speakers,)
        What a difference of one standard error gives to each speaker.
    level : float
        The p-value at which a test finds something.

    Returns
    -------
    float
        Standard errors; NaN where no difference could be found, however large.
    """
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

    A difference adds to that spread, which therefore can be `far` by the root of
    `n` at most, however large the difference.

    Parameters
    ----------
    far : float
        The size of a difference, over its spread.
    n : int
        Speakers who were exchanged; one fewer where they were dealt out.

    Examples
    --------
    >>> round(to_t(2.0, 10), 3), round(to_t(2.0, 1000), 3)
    (2.449, 2.003)
    """
    return float(far * np.sqrt((n - 1) / (n - min(far**2, n - 1))))


MIN_SPEAKERS = 6
"""With five, even the most extreme exchange has a chance of 2 in 32: above 5 %."""


_DRAWS = 20_000


_LEVEL = 0.05


class Differences(NamedTuple):
    """What was found to differ, one entry a test: a pair of models, or a group.

    Parameters
    ----------
    difference : ndarray of shape (tests,)
        Of the scores: the first model's less the second's, a group's less that
        of the rest.
    low, high : ndarray of shape (tests,)
        95 % interval over speakers, each test by itself; NaN where there are
        too few speakers.
    p, p_joint : ndarray of shape (tests,)
        Two-sided; for the test alone, and for all tests together (max-T).
    detectable : ndarray of shape (tests,)
        The difference that four of five such studies would have found, by the
        joint p-value.
    """

    difference: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    p_joint: np.ndarray
    detectable: np.ndarray


def speaker_contributions(
    right: np.ndarray, emotions: np.ndarray, speakers: np.ndarray, by_class: bool = True
) -> np.ndarray:
    """Say what each speaker adds to the score.

    The pooled UAR is a sum over clips: each clip that is right adds one over
    the number of classes and of clips of its class. So it is a sum over
    speakers.

    Parameters
    ----------
    right : ndarray of shape (n,), bool or float
        Whether each clip was right; a share where it was so in part.
    emotions, speakers : ndarray of shape (n,)
        What is true, and who speaks.
    by_class : bool, default True
        The UAR; the accuracy otherwise.

    Returns
    -------
    ndarray of shape (speakers,)
        Sorted by speaker; the sum is the score.

    Examples
    --------
    >>> right = np.array([True, False, True])
    >>> who, what = np.array(["a", "b", "b"]), np.array(["sad", "sad", "happy"])
    >>> speaker_contributions(right, what, who).tolist()
    [0.25, 0.5]
    """
    _, emotion, n_clips = np.unique(emotions, return_inverse=True, return_counts=True)
    weight = 1 / (len(n_clips) * n_clips[emotion]) if by_class else 1 / len(right)
    _, speaker = np.unique(speakers, return_inverse=True)
    return np.bincount(speaker, weights=right * weight)


def sign_flip_test(
    differences: np.ndarray, seed: int = 0, draws: int = _DRAWS
) -> Differences:
    """Test pairs of models by exchanging their answers for whole speakers.

    If two models are equally good, it is chance which of them gave which
    answers to a speaker's clips; exchanging them turns the sign of what that
    speaker adds to the difference. All exchanges are gone through where the
    speakers are few; else they are drawn. The joint p-value of a pair is how
    often an exchange gives *any* pair a difference as large for its spread
    (Westfall and Young's max-T).

    Parameters
    ----------
    differences : ndarray of shape (pairs, speakers)
        What each speaker adds to the difference of the scores.
    seed : int, default 0
        Of the exchanges drawn.
    draws : int
        How many.

    Returns
    -------
    Differences
        One entry a pair.

    References
    ----------
    Westfall and Young (1993), Resampling-based multiple testing
    Noreen (1989), Computer-intensive methods for testing hypotheses

    Examples
    --------
    >>> found = sign_flip_test(np.array([[0.02, 0.01, 0.03, 0.02, 0.01, 0.02]]))
    >>> found.p.tolist()
    [0.03125]
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
    """Say how many standard errors a pair needs to be found apart.

    To be called different, a pair has to stand out among all pairs: that is the
    same as a stricter level for each pair alone, which the exchanges tell.
    """
    ordered = np.sort(most)[::-1]
    reached = ordered[max(int(_LEVEL * len(ordered)) - 1, 0)]
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
    """Count the ways to deal speakers out to groups of these sizes.

    Examples
    --------
    >>> n_permutations(np.array([2, 2]))
    6
    """
    left = np.cumsum(sizes)
    return prod(comb(int(n), int(k)) for n, k in zip(left, sizes, strict=True))


def label_permutations(groups: np.ndarray, seed: int, draws: int) -> np.ndarray:
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
    >>> label_permutations(np.array([0, 1, 1]), 0, 10).tolist()
    [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    """
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
    """How often each speaker was right, emotion by emotion.

    Parameters
    ----------
    hits, clips : ndarray of shape (speakers, emotions) or more
        Clips that were right, and all clips.
    """

    hits: np.ndarray
    clips: np.ndarray

    @classmethod
    def of(cls, right, codes, shape) -> "HitCounts":
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


def null_spread(
    tally: HitCounts, seed: int = 0, draws: int = 5000
) -> tuple[float, float, float]:
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
    >>> tally = HitCounts(np.array([[9.0], [1.0]]), np.array([[10.0], [10.0]]))
    >>> spread, by_luck, p = null_spread(tally)
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


_STUDIED = 1000  # ways to deal up to which studies are drawn to find what is seen


def paired_test(
    tallies: list[HitCounts], seed: int = 0, families: int = 1, draws: int = _DRAWS
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
    >>> found = paired_test([HitCounts(hits, clips)])
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
    >>> tally = HitCounts(np.array([[4.0]] * 5 + [[1.0]] * 5), np.full((10, 1), 4.0))
    >>> found = unpaired_test(tally, np.repeat([0, 1], 5))
    >>> found.difference.round(2).tolist(), found.p.round(4).tolist()
    ([0.75, -0.75], [0.0079, 0.0079])
    """
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
    """Give the p-value of the most extreme way to deal speakers out.

    Examples
    --------
    >>> round(min_p_value_unpaired(8, 4), 4)
    0.0286
    """
    return min(2 / comb(speakers, inside), 1.0)


def min_p_value_paired(speakers: int) -> float:
    """Give the p-value of the most extreme signs of so many speakers.

    Examples
    --------
    >>> min_p_value_paired(6)
    0.03125
    """
    return min(2.0 ** (1 - speakers), 1.0)


def sidak(p: np.ndarray | float, families: int) -> np.ndarray | float:
    """Make a p-value hold for several families of tests (Šidák).

    Examples
    --------
    >>> round(sidak(0.02, 2), 4)
    0.0396
    """
    return 1 - (1 - p) ** max(families, 1)
