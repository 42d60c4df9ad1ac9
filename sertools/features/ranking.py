"""Rank features by how much they tell."""

import numpy as np
import pandas as pd

__all__ = ["telling"]


def telling(X: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Rank features by how much of their variation in a speaker emotion explains.

    Within each speaker: the variance between the emotions' means over the
    whole variance (eta squared), 0 to 1. It looks at one feature at a time and
    describes these clips; it does not say what a model has learnt.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    clips : DataFrame
        The clips table; where speakers are unknown, all clips count as one
        speaker's.

    Returns
    -------
    DataFrame of shape (d, 2)
        ``mean`` and ``std`` over speakers, the most telling feature first.

    References
    ----------
    Fisher (1925), Statistical Methods for Research Workers: the correlation
    ratio, doi:10.1007/978-1-4612-4380-9_6

    Examples
    --------
    >>> X = pd.DataFrame({"x": [0.0, 0.0, 1.0, 1.0], "y": [0.0, 1.0, 0.0, 1.0]})
    >>> clips = pd.DataFrame({"emotion": list("aabb"), "speaker": "s"})
    >>> telling(X, clips)["mean"].tolist()
    [1.0, 0.0]
    """
    clips = clips.loc[X.index]
    speakers = clips["speaker"].fillna("").to_numpy()
    shares = {}
    for speaker in np.unique(speakers.astype(str)):
        rows = speakers == speaker
        values = X[rows].astype(np.float64)
        means = values.groupby(clips["emotion"].to_numpy()[rows]).transform("mean")
        between = (means - values.mean()).pow(2).sum()
        whole = (values - values.mean()).pow(2).sum()
        shares[speaker] = between / whole.where(whole > 1e-20)
    table = pd.DataFrame(shares)
    ranked = pd.DataFrame(
        {"mean": table.mean(axis=1), "std": table.std(axis=1, ddof=0)}
    )
    return ranked.sort_values("mean", ascending=False, kind="stable")
