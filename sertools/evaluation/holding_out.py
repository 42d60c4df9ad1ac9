"""Heads trained on some clips and asked about the others, fold by fold."""

import os

import pandas as pd

from sertools import features
from sertools.evaluation import choices
from sertools.evaluation.predictions import table
from sertools.evaluation.result import Result
from sertools.models import heads
from sertools.models import load as load_model

__all__ = ["baseline_scores", "head_name", "held_out", "unseen"]


def held_out(head, X, clips, fold, seed, tune=False) -> tuple[pd.DataFrame, list[str]]:
    """Predict each fold with a head trained on all other clips.

    Parameters
    ----------
    head : str or scikit-learn classifier
        See `sertools.models.heads.make`.
    X : DataFrame of shape (n, d)
        Features.
    clips : DataFrame of n rows
        In the same order.
    fold : Series of str
        The fold in which each clip is tested; missing where it is trained on only.
    seed : int
        Of everything drawn.
    tune : bool, default False
        Choose the head's settings within each fold's training clips.

    Returns
    -------
    probabilities : DataFrame
        A row a tested clip, a column an emotion; what heads chose for themselves
        in each fold stands in its ``attrs``; see `choices.taken`.
    warnings : list of str
        What a reader must know.
    """
    from threadpoolctl import threadpool_limits

    classes = sorted(clips["emotion"].unique())
    tested = fold.notna().to_numpy()
    probabilities = pd.DataFrame(0.0, index=X.index, columns=classes)
    values, y = X.to_numpy(), clips["emotion"].to_numpy(dtype=object).astype(str)
    named = X if _wants_names(head, seed) else None
    speakers = None if clips["speaker"].isna().any() else clips["speaker"].to_numpy()
    found = {}
    with threadpool_limits(1):  # the same numbers whatever the number of cores
        for name in fold[tested].unique():
            test = (fold == name).to_numpy()
            train = ~test
            fresh = heads.make(head, seed, tune)
            part = named[train] if named is not None else values[train]
            who = None if speakers is None else speakers[train]
            heads.fit(fresh, part, y[train], who)
            part = named[test] if named is not None else values[test]
            probabilities.loc[test, list(fresh.classes_)] = fresh.predict_proba(part)
            for kind, own in choices.taken(fresh).items():
                found.setdefault(kind, {})[str(name)] = own
    probabilities, said = probabilities[tested], unseen(clips["emotion"], fold)
    probabilities.attrs.update(found)
    return probabilities, [*said, *choices.told(found)]


def unseen(emotions: pd.Series, fold: pd.Series) -> list[str]:
    """Say which folds test an emotion that their training clips do not have.

    Examples
    --------
    >>> unseen(pd.Series(["sad", "fear", "sad"]), pd.Series(["1", "2", "2"]))
    ['No training clips of an emotion tested in fold 2 (fear).']
    """
    said = []
    for name in fold.dropna().unique():
        here = (fold == name).to_numpy()
        if absent := sorted(set(emotions[here]) - set(emotions[~here])):
            said.append(f"{name} ({', '.join(absent)})")
    if not said:
        return []
    return [f"No training clips of an emotion tested in fold {'; '.join(said)}."]


def _wants_names(head, seed: int) -> bool:
    """Say whether a head may read the features' names: one's own, and some others."""
    return heads.named(head, seed) not in set(heads.names()) - set(
        heads.reading_names()
    )


def baseline_scores(clips, fold: pd.Series, seed: int, standardize: str) -> dict | None:
    """Score duration and loudness alone, on the same folds and standardised alike."""
    if clips["path"].isna().any() or not all(map(os.path.isfile, clips["path"])):
        return None
    model = load_model("duration_loudness")
    X = features.extract(model, clips, progress=False).reindex(clips.index)
    if X.isna().any(axis=None):
        return None
    X = features.standardize(X, clips, standardize)
    probabilities, _ = held_out(heads.make("logistic"), X, clips, fold, seed)
    tested = clips.loc[probabilities.index]
    return Result(table(tested.reset_index(), probabilities)).scores()


def head_name(head, seed: int) -> str:
    """Name a head as a person would."""
    if isinstance(head, str):
        return head
    return heads.named(head, seed) or type(head).__name__
