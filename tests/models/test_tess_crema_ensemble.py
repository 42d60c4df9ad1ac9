import json
import os
import pickle
import sys
import types
import warnings

import numpy as np
import pytest
from sklearn.base import clone

from sertools import datasets, extras, models
from sertools.cli import main
from sertools.models import _keras
from sertools.models.tess_crema_ensemble import NAMES, TessCremaEnsemble, _corpora

needs_tensorflow = pytest.mark.skipif(
    not extras.available("tensorflow"), reason="needs tensorflow"
)
RATE = 22_050


@pytest.fixture(scope="session")
def lesson(make_voice):
    """Give voices of six speakers of two corpora: anger is high; one knows fear."""
    told = {"waveforms": [], "emotions": [], "speakers": []}
    for number in range(36):
        corpus, kind = number % 2, number // 6 % 3
        emotion = ["angry", "Sadness", "fearful" if corpus else "angry"][kind]
        pitch = {"angry": 240, "Sadness": 100, "fearful": 400}[emotion] + number
        told["waveforms"].append(make_voice(pitch, 0.4, seed=number))
        told["emotions"].append(emotion)
        told["speakers"].append(f"{'two' if corpus else 'one'}/s{number % 6}")
    return tuple(told.values())


@pytest.fixture(scope="session")
def trained(lesson):
    if not extras.available("tensorflow"):
        pytest.skip("needs tensorflow")
    return TessCremaEnsemble().fit(*lesson, epochs=12, progress=False)


@pytest.fixture
def folder(trained, tmp_path):
    return trained.save(tmp_path / "mine")


# What it sees ----------------------------------------------------------------------


def test_it_sees_the_means_that_librosa_gives(make_voice):
    librosa = extras.require("librosa")
    wave = make_voice(150, 1.0)
    feature = librosa.feature
    power = np.abs(librosa.stft(wave))
    expected = [
        feature.zero_crossing_rate(y=wave),
        feature.chroma_stft(S=power, sr=RATE),
        feature.mfcc(y=wave, sr=RATE),
        feature.rms(y=wave),
        feature.melspectrogram(y=wave, sr=RATE),
    ]
    expected = np.concatenate([track.mean(axis=1) for track in expected])
    seen = TessCremaEnsemble().features([wave])
    assert seen.shape == (1, 162)
    assert seen.dtype == np.float32
    assert np.allclose(seen[0], expected, rtol=1e-4, atol=1e-4)


def test_features_are_named():
    names = TessCremaEnsemble().feature_names
    assert len({*names}) == 162
    places = [names.index(name) for name in ("zcr", "chroma_C", "mfcc0", "rms", "mel0")]
    assert places == [0, 1, 13, 33, 34]


def test_it_hears_two_and_a_half_seconds_from_where_speech_begins(make_voice):
    def seconds(count):
        return np.resize(make_voice(150, 1.0), round(count * RATE))

    hiss = np.random.default_rng(0).normal(0, 0.3, 5 * RATE).astype(np.float32)
    model, middle = TessCremaEnsemble(), seconds(2.5)
    start, end = hiss[: round(0.6 * RATE)], hiss[:RATE]
    within = model.features([np.r_[start, middle, end], np.r_[start * 0, middle]])
    assert np.allclose(within[0], within[1])
    short = seconds(1.5)  # too short to lose 0.6 s: taken whole
    loud = np.r_[start, short[len(start) :]]
    assert not np.allclose(*model.features([short, loud]))


def test_silence_and_the_shortest_clips_bring_numbers_and_no_warning(recwarn):
    clips = [np.zeros(RATE), np.full(round(0.05 * RATE) + 1, 0.1)]
    assert np.isfinite(TessCremaEnsemble().features(clips)).all()
    assert not recwarn.list


# What it is ------------------------------------------------------------------------


def test_without_weights_it_says_how_to_train_some(monkeypatch, tmp_path, make_voice):
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path))
    model = models.load("tess_crema_ensemble")
    assert model.training_corpora == ("crema_d", "tess")
    with pytest.raises(FileNotFoundError, match="sertools train --model tess") as error:
        model.predict_proba([make_voice(120, 0.5)])
    assert "\n" not in str(error.value)


