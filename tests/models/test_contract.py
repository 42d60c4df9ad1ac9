"""What every system that classifies by itself must do, asked of every one."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sertools import audio, features, labels, models
from sertools.metadata import FeaturesMetadata

from .systems import made, made_up, names, same, systems, written

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
    assert FeaturesMetadata.of(table).model == f"{model.spec} (random weights)"
    assert FeaturesMetadata.of(table).random_weights is True
    assert FeaturesMetadata.of(table).weights_sha256 == "tiny"


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


ONE_FOR_ALL = "Give a list of waveforms; a single one as [waveform]."


SPECS_CONTRACT = systems(models.Embedder)


@pytest.fixture(scope="module", params=[*SPECS_CONTRACT, "duration_loudness+mfcc"])
def model_contract(request):
    return made(request.param)


@pytest.fixture(scope="module")
def embedding(model_contract, voices):
    return model_contract.embed(voices)


@pytest.fixture(scope="module")
def files(model_contract, voices, tmp_path_factory):
    return written(
        voices, model_contract.sampling_rate, tmp_path_factory.mktemp("files")
    )


def test_waveforms_of_any_length_become_rows_of_finite_numbers(embedding, voices):
    assert embedding.shape[0] == len(voices)
    assert embedding.dtype == np.float32
    assert np.isfinite(embedding).all()


def test_every_number_has_a_name_of_its_own(model_contract, embedding):
    names = model_contract.get_feature_names_out()
    assert len(names) == embedding.shape[1] == len(set(names))
    assert all(isinstance(name, str) and name for name in names)


def test_different_voices_have_different_embeddings(embedding):
    assert len(np.unique(embedding, axis=0)) == len(embedding)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_files_give_what_their_samples_give_contract(
    model_contract, embedding, files, kind
):
    paths = kind([str(path) for path in files])
    assert np.array_equal(model_contract.embed(paths), embedding)
    assert np.array_equal(model_contract.embed(files), embedding)


def test_arrays_of_one_length_may_stand_in_one_array(model_contract, make_voice):
    pair = [make_voice(pitch, 0.3) for pitch in (120, 180)]
    assert np.array_equal(
        model_contract.embed(np.stack(pair)), model_contract.embed(pair)
    )


def test_a_row_never_depends_on_the_others_or_their_order_contract(
    model_contract, embedding, voices
):
    alone = np.concatenate([model_contract.embed([waveform]) for waveform in voices])
    assert same(model_contract, alone, embedding)
    assert same(model_contract, model_contract.embed(voices[::-1])[::-1], embedding)


def test_a_new_one_answers_the_same(model_contract, embedding, voices):
    assert np.array_equal(made(model_contract.spec).embed(voices), embedding)


def test_a_clone_answers_the_same(model_contract, embedding, voices):
    copy = clone(model_contract)
    assert type(copy) is type(model_contract)
    assert copy.spec == model_contract.spec
    assert np.array_equal(copy.embed(voices), embedding)


def test_what_is_pickled_is_small_and_answers_the_same(
    model_contract, embedding, voices
):
    stored = pickle.dumps(model_contract)
    assert len(stored) < 2_000
    assert b"_backend" not in stored
    assert np.array_equal(pickle.loads(stored).embed(voices), embedding)
    assert same(model_contract, model_contract.embed(voices[:1]), embedding[:1])


def test_the_waveforms_given_stay_as_they_are(model_contract, voices):
    before = [waveform.copy() for waveform in voices]
    model_contract.embed(voices)
    pairs = zip(before, voices, strict=True)
    assert all(np.array_equal(old, new) for old, new in pairs)


def test_it_works_in_a_pipeline_on_waveforms_of_unequal_length(
    model_contract, embedding, voices
):
    heard = np.repeat(["low", "high"], 4)
    head = make_pipeline(StandardScaler(), LogisticRegression())
    scores = cross_val_predict(
        make_pipeline(model_contract, head), voices, heard, cv=4, method="predict_proba"
    )
    beforehand = cross_val_predict(head, embedding, heard, cv=4, method="predict_proba")
    assert np.allclose(scores, beforehand, atol=1e-3 if made_up(model_contract) else 0)


def test_it_follows_scikit_learns_names(model_contract, embedding, voices):
    assert model_contract.fit(voices) is model_contract
    assert np.array_equal(model_contract.transform(voices), embedding)
    assert np.array_equal(model_contract.fit_transform(voices), embedding)
    table = clone(model_contract).set_output(transform="pandas").transform(voices)
    assert list(table.columns) == list(model_contract.get_feature_names_out())


@pytest.mark.parametrize("nothing", [[], (), np.empty((0, 16_000), np.float32)])
def test_no_waveforms_become_no_rows(model_contract, embedding, nothing):
    empty = model_contract.embed(nothing)
    assert empty.shape == (0, embedding.shape[1])
    assert empty.dtype == np.float32


def test_one_waveform_instead_of_a_list_is_refused(model_contract, voices, voice_files):
    path = voice_files[0]
    for single in (voices[0], voices[0].tolist(), path, str(path)):
        with pytest.raises(ValueError) as refusal:
            model_contract.embed(single)
        assert str(refusal.value) == ONE_FOR_ALL


def test_what_is_no_waveform_is_refused(model_contract, voices):
    broken = voices[1].copy()
    broken[100] = np.nan
    for wrong, reason in [(broken, "not numbers"), (voices[1][:100], "50 ms")]:
        with pytest.raises(ValueError, match=reason):
            model_contract.embed([voices[0], wrong])


def test_a_silent_clip_has_finite_features(model_contract):
    assert np.isfinite(model_contract.embed([np.zeros(8_000, np.float32)])).all()


def test_the_name_leads_back_to_it(model_contract):
    again = made(model_contract.spec)
    assert again.spec == model_contract.spec
    assert again.signature() == model_contract.signature()


@pytest.mark.parametrize("spec", SPECS_CONTRACT)
def test_the_signature_tells_systems_and_versions_apart(spec):
    signature = made(spec).signature()
    assert all(isinstance(value, str) for value in signature.values())
    assert signature["sampling_rate"] == str(models.load(spec).sampling_rate)
    assert all(signature[package] for package in models.load(spec).packages)
    others = [
        made(other).signature() for other in names(SPECS_CONTRACT) if other != spec
    ]
    assert len(others) > 1
    assert signature not in others


@pytest.mark.parametrize("spec", SPECS_CONTRACT)
def test_the_card_is_complete(spec):
    model, card = models.load(spec), models.card(spec)
    assert card["name"] == spec.partition(":")[0]
    assert card["title"] and card["license"]
    assert card["sampling_rate"] == model.sampling_rate
    if "dimensions" in card:
        assert card["dimensions"] == len(made(spec).get_feature_names_out())
    assert card["reference"] or not model.packages  # home-made needs none
    assert "References" in inspect.getdoc(type(model))
    assert card["title"] in card._repr_html_()


@pytest.mark.parametrize("spec", SPECS_CONTRACT)
def test_it_takes_waveforms_at_its_own_rate(spec, make_voice, tmp_path):
    import soundfile

    model = made(spec)
    path = tmp_path / "voice.wav"
    soundfile.write(path, make_voice(120, 0.5), 48_000)
    waveform = audio.load(path, model.sampling_rate)
    assert np.array_equal(model.embed([path]), model.embed([waveform]))
