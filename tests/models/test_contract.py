"""What every embedder must do, asked of every one in the folder."""

import inspect
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sertools import audio, models

from .systems import made, made_up, names, same, systems, written

ONE_FOR_ALL = "Give a list of waveforms; a single one as [waveform]."
SPECS = systems(models.Embedder)


@pytest.fixture(scope="module", params=[*SPECS, "duration_loudness+mfcc"])
def model(request):
    return made(request.param)


@pytest.fixture(scope="module")
def embedding(model, voices):
    return model.embed(voices)


@pytest.fixture(scope="module")
def files(model, voices, tmp_path_factory):
    return written(voices, model.sampling_rate, tmp_path_factory.mktemp("files"))


def test_waveforms_of_any_length_become_rows_of_finite_numbers(embedding, voices):
    assert embedding.shape[0] == len(voices)
    assert embedding.dtype == np.float32
    assert np.isfinite(embedding).all()


def test_every_number_has_a_name_of_its_own(model, embedding):
    names = model.get_feature_names_out()
    assert len(names) == embedding.shape[1] == len(set(names))
    assert all(isinstance(name, str) and name for name in names)


def test_different_voices_have_different_embeddings(embedding):
    assert len(np.unique(embedding, axis=0)) == len(embedding)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_files_give_what_their_samples_give(model, embedding, files, kind):
    paths = kind([str(path) for path in files])
    assert np.array_equal(model.embed(paths), embedding)
    assert np.array_equal(model.embed(files), embedding)


def test_arrays_of_one_length_may_stand_in_one_array(model, make_voice):
    pair = [make_voice(pitch, 0.3) for pitch in (120, 180)]
    assert np.array_equal(model.embed(np.stack(pair)), model.embed(pair))


def test_a_row_never_depends_on_the_others_or_their_order(model, embedding, voices):
    alone = np.concatenate([model.embed([waveform]) for waveform in voices])
    assert same(model, alone, embedding)
    assert same(model, model.embed(voices[::-1])[::-1], embedding)


def test_a_new_one_answers_the_same(model, embedding, voices):
    assert np.array_equal(made(model.spec).embed(voices), embedding)


def test_a_clone_answers_the_same(model, embedding, voices):
    copy = clone(model)
    assert type(copy) is type(model)
    assert copy.spec == model.spec
    assert np.array_equal(copy.embed(voices), embedding)


def test_what_is_pickled_is_small_and_answers_the_same(model, embedding, voices):
    stored = pickle.dumps(model)
    assert len(stored) < 2_000
    assert b"_backend" not in stored
    assert np.array_equal(pickle.loads(stored).embed(voices), embedding)
    assert same(model, model.embed(voices[:1]), embedding[:1])


def test_the_waveforms_given_stay_as_they_are(model, voices):
    before = [waveform.copy() for waveform in voices]
    model.embed(voices)
    pairs = zip(before, voices, strict=True)
    assert all(np.array_equal(old, new) for old, new in pairs)


def test_it_works_in_a_pipeline_on_waveforms_of_unequal_length(
    model, embedding, voices
):
    heard = np.repeat(["low", "high"], 4)
    head = make_pipeline(StandardScaler(), LogisticRegression())
    scores = cross_val_predict(
        make_pipeline(model, head), voices, heard, cv=4, method="predict_proba"
    )
    beforehand = cross_val_predict(head, embedding, heard, cv=4, method="predict_proba")
    assert np.allclose(scores, beforehand, atol=1e-3 if made_up(model) else 0)


def test_it_follows_scikit_learns_names(model, embedding, voices):
    assert model.fit(voices) is model
    assert np.array_equal(model.transform(voices), embedding)
    assert np.array_equal(model.fit_transform(voices), embedding)
    table = clone(model).set_output(transform="pandas").transform(voices)
    assert list(table.columns) == list(model.get_feature_names_out())


@pytest.mark.parametrize("nothing", [[], (), np.empty((0, 16_000), np.float32)])
def test_no_waveforms_become_no_rows(model, embedding, nothing):
    empty = model.embed(nothing)
    assert empty.shape == (0, embedding.shape[1])
    assert empty.dtype == np.float32


def test_one_waveform_instead_of_a_list_is_refused(model, voices, voice_files):
    path = voice_files[0]
    for single in (voices[0], voices[0].tolist(), path, str(path)):
        with pytest.raises(ValueError) as refusal:
            model.embed(single)
        assert str(refusal.value) == ONE_FOR_ALL


def test_what_is_no_waveform_is_refused(model, voices):
    broken = voices[1].copy()
    broken[100] = np.nan
    for wrong, reason in [(broken, "not numbers"), (voices[1][:100], "50 ms")]:
        with pytest.raises(ValueError, match=reason):
            model.embed([voices[0], wrong])


def test_a_silent_clip_has_finite_features(model):
    assert np.isfinite(model.embed([np.zeros(8_000, np.float32)])).all()


def test_the_name_leads_back_to_it(model):
    again = made(model.spec)
    assert again.spec == model.spec
    assert again.signature() == model.signature()


@pytest.mark.parametrize("spec", SPECS)
def test_the_signature_tells_systems_and_versions_apart(spec):
    signature = made(spec).signature()
    assert all(isinstance(value, str) for value in signature.values())
    assert signature["sampling_rate"] == str(models.load(spec).sampling_rate)
    assert all(signature[package] for package in models.load(spec).packages)
    others = [made(other).signature() for other in names(SPECS) if other != spec]
    assert signature not in others


@pytest.mark.parametrize("spec", SPECS)
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


@pytest.mark.parametrize("spec", SPECS)
def test_it_takes_waveforms_at_its_own_rate(spec, make_voice, tmp_path):
    import soundfile

    model = made(spec)
    path = tmp_path / "voice.wav"
    soundfile.write(path, make_voice(120, 0.5), 48_000)
    waveform = audio.load(path, model.sampling_rate)
    assert np.array_equal(model.embed([path]), model.embed([waveform]))