@needs_tensorflow
def test_tiny_members_know_what_their_corpora_know(voices):
    model = models.load("tess_crema_ensemble", weights="tiny")
    table = model.members(voices)
    assert table["member"].tolist() == ["crema_d", "tess"] * len(voices)
    assert table["surprise"].isna().tolist() == [True, False] * len(voices)
    emotions = list(model.classes_)
    means = table.groupby("waveform")[emotions].mean()  # NaN does not count
    expected = means.div(means.sum(axis=1), axis=0)
    assert np.allclose(model.predict_proba(voices), expected, atol=1e-6)
    assert model.training_corpora == ()


@pytest.mark.parametrize("columns", [163, 2])
@pytest.mark.parametrize("within", [False, True])
def test_the_kernels_tables_are_refused_as_no_model(tmp_path, columns, within):
    table = tmp_path / "features.csv"
    table.write_text(",".join(map(str, range(columns))) + "\n")
    said = (
        "162 numbers a clip, and labels), not a model" if columns > 2 else "2 columns"
    )
    model = TessCremaEnsemble(weights=tmp_path if within else table)
    with pytest.raises(ValueError) as refusal:
        model.predict_proba([np.zeros(RATE)])
    assert said in str(refusal.value)
    assert "sertools train" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_is_fetched_is_called_what_it_is(tmp_path, monkeypatch):
    asked = []

    def download(handle):
        asked.append((handle, os.environ["KAGGLEHUB_CACHE"]))
        given = tmp_path / "given"
        given.mkdir()
        (given / "features.csv").write_text("0,1,labels\n")
        return str(given)

    hub = types.SimpleNamespace(notebook_output_download=download)
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    for _ in range(2):  # the second time it is there
        with pytest.warns(UserWarning, match="no model, no scaler, no encoder"):
            folder = models.fetch("tess_crema_ensemble", progress=False)
        assert [file.name for file in folder.iterdir()] == ["features.csv"]
    assert len(asked) == 1
    assert asked[0][0] == "shivamburnwal/speech-emotion-recognition"
    assert asked[0][1].startswith(str(tmp_path / "cache"))
    assert "KAGGLEHUB_CACHE" not in os.environ


def test_what_kaggle_refuses_is_told_in_a_line(tmp_path, monkeypatch):
    def download(handle):
        raise RuntimeError("403 Client Error.\n\nYou don't have permission.")

    hub = types.SimpleNamespace(notebook_output_download=download)
    monkeypatch.setitem(sys.modules, "kagglehub", hub)
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ConnectionError, match=r"\(403 Client Error\)") as failure:
        models.fetch("tess_crema_ensemble", progress=False)
    assert "They hold no model anyway" in str(failure.value)
    assert "\n" not in str(failure.value)


# Training --------------------------------------------------------------------------


def test_each_corpus_trains_a_member_on_its_own_speakers(trained, lesson):
    one, two = trained.trained_["card"]["members"]
    assert (one["corpus"], two["corpus"]) == ("one", "two")
    assert one["classes"] == ["angry", "sad"]
    assert two["classes"] == ["angry", "fear", "sad"]
    for member in (one, two):
        held = member["training"]["held_out"]
        assert held.startswith(f"speakers {member['corpus']}/")
        assert member["training"]["clips"] == 18
    assert list(trained.classes_) == ["angry", "fear", "sad"]
    assert trained.training_corpora == ("one", "two")
    meant = np.array(
        [{"Sadness": "sad", "fearful": "fear"}.get(e, e) for e in lesson[1]]
    )
    assert (trained.predict(lesson[0]) == meant).mean() > 0.7


