"""Train and test with speakers held out; or test a model that needs no training."""

from collections import Counter

import pandas as pd

from sertools import features
from sertools.evaluation import folds as folding
from sertools.evaluation import standing
from sertools.evaluation.holding_out import baseline_scores, head_name, held_out
from sertools.evaluation.matching import excluded, matching
from sertools.evaluation.predictions import on_shared, table
from sertools.evaluation.result import Result
from sertools.models import heads

__all__ = ["cross_validate", "predict"]


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
    """Train a head on some speakers and test it on the others, in turn.

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
    probabilities, warnings = held_out(head, scaled, clips, plan.fold, seed, tune)
    tested = clips.assign(fold=plan.fold)[plan.fold.notna()]
    left_out = dict(clips.attrs.get("left_out", {}))
    if len(tested) < len(clips):
        left_out[f"only trained on in {plan.name}"] = len(clips) - len(tested)
    return Result(
        predictions=table(tested.reset_index(), probabilities),
        info={
            **standing.about(clips, X),
            "head": head_name(head, seed),
            "folds": plan.name,
            "standardize": standardize,
            "seed": int(seed),
            "leaking": plan.leaking,
            "tuned": probabilities.attrs.get("tuned"),
            "chosen": probabilities.attrs.get("chosen"),
        },
        excluded=excluded(X, everything),
        left_out=left_out,
        warnings=[
            *plan.warnings,
            *warnings,
            *standing.one_answer(probabilities),
            *standing.warnings(clips, X, standardize),
        ],
        baseline=baseline_scores(clips, plan.fold, seed, standardize)
        if baseline
        else None,
        provenance=standing.provenance(clips, X),
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
    left_out = {f"{model.spec} has no class {name}": n for name, n in unknown.items()}
    return Result(
        predictions=table(kept.assign(fold="").reset_index(), probabilities),
        info={**standing.about(kept, scores), "leaking": None},
        excluded=list(scores.attrs["excluded"]),
        left_out={**clips.attrs.get("left_out", {}), **left_out},
        warnings=[
            *said,
            *standing.one_answer(probabilities),
            *standing.warnings(kept, scores, "none"),
        ],
        provenance=standing.provenance(kept, scores),
    )


def _projected(spec: str, shared: list[str], foreign: pd.DataFrame, lost: int):
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
    return said
