"""Whether it still hears it in noise, over the telephone, or cut short."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from sertools import audio, features
from sertools.evaluation import folds as folding
from sertools.evaluation import standing, wording
from sertools.evaluation.comparison.exchange import MIN_SPEAKERS
from sertools.evaluation.degraded.levels import CLEAN, Robustness
from sertools.evaluation.holding_out import head_name, unseen
from sertools.evaluation.predictions import table as predictions_table
from sertools.evaluation.result import Result
from sertools.evaluation.validation import predict
from sertools.models import heads

__all__ = ["DEGRADATIONS", "robustness"]

DEGRADATIONS = (
    *("noise:20", "noise:10", "noise:0", "gain:-20", "reverberation:0.6"),
    *("telephone:mu-law", "mp3:16", "truncation:1"),
)
"""What is tried where nothing is named."""


def robustness(
    model,
    head,
    clips: pd.DataFrame,
    degradations: Sequence[str] = DEGRADATIONS,
    folds="speaker",
    seed: int = 0,
    matched: bool = False,
    **options,
) -> Robustness:
    """Test a model on worse and worse recordings of speakers it has not heard.

    The head is trained on clean speech of the training speakers, once a fold,
    and hears the held-out speakers clean and degraded. What is random in a
    degradation depends on the clip and the seed alone. All levels are scored
    on the same clips: those that can be used at every level.

    Parameters
    ----------
    model : Embedder or Classifier
        As `sertools.models.load` gives.
    head : str, scikit-learn classifier or None
        See `sertools.models.heads.make`; ``None`` for a model that classifies
        by itself.
    clips : DataFrame
        A clips table.
    degradations : sequence of str
        Such as ``("noise:10", "telephone")``; see `sertools.audio.degrade`.
    folds : str or scikit-learn splitter, default "speaker"
        See `sertools.evaluation.folds.assign`; without a head nothing is
        trained, and it is not used.
    seed : int, default 0
        Of everything drawn.
    matched : bool, default False
        Also train heads on speech that is degraded like the test.
    **options
        store, jobs, progress, strict; see `sertools.features.extract`.

    Returns
    -------
    Robustness
        Shows itself as a table with verdicts; see `sertools.plots.robustness`.

    Raises
    ------
    ValueError
        If a degradation is unknown or there is none, or as `cross_validate`
        and `predict` do.

    Notes
    -----
    A difference from clean is tested by exchanging the two sets of answers for
    whole speakers, for all levels together; see `sertools.evaluation.compare`.

    Examples
    --------
    >>> from sertools import datasets, models
    >>> clips = datasets.select(datasets.load("demo"), max_clips=48)
    >>> model = models.load("duration_loudness")
    >>> found = robustness(model, "logistic", clips, ["truncation:50%"], store=False)
    >>> list(found.results)
    ['clean', 'truncation:50%']
    """
    asked = [str(audio.Degradation.parse(spec)) for spec in degradations]
    if not asked or len(set(asked)) < len(asked):
        raise ValueError(f"Name one degradation or more, each once, not {asked}.")
    heard = {CLEAN: model}
    heard |= {spec: features.degraded(model, spec, seed) for spec in asked}
    if head is None:
        found = {
            spec: predict(system, clips, **options) for spec, system in heard.items()
        }
        return Robustness(_on_the_same(found), {}, seed, _notes(found))
    tables = {
        spec: features.extract(system, clips, **options)
        for spec, system in heard.items()
    }
    found, trained = _held_out(head, tables, clips, folds, seed, matched)
    return Robustness(found, trained, seed, _notes(found))


def _held_out(head, tables, clips, folds, seed, matched) -> tuple[dict, dict]:
    """Train each fold's heads once, and let them hear every level."""
    from threadpoolctl import threadpool_limits

    used = _common(tables.values())
    everything, clips = clips, clips.loc[used].rename_axis("clip")
    tables = {spec: _cut(X, used) for spec, X in tables.items()}
    if clips["emotion"].nunique() < 2:
        raise ValueError("One emotion only, or no clip: nothing to tell apart.")
    plan = folding.assign(clips, folds, seed)
    clean, plain = {spec: [] for spec in tables}, {spec: [] for spec in tables}
    with threadpool_limits(1):  # the same numbers whatever the number of cores
        for name in plan.fold.dropna().unique():
            train, test = (plan.fold != name).to_numpy(), (plan.fold == name).to_numpy()
            fitted = _fitted(head, tables[CLEAN], clips, train, seed)
            for spec, X in tables.items():
                clean[spec].append(_scored(fitted, X[test]))
                if matched and spec != CLEAN:
                    own = _fitted(head, X, clips, train, seed)
                    plain[spec].append(_scored(own, X[test]))
    about = {"head": head_name(head, seed)}
    about |= {"folds": plan.name, "standardize": "none", "seed": int(seed)}
    about["leaking"] = plan.leaking
    warned = [*plan.warnings, *unseen(clips["emotion"], plan.fold)]
    made = []
    for parts in (clean, plain):
        heard = {spec: scores for spec, scores in parts.items() if scores}
        made.append({})
        for spec, scores in heard.items():
            told = {**about, "degradation": spec}
            made[-1][spec] = _result(
                tables[spec], clips, everything, plan, scores, told, warned
            )
    return made[0], made[1]


