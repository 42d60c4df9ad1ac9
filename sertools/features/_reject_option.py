"""The reject option: name an emotion, or say "not sure" where two are too close."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sertools.features._timeline import classes, moments, stretches
from sertools.metadata import inherit

NOT_SURE = "not sure"
"""The verdict where the best score is too little ahead of the second."""

MARGIN = 0.2
"""How far ahead is far enough: an agreement, not a finding.

Of a calibrated model with two emotions to choose from, a lead of 0.2 is 0.6 to 0.4:
such an answer would be right six times in ten.
"""


def decide(scores: Mapping[str, float] | pd.Series, margin: float = MARGIN) -> str:
    """Name what one row of scores amounts to.

    Parameters
    ----------
    scores : mapping or Series of str to float
        Emotion to probability, for example ``{"happy": 0.7, "sad": 0.3}``.
    margin : float, default 0.2
        How far the best must be ahead of the second; 0 always names the best.

    Returns
    -------
    str
        The best emotion, the first in the alphabet where several are equal, or
        ``"not sure"`` (`NOT_SURE`). ``"other"`` is an answer of its own: the
        model found none of its emotions.

    Raises
    ------
    ValueError
        If there are no scores, one is not a number, or `margin` is not from 0
        to 1.

    Examples
    --------
    >>> decide({"happy": 0.7, "sad": 0.3})
    'happy'
    >>> decide({"happy": 0.52, "sad": 0.48})
    'not sure'
    """
    named = dict(sorted(dict(scores).items()))
    values = np.array(list(named.values()), dtype=float)[None]
    return str(_judge(values, np.array(list(named)), margin)[0][0])


def decisions(
    table: pd.DataFrame, margin: float = MARGIN, merge: bool = False
) -> pd.DataFrame:
    """Give one verdict for each moment of speech in a recording.

    Where windows overlap, each speaks for the time nearest to its centre.

    Parameters
    ----------
    table : DataFrame
        As `timeline` or `smooth` gives.
    margin : float, default 0.2
        See `decide`.
    merge : bool, default False
        Make one row of neighbours with the same verdict, where they touch;
        silence is never bridged.

    Returns
    -------
    DataFrame
        ``start`` and ``end`` in seconds, in order and without overlap;
        ``emotion``, the best, and its ``probability``; ``margin``, how far it is
        ahead; ``verdict``, the emotion or "not sure"; then the probabilities.
        Of merged rows, probabilities and margin are means over time. Metadata
        as they were.

    Raises
    ------
    ValueError
        If `table` is no timeline, or `margin` is not from 0 to 1.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 1, 2], "end": [1.0, 2, 3]})
    >>> said = rows.assign(happy=[0.9, 0.7, 0.5], sad=[0.1, 0.3, 0.5])
    >>> decisions(said, merge=True)[["start", "end", "verdict"]].values.tolist()
    [[0.0, 2.0, 'happy'], [2.0, 3.0, 'not sure']]
    """
    names = classes(table)
    kept = moments(table)[["start", "end", *names]].reset_index(drop=True)
    words, margins = _judge(kept[names].to_numpy(dtype=float), np.array(names), margin)
    kept = kept.assign(margin=margins, verdict=words)
    kept = _merged(kept, [*names, "margin"]) if merge else kept
    scores = kept[names].to_numpy(dtype=float)
    best = scores.argmax(axis=1) if len(kept) else np.empty(0, int)
    kept["emotion"] = np.array(names)[best]
    kept["probability"] = scores[np.arange(len(kept)), best]
    kept = kept[_FIRST + names].astype({"emotion": "str", "verdict": "str"})
    return inherit(kept, table)


_FIRST = ["start", "end", "emotion", "probability", "margin", "verdict"]


def _judge(scores, names, margin) -> tuple[np.ndarray, np.ndarray]:
    """Name each row of scores, and say how far its best is ahead."""
    if not 0 <= margin <= 1:
        raise ValueError(f"A margin is a number from 0 to 1, not {margin}.")
    if not scores.shape[1] or not np.isfinite(scores).all():
        raise ValueError("A verdict needs scores, all of them numbers.")
    if not len(scores):
        return np.empty(0, dtype=object), np.empty(0)
    ranked = np.sort(scores, axis=1)
    second = ranked[:, -2] if scores.shape[1] > 1 else 0.0
    ahead = ranked[:, -1] - second
    words = names[scores.argmax(axis=1)].astype(object)
    words[ahead < margin - 1e-12] = NOT_SURE
    return words, ahead


def _merged(kept: pd.DataFrame, means: list[str]) -> pd.DataFrame:
    """Join neighbours that touch and say the same; average them over time."""
    if kept.empty:
        return kept
    other = kept["verdict"].ne(kept["verdict"].shift()).to_numpy()
    other = other | (np.diff(stretches(kept), prepend=-1) > 0)
    group = np.cumsum(other)
    weights = (kept["end"] - kept["start"]).to_numpy()[:, None]
    sums = (kept[means] * weights).groupby(group).sum()
    rows = kept.groupby(group).agg(
        start=("start", "first"), end=("end", "last"), verdict=("verdict", "first")
    )
    seconds = pd.Series(weights[:, 0]).groupby(group).sum()
    return rows.join(sums.div(seconds, axis=0)).reset_index(drop=True)
