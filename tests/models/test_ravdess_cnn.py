import json
import os
import pickle
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import recall_score

from sertools import datasets, evaluation, extras, models
from sertools.models import _keras
from sertools.models.ravdess_cnn import RavdessCNN

needs_tensorflow = pytest.mark.skipif(
    not extras.available("tensorflow"), reason="needs tensorflow"
)
PUBLISHED = "neutral calm happy sad angry fear disgust surprise".split()
WEIGHTS = os.environ.get("SERTOOLS_WEIGHTS", "")


@pytest.fixture(scope="session")
def keras():
    with _keras.quiet():
        extras.require("tensorflow")
        return extras.require("keras")


@pytest.fixture
def make_file(keras, tmp_path):
    """Make a file of a network that always says how loud the first MFCC is."""

    def make(shape=(40, 1), outputs=8, bias=None, activation="softmax", first=()):
        layers = keras.layers
        with _keras.quiet():
            end = layers.Dense(outputs, activation, kernel_initializer="zeros")
            network = keras.Sequential(
                [layers.Input(shape), *first, layers.Flatten(), end]
            )
            network.layers[-1].bias.assign(np.zeros(outputs) if bias is None else bias)
            network.save(tmp_path / "a.keras")
        return tmp_path / "a.keras"

    return make


@pytest.fixture(scope="session")
def lesson(make_voice):
    """Give voices of three speakers: anger is high, sadness is low."""
    speakers, emotions, waveforms = [], [], []
    for number in range(24):
        speaker, angry = number % 3, number // 3 % 2
        pitch = 90 + 20 * speaker + 150 * angry + number
        waveforms.append(make_voice(pitch, 0.4, seed=number))
        emotions.append("Angry" if angry else "sadness")
        speakers.append(f"s{speaker}")
    return waveforms, emotions, speakers


@pytest.fixture(scope="session")
def trained(lesson, keras):
    return RavdessCNN().fit(*lesson, corpora=["demo"], epochs=20, progress=False)


# What it sees -----------------------------------------------------------------------


def test_it_sees_the_means_of_forty_mfccs(make_voice):
    import librosa

    waveform = make_voice(150, 0.5)
    expected = librosa.feature.mfcc(y=waveform, sr=22_050, n_mfcc=40).mean(axis=1)
    seen = RavdessCNN().features([waveform])
    assert seen.shape == (1, 40)
    assert seen.dtype == np.float32
    assert np.allclose(seen[0], expected, rtol=1e-5, atol=1e-4)


def test_it_does_not_see_the_order_of_things(make_voice):
    low, high = make_voice(100, 1.0), make_voice(250, 1.0, seed=1)
    there, back = RavdessCNN().features([np.r_[low, high], np.r_[high, low]])
    assert np.abs(there - back).max() < 3
    assert np.abs(there - RavdessCNN().features([low])[0]).max() > 10


def test_files_are_decoded_at_its_own_rate(make_voice, tmp_path):
    import soundfile

    path = tmp_path / "voice.wav"
    t = np.arange(48_000) / 48_000
    high = 0.1 * np.sin(2 * np.pi * 9_500 * t) + 0.1 * np.sin(2 * np.pi * 200 * t)
    soundfile.write(path, high.astype(np.float32), 48_000, subtype="FLOAT")
    heard = RavdessCNN().features([path])
    muffled = RavdessCNN(through=16_000).features([path])
    slow = RavdessCNN(rate=16_000).features([path])
    assert RavdessCNN(rate=16_000).sampling_rate == 16_000
    assert heard[0, 0] - muffled[0, 0] > 10  # what is above 8 kHz is lost
    assert np.abs(slow - heard).max() > 20


def test_a_clip_shorter_than_a_window_brings_no_warning(make_voice, recwarn):
    assert np.isfinite(RavdessCNN().features([make_voice(120, 0.08)])).all()
    assert not recwarn.list


# What it is ------------------------------------------------------------------------


def test_rates_are_parameters_that_a_clone_and_the_signature_know(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"any")
    model = RavdessCNN(None, tmp_path / "a.h5", "cpu", True, rate=16_000, through=8_000)
    assert clone(model).get_params() == model.get_params()
    assert model.get_params()["rate"] == 16_000
    if extras.available("tensorflow"):
        plain = RavdessCNN(weights=tmp_path / "a.h5").signature()
        for other in ({"rate": 16_000}, {"through": 16_000}):
            assert RavdessCNN(weights=tmp_path / "a.h5", **other).signature() != plain


def test_its_classes_are_known_before_anything_is_loaded():
    model = models.load("ravdess_cnn")
    assert list(model.classes_) == sorted(PUBLISHED)
    assert model.training_corpora == ("ravdess",)
    assert model.sampling_rate == models.card("ravdess_cnn")["sampling_rate"] == 22_050


def test_without_weights_it_says_how_to_have_some(monkeypatch, tmp_path, make_voice):
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"--weights FILE, or train one"
    ) as error:
        RavdessCNN().predict_proba([make_voice(120, 0.5)])
    assert "\n" not in str(error.value)


# Files of others -------------------------------------------------------------------