def test_the_scaler_knows_the_training_speakers_only(trained, lesson):
    waveforms, _, speakers = lesson
    member = trained.trained_["card"]["members"][0]
    held = member["training"]["held_out"].removeprefix("speakers ").split(", ")
    of_corpus = [i for i, who in enumerate(speakers) if who.startswith("one/")]
    taught = [i for i in of_corpus if speakers[i] not in held]
    seen = trained.features([waveforms[i] for i in taught]).astype(float)
    assert 0 < len(taught) < len(of_corpus)
    assert np.allclose(member["scaler"]["mean"], seen.mean(axis=0))
    assert np.allclose(member["scaler"]["scale"], seen.std(axis=0))


@needs_tensorflow
def test_training_again_gives_the_same_and_another_seed_another(lesson):
    def learnt(seed):
        run = {"corpora": "all", "epochs": 2, "seed": seed, "progress": False}
        return TessCremaEnsemble().fit(*lesson, **run).predict_proba(lesson[0][:4])

    first = learnt(0)
    assert np.allclose(first, learnt(0), atol=1e-5)
    assert not np.allclose(first, learnt(1), atol=1e-3)


@pytest.mark.parametrize(
    ("corpora", "speakers", "expected"),
    [
        (["a", "b", "a"], ["x/1", "y/1", "x/2"], "a b a"),  # named clip by clip
        ("all", ["x/1", "y/1", "x/2"], "all all all"),
        (["all"], None, "all all all"),
        (["x", "y"], ["x/1", "y/1", "x/2"], "x y x"),  # the speakers say which
        (None, ["x/1", "y/1", "x/2"], "x y x"),
        (None, ["x/1", "anna", "x/2"], "own own own"),
        (None, None, "own own own"),
    ],
)
def test_it_is_known_which_clip_is_from_which_corpus(corpora, speakers, expected):
    assert " ".join(_corpora(corpora, speakers, 3)) == expected


@needs_tensorflow
def test_clips_of_nobody_knows_whom_make_one_member(lesson):
    model, run = TessCremaEnsemble(), {"epochs": 1, "progress": False}
    with pytest.warns(UserWarning, match="own: early stopping holds out clips"):
        model.fit(*lesson[:2], **run)
    assert model.training_corpora is None
    assert list(model.members(lesson[0][:1])["member"]) == ["own"]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"y": ["sad"] * 4}, "a: only one emotion"),
        ({"y": ["sad", "hungry"] * 2}, "hungry"),
        ({"y": ["sad", "angry"]}, "differ in number"),
        ({"speakers": ["x"]}, "differ in number"),
        ({"corpora": ["a", "b"]}, "2 names for 4 clips"),
        ({"corpora": "../a"}, r"Corpus '\.\./a' cannot name a file"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(make_voice, changed, reason):
    given = {"y": ["sad", "angry"] * 2, "speakers": list("xxyy"), "corpora": "a"}
    with pytest.raises(ValueError, match=reason) as refusal:
        TessCremaEnsemble().fit([make_voice(120, 0.3)] * 4, **given | changed)
    assert "\n" not in str(refusal.value)


def test_without_emotions_nothing_is_trained(make_voice):
    model = TessCremaEnsemble()
    assert model.fit([make_voice(120, 0.5)]) is model
    assert not hasattr(model, "trained_")


# Saving ----------------------------------------------------------------------------


def test_a_saved_ensemble_answers_the_same(trained, lesson, folder, capfd):
    expected = trained.predict_proba(lesson[0])
    capfd.readouterr()
    files = {"card.json", "model_one.keras", "model_two.keras"}
    assert {file.name for file in folder.iterdir()} == files
    again = models.load("tess_crema_ensemble", folder)
    assert np.allclose(again.predict_proba(lesson[0]), expected, atol=1e-6)
    assert capfd.readouterr() == ("", "")
    assert list(again.classes_) == ["angry", "fear", "sad"]
    assert again.training_corpora == ("one", "two")
    with pytest.raises(FileExistsError, match="is there already"):
        trained.save(folder)


def test_what_was_learnt_is_pickled_and_forgotten_by_a_clone(trained, lesson):
    again = pickle.loads(pickle.dumps(trained))
    expected = trained.predict_proba(lesson[0])
    assert np.allclose(again.predict_proba(lesson[0]), expected, atol=1e-6)
    assert again.weights_sha256() == trained.weights_sha256()
    assert not hasattr(clone(trained), "trained_")


def test_two_folders_can_vote_together(trained, lesson, folder):
    member = models.load("tess_crema_ensemble", folder)
    both = models.Ensemble([member, trained])
    expected = trained.predict_proba(lesson[0])
    assert np.allclose(both.predict_proba(lesson[0]), expected, atol=1e-6)


@needs_tensorflow
def test_random_weights_are_not_saved(tmp_path):
    with pytest.raises(ValueError, match="not worth saving"):
        TessCremaEnsemble(weights="tiny").save(tmp_path / "a")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: c["members"][0]["classes"].append("boredom"), "has 2 outputs, but"),
        (
            lambda c: c["members"][0].update(classes=["sad", "Sadness"]),
            "is there twice",
        ),
        (lambda c: c["members"][0].update(classes=["sad", "x"]), "damaged: .*'x'"),
        (lambda c: c["members"][0]["scaler"]["scale"].pop(), "damaged"),
        (lambda c: c["members"][0]["scaler"].update(scale=[0] * 162), "its scaler is"),
        (lambda c: c["members"][0].update(corpus="../one"), "cannot name a file"),
        (lambda c: c.update(members=[]), "no members"),
        (lambda c: c.update(features=NAMES[::-1]), "made for other features"),
        (lambda c: c.pop("members"), "damaged: no 'members'"),
    ],
)
def test_a_card_that_does_not_fit_is_refused_in_a_line(folder, change, reason):
    card = json.loads((folder / "card.json").read_text())
    change(card)
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(ValueError, match=reason) as refusal:
        models.load("tess_crema_ensemble", folder).predict_proba([np.zeros(RATE)])
    assert "\n" not in str(refusal.value)


