"""Grouped permutation importance: what a head loses without a family of features."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools import display, features
from sertools.evaluation import _provenance
from sertools.evaluation import folds as folding
from sertools.evaluation._cross_validation import fit, head_name, matching
from sertools.evaluation._permutation_tests import (
    MIN_SPEAKERS,
    sign_flip_test,
    speaker_contributions,
)
from sertools.evaluation.intervals import counts_by_speaker, jackknife

_NOTE = (
    "A family's drop is what the head loses when that family no longer fits the rest "
    "of the clip. Families that know the same can stand in for each other: then each "
    "has a small drop, although much can be learnt from it alone."
)


@dataclass(repr=False)
class PermutationImportance(display.Display):
    """Permutation importance of families of features, and what each knows alone.

    Parameters
    ----------
    table : DataFrame
        One row a family, the largest drop first: ``n_features``; ``drop`` of
        the UAR when the family is shuffled, with ``low`` and ``high`` (95 %
        over speakers), ``p_joint`` (for all families together) and ``std``
        over shufflings; ``alone``, the UAR of a head that is trained on the
        family alone, with ``alone_low`` and ``alone_high``.
    uar, chance : float
        With all features, and by guessing.
    repeats : int
        Shufflings that were averaged.
    info : dict
        dataset, model, head, folds.
    n_clips, n_speakers : int
        What it was tested on; speakers ``None`` if unknown.
    notes : list of str
        What a reader must know.
    """

    table: pd.DataFrame
    uar: float
    chance: float
    repeats: int
    info: dict
    n_clips: int
    n_speakers: int | None
    notes: list[str] = field(default_factory=list)

    def drops(self) -> pd.DataFrame:
        """Give the drops as `sertools.plots.importances` takes them."""
        return self.table[["drop", "std"]].rename(columns={"drop": "mean"})

    def _parts(self):
        yield display.heading(self._head())
        lines = [f"  all families  UAR {self.uar:.3f}"]
        for name, row in self.table.iterrows():
            between = display.span(-row["high"], -row["low"], "+")
            drop = f"{-row['drop']:+.3f} shuffled {between}"
            lines.append(f"  {name:13} {drop}, {row['alone']:.3f} trained on it alone")
        table = self.table.round(3).rename(columns=_SHOWN)
        yield display.Part(lines, display.frame(table, "What it goes by"))
        yield display.notes(self.notes)

    def _head(self) -> str:
        who = display.speakers(self.n_speakers)
        named = display.named(self.info, "dataset", "model", "head", "folds")
        times = f"mean of {self.repeats} shufflings"
        return f"{named}: {self.n_clips} clips, {who}, {times}, UAR {self.uar:.3f}"


_SHOWN = {
    "n_features": "features",
    "drop": "loses when shuffled",
    "p_joint": "p, joint",
    "alone_low": "alone, from",
    "alone_high": "alone, to",
    "low": "loses, from",
    "high": "loses, to",
    "std": "over shufflings",
}


def permutation_importance(
    head,
    X: pd.DataFrame,
    clips: pd.DataFrame,
    families: Mapping[str, str] | pd.Series | None = None,
    folds="speaker",
    repeats: int = 10,
    seed: int = 0,
) -> PermutationImportance:
    """Measure grouped permutation importance: which families a head relies on.

    Heads are trained on the other speakers, as in `cross_validate`. Then, among
    the clips of each held-out speaker, the values of a whole family change
    places, all columns alike: within the family a clip's values still belong
    together, but no longer to the rest of the clip. What the score loses is the
    family's drop: what *this* head relies on. Beside it stands what can be
    learnt from the family: the score of heads trained on it alone.

    Parameters
    ----------
    head : str or scikit-learn classifier
        See `sertools.models.heads.make`.
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    clips : DataFrame
        The clips table.
    families : mapping or Series of str, optional
        Family by feature; `sertools.features.feature_groups` if not given.
    folds : str or scikit-learn splitter, default "speaker"
        See `sertools.evaluation.folds.assign`.
    repeats : int, default 10
        Shufflings to average.
    seed : int, default 0
        Of everything drawn.

    Returns
    -------
    PermutationImportance
        Shows itself as a table; see `sertools.plots.permutation_importance`.

    Raises
    ------
    ValueError
        If a feature has no family, there are fewer than two families, or
        `repeats` is below 1.

    Notes
    -----
    Neither number says what carries emotion in speech. Shuffling makes clips
    that nobody ever spoke, loud ones with the spectrum of soft ones, and a head
    may do anything with those. Features that go together share what they know:
    no family need have a large drop, although the head would be lost without
    two of them. A family with many features has more to lose than one with few.

    References
    ----------
    Breiman (2001), Random forests, doi:10.1023/A:1010933404324
    Au et al. (2022), Grouped feature importance, doi:10.1007/s10618-022-00840-5

    Examples
    --------
    >>> from sertools import datasets, models
    >>> clips = datasets.load("demo")
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False, progress=False)
    >>> names = {name: name for name in X}
    >>> permutation_importance("logistic", X, clips, names, repeats=2).table.shape
    (2, 9)
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, not {repeats}.")
    groups = _groups(X, families)
    clips = matching(X, clips)
    plan = folding.assign(clips, folds, seed)
    right = _answered(head, X, clips, plan.fold, groups, repeats, seed)
    tested = clips[plan.fold.notna()]
    return PermutationImportance(
        _table(right, tested, groups, seed),
        float(_uar(right["all", "alone"].mean(axis=0), tested)),
        1 / tested["emotion"].nunique(),
        repeats,
        {
            **_provenance.about(tested, X),
            "head": head_name(head, seed),
            "folds": plan.name,
            "leaking": plan.leaking,
        },
        len(tested),
        None if tested["speaker"].isna().any() else tested["speaker"].nunique(),
        [*plan.warnings, *_provenance.warnings(tested, X, "none"), _NOTE],
    )


