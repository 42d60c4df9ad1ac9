"""Standardise features, over nothing, each corpus or each speaker."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sertools.metadata import inherit

FORMS = ("none", "corpus", "speaker", "speaker_centred", "speaker_shrunk")
"""The names that `standardize` takes; those from the third on presume who speaks."""

SKEW = 0.2
"""How alike the clips of one batch may be because they share an emotion.

The share of a feature's variance within speakers by which the mean of a long
but one-sided batch still errs. Emotion explains about 0.35 of that variance in
acted speech (RAVDESS, eGeMAPS; see `sertools.features.eta_squared`); the mean of a
batch of which 80 % is one of four emotions lies off the middle of the four with
0.54 of what the emotions vary: 0.35 times 0.54 is 0.19.
"""

_TINY = 1e-12


def standardize(X: pd.DataFrame, clips: pd.DataFrame, how: str) -> pd.DataFrame:
    """Standardise features, over nothing, each corpus or each speaker.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    clips : DataFrame
        The clips table they came from.
    how : {"none", "corpus", "speaker", "speaker_centred", "speaker_shrunk"}
        See `standardize_by_speaker` for what the last three presume.

    Returns
    -------
    DataFrame of shape (n, d)
        `X` itself for ``"none"``.

    Raises
    ------
    ValueError
        If `how` is unknown, a speaker is, or has too few clips.
    """
    if how == "none":
        return X
    if how not in FORMS:
        raise ValueError(f"Unknown standardize {how!r}. Known: {', '.join(FORMS)}.")
    if how == "corpus":
        return _standardized(X, clips["dataset"].reindex(X.index))
    return standardize_by_speaker(X, clips["speaker"], how)


def standardize_by_speaker(
    X: pd.DataFrame,
    speakers: pd.Series,
    how: str = "speaker",
    enrolment: pd.Series | None = None,
) -> pd.DataFrame:
    """Standardise each feature within each speaker.

    This needs to know who speaks, and other clips of theirs: scores after it
    are never ranked with scores without it. It leans on how a speaker's
    emotions are mixed: of somebody who was only heard angry, anger becomes the
    middle. ``speaker_shrunk`` leans less: it trusts a speaker's mean as far as
    the number of clips and the differences between speakers warrant. What
    speakers have in common is learnt from all clips given. No emotion label is
    used.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    speakers : Series
        Speaker by clip.
    how : {"speaker", "speaker_centred", "speaker_shrunk"}
        A speaker's own mean and deviation; the mean alone, with the deviation
        that speakers have in common; or that mean shrunk towards everybody's,
        see `Population`.
    enrolment : Series of bool, optional
        By clip, whether a speaker's mean and deviation come from it, such as
        ``clips["emotion"] == "neutral"``; from all clips if not given. Leave
        these clips out of any score where labels chose them.

    Returns
    -------
    DataFrame of shape (n, d), float32
        Mean 0 and standard deviation 1 over each speaker's enrolment (near
        them where means are shrunk or the deviation is everybody's); a feature
        that does not vary becomes 0.

    Raises
    ------
    ValueError
        If the speaker of a clip is unknown, or one has a single clip to be
        standardised by, which alone would become all zeros unless shrunk.

    Examples
    --------
    >>> X = pd.DataFrame({"x": [1.0, 3.0, 10.0, 30.0]}, index=list("abcd"))
    >>> speakers = pd.Series(["s", "s", "t", "t"], index=X.index)
    >>> standardize_by_speaker(X, speakers)["x"].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    if how not in FORMS[2:]:
        known = ", ".join(FORMS[2:])
        raise ValueError(f"Unknown way to standardise by speaker {how!r}: {known}.")
    who = speakers.reindex(X.index)
    if who.isna().any():
        raise ValueError(
            f"The speaker of {who.isna().sum()} of {len(who)} clips is unknown: "
            "they cannot be standardised by speaker."
        )
    chosen = np.ones(len(X), dtype=bool)
    if enrolment is not None:
        chosen = enrolment.reindex(X.index).fillna(False).to_numpy(dtype=bool)
    if how != "speaker_shrunk":
        _refuse_single(who, chosen)
    if how == "speaker":
        return _standardized(X, who, chosen)
    values, names = X.to_numpy(np.float64), who.to_numpy(str)
    population = Population.of(values[chosen], names[chosen])
    scaled = np.empty_like(values)
    for name in np.unique(names):
        rows = names == name
        own = values[rows & chosen]
        centred = how == "speaker_centred"
        middle = own.mean(axis=0) if centred else population.centre(own)
        scaled[rows] = divided(values[rows] - middle, np.sqrt(population.within))
    return _table(scaled, X)


