"""Robustness: scores under degradation, such as noise, a telephone, or a cut."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from sertools import audio, display, features
from sertools.display import p_value, span
from sertools.evaluation import _provenance
from sertools.evaluation import folds as folding
from sertools.evaluation._cross_validation import fit, head_name, predict, unseen
from sertools.evaluation._permutation_tests import (
    LEVEL,
    MIN_SPEAKERS,
    sign_flip_test,
    speaker_contributions,
)
from sertools.evaluation._predictions import table as predictions_table
from sertools.evaluation._result import Result
from sertools.metadata import ClipsMetadata, FeaturesMetadata

CLEAN = "clean"
"""The name of the level at which nothing is done."""

_UNUSABLE = "not usable at every level"


@dataclass(repr=False)
class Robustness(display.Display):
    """What became of a score when the recordings became worse.

    Parameters
    ----------
    results : dict of str to Result
        By degradation, ``"clean"`` first; all on the same clips.
    matched : dict of str to Result
        The same for heads that were trained on speech as bad as the test;
        empty if that was not asked for.
    seed : int
        Of noise, rooms and exchanges.
    notes : list of str
        What a reader must know.
    """

    results: dict[str, Result]
    matched: dict[str, Result] = field(default_factory=dict)
    seed: int = 0
    notes: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.levels = _levels(self)

    @property
    def clean(self) -> Result:
        """The result on the recordings as they are."""
        return self.results[CLEAN]

    def answers(self) -> pd.DataFrame:
        """Say what is answered at each level: shares of clips, rows sum to one.

        A model that loses its bearings often does not guess: it calls
        everything by one name.

        Returns
        -------
        DataFrame of shape (levels, classes)
            Indexed by degradation, clean first.
        """
        found = {
            name: result.predictions["predicted"].value_counts(normalize=True)
            for name, result in self.results.items()
        }
        table = pd.DataFrame(found).T.reindex(columns=self.clean.classes).fillna(0.0)
        return table.rename_axis(index="degradation", columns="predicted")

    def _parts(self):
        yield display.heading(self._head())
        score = self.clean.scores()["uar"]
        lines = [f"  clean  {score['value']:.3f}  {span(score['low'], score['high'])}"]
        lines += [f"  {row.verdict}" for row in self.levels.itertuples()]
        rows = [_cells(CLEAN, score)]
        rows += [
            _cells(name, {key: row[key] for key in _SCORE}, row)
            for name, row in self.levels.rename(columns={"uar": "value"}).iterrows()
        ]
        shown = _COLUMNS if self.matched else _COLUMNS[:-1]
        rows = [row[: len(shown)] for row in rows]
        yield display.Part(lines, display.rows(rows, shown, "Degradations"))
        yield display.notes(self.notes)

    def _head(self) -> str:
        result = self.clean
        who = display.speakers(result.n_speakers)
        named = display.named(result.info, "dataset", "model", "head", "folds")
        clips = (
            f"{len(result.predictions)} clips, {who}, {len(result.emotions)} emotions"
        )
        return f"{named}: {clips}, chance {result.chance:.3f}"


def _levels(found: Robustness) -> pd.DataFrame:
    """Score every level, and say how far it is from clean."""
    clean = found.clean.predictions
    rows = {}
    for spec, result in found.results.items():
        if spec == CLEAN:
            continue
        asked, score = audio.Degradation.parse(spec), result.scores()["uar"]
        matched = found.matched.get(spec)
        trained = matched.scores()["uar"] if matched else dict.fromkeys(score)
        rows[spec] = {
            "family": asked.family,
            "amount": asked.amount,
            "unit": asked.unit,
            "uar": score["value"],
            "low": score["low"],
            "high": score["high"],
            "difference": score["value"] - found.clean.scores()["uar"]["value"],
            "changed": float(
                (result.predictions["predicted"] != clean["predicted"]).mean()
            ),
            "matched": trained["value"],
            "matched_low": trained["low"],
            "matched_high": trained["high"],
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("degradation")
    numbers = [name for name in table if name not in ("family", "amount", "unit")]
    table[numbers] = table[numbers].astype(float)
    return _tested(table, found)


def _tested(table: pd.DataFrame, found: Robustness) -> pd.DataFrame:
    """Test each difference from clean, speakers exchanged, all levels together."""
    added = {spec: _added(result) for spec, result in found.results.items()}
    columns = ("diff_low", "diff_high", "p", "p_joint", "detectable")
    table[list(columns)] = np.nan
    n = found.clean.n_speakers
    if n is not None and n >= MIN_SPEAKERS:
        moved = np.array([added[spec] - added[CLEAN] for spec in table.index])
        _, *tested = sign_flip_test(moved, found.seed)
        table[list(columns)] = np.transpose(tested)
    table["verdict"] = [_verdict(row) for row in table.itertuples()]
    return table


def _added(result: Result) -> np.ndarray:
    """Give what each speaker adds to the score."""
    told = result.predictions
    right = (told["emotion"] == told["predicted"]).to_numpy()
    who = told["speaker"].fillna("").to_numpy(dtype=str)
    return speaker_contributions(right, told["emotion"].to_numpy(dtype=str), who)


def _verdict(row) -> str:
    start = f"{row.Index}: UAR {row.uar:.3f}"
    if np.isnan(row.p_joint):
        return f"{start}, {row.difference:+.3f} from clean."
    size = f"{row.difference:+.3f} {span(row.diff_low, row.diff_high)} from clean"
    p = p_value(row.p_joint)
    if row.p_joint <= LEVEL:
        return f"{start}, {size}, p = {p}."
    return f"{start}, {size}: that may be chance, p = {p}."


_SCORE = ("value", "low", "high")
_COLUMNS = (
    *("", "UAR", "95 % over speakers", "from clean", "p, joint", "answers changed"),
    "trained on the same",
)


def _cells(name: str, score: dict, row=None) -> list[str]:
    """Write one level for a reader; of clean speech there is no change to tell."""
    cells = [name, f"{score['value']:.3f}", span(score["low"], score["high"])]
    if row is None:
        return [*cells, "", "", "", ""]
    cells += [f"{row['difference']:+.3f} {span(row['diff_low'], row['diff_high'])}"]
    cells += ["" if np.isnan(row["p_joint"]) else p_value(row["p_joint"])]
    cells += [f"{row['changed']:.0%}"]
    return [*cells, "" if np.isnan(row["matched"]) else f"{row['matched']:.3f}"]


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
    heard |= {spec: features.with_degradation(model, spec, seed) for spec in asked}
    if head is None:
        found = {
            spec: predict(system, clips, **options) for spec, system in heard.items()
        }
        return Robustness(_on_the_same(found), {}, seed, _remarks(found))
    tables = {
        spec: features.extract(system, clips, **options)
        for spec, system in heard.items()
    }
    found, trained = _held_out(head, tables, clips, folds, seed, matched)
    return Robustness(found, trained, seed, _remarks(found))


def _held_out(head, tables, clips, folds, seed, matched) -> tuple[dict, dict]:
    """Train each fold's heads once, and let them hear every level."""
    used = _common(tables.values())
    everything, clips = clips, clips.loc[used].rename_axis("clip")
    tables = {spec: X.loc[used] for spec, X in tables.items()}
    if clips["emotion"].nunique() < 2:
        raise ValueError("One emotion only, or no clip: nothing to tell apart.")
    plan = folding.assign(clips, folds, seed)
    clean, plain = {spec: [] for spec in tables}, {spec: [] for spec in tables}
    for _, train, test in folding.splits(plan.fold):
        fitted = fit(head, tables[CLEAN], clips, train, seed)
        for spec, X in tables.items():
            clean[spec].append(_scored(fitted, X[test]))
            if matched and spec != CLEAN:
                own = fit(head, X, clips, train, seed)
                plain[spec].append(_scored(own, X[test]))
    about = {"head": head_name(head, seed)}
    about |= {"folds": plan.name, "standardize": "none", "seed": int(seed)}
    about["leaking"] = plan.leaking
    warned = [*plan.warnings, *unseen(clips["emotion"], plan.fold)]

    def made(heard: dict) -> dict[str, Result]:
        return {
            spec: _result(
                tables[spec],
                clips,
                everything,
                plan,
                scores,
                {**about, "degradation": spec},
                warned,
            )
            for spec, scores in heard.items()
            if scores
        }

    return made(clean), made(plain)


