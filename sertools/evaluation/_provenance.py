"""Provenance: which corpora, which model, under which licences; and their notes."""

import pandas as pd

from sertools import datasets
from sertools.evaluation import _leakage, _notes
from sertools.evaluation._notes import Kind, Note
from sertools.evaluation.intervals import MIN_SPEAKERS
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models import load as load_model
from sertools.models import names as model_names


def about(clips: pd.DataFrame, X: pd.DataFrame) -> dict:
    """Name corpora and model for ``info``: what is made up, heard before, and costs."""
    names = sorted(clips["dataset"].dropna().unique())
    known = [name for name in names if name in datasets.names()]
    facts = FeaturesMetadata.of(X)
    heard = _contamination(clips, facts)
    return {
        "dataset": "+".join(names),
        "model": facts.model,
        "synthetic": any(datasets.card(name)["synthetic"] for name in known),
        "random_weights": facts.random_weights,
        "heard_before": heard and heard.answer,
        "seconds_per_clip": facts.seconds_per_clip,
        "megabytes": facts.megabytes,
    }


def provenance(clips: pd.DataFrame, X: pd.DataFrame) -> dict:
    """Give checksums of corpus and weights, and the licences of both."""
    facts = FeaturesMetadata.of(X)
    corpora = sorted(set(clips["dataset"].dropna()) & set(datasets.names()))
    licences = [f"{name}: {datasets.card(name)['license']}" for name in corpora]
    for label in str(facts.model).split("+"):
        spec = label.partition(" ")[0]
        if spec.partition(":")[0] in model_names():
            licences.append(f"{spec}: {load_model(spec).license}")
    return {
        "corpus_sha256": facts.corpus_sha256,
        "weights_sha256": facts.weights_sha256,
        "licenses": licences,
    }


def warnings(clips: pd.DataFrame, X: pd.DataFrame, standardize: str) -> list[Note]:
    """Say what a reader must know that does not depend on the folds."""
    said = _notes.made_up_by(about(clips, X))
    facts = FeaturesMetadata.of(X)
    heard = _contamination(clips, facts)
    if heard and heard.answer != "no":
        said.append(Note(Kind.CONTAMINATION, heard.reason))
    said += _notes.presuming(standardize)
    if silent := [clip for clip in facts.silent if clip in clips.index]:
        named = ", ".join(silent[:3]) + (" ..." if len(silent) > 3 else "")
        text = f"{len(silent)} silent clips are used: {named}."
        said.append(Note(Kind.SILENT_CLIPS, text))
    speakers = clips["speaker"]
    if not speakers.isna().any() and speakers.nunique() < MIN_SPEAKERS:
        text = (
            f"{speakers.nunique()} speakers: too few for an interval. Look at each "
            "speaker's own score."
        )
        said.append(Note(Kind.FEW_SPEAKERS, text))
    return said + [Note(Kind.READING, text) for text in ClipsMetadata.of(clips).notes]


def _contamination(clips, facts: FeaturesMetadata) -> _leakage.Contamination | None:
    """Say whether the model's training data included what it is tested on."""
    corpora = facts.training_corpora
    if corpora is None or facts.random_weights:
        return None
    tested = clips["dataset"].dropna().unique()
    corpora = None if corpora == "unknown" else corpora
    return _leakage.overlap(facts.model, corpora, tested)
