"""Which model is better? On the same clips and emotions, and only if it can be told."""

import html
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools.evaluation.exchange import MIN_SPEAKERS, exchange, shares
from sertools.evaluation.predictions import table as predictions_table
from sertools.evaluation.result import Result

__all__ = ["Comparison", "compare"]

_LEVEL = 0.05


@dataclass(repr=False)
class Comparison:
    """Models side by side, and what can be said of their differences.

    Parameters
    ----------
    models : DataFrame
        One row a model, the best first: ``uar``, ``low``, ``high`` (95 % over
        speakers), ``accuracy``, ``uar_outside`` (answers outside the shared
        emotions count as wrong) and ``head``, ``folds``, ``standardize``.
    pairs : DataFrame
        One row a pair: ``a``, ``b``, ``difference`` of the UAR (a minus b),
        ``low``, ``high``, ``p``, ``p_joint`` (for all pairs together),
        ``detectable`` (a difference that four of five such studies would have
        found) and ``verdict``.
    emotions : list of str
        Those that all models and the clips share.
    n_clips, n_speakers : int
        What all were tested on; speakers ``None`` if unknown.
    notes : list of str
        What was left out, and what a reader must know.
    """

    models: pd.DataFrame
    pairs: pd.DataFrame
    emotions: list[str]
    n_clips: int
    n_speakers: int | None
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        rows = [
            f"  {name}  {row.uar:.3f}  {_span(row.low, row.high)}"
            for name, row in self.models.iterrows()
        ]
        told = [f"  {line}" for line in [*self.pairs["verdict"], *self.notes]]
        return "\n".join([self._head(), *rows, *told])

    def _repr_html_(self) -> str:
        shown = self.models.rename(columns={"uar_outside": "UAR, outside = wrong"})
        shown = shown.dropna(axis=1, how="all").round(3).to_html(border=0, na_rep="")
        said = [*self.pairs["verdict"], *self.notes]
        notes = "".join(f"<li>{html.escape(line)}</li>" for line in said)
        return f"<p>{html.escape(self._head())}</p>{shown}<ul>{notes}</ul>"

    def _head(self) -> str:
        n = self.n_speakers
        who = "speakers unknown" if n is None else f"{n} speakers"
        shared = ", ".join(self.emotions)
        return f"{len(self.models)} models, {self.n_clips} clips, {who}; {shared}"


def compare(results: Mapping[str, Result], seed: int = 0) -> Comparison:
    """Compare models on the clips and emotions that all of them share.

    The score is the UAR, of the most probable of the shared emotions. Pairs are
    tested by exchanging the two models' answers for whole speakers, all pairs
    together. With five speakers or fewer nothing can be told.

    Parameters
    ----------
    results : mapping of str to Result
        Two or more, by the name to show.
    seed : int, default 0
        Of the exchanges, where there are too many to go through.

    Returns
    -------
    Comparison
        Shows itself as a table with verdicts.

    Raises
    ------
    ValueError
        If there are fewer than two results, they share no clip or fewer than
        two emotions, or disagree on what is true.

    Examples
    --------
    >>> from sertools.evaluation import from_predictions
    >>> truth = pd.DataFrame({"clip": list("abcd"), "emotion": ["sad", "angry"] * 2})
    >>> right = from_predictions(truth.assign(predicted=truth["emotion"]))
    >>> wrong = from_predictions(truth.assign(predicted="sad"))
    >>> compare({"right": right, "wrong": wrong}).models["uar"].tolist()
    [1.0, 0.5]
    """
    if len(results) < 2:
        raise ValueError("Comparing takes two results or more.")
    tables = {name: r.predictions.set_index("clip") for name, r in results.items()}
    clips, notes = _shared_clips(tables)
    emotions, more = _shared_emotions(results, tables, clips)
    truth = next(iter(tables.values())).loc[clips]
    truth = truth[truth["emotion"].isin(emotions)]
    projected = {
        name: _projected(table.loc[truth.index], emotions)
        for name, table in tables.items()
    }
    speakers = _speakers(tables, truth.index)
    models = _models(results, tables, projected, truth, speakers)
    pairs, told = _pairs(list(models.index), projected, truth, speakers, seed)
    return Comparison(
        models,
        pairs,
        emotions,
        len(truth),
        None if speakers is None else len(set(speakers)),
        [*_made_up(results), *notes, *more, *told, *_protocols(models)],
    )


def _shared_clips(tables: dict) -> tuple[pd.Index, list[str]]:
    clips = next(iter(tables.values())).index
    for table in tables.values():
        clips = clips.intersection(table.index, sort=False)
    if clips.empty:
        raise ValueError(f"No clip is common to {', '.join(tables)}.")
    truths = pd.DataFrame({n: t.loc[clips, "emotion"] for n, t in tables.items()})
    if (differ := truths.nunique(axis=1) > 1).any():
        clip = differ.idxmax()
        said = ", ".join(f"{name}: {truths.at[clip, name]}" for name in truths)
        raise ValueError(f"The results disagree on what {clip} is ({said}).")
    lost = {name: len(table) - len(clips) for name, table in tables.items()}
    return clips, [
        f"{n} clips of {name} are left out: not every model was tested on them."
        for name, n in lost.items()
        if n
    ]


