"""What every system that classifies by itself must do, asked of every one."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import ConfusionMatrixDisplay

from sertools import features, labels, models

from .systems import made, same, systems, written

SPECS = systems(models.Classifier)


@pytest.fixture(scope="module", params=SPECS)
def model(request):
    return made(request.param)


@pytest.fixture(scope="module")
def scores(model, voices):
    return model.predict_proba(voices)


def test_every_row_is_a_probability_of_every_class(model, scores, voices):
    assert scores.shape == (len(voices), len(model.classes_))
    assert scores.dtype == np.float64
    assert (scores >= 0).all()
    assert np.allclose(scores.sum(axis=1), 1, atol=1e-6)


def test_its_classes_are_sorted_canonical_emotions(model):
    classes = list(model.classes_)
    assert classes == sorted(set(classes))
    assert classes == [labels.canonical(name) for name in classes]
    assert all(type(name) in (str, np.str_) for name in classes)


def test_a_row_never_depends_on_the_others_or_their_order(model, scores, voices):
    alone = np.concatenate([model.predict_proba([waveform]) for waveform in voices])
    assert same(model, alone, scores)
    assert same(model, model.predict_proba(voices[::-1])[::-1], scores)


def test_it_says_the_same_again(model, scores, voices):
    assert np.array_equal(model.predict_proba(voices), scores)
    assert np.array_equal(made(model.spec).predict_proba(voices), scores)
    assert np.array_equal(clone(model).predict_proba(voices), scores)


def test_what_is_pickled_leaves_the_weights_behind(model, scores, voices):
    stored = pickle.dumps(model)
    assert len(stored) < 2_000
    assert np.array_equal(pickle.loads(stored).predict_proba(voices), scores)


def test_files_give_what_their_samples_give(model, scores, voices, tmp_path):
    files = written(voices, model.sampling_rate, tmp_path)
    assert same(model, model.predict_proba(files), scores)


def test_what_is_predicted_is_the_most_probable(model, scores, voices):
    best = model.classes_[scores.argmax(axis=1)]
    assert np.array_equal(model.predict(voices), best)
    assert model.score(voices, best) == 1
    drawn = ConfusionMatrixDisplay.from_estimator(model, voices, best)
    assert drawn.confusion_matrix.sum() == len(voices)


def test_no_waveforms_have_no_scores_and_one_alone_is_refused(model, voices):
    assert model.predict_proba([]).shape == (0, len(model.classes_))
    with pytest.raises(ValueError, match=r"a single one as \[waveform\]"):
        model.predict_proba(voices[0])


def test_a_silent_clip_has_scores_that_are_numbers(model):
    silence = np.zeros(model.sampling_rate // 2, np.float32)
    assert np.isfinite(model.predict_proba([silence])).all()


def test_a_table_of_scores_says_that_the_weights_are_random(model, corpus_of_voices):
    table = features.score(model, corpus_of_voices, store=False, jobs=1)
    assert list(table.columns) == list(model.classes_)
    assert table.attrs["model"] == f"{model.spec} (random weights)"
    assert table.attrs["random_weights"] is True
    assert table.attrs["weights_sha256"] == "tiny"


def test_weights_that_are_nowhere_are_asked_for_with_a_command(model, tmp_path):
    there = tmp_path / "nowhere"
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such file") as refusal:
        models.load(model.spec, weights=there).predict_proba([np.zeros(8000)])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("spec", SPECS)
def test_the_card_says_where_weights_come_from(spec):
    card = models.card(spec)
    assert "emotions" in card["answers"]
    assert card["weights"]
    assert "training_corpora" in card
    assert "References" in inspect.getdoc(type(models.load(spec)))
