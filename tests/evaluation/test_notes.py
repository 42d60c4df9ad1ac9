"""What stands beside a score: random weights, and clips heard in training."""

import pandas as pd
import pytest

from sertools.evaluation import _notes


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
    X.attrs = {"model": "heavy", "random_weights": False, "training_corpora": []}
    return clips, X


def test_a_model_that_heard_the_corpus_in_training_is_pointed_out(tested):
    clips, X = tested
    assert _notes.warnings(clips, X, "none") == []
    X.attrs["training_corpora"] = ["crema_d", "emodb"]
    (line,) = _notes.warnings(clips, X, "none")
    assert line.startswith("heavy was trained on data that includes emodb:")
    X.attrs["training_corpora"] = ["crema_d"]
    assert _notes.warnings(clips, X, "none") == []


def test_a_model_of_unknown_upbringing_is_pointed_out(tested):
    clips, X = tested
    X.attrs["training_corpora"] = None
    (line,) = _notes.warnings(clips, X, "none")
    assert "Nobody can say which recordings heavy was trained on" in line


def test_random_weights_are_pointed_out_and_nothing_else_about_them(tested):
    clips, X = tested
    X.attrs |= {"random_weights": True, "training_corpora": ["emodb"]}
    (line,) = _notes.warnings(clips, X, "none")
    assert line.startswith("Random weights:")
    assert _notes.about(clips, X)["random_weights"] is True


def test_features_of_ones_own_are_not_asked_where_they_come_from(tested):
    clips, X = tested
    X.attrs = {}
    assert _notes.warnings(clips, X, "none") == []
    assert _notes.about(clips, X)["model"] is None


def test_a_fused_models_licences_are_all_named(tested):
    clips, X = tested
    X.attrs["model"] = "mfcc+opensmile:ComParE_2016 (random weights)"
    licences = _notes.provenance(clips, X)["licenses"]
    assert [line.partition(": ")[0] for line in licences] == [
        "emodb",
        "mfcc",
        "opensmile:ComParE_2016",
    ]