def test_classes_are_read_from_the_card_by_name(trained, lesson, folder):
    card = json.loads((folder / "card.json").read_text())
    card["members"] = card["members"][:1]
    (folder / "card.json").write_text(json.dumps(card))
    before = models.load("tess_crema_ensemble", folder).predict_proba(lesson[0])
    card["members"][0]["classes"] = ["surprised", "Fearful"]  # were angry, sad
    (folder / "card.json").write_text(json.dumps(card))
    renamed = models.load("tess_crema_ensemble", folder)
    assert list(renamed.classes_) == ["fear", "surprise"]
    assert np.allclose(renamed.predict_proba(lesson[0])[:, ::-1], before)


def test_a_network_that_is_missing_or_of_another_shape_is_refused(folder):
    file = folder / "model_two.keras"
    with _keras.quiet():
        keras = extras.require("keras")
        layers = keras.layers
        other = [layers.Input((40, 1)), layers.Flatten(), layers.Dense(3, "softmax")]
        keras.Sequential(other).save(file)
    load = models.load("tess_crema_ensemble", folder)
    with pytest.raises(ValueError, match=r"its input is \(40, 1\), not \(162, 1\)"):
        load.predict_proba([np.zeros(RATE)])
    file.unlink()
    with pytest.raises(FileNotFoundError, match="no model_two.keras in it"):
        load.predict_proba([np.zeros(RATE)])


@pytest.mark.slow
@needs_tensorflow
def test_it_is_trained_by_the_command(tmp_path, capsys):
    out = tmp_path / "member"
    given = "train --model tess_crema_ensemble --dataset demo --max-clips 32".split()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # so few clips: clips are held out
        assert main([*given, "--emotions", "angry,sad", "--out", str(out)]) == 0
    model = models.load("tess_crema_ensemble", out)
    assert model.training_corpora == ("demo",)
    card = json.loads((out / "card.json").read_text())
    assert [member["corpus"] for member in card["members"]] == ["demo"]
    assert card["scores"]["held out"]["n_speakers"] == 8
    clips = datasets.load("demo")
    assert {*model.predict(list(clips["path"][:4]))} <= {"angry", "sad"}
