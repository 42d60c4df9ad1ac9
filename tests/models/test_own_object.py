"""What a person made themselves works where a system does, or is told what it lacks."""

import numpy as np
import pytest
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sertools import evaluation, features
from sertools.metadata import FeaturesMetadata
from sertools.models.base import Embedder
from sertools.models.fusion import Fusion


class Own:
    """An object with `embed` and nothing else."""

    def embed(self, waveforms):
        return [[len(waveform), np.abs(waveform).mean()] for waveform in waveforms]


class Named(Own):
    """One that names its features, and has a rate of its own."""

    sampling_rate = 8_000

    def get_feature_names_out(self):
        return ["samples", "loudness"]


class Nameless(Embedder):
    """An embedder that names no features."""

    name = "nameless"

    def _embed(self, waveforms):
        return np.array([[len(waveform), 1.0] for waveform in waveforms])


class Judge:
    """A classifier of one's own, in words and an order of its own."""

    classes_ = ("sadness", "Anger")

    def predict_proba(self, waveforms):
        return [[0.4, 0.6]] * len(waveforms)


class Halved(Own):
    def embed(self, waveforms):
        return np.ones(len(waveforms))


def extracted(model, clips, **options):
    return features.extract(model, clips, progress=False, **options)


def test_an_object_that_embeds_gives_features(corpus_of_voices, voices, tmp_path):
    X = extracted(Own(), corpus_of_voices, store=tmp_path)
    assert list(X.columns) == ["embedding0", "embedding1"]
    assert np.allclose(X, Own().embed(voices))
    assert FeaturesMetadata.of(X).model == "Own"
    assert not list(tmp_path.rglob("*.*"))  # nobody knows whether it stays the same


def test_its_names_and_its_rate_are_its_own(corpus_of_voices, voices):
    X = extracted(Named(), corpus_of_voices)
    assert list(X.columns) == ["samples", "loudness"]
    assert np.allclose(X["samples"] * 2, [len(voice) for voice in voices], atol=2)


def test_a_transformer_of_scikit_learn_gives_features(corpus_of_voices, voices):
    transformer = FunctionTransformer(lambda some: np.array([[w.std()] for w in some]))
    X = extracted(transformer, corpus_of_voices)
    assert np.allclose(X["embedding0"], [voice.std() for voice in voices])


def test_an_embedder_without_names_has_its_features_numbered(corpus_of_voices):
    assert list(extracted(Nameless(), corpus_of_voices, store=False)) == [
        "embedding0",
        "embedding1",
    ]
    both = Fusion([Nameless()])
    assert both.get_feature_names_out()[0] == "nameless/embedding0"


def test_a_classifier_of_ones_own_is_evaluated(corpus_of_voices):
    clips = corpus_of_voices.assign(emotion=["angry", "sad"] * 4)
    result = evaluation.predict(Judge(), clips, progress=False)
    assert result.predictions["predicted"].eq("angry").all()
    assert features.score(Judge(), clips, progress=False).columns.tolist() == [
        "angry",
        "sad",
    ]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("opensmile", r"'opensmile' is a name: give sertools\.models\.load"),
        (object(), "object has no embed and no transform"),
        (Judge(), "Judge has no embed"),
        (Halved(), r"its embed gives an array of shape \(\d,\) for \d waveforms"),
        (StandardScaler(), "StandardScaler instance is not fitted yet"),
    ],
    ids=["name", "object", "judge", "halved", "unfitted"],
)
def test_what_is_no_embedder_is_told_what_it_lacks(corpus_of_voices, made, said):
    with pytest.raises(ValueError, match=said) as refusal:
        extracted(made, corpus_of_voices)
    assert "\n" not in str(refusal.value)


def test_what_is_no_classifier_is_told_what_it_lacks(corpus_of_voices):
    with pytest.raises(ValueError, match="Own has no predict_proba"):
        evaluation.predict(Own(), corpus_of_voices)
    judge = Judge()
    judge.classes_ = None
    with pytest.raises(ValueError, match="Judge has no classes_"):
        features.score(judge, corpus_of_voices)
