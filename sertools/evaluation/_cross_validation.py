"""Cross-validation with speakers held out; and tests of models that are trained."""

import os
from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd

from sertools import features
from sertools.evaluation import _provenance
from sertools.evaluation import folds as folding
from sertools.evaluation._notes import Kind, Note, one_answer
from sertools.evaluation._predictions import on_shared, table
from sertools.evaluation._result import Result
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models import heads
from sertools.models import load as load_model
from sertools.models._own_object import as_system
from sertools.models.base import Model

_OPTIONAL = ("dataset", "path", "speaker")  # columns that a table of one's own may lack


def matching(X: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Take the clips that have features, in the features' order."""
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
    told = FeaturesMetadata.of(X).excluded
    told = ClipsMetadata.of(clips).excluded if told is None else told
    absent = clips.index.difference(X.index, sort=False)
    absent = absent.difference([item["clip"] for item in told], sort=False)
    return told + [{"clip": c, "reason": "no features given"} for c in absent]


def taken(head) -> dict:
    """Take from a fitted head what it chose for itself, if it is one that does."""
    if isinstance(head, heads.Tuned):
        return {"tuned": _short(head.chosen_)}
    if isinstance(head, heads.Best):
        return {"chosen": {**head.chosen_, "losses": head.losses_}}
    return {}


def told(found: dict[str, dict]) -> list[str]:
    """Say in a line what was chosen, and where there was too little to go on."""
    return [*_tuned(found.get("tuned", {})), *_chosen(found.get("chosen", {}))]


def _short(settings: dict | None) -> dict | None:
    """Name settings as a person would: ``C``, not ``head__logistic__C``."""
    return settings and {key.rpartition("__")[2]: v for key, v in settings.items()}


def _tuned(folds: dict[str, dict | None]) -> list[str]:
    settings = Counter(
        ", ".join(f"{key} = {value}" for key, value in one.items())
        for one in folds.values()
        if one
    )
    each = "; ".join(f"{setting} ({n}x)" for setting, n in settings.most_common())
    said = []
    if settings:
        said.append(f"Tuned in each fold, on training speakers held out: {each}.")
    if untuned := [name for name, one in folds.items() if not one]:
        said.append(
            f"Not tuned in {len(untuned)} of {len(folds)} folds, the first "
            f"{untuned[0]}: fewer than three training speakers, or not known; the "
            "head's defaults stand."
        )
    return said


def _chosen(folds: dict[str, dict]) -> list[str]:
    took = Counter(one["candidate"] for one in folds.values() if one["losses"])
    each = "; ".join(f"{name} ({n} of {len(folds)})" for name, n in took.most_common())
    said = []
    if took:
        said.append(f"Chosen in each fold, on training speakers held out: {each}.")
    if unchosen := [name for name, one in folds.items() if not one["losses"]]:
        usual = folds[unchosen[0]]["candidate"]
        said.append(
            f"Nothing could be chosen in {len(unchosen)} of {len(folds)} folds, the "
            f"first {unchosen[0]}: fewer than three training speakers, or not known; "
            f"there it is the {usual}, with usual penalties."
        )
    return said


class HeldOut(NamedTuple):
    """What the heads of all folds said of the clips that they were not trained on.

    Rows of `probabilities` are tested clips, columns emotions; `choices` is what heads
    chose for themselves, by kind and fold.
    """

    probabilities: pd.DataFrame
    notes: list[Note]
    choices: dict[str, dict]

    def info(self) -> dict:
        """Give the choices as ``info`` holds them."""
        return {kind: self.choices.get(kind) for kind in ("tuned", "chosen")}


def held_out(head, X, clips, fold, seed, tune=False) -> HeldOut:
    """Predict each fold with a head trained on all other clips."""
    classes = sorted(clips["emotion"].unique())
    tested = fold.notna().to_numpy()
    probabilities = pd.DataFrame(0.0, index=X.index, columns=classes)
    rows = X if _wants_names(head, seed) else X.to_numpy()
    found = {}
    _check_training(clips["emotion"], fold)
    for name, train, test in folding.splits(fold):
        fitted = fit(head, rows, clips, train, seed, tune)
        said = fitted.predict_proba(rows[test])
        probabilities.loc[test, list(fitted.classes_)] = said
        for kind, own in taken(fitted).items():
            found.setdefault(kind, {})[str(name)] = own
    notes = unseen(clips["emotion"], fold)
    notes += [Note(Kind.TUNED, text) for text in told(found)]
    return HeldOut(probabilities[tested], notes, found)


def _check_training(emotions: pd.Series, fold: pd.Series) -> None:
    """Refuse folds that leave a single emotion to train on."""
    for name in fold.dropna().unique():
        left = emotions[(fold != name).to_numpy()].unique()
        if len(left) < 2:
            raise ValueError(
                f"Fold {name} leaves only clips of {', '.join(left) or 'nothing'} to "
                "train on: no head can tell emotions apart. Take other folds."
            )


def fit(head, X, clips: pd.DataFrame, train: np.ndarray, seed: int, tune=False):
    """Fit a fresh head to some of the clips, and say who speaks where that is known."""
    y = clips["emotion"].to_numpy(dtype=object).astype(str)
    known = not clips["speaker"].isna().any()
    speakers = clips["speaker"].to_numpy()[train] if known else None
    return heads.fit(heads.make(head, seed, tune), X[train], y[train], speakers)


def unseen(emotions: pd.Series, fold: pd.Series) -> list[Note]:
    """Say which folds test an emotion that their training clips do not have."""
    said = []
    for name in fold.dropna().unique():
        here = (fold == name).to_numpy()
        if absent := sorted(set(emotions[here]) - set(emotions[~here])):
            said.append(f"{name} ({', '.join(absent)})")
    if not said:
        return []
    text = f"No training clips of an emotion tested in fold {'; '.join(said)}."
    return [Note(Kind.UNSEEN_EMOTION, text)]


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
    probabilities = held_out(heads.make("logistic"), X, clips, fold, seed).probabilities
    tested = clips.loc[probabilities.index]
    return Result(table(tested.reset_index(), probabilities)).scores()


def head_name(head, seed: int) -> str:
    """Name a head as a person would."""
    if isinstance(head, str):
        return head
    return heads.named(head, seed) or type(head).__name__


def cross_validate(
    head,
    X: pd.DataFrame,
    clips: pd.DataFrame,
    folds="speaker",
    seed: int = 0,
    standardize: str = "none",
    baseline: bool = True,
    tune: bool = False,
) -> Result:
    """Cross-validate a head: train on some speakers, test on the others, in turn.

    Parameters
    ----------
    head : str or scikit-learn classifier
        See `sertools.models.heads.make`.
    X : DataFrame of shape (n, d)
        Features, as `sertools.features.extract` gives: one row a clip.
    clips : DataFrame
        The clips table; clips without features are left out and named.
    folds : str or scikit-learn splitter, default "speaker"
        See `sertools.evaluation.folds.assign`.
    seed : int, default 0
        Of everything drawn.
    standardize : {"none", "corpus", "speaker"}
        How features are standardised beforehand, without labels; see
        `sertools.features.standardize`.
    baseline : bool, default True
        Score duration and loudness alone on the same folds, where the clips
        have files.
    tune : bool, default False
        Choose the head's settings anew in each fold, on its training speakers
        held out in turn; the test clips have no say. What was chosen stands in
        ``info["tuned"]`` by fold. See `sertools.models.heads.Tuned`.

    Returns
    -------
    Result
        Every clip of a fold predicted once, by a head not trained on that fold.

    Raises
    ------
    ValueError
        If a name is unknown, there are fewer than two emotions or folds, or
        speakers have to be held out and are unknown; if a head of one's own is
        to be tuned.

    Examples
    --------
    >>> from sertools import datasets, models
    >>> clips = datasets.load("demo")
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False)
    >>> result = cross_validate("logistic", X, clips, baseline=False)
    >>> len(result.predictions), result.n_speakers
    (192, 8)
    """
    everything, clips = clips, matching(X, clips)
    head = heads.make(head, seed) if isinstance(head, str) else head
    plan = folding.assign(clips, folds, seed)
    scaled = features.standardize(X, clips, standardize)
    said = held_out(head, scaled, clips, plan.fold, seed, tune)
    tested = clips.assign(fold=plan.fold)[plan.fold.notna()]
    filtered = dict(ClipsMetadata.of(clips).filtered)
    if len(tested) < len(clips):
        filtered[f"only trained on in {plan.name}"] = len(clips) - len(tested)
    return Result(
        predictions=table(tested.reset_index(), said.probabilities),
        info={
            **_provenance.about(clips, X),
            "head": head_name(head, seed),
            "folds": plan.name,
            "standardize": standardize,
            "seed": int(seed),
            "leaking": plan.leaking,
            **said.info(),
        },
        excluded=excluded(X, everything),
        filtered=filtered,
        warnings=[
            *plan.warnings,
            *said.notes,
            *one_answer(said.probabilities),
            *_provenance.warnings(clips, X, standardize),
        ],
        baseline=baseline_scores(clips, plan.fold, seed, standardize)
        if baseline
        else None,
        provenance=_provenance.provenance(clips, X),
    )


def predict(model, clips: pd.DataFrame, **options) -> Result:
    """Test a model that classifies by itself; nothing is trained.

    Model and clips are compared on the emotions they share. Clips of another
    emotion are left out and counted; so are the model's other classes, whose
    probability goes to the shared ones in proportion. ``other`` stays: it says
    that no emotion was found, and counts as a mistake.

    Parameters
    ----------
    model : Classifier
        As `sertools.models.load` gives.
    clips : DataFrame
        A clips table.
    **options
        store, jobs, progress, strict; see `sertools.features.score`.

    Returns
    -------
    Result
        Every clip predicted once.

    Raises
    ------
    ValueError
        If the model needs a head, or shares no emotion with the clips.
    """
    if not isinstance(model, Model):
        model = as_system(model, "predict_proba")
    scores = features.score(model, clips, **options)
    clips = matching(scores, clips)
    known = clips["emotion"].isin(scores.columns)
    unknown = Counter(clips.loc[~known, "emotion"])
    if not known.any():
        raise ValueError(
            f"{model.spec} knows {', '.join(scores.columns)}; the clips are all "
            f"{', '.join(sorted(unknown))}."
        )
    kept = clips[known]
    probabilities, foreign, lost = on_shared(scores[known], set(kept["emotion"]))
    said = _projected(model.spec, list(probabilities), foreign, lost)
    filtered = {f"{model.spec} has no class {name}": n for name, n in unknown.items()}
    return Result(
        predictions=table(kept.assign(fold="").reset_index(), probabilities),
        info={**_provenance.about(kept, scores), "leaking": None},
        excluded=list(FeaturesMetadata.of(scores).excluded),
        filtered={**ClipsMetadata.of(clips).filtered, **filtered},
        warnings=[
            *said,
            *one_answer(probabilities),
            *_provenance.warnings(kept, scores, "none"),
        ],
        provenance=_provenance.provenance(kept, scores),
    )


def _projected(spec, shared: list[str], foreign: pd.DataFrame, lost: int) -> list[Note]:
    """Say what became of the probability of classes that none of the clips is."""
    said = []
    if (away := foreign.sum(axis=1).mean()) >= 0.005:
        said.append(
            f"Compared on {', '.join(shared)}: {spec} also knows "
            f"{', '.join(foreign)}, whose share ({away:.0%} on average) went to these "
            "in proportion."
        )
    if lost:
        said.append(
            f"{lost} clips were given no probability for any of {', '.join(shared)}: "
            f"all of these count as equally probable, and {shared[0]}, the first by "
            "name, as predicted."
        )
    return [Note(Kind.PROJECTED, text) for text in said]