@dataclass(frozen=True)
class Population:
    """What speakers have in common, and by how much they differ.

    Each feature of a clip is taken for a common mean, plus the speaker's own,
    plus what changes from clip to clip. A speaker's mean is then estimated as
    the common one plus ``weight(n)`` of the difference between theirs and it:
    near 1 where voices differ much and many clips are known, near 0 where they
    differ little or one clip is known. Clips of one batch share emotions, so
    that their mean is not as sure as their number says: `SKEW`.

    Examples
    --------
    >>> values = np.array([[1.0], [3.0], [11.0], [13.0]])
    >>> population = Population.of(values, np.array(["s", "s", "t", "t"]))
    >>> population.mean, population.within, population.between
    (array([7.]), array([2.]), array([49.]))
    >>> population.weight(2).round(2)
    array([0.98])
    """

    mean: np.ndarray
    within: np.ndarray
    between: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, speakers: np.ndarray) -> "Population":
        """Learn it from features (n, d) and who speaks (n,)."""
        groups = [values[speakers == name] for name in np.unique(speakers)]
        groups = [group for group in groups if len(group) > 1]
        if len(groups) < 2:
            raise ValueError(
                "What speakers have in common is learnt from two speakers or more, "
                f"with two clips each, not {len(groups)}: take standardize='none'."
            )
        means = np.array([group.mean(axis=0) for group in groups])
        spreads = np.array([group.var(axis=0, ddof=1) for group in groups])
        sizes = np.array([[len(group)] for group in groups])
        chance = (spreads / sizes).mean(axis=0)
        between = np.maximum(means.var(axis=0, ddof=1) - chance, 0)
        return cls(means.mean(axis=0), spreads.mean(axis=0), between)

    def weight(self, n: int) -> np.ndarray:
        """Say how far to trust the mean of `n` clips, for each feature, 0 to 1."""
        if n == 0:
            return np.zeros_like(self.mean)
        error = self.within * ((1 - SKEW) / n + SKEW)
        return self.between / np.maximum(self.between + error, _TINY)

    def centre(self, enrolled: np.ndarray) -> np.ndarray:
        """Estimate a speaker's mean (d,) from some clips of theirs (m, d)."""
        if not len(enrolled):
            return self.mean
        moved = enrolled.mean(axis=0) - self.mean
        return self.mean + self.weight(len(enrolled)) * moved

    def place(self, values: np.ndarray, enrolled: np.ndarray) -> np.ndarray:
        """Standardise clips (n, d) of a speaker of whom others (m, d) are known."""
        return divided(values - self.centre(enrolled), np.sqrt(self.within))


def divided(values: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Divide by a deviation; what does not vary becomes 0."""
    return values / np.where(deviation > _TINY, deviation, np.inf)


def _refuse_single(who: pd.Series, chosen: np.ndarray) -> None:
    """Refuse speakers whose deviation nobody can know."""
    counts = pd.Series(chosen, who.to_numpy()).groupby(level=0).sum()
    if (few := counts[counts < 2]).empty:
        return
    more = f" (and {len(few) - 1} more speakers)" if len(few) > 1 else ""
    raise ValueError(
        f"{few.index[0]}{more} cannot be standardised by speaker with fewer than two "
        "clips to do it by: one clip alone becomes all zeros. Take "
        "standardize='speaker_shrunk' or 'none'."
    )


def _standardized(
    X: pd.DataFrame, groups: pd.Series, chosen: np.ndarray | None = None
) -> pd.DataFrame:
    values = X.astype(np.float64)
    known = values if chosen is None else values[chosen].reindex(X.index)
    grouped = known.groupby(groups.to_numpy())
    spread = grouped.transform("std", ddof=0).to_numpy()
    return _table(divided(values - grouped.transform("mean"), spread), X)


def _table(values: "np.ndarray | pd.DataFrame", X: pd.DataFrame) -> pd.DataFrame:
    scaled = pd.DataFrame(values, X.index, X.columns).astype(np.float32)
    return inherit(scaled, X)
