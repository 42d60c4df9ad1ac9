"""Choose clips: some emotions, or a smaller balanced sample."""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from sertools import labels

__all__ = ["select"]


def select(
    clips: pd.DataFrame,
    emotions: str | Iterable[str] | None = None,
    max_clips: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Choose clips by emotion, and at most so many of them.

    Parameters
    ----------
    clips : DataFrame
        A clips table.
    emotions : str or iterable of str, optional
        Emotions to keep, as a list or as ``"angry,happy"``; all if empty.
    max_clips : int, default 0
        Keep at most so many, drawn evenly over speakers and emotions; 0 keeps
        all.
    seed : int, default 0
        Of the draw.

    Returns
    -------
    DataFrame
        The clips kept, in their order. ``attrs["left_out"]`` counts the
        others by reason.

    Raises
    ------
    ValueError
        If an emotion is unknown or the clips have none of it, or `max_clips`
        is negative.

    Examples
    --------
    >>> from sertools import datasets
    >>> len(select(datasets.load("demo"), "angry,sad", max_clips=16))
    16
    """
    if max_clips < 0:
        raise ValueError(f"max_clips must be 0 (all) or more, not {max_clips}.")
    if emotions is None:
        emotions = ()
    wanted = emotions.split(",") if isinstance(emotions, str) else emotions
    wanted = [labels.canonical(word) for word in wanted if word.strip()]
    left_out = Counter(clips.attrs.get("left_out", {}))
    chosen = clips
    if wanted:
        here = set(clips["emotion"])
        if absent := [name for name in wanted if name not in here]:
            raise ValueError(
                f"No clips of {', '.join(absent)}. Here: {', '.join(sorted(here))}."
            )
        chosen = clips[clips["emotion"].isin(wanted)]
        left_out["emotion not asked for"] += len(clips) - len(chosen)
    if max_clips and max_clips < len(chosen):
        left_out["beyond max_clips"] += len(chosen) - max_clips
        chosen = chosen[chosen.index.isin(_draw(chosen, max_clips, seed))]
    chosen = chosen.copy()
    chosen.attrs["left_out"] = {why: n for why, n in left_out.items() if n}
    return chosen


def _draw(clips: pd.DataFrame, n: int, seed: int) -> pd.Index:
    """Draw one clip of each speaker and emotion, then a second of each, and so on."""
    shuffled = clips.sample(frac=1, random_state=seed)
    cells = [shuffled["speaker"].fillna(""), shuffled["emotion"]]
    turn = shuffled.groupby(cells).cumcount()
    return turn.sort_values(kind="stable").index[:n]
