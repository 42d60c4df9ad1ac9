"""Standardise features, over nothing, each corpus or each speaker."""

import numpy as np
import pandas as pd

__all__ = ["standardize", "standardize_by_speaker"]


def standardize(X: pd.DataFrame, clips: pd.DataFrame, how: str) -> pd.DataFrame:
    """Standardise features, over nothing, each corpus or each speaker.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    clips : DataFrame
        The clips table they came from.
    how : {"none", "corpus", "speaker"}
        See `standardize_by_speaker` for what ``"speaker"`` presumes.

    Returns
    -------
    DataFrame of shape (n, d)
        `X` itself for ``"none"``.

    Raises
    ------
    ValueError
        If `how` is unknown, or a speaker is.
    """
    if how == "none":
        return X
    if how == "speaker":
        return standardize_by_speaker(X, clips["speaker"])
    if how == "corpus":
        return _standardized(X, clips["dataset"].reindex(X.index))
    raise ValueError(f"Unknown standardize {how!r}. Known: none, corpus, speaker.")


def standardize_by_speaker(X: pd.DataFrame, speakers: pd.Series) -> pd.DataFrame:
    """Standardise each feature within each speaker.

    This needs to know who speaks, and other clips of theirs, and leans on how
    their emotions are mixed: scores after it are never ranked with scores
    without it. No emotion label is used.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    speakers : Series
        Speaker by clip.

    Returns
    -------
    DataFrame of shape (n, d), float32
        Mean 0 and standard deviation 1 within each speaker; a feature that
        does not vary within a speaker becomes 0 there.

    Raises
    ------
    ValueError
        If the speaker of a clip is unknown.

    Examples
    --------
    >>> X = pd.DataFrame({"x": [1.0, 3.0, 10.0, 30.0]}, index=list("abcd"))
    >>> speakers = pd.Series(["s", "s", "t", "t"], index=X.index)
    >>> standardize_by_speaker(X, speakers)["x"].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    who = speakers.reindex(X.index)
    if who.isna().any():
        raise ValueError(
            f"The speaker of {who.isna().sum()} of {len(who)} clips is unknown: "
            "they cannot be standardised by speaker."
        )
    return _standardized(X, who)


def _standardized(X: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    grouped = X.astype(np.float64).groupby(groups.to_numpy())
    spread = grouped.transform("std", ddof=0)
    centred = X - grouped.transform("mean")
    scaled = (centred / spread.where(spread > 1e-12, np.inf)).astype(np.float32)
    scaled.attrs = dict(X.attrs)
    return scaled