def _scored(fitted, X: pd.DataFrame) -> pd.DataFrame:
    scores = fitted.predict_proba(X)
    return pd.DataFrame(scores, index=X.index, columns=list(fitted.classes_))


def _result(X, clips, everything, plan, scores, about, warned) -> Result:
    """Make a result of what the folds' heads said at one level."""
    scores = pd.concat(scores).fillna(0.0)
    tested = clips.assign(fold=plan.fold).loc[scores.index]
    lost = everything.index.difference(clips.index, sort=False)
    told = FeaturesMetadata.of(X).excluded or []
    reasons = {row["clip"]: row["reason"] for row in told}
    excluded = [{"clip": clip, "reason": reasons.pop(clip, _UNUSABLE)} for clip in lost]
    excluded += [{"clip": clip, "reason": why} for clip, why in reasons.items()]
    filtered = dict(ClipsMetadata.of(everything).filtered)
    if len(tested) < len(clips):
        filtered[f"only trained on in {plan.name}"] = len(clips) - len(tested)
    return Result(
        predictions_table(tested.reset_index(), scores),
        {**_provenance.about(clips, X), **about},
        excluded,
        filtered,
        [*warned, *_provenance.warnings(clips, X, "none")],
        provenance=_provenance.provenance(clips, X),
    )


def _common(tables) -> pd.Index:
    """Take the clips that have features at every level."""
    first, *others = [X.index for X in tables]
    for other in others:
        first = first.intersection(other, sort=False)
    return first


def _on_the_same(found: dict[str, Result]) -> dict[str, Result]:
    """Keep the clips that every result has; name the others."""
    tables = {spec: r.predictions.set_index("clip") for spec, r in found.items()}
    used = _common(tables.values())
    return {
        spec: replace(
            result,
            predictions=tables[spec].loc[used].reset_index(),
            excluded=[
                *result.excluded,
                *(
                    {"clip": c, "reason": _UNUSABLE}
                    for c in tables[spec].index.difference(used)
                ),
            ],
            info={**result.info, "degradation": spec},
        )
        for spec, result in found.items()
    }


def _remarks(found: dict[str, Result]) -> list[str]:
    clean = found[CLEAN]
    notes = list(clean.warnings)
    n = clean.n_speakers
    if n is None or n < MIN_SPEAKERS:
        who = "Who speaks is unknown" if n is None else f"Only {n} speakers"
        notes.append(f"{who}: differences from clean cannot be tested.")
    else:
        notes += display.joint(len(found) - 1, "levels")
    lost = {row["clip"] for result in found.values() for row in result.excluded}
    if lost:
        notes.append(
            f"{len(lost)} clips are not used, for they cannot be at every level; the "
            f"first: {min(lost)}."
        )
    return notes
