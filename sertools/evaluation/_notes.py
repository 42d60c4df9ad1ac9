"""What stands beside a score: where it comes from, and what its reader must know."""

from collections.abc import Mapping

import pandas as pd

from sertools import datasets
from sertools.evaluation import _leakage
from sertools.evaluation.intervals import MIN_SPEAKERS, Evaluated
from sertools.models import load as load_model
from sertools.models import names as model_names

_SPEAKER_UNSEEN = ("none", "corpus")  # forms that need nothing else of a speaker


def presumes_speaker(standardize: str | None) -> bool:
    """Say whether a form of standardising presumes that one knows who speaks."""
    return (standardize or "none") not in _SPEAKER_UNSEEN


def about(clips: pd.DataFrame, X: pd.DataFrame) -> dict:
    """Name corpora and model; say whether the speech or the weights are made up."""
    names = sorted(clips["dataset"].dropna().unique())
    known = [name for name in names if name in datasets.names()]
    return {
        "dataset": "+".join(names),
        "model": X.attrs.get("model"),
        "synthetic": any(datasets.card(name)["synthetic"] for name in known),
        "random_weights": bool(X.attrs.get("random_weights")),
        "heard_before": None if (heard := _heard(clips, X)) is None else heard.answer,
        "seconds_per_clip": X.attrs.get("seconds_per_clip"),
        "megabytes": X.attrs.get("megabytes"),
    }


def one_answer(probabilities: pd.DataFrame) -> list[str]:
    """Say so where every clip gets the same answer, which no score shows."""
    called = set(probabilities.to_numpy().argmax(axis=1))
    if len(called) > 1:
        return []
    return [
        f"Every clip is called {probabilities.columns[called.pop()]}: nothing is told "
        "apart."
    ]


def provenance(clips: pd.DataFrame, X: pd.DataFrame) -> dict:
    """Give checksums of corpus and weights, and the licences of both."""
    corpora = sorted(set(clips["dataset"].dropna()) & set(datasets.names()))
    licences = [f"{name}: {datasets.card(name)['license']}" for name in corpora]
    for label in str(X.attrs.get("model")).split("+"):
        spec = label.partition(" ")[0]
        if spec.partition(":")[0] in model_names():
            licences.append(f"{spec}: {load_model(spec).license}")
    return {
        "corpus_sha256": X.attrs.get("corpus_sha256"),
        "weights_sha256": X.attrs.get("weights_sha256"),
        "licenses": licences,
    }


def warnings(clips: pd.DataFrame, X: pd.DataFrame, standardize: str) -> list[str]:
    """Say what a reader must know that does not depend on the folds."""
    said = _made_up(about(clips, X))
    heard = _heard(clips, X)
    said += [heard.reason] if heard and heard.answer != "no" else []
    if presumes_speaker(standardize):
        form = "" if standardize == "speaker" else f" ({standardize})"
        said.append(
            f"Standardised by speaker{form}: presumes that one knows who speaks and "
            "has other clips of theirs. Not to be ranked with scores that presume "
            "neither."
        )
    if silent := [clip for clip in X.attrs.get("silent", []) if clip in clips.index]:
        named = ", ".join(silent[:3]) + (" ..." if len(silent) > 3 else "")
        said.append(f"{len(silent)} silent clips are used: {named}.")
    speakers = clips["speaker"]
    if not speakers.isna().any() and speakers.nunique() < MIN_SPEAKERS:
        said.append(
            f"{speakers.nunique()} speakers: too few for an interval. Look at each "
            "speaker's own score."
        )
    return said


def _made_up(facts: dict) -> list[str]:
    said = []
    if facts.get("random_weights"):
        said.append(
            "Random weights: everything ran, and no number here means anything."
        )
    if facts.get("synthetic"):
        said.append(
            "Synthetic speech: these scores show that everything works, not how well "
            "anything recognises people."
        )
    return said


def carried(result: Evaluated) -> list[str]:
    """Give what a reader of anything drawn from a result must know, each once."""
    return list(dict.fromkeys([*_made_up(result.info), *result.warnings]))


def made_up(infos: Mapping[str, dict]) -> list[str]:
    """Say which of several results come of random weights, or of synthetic speech."""
    random = [name for name, info in infos.items() if info.get("random_weights")]
    notes = [f"Random weights: {', '.join(random)}. They mean nothing."] * bool(random)
    if any(info.get("synthetic") for info in infos.values()):
        notes.append("Synthetic speech: nothing here says how people are recognised.")
    return notes


def _heard(clips: pd.DataFrame, X: pd.DataFrame) -> _leakage.Contamination | None:
    """Say whether the model's training data included what it is tested on."""
    if "training_corpora" not in X.attrs or X.attrs.get("random_weights"):
        return None
    tested = clips["dataset"].dropna().unique()
    model, corpora = X.attrs.get("model"), X.attrs["training_corpora"]
    return _leakage.overlap(model, corpora, tested)
