"""Features and clips brought together, clip by clip; what is left over is named."""

import pandas as pd

__all__ = ["excluded", "matching"]

_OPTIONAL = ("dataset", "path", "speaker")  # columns that a table of one's own may lack


def matching(X: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Take the clips that have features, in the features' order.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features.
    clips : DataFrame
        The clips table; may hold more clips.

    Returns
    -------
    DataFrame of n rows
        With columns dataset, path and speaker, empty where they were not there.

    Raises
    ------
    ValueError
        If features belong to no clip, a clip is there twice, or there are fewer
        than two emotions.

    Examples
    --------
    >>> clips = pd.DataFrame({"emotion": ["sad", "fear", "sad"]}, index=list("abc"))
    >>> matching(pd.DataFrame({"x": [1, 2]}, index=["c", "b"]), clips).index.tolist()
    ['c', 'b']
    """
    if not isinstance(X, pd.DataFrame):
        if len(X) != len(clips):
            raise ValueError(f"{len(X)} rows of features for {len(clips)} clips.")
        raise ValueError(
            "Features come as a DataFrame indexed by clip: "
            "pandas.DataFrame(X, index=clips.index)."
        )
    if strangers := list(X.index.difference(clips.index)):
        raise ValueError(
            f"{len(strangers)} rows of features belong to no clip, the first: "
            f"{strangers[0]}."
        )
    for what, index in (("features", X.index), ("clips", clips.index)):
        if index.has_duplicates:
            twice = index[index.duplicated()][0]
            raise ValueError(f"{twice} is there twice among the {what}.")
    if "emotion" not in clips:
        raise ValueError("The table of clips has no column 'emotion'.")
    matching = clips.loc[X.index].rename_axis("clip")
    matching = matching.assign(**{n: None for n in _OPTIONAL if n not in matching})
    if matching["emotion"].nunique() < 2:
        raise ValueError(
            f"One emotion only ({matching['emotion'].iloc[0]}): nothing to tell apart."
        )
    return matching


def excluded(X: pd.DataFrame, clips: pd.DataFrame) -> list[dict]:
    """Name the clips that could not be used, or came without features."""
    told = list(X.attrs.get("excluded", clips.attrs.get("excluded", [])))
    absent = clips.index.difference(X.index, sort=False)
    absent = absent.difference([item["clip"] for item in told], sort=False)
    return told + [{"clip": c, "reason": "no features given"} for c in absent]