def _fitted(head, X: pd.DataFrame, clips: pd.DataFrame, train, seed: int):
    known = not clips["speaker"].isna().any()
    speakers = clips["speaker"].to_numpy()[train] if known else None
    y = clips["emotion"].to_numpy(dtype=object).astype(str)[train]
    return heads.fit(heads.make(head, seed), X[train], y, speakers)


def _scored(fitted, X: pd.DataFrame) -> pd.DataFrame:
    scores = fitted.predict_proba(X)
    return pd.DataFrame(scores, index=X.index, columns=list(fitted.classes_))


def _result(X, clips, everything, plan, scores, about, warned) -> Result:
    """Make a result of what the folds' heads said at one level."""
    scores = pd.concat(scores).fillna(0.0)
    tested = clips.assign(fold=plan.fold).loc[scores.index]
    lost = everything.index.difference(clips.index, sort=False)
    reasons = {row["clip"]: row["reason"] for row in X.attrs["excluded"]}
    excluded = [
        {"clip": clip, "reason": reasons.pop(clip, "not usable at every level")}
        for clip in lost
    ]
    excluded += [{"clip": clip, "reason": why} for clip, why in reasons.items()]
    left_out = dict(everything.attrs.get("left_out", {}))
    if len(tested) < len(clips):
        left_out[f"only trained on in {plan.name}"] = len(clips) - len(tested)
    return Result(
        predictions_table(tested.reset_index(), scores),
        {**standing.about(clips, X), **about},
        excluded,
        left_out,
        [*warned, *standing.warnings(clips, X, "none")],
        provenance=standing.provenance(clips, X),
    )


def _common(tables) -> pd.Index:
    """Take the clips that have features at every level."""
    first, *others = [X.index for X in tables]
    for other in others:
        first = first.intersection(other, sort=False)
    return first


def _cut(X: pd.DataFrame, used: pd.Index) -> pd.DataFrame:
    cut = X.loc[used]
    cut.attrs = X.attrs
    return cut


def _on_the_same(found: dict[str, Result]) -> dict[str, Result]:
    """Keep the clips that every result has; name the others."""
    tables = {spec: r.predictions.set_index("clip") for spec, r in found.items()}
    used = _common(tables.values())
    why = "not usable at every level"
    return {
        spec: replace(
            result,
            predictions=tables[spec].loc[used].reset_index(),
            excluded=[
                *result.excluded,
                *(
                    {"clip": c, "reason": why}
                    for c in tables[spec].index.difference(used)
                ),
            ],
            info={**result.info, "degradation": spec},
        )
        for spec, result in found.items()
    }


def _notes(found: dict[str, Result]) -> list[str]:
    clean = found[CLEAN]
    notes = list(clean.warnings)
    n = clean.n_speakers
    if n is None or n < MIN_SPEAKERS:
        who = "Who speaks is unknown" if n is None else f"Only {n} speakers"
        notes.append(f"{who}: differences from clean cannot be tested.")
    else:
        notes += wording.joint(len(found) - 1, "levels")
    lost = {row["clip"] for result in found.values() for row in result.excluded}
    if lost:
        notes.append(
            f"{len(lost)} clips are not used, for they cannot be at every level; the "
            f"first: {min(lost)}."
        )
    return notes
