"""What is left of the base: parameters, backends, and systems that classify."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_predict

from sertools.models.base import Classifier, Embedder


class Counting(Embedder):
    """Embed as the length, by a backend that can be told from its like."""

    name = "counting"
    variants = ("samples", "doubled")
    made = 0

    def _load(self):
        type(self).made += 1
        return {"samples": 1, "doubled": 2}[self.variant_]

    def _feature_names(self):
        return ["length"]

    def _embed(self, waveforms):
        return np.array([[self.backend * len(waveform)] for waveform in waveforms])


class Broken(Counting):
    """Give what is no number for every clip but the first."""

    def _embed(self, waveforms):
        rows = super()._embed(waveforms).astype(float)
        rows[1:] = np.nan
        return rows


class Pitch(Classifier):
    """Call it angry where it swings fast, sad where it swings slowly."""

    name = "pitch"
    classes_ = np.array(["angry", "sad"])

    def _predict_proba(self, waveforms):
        swings = [np.mean(np.diff(np.sign(w)) != 0) for w in waveforms]
        angry = 1 / (1 + np.exp(-(np.array(swings) - 0.02) * 500))
        return np.c_[angry, 1 - angry]


def test_the_backend_is_made_once_at_first_use_and_again_for_another_variant(voices):
    Counting.made = 0
    model = Counting()
    assert Counting.made == 0
    for _ in range(2):
        assert model.embed(voices[:1])[0, 0] == len(voices[0])
    assert Counting.made == 1
    model.set_params(variant="doubled")
    assert model.embed(voices[:1])[0, 0] == 2 * len(voices[0])
    assert Counting.made == 2


def test_a_backend_travels_neither_by_pickle_nor_by_clone(voices):
    model = Counting()
    model.embed(voices)
    Counting.made = 0
    for copy in (pickle.loads(pickle.dumps(model)), clone(model)):
        assert Counting.made == 0
        assert copy.embed(voices).shape == (len(voices), 1)
        Counting.made = 0


def test_features_that_are_no_numbers_are_refused_with_their_place(voices):
    with pytest.raises(ValueError, match="counting: features of waveform 1 are not"):
        Broken().embed(voices)


def test_an_unknown_variant_is_refused_with_near_ones():
    with pytest.raises(ValueError, match=r"Did you mean doubled\? Variants: samples"):
        _ = Counting(variant="double").variant_


def test_a_classifier_scores_each_waveform_by_itself(voices):
    model = Pitch()
    scores = model.predict_proba(voices)
    assert scores.shape == (len(voices), 2)
    assert scores.dtype == np.float64
    assert np.allclose(scores.sum(axis=1), 1)
    assert np.array_equal(model.predict_proba(voices[2:3]), scores[2:3])
    assert np.array_equal(model.predict(voices), model.classes_[scores.argmax(axis=1)])


def test_a_classifier_gives_no_scores_for_no_waveforms():
    assert Pitch().predict_proba([]).shape == (0, 2)


def test_a_classifier_refuses_one_waveform_instead_of_a_list(voices):
    with pytest.raises(ValueError, match=r"a single one as \[waveform\]"):
        Pitch().predict(voices[0])


def test_a_classifier_works_with_scikit_learn_on_lists_of_waveforms(voices):
    heard = np.repeat(["sad", "angry"], 4)
    assert np.array_equal(cross_val_predict(Pitch(), voices, heard, cv=2), heard)
    assert Pitch().score(voices, heard) == 1
    drawn = ConfusionMatrixDisplay.from_estimator(Pitch(), voices, heard)
    assert drawn.confusion_matrix.tolist() == [[4, 0], [0, 4]]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -0.5, 2.0])
def test_scores_that_are_no_probabilities_are_an_error_that_names_the_system(
    voices, wrong
):
    class Wrong(Pitch):
        def _predict_proba(self, waveforms):
            scores = super()._predict_proba(waveforms)
            scores[2, 0] = wrong
            return scores

    said = "pitch: its scores of waveform 2 are no probabilities: they should be finite"
    for ask in (Wrong().predict_proba, Wrong().predict):
        with pytest.raises(ValueError, match=said):
            ask(voices)