def _shared_emotions(results, tables, clips) -> tuple[list[str], list[str]]:
    truth = next(iter(tables.values())).loc[clips, "emotion"]
    known = set(truth).intersection(*(r.classes for r in results.values()))
    if len(known) < 2:
        said = "; ".join(f"{n}: {', '.join(r.classes)}" for n, r in results.items())
        raise ValueError(f"The models share fewer than two emotions ({said}).")
    unshared = sorted(set(truth) - known)
    n = int(truth.isin(unshared).sum())
    notes = [f"{n} clips of {', '.join(unshared)} are left out: not shared."] * bool(n)
    return sorted(known), notes


def _projected(table: pd.DataFrame, emotions: list[str]) -> pd.DataFrame:
    """Give each clip's probabilities over the shared emotions alone."""
    kept = table[emotions]
    mass = kept.sum(axis=1)
    return kept.div(mass.where(mass > 0), axis=0).fillna(1 / len(emotions))


def _speakers(tables: dict, clips: pd.Index) -> np.ndarray | None:
    """Take the speakers from the first result that knows them all."""
    for table in tables.values():
        speakers = table.loc[clips, "speaker"]
        if not speakers.isna().any():
            return speakers.to_numpy(dtype=str)
    return None


def _models(results, tables, projected, truth, speakers) -> pd.DataFrame:
    rows = {}
    for name, result in results.items():
        base = truth.reset_index().assign(speaker=speakers)
        scores = Result(predictions_table(base, projected[name])).scores()
        outside = tables[name].loc[truth.index, "predicted"] == truth["emotion"]
        who = truth.index if speakers is None else speakers
        rows[name] = {
            "uar": scores["uar"]["value"],
            "low": scores["uar"]["low"],
            "high": scores["uar"]["high"],
            "accuracy": scores["accuracy"]["value"],
            "uar_outside": shares(outside.to_numpy(), truth["emotion"], who).sum(),
            **{key: result.info.get(key) for key in ("head", "folds", "standardize")},
        }
    found = pd.DataFrame.from_dict(rows, orient="index")
    found[["low", "high"]] = found[["low", "high"]].astype(float)
    return found.sort_values("uar", ascending=False, kind="stable")


def _pairs(names, projected, truth, speakers, seed) -> tuple[pd.DataFrame, list[str]]:
    pairs = list(itertools.combinations(names, 2))
    table = pd.DataFrame(pairs, columns=["a", "b"])
    who = truth.index.to_numpy(dtype=str) if speakers is None else speakers
    emotion = truth["emotion"].to_numpy(dtype=str)
    added = {
        name: shares(projected[name].idxmax(axis=1).to_numpy() == emotion, emotion, who)
        for name in names
    }
    moved = np.array([added[a] - added[b] for a, b in pairs])
    table["difference"] = moved.sum(axis=1)
    numbers = ["low", "high", "p", "p_joint", "detectable"]
    if why := _untestable(speakers):
        table[numbers] = np.nan
        table["verdict"] = [
            f"{a} and {b} differ by {abs(d):.3f}: cannot be tested."
            for a, b, d in zip(table["a"], table["b"], table["difference"], strict=True)
        ]
        return table, [why]
    found = exchange(moved, seed)
    for name in numbers:
        table[name] = getattr(found, name)
    table["verdict"] = [_verdict(row) for row in table.itertuples()]
    return table, []


def _untestable(speakers: np.ndarray | None) -> str | None:
    if speakers is None:
        return "Who speaks is unknown, so that no difference can be tested."
    if (n := len(set(speakers))) < MIN_SPEAKERS:
        return (
            f"{n} speakers are too few to test a difference: even the most extreme "
            f"outcome has a chance of {2 / 2**n:.0%}."
        )
    return None


def _verdict(row) -> str:
    better, worse = (row.a, row.b) if row.difference >= 0 else (row.b, row.a)
    size = f"by {abs(row.difference):.3f} {_span(row.low, row.high)}"
    if row.p_joint <= _LEVEL:
        return f"{better} is better than {worse} {size}, p = {_p(row.p_joint)}."
    return (
        f"{better} and {worse} differ {size}: that may be chance, p = "
        f"{_p(row.p_joint)}. From {row.detectable:.3f} on, a difference would probably "
        "have been found."
    )


def _made_up(results: Mapping[str, Result]) -> list[str]:
    """Say which results come of random weights, or of synthetic speech."""
    notes = []
    random = [name for name, r in results.items() if r.info.get("random_weights")]
    if random:
        notes.append(f"Random weights: {', '.join(random)}. They mean nothing.")
    if any(r.info.get("synthetic") for r in results.values()):
        notes.append("Synthetic speech: no score here says how people are recognised.")
    return notes


def _p(value: float) -> str:
    return "0.001 or less" if value <= 0.001 else f"{value:.3f}"


def _span(low, high) -> str:
    if low is None or np.isnan(low):
        return "(no interval)"
    return f"[{low:.3f}, {high:.3f}]"


def _protocols(models: pd.DataFrame) -> list[str]:
    """Warn where scores do not presume the same."""
    notes = []
    if models["standardize"].fillna("none").eq("speaker").nunique() > 1:
        named = ", ".join(models.index[models["standardize"] == "speaker"])
        notes.append(
            f"Standardised by speaker, which presumes other clips of each: {named}. "
            "Not to be ranked with the rest."
        )
    if models["folds"].nunique() > 1:
        said = ", ".join(f"{n}: {f}" for n, f in models["folds"].items())
        notes.append(f"Not the same folds ({said}): the training sets differ.")
    return notes