@needs_tensorflow
@pytest.mark.parametrize("place", range(8))
def test_outputs_are_named_in_the_published_order(make_file, make_voice, place):
    path = make_file(bias=5.0 * np.eye(8)[place])
    scores = RavdessCNN(weights=path).predict_proba([make_voice(120, 0.5)])
    model = RavdessCNN(weights=path)
    assert model.classes_[scores[0].argmax()] == PUBLISHED[place]
    assert scores.sum() == pytest.approx(1)


@needs_tensorflow
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({"shape": (216, 1), "outputs": 10}, r"its input is \(216, 1\), not \(40, 1\)"),
        ({"outputs": 7}, r"it has 7 outputs, not 8 \(neutral calm happy"),
        ({"shape": (40,)}, r"its input is \(40,\), not \(40, 1\)"),
        ({"activation": None, "bias": np.arange(8.0)}, "no probabilities"),
    ],
)
def test_networks_made_for_something_else_are_refused(
    make_file, make_voice, capfd, made, reason
):
    path = make_file(**made)
    capfd.readouterr()
    with pytest.raises(ValueError, match=reason) as refusal:
        RavdessCNN(weights=path).predict_proba([make_voice(120, 0.5)])
    assert len(str(refusal.value).splitlines()) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"\x12\x34 random" * 50, "no Keras file"), (b"", "no Keras")],
)
def test_what_is_no_keras_file_is_refused_without_tensorflow(
    tmp_path, make_voice, content, reason
):
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {reason}"):
        RavdessCNN(weights=path).predict_proba([make_voice(120, 0.5)])


@needs_tensorflow
def test_a_lambda_is_refused_unless_trusted(make_file, make_voice, keras, tmp_path):
    mark = tmp_path / "mark"
    code = f"lambda x: (__import__('os').makedirs({str(mark)!r}, exist_ok=True), x)[1]"
    path = make_file(first=[keras.layers.Lambda(eval(code), output_shape=(40, 1))])
    if mark.exists():
        mark.rmdir()
    voices = [make_voice(120, 0.5)]
    with pytest.raises(ValueError, match=r"Lambda '.*trust=True \(--trust\)"):
        models.load("ravdess_cnn", path).predict_proba(voices)
    assert not mark.exists()
    models.load("ravdess_cnn", path, trust=True).predict_proba(voices)
    assert mark.exists()


# Training --------------------------------------------------------------------------


@needs_tensorflow
def test_it_learns_and_holds_a_speaker_out_to_know_when_to_stop(trained, lesson):
    waveforms, emotions, speakers = lesson
    about = trained.trained_["card"]["training"]
    held = about["held_out"].removeprefix("speakers ")
    assert held in speakers
    assert 1 <= about["best_epoch"] <= about["epochs"] <= 20
    assert list(trained.classes_) == ["angry", "sad"]
    assert trained.training_corpora == ("demo",)
    unseen = [number for number, who in enumerate(speakers) if who == held]
    said = trained.predict([waveforms[number] for number in unseen])
    meant = ["angry" if emotions[number] == "Angry" else "sad" for number in unseen]
    assert list(said) == meant


@needs_tensorflow
def test_training_again_gives_the_same_and_another_seed_another(trained, lesson):
    again = RavdessCNN().fit(*lesson, corpora=["demo"], epochs=20, progress=False)
    assert np.allclose(again.predict_proba(lesson[0]), trained.predict_proba(lesson[0]))
    other = RavdessCNN().fit(*lesson, epochs=2, seed=1, progress=False)
    assert other.weights_sha256() != trained.weights_sha256()
    assert other.training_corpora is None


@needs_tensorflow
@pytest.mark.parametrize(
    "speakers", [None, ["one"] * 24, [None] + ["a", "b"] * 11 + ["b"]]
)
def test_where_nobody_knows_who_speaks_clips_are_held_out_and_it_says_so(
    lesson, keras, speakers
):
    with pytest.warns(UserWarning, match="Early stopping holds out clips: it is not"):
        model = RavdessCNN().fit(*lesson[:2], speakers, epochs=1, progress=False)
    assert model.trained_["card"]["training"]["held_out"].startswith("clips")


@needs_tensorflow
def test_a_saved_network_answers_the_same_and_brings_its_card(
    trained, lesson, tmp_path, capfd
):
    expected = trained.predict_proba(lesson[0])
    capfd.readouterr()
    folder = trained.save(tmp_path / "mine")
    assert {file.name for file in folder.iterdir()} == {"model.keras", "card.json"}
    again = models.load("ravdess_cnn", folder)
    assert np.allclose(again.predict_proba(lesson[0]), expected, atol=1e-6)
    assert capfd.readouterr() == ("", "")
    assert list(again.classes_) == ["angry", "sad"]
    assert again.training_corpora == ("demo",)
    with pytest.raises(FileExistsError, match="is there already"):
        trained.save(folder)


