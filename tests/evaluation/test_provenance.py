"""What stands beside a score: random weights, and clips heard in training."""

import pandas as pd
import pytest

from sertools.evaluation import _provenance
from sertools.metadata import FeaturesMetadata


@pytest.fixture
def tested():
    index = pd.Index([f"emodb/{i}" for i in range(6)], name="clip")
    clips = pd.DataFrame(
        {
            "dataset": "emodb",
            "emotion": ["sad", "angry"] * 3,
            "speaker": list("abcabc"),
        },
        index=index,
    )
    X = pd.DataFrame({"x": range(6)}, index=index)
    FeaturesMetadata(model="heavy", training_corpora=[]).attach(X)
    return clips, X


def test_a_model_that_heard_the_corpus_in_training_is_pointed_out(tested):
    clips, X = tested
    assert _provenance.warnings(clips, X, "none") == []
    FeaturesMetadata.update(X, training_corpora=["crema_d", "emodb"])
    (line,) = _provenance.warnings(clips, X, "none")
    assert line.startswith("heavy was trained on data that includes emodb:")
    FeaturesMetadata.update(X, training_corpora=["crema_d"])
    assert _provenance.warnings(clips, X, "none") == []


def test_a_model_of_unknown_upbringing_is_pointed_out(tested):
    clips, X = tested
    FeaturesMetadata.update(X, training_corpora="unknown")
    (line,) = _provenance.warnings(clips, X, "none")
    assert "Nobody can say which recordings heavy was trained on" in line


def test_random_weights_are_pointed_out_and_nothing_else_about_them(tested):
    clips, X = tested
    FeaturesMetadata.update(X, random_weights=True, training_corpora=["emodb"])
    (line,) = _provenance.warnings(clips, X, "none")
    assert line.startswith("Random weights:")
    assert _provenance.about(clips, X)["random_weights"] is True


def test_features_of_ones_own_are_not_asked_where_they_come_from(tested):
    clips, X = tested
    FeaturesMetadata().attach(X)
    assert _provenance.warnings(clips, X, "none") == []
    assert _provenance.about(clips, X)["model"] is None


def test_a_fused_models_licences_are_all_named(tested):
    clips, X = tested
    FeaturesMetadata.update(X, model="mfcc+opensmile:ComParE_2016 (random weights)")
    licences = _provenance.provenance(clips, X)["licenses"]
    assert [line.partition(": ")[0] for line in licences] == [
        "emodb",
        "mfcc",
        "opensmile:ComParE_2016",
    ]
