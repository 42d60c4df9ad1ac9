"""Cross-validation folds: who is held out when."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from sertools import datasets
from sertools.evaluation._notes import Kind, Note, leaking_folds

__all__ = ["Folds", "assign"]

_AT_MOST = 10


@dataclass(frozen=True)
class Folds:
    """A partition of clips into folds.

    Parameters
    ----------
    name : str
        The scheme.
    fold : Series of str
        Fold by clip; missing for clips that are only trained on.
    leaking : bool or None
        Whether a speaker is on both sides of a fold; ``None`` if unknown.
    warnings : tuple of str
        What a reader of the scores must know.
    """

    name: str
    fold: pd.Series
    leaking: bool | None
    warnings: tuple[str, ...] = field(default=())


def assign(clips: pd.DataFrame, scheme="speaker", seed: int = 0) -> Folds:
    """Assign each clip to the fold in which it is tested.

    Parameters
    ----------
    clips : DataFrame
        A clips table.
    scheme : str or scikit-learn splitter, default "speaker"
        ``"speaker"``: one speaker a fold, grouped to at most 10 folds.
        ``"published:NAME"``: a split that others published for this corpus;
        where it has one test set, all other clips are trained on.
        ``"random"``: 10 stratified folds that ignore speakers; flagged. A
        column of `clips`: one fold a value.
    seed : int, default 0
        Of random folds.

    Returns
    -------
    Folds
        The folds, and whether speakers leak.

    Raises
    ------
    ValueError
        If the scheme is unknown, the corpus has no such published split, or
        there are not two folds.

    Examples
    --------
    >>> clips = datasets.load("demo")
    >>> assign(clips).fold.nunique(), assign(clips, "random").leaking
    (8, True)
    """
    name = scheme if isinstance(scheme, str) else repr(scheme)
    if hasattr(scheme, "split") and not isinstance(scheme, str):
        fold = _by_splitter(clips, scheme)
    elif scheme == "speaker":
        fold = _by_speaker(clips)
    elif scheme == "random":
        fold = _at_random(clips, seed)
    elif name.startswith("published:"):
        fold = _as_published(clips, name.removeprefix("published:"))
    elif name in clips.columns:
        fold = _by_column(clips, name)
    else:
        raise ValueError(
            f"Unknown folds {scheme!r}. Known: speaker, published:NAME, random, a "
            f"column of the clips table ({', '.join(clips.columns)}), or a "
            "scikit-learn splitter."
        )
    if fold.nunique(dropna=False) < 2:
        raise ValueError(
            f"folds={name!r} gives one fold only ({fold.iloc[0]}): nothing is left "
            "to train on."
        )
    leaking = _leaking(fold, clips["speaker"])
    unknown = clips["speaker"].isna().any()
    return Folds(name, fold, leaking, _warnings(name, leaking, unknown))


def _by_speaker(clips: pd.DataFrame) -> pd.Series:
    unknown = clips["speaker"].isna()
    if unknown.any():
        raise ValueError(
            f"The speaker of {unknown.sum()} of {len(clips)} clips is unknown, so "
            "speakers cannot be held out. Add a speaker column to the table of clips, "
            "or take folds='random' (--folds random), which flatters."
        )
    sizes = clips["speaker"].value_counts(sort=False).sort_index()
    if len(sizes) <= _AT_MOST:
        return clips["speaker"].rename("fold")
    load, place = np.zeros(_AT_MOST, dtype=int), {}
    for speaker in sizes.sort_values(ascending=False, kind="stable").index:
        place[speaker] = str(load.argmin() + 1)
        load[load.argmin()] += sizes[speaker]
    return clips["speaker"].map(place).rename("fold")


def _at_random(clips: pd.DataFrame, seed: int) -> pd.Series:
    counts = clips["emotion"].value_counts()
    rarest = int(counts.min())
    if len(clips) < 2 or int(counts.max()) < 2:
        raise ValueError(
            f"folds='random' needs an emotion with at least 2 clips; these {len(clips)}"
            f" clips have one of each ({', '.join(sorted(counts.index))})."
        )
    folds = max(2, min(_AT_MOST, rarest))
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return _by_splitter(clips, splitter)


def _as_published(clips: pd.DataFrame, name: str) -> pd.Series:
    corpora = clips["dataset"].unique()
    if len(corpora) > 1:
        raise ValueError(f"Published folds are for one corpus, not {len(corpora)}.")
    published = datasets.get(corpora[0]).published
    if name not in published:
        known = ", ".join(f"published:{n}" for n in published) or "none"
        raise ValueError(
            f"{corpora[0]} has no speaker-disjoint split published:{name}. "
            f"Known for it: {known}; speaker always works."
        )
    place = {
        f"{corpora[0]}/{speaker}": fold
        for fold, speakers in published[name].items()
        for speaker in speakers
    }
    fold = clips["speaker"].map(place).rename("fold")
    if fold.isna().all():
        raise ValueError(f"None of the clips is tested in published:{name}.")
    if fold.isna().any() and len(published[name]) > 1:
        raise ValueError(
            f"published:{name} has no fold for {fold.isna().sum()} of the clips, the "
            f"first: {fold.index[fold.isna()][0]}. Take folds='speaker' "
            "(--folds speaker)."
        )
    return fold


def _by_column(clips: pd.DataFrame, column: str) -> pd.Series:
    if clips[column].isna().any():
        raise ValueError(
            f"Column {column!r} is empty for {clips[column].isna().sum()} clips: "
            "it cannot say in which fold they belong."
        )
    return clips[column].astype(str).rename("fold")


def _by_splitter(clips: pd.DataFrame, splitter) -> pd.Series:
    fold = pd.Series(index=clips.index, dtype="str", name="fold")
    groups = None if clips["speaker"].isna().any() else clips["speaker"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The groups parameter is ignored")
        splits = list(splitter.split(clips, clips["emotion"], groups))
    for number, (train, test) in enumerate(splits):
        if len(np.union1d(train, test)) < len(clips):
            raise ValueError(
                f"{splitter!r} leaves clips out of both training and test; here "
                "whatever is not tested trains. Take those clips out beforehand."
            )
        if fold.iloc[test].notna().any():
            raise ValueError(
                f"{splitter!r} tests a clip twice: folds must not overlap."
            )
        fold.iloc[test] = str(number + 1)
    if fold.isna().any():
        raise ValueError(f"{splitter!r} never tests {fold.isna().sum()} of the clips.")
    return fold


def _leaking(fold: pd.Series, speakers: pd.Series) -> bool | None:
    if (fold.fillna("").groupby(speakers).nunique() > 1).any():
        return True
    return None if speakers.isna().any() else False


def _warnings(name: str, leaking: bool | None, unknown: bool) -> tuple[Note, ...]:
    said = [leaking_folds(name)] if leaking else []
    if unknown:
        text = (
            f"It is not known who speaks: folds {name} may have the same speakers in "
            "training and test, and no interval over speakers can be given."
        )
        said.append(Note(Kind.UNKNOWN_SPEAKERS, text))
    return tuple(said)


def splits(fold: pd.Series) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Give each fold's name, and which clips are trained on and tested on.

    While a fold is worked on, linear algebra has one thread: the same numbers
    whatever the number of cores.
    """
    with threadpool_limits(1):
        for name in fold.dropna().unique():
            test = (fold == name).to_numpy()
            yield name, ~test, test