@needs_tensorflow
def test_outputs_are_read_from_the_card_by_name(trained, lesson, tmp_path):
    folder = trained.save(tmp_path / "mine")
    card = json.loads((folder / "card.json").read_text())
    assert card["outputs"] == ["angry", "sad"]
    card["outputs"] = ["wütend", "sad"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=r"card\.json: damaged: .*wütend"):
        _ = models.load("ravdess_cnn", folder).classes_
    card["outputs"] = ["surprised", "Fearful"]
    (folder / "card.json").write_text(json.dumps(card))
    renamed = models.load("ravdess_cnn", folder)
    assert list(renamed.classes_) == ["fear", "surprise"]
    both = trained.predict_proba(lesson[0]), renamed.predict_proba(lesson[0])
    assert np.allclose(both[0], both[1][:, ::-1], atol=1e-6)
    card["outputs"] = ["sad", "Sadness"]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match="an output is there twice"):
        _ = models.load("ravdess_cnn", folder).classes_


@needs_tensorflow
def test_a_network_trained_at_another_rate_is_heard_at_it(lesson, keras, tmp_path):
    model = RavdessCNN(rate=16_000).fit(*lesson, epochs=1, progress=False)
    folder = model.save(tmp_path / "mine")
    assert models.load("ravdess_cnn", folder).sampling_rate == 16_000


@needs_tensorflow
def test_what_was_learnt_is_pickled_and_forgotten_by_a_clone(trained, lesson):
    expected = trained.predict_proba(lesson[0])
    again = pickle.loads(pickle.dumps(trained))
    assert np.allclose(again.predict_proba(lesson[0]), expected, atol=1e-6)
    assert again.weights_sha256() == trained.weights_sha256()
    assert not hasattr(clone(trained), "trained_")


@needs_tensorflow
def test_training_a_tiny_one_makes_it_a_real_one(lesson, keras, tmp_path):
    model = RavdessCNN(weights="tiny")
    assert model.label == "ravdess_cnn (random weights)"
    with pytest.raises(ValueError, match="random weights are not worth saving"):
        model.save(tmp_path / "mine")
    model.fit(*lesson, epochs=1, progress=False)
    assert model.label == "ravdess_cnn"
    assert model.weights_sha256() != "tiny"
    assert list(model.predict_proba(lesson[0][:1])[0].shape) == [2]


def test_without_emotions_nothing_is_trained(make_voice):
    model = RavdessCNN()
    assert model.fit([make_voice(120, 0.5)]) is model
    assert not hasattr(model, "trained_")


@pytest.mark.parametrize(
    ("emotions", "speakers", "reason"),
    [
        (["sad", "sad"], None, "Only one emotion: sad"),
        (["sad", "hungry"], None, "hungry"),
        (["sad", "angry", "angry"], None, "differ in number"),
        (["sad", "angry"], ["a"], "differ in number"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(make_voice, emotions, speakers, reason):
    voices = [make_voice(120, 0.5), make_voice(220, 0.5)]
    with pytest.raises(ValueError, match=reason):
        RavdessCNN().fit(voices, emotions, speakers)


# The real file, the real recordings ------------------------------------------------


@pytest.fixture(scope="module")
def published():
    path = Path(WEIGHTS) / "keras" / "ravdess_cnn_keras2.h5"
    if not WEIGHTS or not path.is_file() or not extras.available("tensorflow"):
        pytest.skip("the published file is not there")
    return path


@pytest.fixture(scope="module")
def actors(real_data):
    return datasets.load("ravdess", real_data / "ravdess")


@pytest.mark.slow
def test_the_published_file_is_read_as_its_authors_meant(published, actors):
    result = evaluation.predict(RavdessCNN(weights=published), actors, progress=False)
    right = result.scores()["uar"]["value"]
    assert right == pytest.approx(0.49, abs=0.03)
    assert any("may have heard these very clips" in said for said in result.warnings)
    for wrong in ({"rate": 16_000}, {"through": 16_000}):
        model = RavdessCNN(weights=published, **wrong)
        result = evaluation.predict(model, actors, progress=False)
        assert result.scores()["uar"]["value"] < right - 0.07


def test_the_published_file_can_be_saved_with_a_card(published, make_voice, tmp_path):
    model, voices = RavdessCNN(weights=published), [make_voice(120, 0.5)]
    again = RavdessCNN(weights=model.save(tmp_path / "copy"))
    assert np.allclose(again.predict_proba(voices), model.predict_proba(voices))
    assert again.training_corpora == ("ravdess",)
    shutil.copy(published, tmp_path / "copy" / "other.h5")
    (tmp_path / "copy" / "model.keras").unlink()
    again = RavdessCNN(weights=tmp_path / "copy")
    assert np.allclose(again.predict_proba(voices), model.predict_proba(voices))


@pytest.mark.slow
@needs_tensorflow
def test_trained_on_three_actors_it_beats_chance_on_the_fourth(actors):
    known = actors[actors["speaker"] != "ravdess/01"]
    unseen = actors[actors["speaker"] == "ravdess/01"]
    model = RavdessCNN()
    model.fit(list(known["path"]), known["emotion"], known["speaker"], progress=False)
    said = model.predict(list(unseen["path"]))
    assert recall_score(unseen["emotion"], said, average="macro") > 0.2  # chance 0.125
