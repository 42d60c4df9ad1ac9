import numpy as np
import pytest

from sertools import models
from sertools.models.base import Classifier, Embedder


class Fast(Embedder):
    """An embedder of another rate."""

    name = "fast"
    sampling_rate = 48_000

    def _feature_names(self):
        return ["length"]

    def _embed(self, waveforms):
        return np.array([[len(waveform)] for waveform in waveforms])


class Judge(Classifier):
    """No embedder."""

    name = "judge"
    classes_ = np.array(["sad"])


def test_vectors_stand_side_by_side_under_their_embedders_names(voices):
    fused = models.load("mfcc+duration_loudness")
    parts = [models.load("mfcc"), models.load("duration_loudness")]
    assert fused.spec == "mfcc+duration_loudness"
    joined = np.hstack([part.embed(voices) for part in parts])
    assert np.array_equal(fused.embed(voices), joined)
    assert fused.get_feature_names_out()[0] == "mfcc/mfcc0_mean"
    assert fused.get_feature_names_out()[-1] == "duration_loudness/level_db"


def test_the_order_is_the_one_asked_for():
    fused = models.load("duration_loudness+mfcc")
    assert list(fused.get_feature_names_out())[:2] == [
        "duration_loudness/log_seconds",
        "duration_loudness/level_db",
    ]


def test_variants_are_told_apart_and_kept_apart():
    fused = models.load("opensmile+opensmile:ComParE_2016")
    heads = {column.partition("/")[0] for column in list(fused.get_feature_names_out())}
    assert heads == {"opensmile", "opensmile:ComParE_2016"}
    assert len(list(fused.get_feature_names_out())) == 88 + 6373


def test_the_signature_is_that_of_the_parts():
    fused, mfcc = models.load("mfcc+opensmile"), models.load("mfcc")
    assert fused.signature()["mfcc"] == str(mfcc.signature())
    assert fused.signature() != models.load("mfcc+duration_loudness").signature()


def test_the_same_embedder_twice_is_refused():
    with pytest.raises(ValueError, match="opensmile is there twice"):
        models.load("opensmile+mfcc+opensmile:eGeMAPSv02")


def test_a_model_that_classifies_is_refused():
    with pytest.raises(ValueError, match="judge is no embedder"):
        models.Fusion([models.load("mfcc"), Judge()])


def test_weights_for_several_systems_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"mfcc\+opensmile is several"):
        models.load("mfcc+opensmile", weights=tmp_path)


def test_parts_of_different_rates_are_refused_with_the_way_out(voices):
    fused = models.Fusion([models.load("mfcc"), Fast()])
    with pytest.raises(ValueError, match=r"different rates \[16000, 48000\]\. Extract"):
        fused.embed(voices)