def _groups(X: pd.DataFrame, families) -> dict[str, np.ndarray]:
    """Give the columns of each family."""
    if families is None:
        families = features.feature_groups(X.columns)
    family = pd.Series(families).reindex([str(name) for name in X.columns])
    if family.isna().any():
        raise ValueError(f"{family.index[family.isna()][0]!r} has no family.")
    names = list(dict.fromkeys(family))
    if len(names) < 2:
        raise ValueError(
            f"One family only ({names[0]}): there is nothing to set apart."
        )
    return {name: np.flatnonzero((family == name).to_numpy()) for name in names}


def _answered(head, X, clips, fold, groups, repeats, seed) -> dict:
    """Say of each tested clip whether it was right, at each repeat."""
    drawn = np.random.default_rng(seed)
    y = clips["emotion"].to_numpy(dtype=object).astype(str)
    who = _who(clips)
    right = {(name, "without"): np.zeros((repeats, len(y)), bool) for name in groups}
    right |= {(n, "alone"): np.zeros((1, len(y)), bool) for n in ("all", *groups)}
    for _, train, test in folding.splits(fold):
        part = X[test]
        whole = fit(head, X, clips, train, seed)
        right["all", "alone"][:, test] = whole.predict(part) == y[test]
        for family, columns in groups.items():
            own = X.iloc[:, columns]
            hit = fit(head, own, clips, train, seed).predict(own[test]) == y[test]
            right[family, "alone"][:, test] = hit
        for repeat in range(repeats):
            order = _exchanged(who[test], drawn)
            for family, columns in groups.items():
                hit = whole.predict(_mixed(part, order, columns)) == y[test]
                right[family, "without"][repeat, test] = hit
    tested = fold.notna().to_numpy()
    return {key: values[:, tested] for key, values in right.items()}


def _exchanged(who: np.ndarray, drawn) -> np.ndarray:
    """Draw a new order of the rows that leaves each speaker's places to them."""
    order = np.arange(len(who))
    for speaker in np.unique(who):
        places = np.flatnonzero(who == speaker)
        order[places] = drawn.permutation(places)
    return order


def _mixed(part: pd.DataFrame, order: np.ndarray, columns: np.ndarray):
    """Take a family's columns from other rows."""
    values = part.to_numpy(copy=True)
    values[:, columns] = values[np.ix_(order, columns)]
    return pd.DataFrame(values, index=part.index, columns=part.columns)


def _who(clips: pd.DataFrame) -> np.ndarray:
    """Name who speaks; one for all where that is unknown of any clip."""
    if clips["speaker"].isna().any():
        return np.full(len(clips), "")
    return clips["speaker"].to_numpy(dtype=str)


def _uar(right: np.ndarray, clips: pd.DataFrame) -> float:
    return _added(right, clips).sum()


def _added(right: np.ndarray, clips: pd.DataFrame) -> np.ndarray:
    """Give what each speaker adds to the UAR; `right` may be a share."""
    return speaker_contributions(
        right, clips["emotion"].to_numpy(dtype=str), _who(clips)
    )


def _interval(right: np.ndarray, clips: pd.DataFrame) -> tuple:
    """Score clips that were right or wrong, with an interval over speakers."""
    emotion = clips["emotion"].to_numpy(dtype=str)
    told = np.where(right, emotion, "wrong")
    emotions = sorted(set(emotion))
    return jackknife(
        counts_by_speaker(emotion, told, _who(clips), emotions, [*emotions, "wrong"])
    )


def _table(right: dict, clips: pd.DataFrame, groups: dict, seed: int) -> pd.DataFrame:
    whole = _added(right["all", "alone"].mean(axis=0), clips)
    drops = np.array(
        [whole - _added(right[n, "without"].mean(axis=0), clips) for n in groups]
    )
    alone = np.array(
        [_interval(right[name, "alone"][0], clips) for name in groups], dtype=float
    )
    each = {
        name: [_uar(one, clips) for one in right[name, "without"]] for name in groups
    }
    table = pd.DataFrame(
        {
            "n_features": [len(columns) for columns in groups.values()],
            "drop": drops.sum(axis=1),
            "low": np.nan,
            "high": np.nan,
            "p_joint": np.nan,
            "std": [float(np.std(each[name])) for name in groups],
            "alone": alone[:, 0],
            "alone_low": alone[:, 1],
            "alone_high": alone[:, 2],
        },
        index=pd.Index(list(groups), name="family"),
    )
    if drops.shape[1] >= MIN_SPEAKERS and not clips["speaker"].isna().any():
        found = sign_flip_test(drops, seed)
        table["low"], table["high"] = found.low, found.high
        table["p_joint"] = found.p_joint
    return table.sort_values("drop", ascending=False, kind="stable")
