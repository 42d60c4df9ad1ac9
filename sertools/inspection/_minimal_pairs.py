"""Minimal pairs: one speaker, one sentence, and only the emotion changes."""

import itertools

import numpy as np
import pandas as pd

from sertools.evaluation._result import Result
from sertools.evaluation.intervals import jackknife, right_by_speaker

_SAME = ("dataset", "speaker", "text", "intensity")
_SHOWN = ("set", "emotion", "predicted", "confidence", "speaker", "sex")
_SHOWN += ("text", "intensity", "path")


def minimal_pairs(
    clips: pd.DataFrame, result: Result | None = None, least: int = 2
) -> pd.DataFrame:
    """Find minimal pairs: one speaker says one text in several emotions.

    Whatever differs between the clips of a set, it is not the voice and not
    the words. Where the intensity is known, it is the same, too. Of several
    takes of an emotion the first is kept.

    Parameters
    ----------
    clips : DataFrame
        The clips table; clips of unknown speaker or text have no pair.
    result : Result, optional
        What a model said of them. Then only clips it was tested on count.
    least : int, default 2
        Emotions that a set must have.

    Returns
    -------
    DataFrame
        One row a clip, indexed by clip: ``set``, ``emotion``, ``predicted``
        and ``confidence`` (with `result`), ``speaker``, ``sex``, ``text``,
        ``intensity``, ``path``. Sets with the most emotions come first, and
        among them those with the most mistakes. Empty if there are none.

    Examples
    --------
    >>> clips = pd.DataFrame({"emotion": ["angry", "sad", "sad"], "speaker": "a"})
    >>> clips["text"] = ["x", "x", "y"]
    >>> minimal_pairs(clips)["set"].tolist()
    ['a x', 'a x']
    """
    table = _said(clips, result)
    unknown = {name: None for name in ("speaker", "text") if name not in table}
    table = table.assign(**unknown).dropna(subset=["speaker", "text"])
    same = [column for column in _SAME if column in table]
    keys = table[same].fillna("").astype(str)
    table = table.assign(set=[_name(row) for row in keys.to_dict("records")])
    table = table[~table.duplicated(["set", "emotion"])]
    n = table.groupby("set")["emotion"].transform("size")
    table, n = table[n >= least], n[n >= least]
    wrong = pd.Series(0, table.index)
    if result is not None:
        missed = table["emotion"] != table["predicted"]
        wrong = missed.groupby(table["set"]).transform("sum")
    order = pd.DataFrame({"n": -n, "wrong": -wrong, "set": table["set"]})
    order = order.assign(emotion=table["emotion"])
    order = order.sort_values(["n", "wrong", "set", "emotion"], kind="stable")
    return table.loc[order.index, [name for name in _SHOWN if name in table]]


def _said(clips: pd.DataFrame, result: Result | None) -> pd.DataFrame:
    """Join to the clips what the model said, clip by clip."""
    if result is None:
        return clips
    said = result.predictions.set_index("clip")
    confidence = said[result.classes].max(axis=1)
    tested = clips[clips.index.isin(said.index)]
    return tested.assign(
        predicted=said["predicted"].reindex(tested.index),
        confidence=confidence.reindex(tested.index),
    )


def _name(row: dict) -> str:
    parts = [row["speaker"], row["text"], row.get("intensity", "")]
    return " ".join(part for part in parts if part)


def forced_choice(pairs: pd.DataFrame, result: Result) -> pd.DataFrame:
    """Two-alternative forced choice: which clip is which, same speaker and words.

    Given that one of the two is, say, happy and the other sad, the model is
    right if it gives the happy one the higher odds of happy against sad. That
    needs no threshold, and neither voice nor words can help or hurt. Guessing
    is right half of the time.

    Parameters
    ----------
    pairs : DataFrame
        As `minimal_pairs` gives.
    result : Result
        What the model said of them.

    Returns
    -------
    DataFrame
        One row a pair of emotions, the hardest first: ``a``, ``b``,
        ``n_pairs``, ``n_speakers``, ``right`` (a share; ties count half),
        ``low``, ``high`` (95 % over speakers).

    Raises
    ------
    ValueError
        If the result lacks clips of the pairs.

    Examples
    --------
    >>> from sertools.evaluation import from_predictions
    >>> clips = pd.DataFrame({"emotion": ["angry", "sad"], "speaker": "a", "text": "x"})
    >>> said = clips.assign(angry=[0.9, 0.6], sad=[0.1, 0.4]).reset_index(names="clip")
    >>> forced_choice(minimal_pairs(clips), from_predictions(said))["right"].tolist()
    [1.0]
    """
    said = result.predictions.set_index("clip")
    said = said.set_axis(said.index.astype(str))[result.classes].clip(lower=1e-12)
    if len(strange := pairs.index.astype(str).difference(said.index)):
        raise ValueError(
            f"{len(strange)} clips of the pairs are not in the result, the first: "
            f"{strange[0]}. Give minimal_pairs the result, too."
        )
    odds = np.log(said)
    rows = []
    for _, one in pairs.groupby("set", sort=False):
        clip = dict(zip(one["emotion"], one.index.astype(str), strict=True))
        for a, b in itertools.combinations(sorted(clip), 2):
            if a in odds and b in odds:
                lean = odds[a] - odds[b]
                more = lean[clip[a]] - lean[clip[b]]
                rows.append((a, b, one["speaker"].iloc[0], (np.sign(more) + 1) / 2))
    table = pd.DataFrame(rows, columns=["a", "b", "speaker", "right"])
    found = [_share(a, b, part) for (a, b), part in table.groupby(["a", "b"])]
    columns = ["a", "b", "n_pairs", "n_speakers", "right", "low", "high"]
    found = pd.DataFrame(found, columns=columns)
    return found.sort_values("right", kind="stable", ignore_index=True)


def _share(a: str, b: str, part: pd.DataFrame) -> tuple:
    """Give how often the choice was right, with an interval over speakers."""
    counts = right_by_speaker(part["right"], part["speaker"])
    value, low, high = jackknife(counts)
    ends = (np.nan if end is None else end for end in (low, high))
    return (a, b, len(part), len(counts), value, *ends)
