"""A saved head: the shipped one, one's own, one made elsewhere."""

import http.server
import json
import pickle
import shutil
import threading

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from sertools import datasets, evaluation, models, trust

EMOTIONS = ["angry", "happy", "neutral", "other", "sad"]
RATE = 16_000


@pytest.fixture(scope="module")
def shipped():
    return models.load("trained:emodb_egemaps")


@pytest.fixture
def copied(tmp_path, shipped):
    """Copy the shipped folder, to change it."""
    return shutil.copytree(shipped.weights_path(), tmp_path / "mine")


def changed(folder, **facts):
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))
    return folder


def classifier(features, classes, names=None):
    """Fit a classifier on noise, as if it came from elsewhere."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(10 * len(classes), features))
    return LogisticRegression().fit(X, np.repeat(classes, 10))


# The shipped one


def test_the_shipped_one_needs_nothing_but_the_package(shipped, voices):
    scores = shipped.predict_proba(voices)
    assert list(shipped.classes_) == EMOTIONS
    assert scores.shape == (len(voices), 5)
    assert np.allclose(scores.sum(axis=1), 1) and (scores >= 0).all()
    size = sum(path.stat().st_size for path in shipped.weights_path().iterdir())
    assert size < 1_000_000
    assert models.load(shipped.spec).spec == shipped.spec == "trained:emodb_egemaps"


def test_its_card_says_what_it_is_worth(shipped):
    card, facts = shipped.card(), shipped.facts
    assert "German acted speech" in card["note"]
    assert "Burkhardt et al. (2005)" in card["credit"][0]
    assert any("emodb: CC-BY-4.0" in text for text in card["licenses"])
    assert any("research" in text for text in card["licenses"])
    assert "UAR" in card["score, held out"] and "'other'" in card["score, held out"]
    for where in ("held out", "test: ravdess"):
        told = facts["scores"][where]
        assert told["uar"]["low"] < told["uar"]["value"] < told["uar"]["high"]
        assert set(told["log_loss"]) == set(told["calibration_error"])
        assert 0 <= told["abstains"] <= 1
    assert facts["scores"]["held out"]["abstains"] <= 0.01
    away = facts["scores"]["test: ravdess"]
    assert away["log_loss"]["after"] < away["log_loss"]["before"] < np.log(4)
    assert away["calibration_error"]["after"] < away["calibration_error"]["before"]
    assert "/work" not in json.dumps(facts) and "/tmp" not in json.dumps(facts)
    assert shipped.training_corpora == ("emodb",)


@pytest.mark.parametrize(
    "strange", ["hiss", "soft hiss", "silence", "tone", "chord", "plucked"]
)
def test_what_is_no_speech_is_other(shipped, strange):
    rng, t = np.random.default_rng(0), np.arange(2 * RATE) / RATE
    chord = sum(np.sin(2 * np.pi * f * t) for f in (261.6, 329.6, 392.0))
    sounds = {
        "hiss": 0.3 * rng.normal(size=len(t)).clip(-3, 3),
        "soft hiss": 0.01 * rng.normal(size=len(t)),
        "silence": np.zeros(len(t)),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * t),
        "chord": 0.1 * chord,
        "plucked": 0.2 * chord * np.exp(-3 * (t % 0.5)),
    }
    scores = shipped.predict_proba([sounds[strange].astype(np.float32)])[0]
    assert scores[EMOTIONS.index("other")] > 0.8


def test_it_is_a_good_scikit_learn_citizen(shipped, voices):
    expected = shipped.predict_proba(voices[:3])
    copy = clone(shipped)
    assert np.array_equal(copy.predict_proba(voices[:3]), expected)
    stored = pickle.dumps(shipped)
    assert len(stored) < 2_000
    assert np.array_equal(pickle.loads(stored).predict_proba(voices[:3]), expected)
    alone = np.concatenate([shipped.predict_proba([voice]) for voice in voices[:3]])
    assert np.allclose(alone, expected, atol=1e-12)


def test_it_follows_its_embedder(shipped):
    embedder = models.load("opensmile")
    assert shipped.sampling_rate == embedder.sampling_rate
    assert shipped.run_in_workers is True
    assert shipped.signature()["embedder"] == str(embedder.signature())
    assert shipped.signature()["weights"] == shipped.weights_sha256()


def test_random_weights_are_seeded_and_marked(voices):
    one, two = (models.load("trained", weights="tiny") for _ in range(2))
    scores = one.predict_proba(voices)
    assert np.array_equal(scores, two.predict_proba(voices))
    assert list(one.classes_) == EMOTIONS and np.allclose(scores.sum(axis=1), 1)
    assert one.random_weights and "random weights" in one.label


# A folder of one's own


def test_a_folder_gives_what_the_shipped_one_gives(copied, shipped, voices):
    mine = models.load("trained", weights=copied)
    assert np.array_equal(mine.predict_proba(voices), shipped.predict_proba(voices))
    assert mine.label == "trained (mine)" and mine.spec == "trained"


def test_features_are_taken_by_name_not_by_position(copied, shipped, voices):
    mine = models.load("trained", weights=copied)
    names = list(mine.facts["features"])
    X = models.load("opensmile").embed(voices)
    import pandas as pd

    table = pd.DataFrame(X, columns=names)
    straight, turned = mine.judge(table), mine.judge(table[names[::-1]])
    assert all(map(np.array_equal, straight, turned))


def test_other_features_than_in_training_are_refused(copied, voices):
    facts = json.loads((copied / "card.json").read_text())["features"]
    first = next(iter(facts))
    facts = {("renamed" if name == first else name): v for name, v in facts.items()}
    mine = models.load("trained", weights=changed(copied, features=facts))
    with pytest.raises(ValueError, match="other features now"):
        mine.predict_proba(voices[:1])


def test_classes_that_disagree_are_refused(copied, voices):
    mine = models.load("trained", weights=changed(copied, classes=["angry", "fear"]))
    with pytest.raises(ValueError, match="different classes"):
        mine.predict_proba(voices[:1])


def test_without_an_edge_nothing_is_other(copied, voices):
    mine = models.load("trained", weights=changed(copied, reach=None))
    assert list(mine.classes_) == ["angry", "happy", "neutral", "sad"]
    assert np.allclose(mine.predict_proba(voices).sum(axis=1), 1)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "card.json").unlink(), "no card.json"),
        (lambda f: (f / "card.json").write_text("{"), "not a card"),
        (lambda f: (f / "card.json").write_text('{"kind": "x"}'), "not the card"),
        (lambda f: (f / "head.skops").unlink(), "head.skops"),
        (lambda f: (f / "head.skops").write_bytes(b"PK junk"), "head.skops"),
    ],
)
def test_a_damaged_folder_is_refused_in_a_line(copied, voices, spoil, said):
    spoil(copied)
    with pytest.raises((ValueError, OSError), match=said) as refusal:
        models.load("trained", weights=copied).predict_proba(voices[:1])
    assert "\n" not in str(refusal.value)


def test_a_head_that_was_swapped_for_a_pickle_needs_trust(copied, voices):
    joblib.dump(classifier(88, ["angry", "sad"]), copied / "head.skops")
    with pytest.raises(ValueError, match="trust"):
        models.load("trained", weights=copied).predict_proba(voices[:1])


# What a card can reach


@pytest.fixture
def asked():
    """Listen on the loopback; give the address, and all that is asked there."""
    heard = []

    class Listener(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("spec", "weights"),
    [
        ("yamnet", "{address}/yamnet/1"),
        ("yamnet", "google/yamnet/tensorFlow2/yamnet/1"),
        ("emotion2vec", "somebody/theirs"),
        ("huggingface:somebody/theirs", None),
        ("huggingface:somebody/theirs", "somebody/theirs"),
        ("whisper", "//127.0.0.1/share/base.pt"),
        ("whisper", "nowhere/base.pt"),
    ],
)
def test_a_card_cannot_make_anybody_fetch(
    copied, voices, asked, spec, weights, monkeypatch
):
    address, heard = asked
    monkeypatch.setenv("HF_ENDPOINT", address)
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(copied))
    weights = weights and weights.format(address=address)
    told = {"model": spec, "weights": weights, "weights_sha256": None}
    mine = models.load("trained", weights=changed(copied, embedder=told))
    for ask in (mine.signature, lambda: mine.predict_proba(voices[:1])):
        with pytest.raises(FileNotFoundError) as refusal:
            ask()
        assert "\n" not in str(refusal.value)
    assert not heard


def test_a_card_can_name_weights_that_are_here(copied, voices):
    told = {"model": "whisper", "weights": "tiny", "weights_sha256": None}
    mine = models.load("trained", weights=changed(copied, embedder=told))
    assert mine.random_weights and mine.embedder.spec == "whisper"


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"temperature": -1}, "its temperature is -1"),
        ({"temperature": float("nan")}, "its temperature is nan"),
        ({"reach": {"edge": 0}}, "its edge is 0"),
        ({"features": {"f0": [0, 0]}}, "its spread of 'f0' is 0"),
        ({"embedder": 3}, "its embedder is no system"),
        ({"embedder": {"model": 3}}, "its embedder is no system"),
        ({"embedder": {"model": "mfcc", "weights": []}}, "its embedder is no system"),
        ({"training_corpora": 3}, "its training_corpora is no list"),
        ({"scores": {"held out": {}}}, "its score 'held out' is not whole"),
        ({"scores": []}, "its scores are no table"),
        ({"embedder": {"model": "trained"}}, "names trained: no embedder"),
        ({"embedder": {"model": "ravdess_cnn"}}, "names ravdess_cnn: no embedder"),
        ({"embedder": {"model": "nobodys"}}, "Unknown model 'nobodys'"),
    ],
    ids=str,
)
def test_a_card_that_cannot_be_right_is_refused_in_a_line(copied, voices, facts, said):
    mine = models.load("trained", weights=changed(copied, **facts))
    with pytest.raises(ValueError, match=said) as refusal:
        mine.predict_proba(voices[:1])
    assert "\n" not in str(refusal.value)


# A classifier made elsewhere


@pytest.mark.parametrize(("features", "spec"), [(88, "opensmile"), (80, "mfcc")])
def test_a_foreign_head_says_what_it_takes(tmp_path, voices, features, spec):
    path = tmp_path / "head.skops"
    trust.save_head(classifier(features, ["Sadness", "Fearful", "joy"]), path)
    mine = models.load("trained", weights=path)
    assert list(mine.classes_) == ["fear", "happy", "sad"]
    assert mine.embedder.spec == spec and mine.training_corpora is None
    head = trust.load_head(path)
    X = models.load(spec).embed(voices).astype(np.float64)
    columns = [list(head.classes_).index(n) for n in ("Fearful", "joy", "Sadness")]
    expected = head.predict_proba(X)[:, columns]
    assert np.allclose(mine.predict_proba(voices), expected)


def test_a_foreign_pickle_needs_trust(tmp_path, voices):
    path = tmp_path / "head.joblib"
    joblib.dump(classifier(88, ["angry", "sad"]), path)
    with pytest.raises(ValueError, match="trust"):
        models.load("trained", weights=path).predict_proba(voices[:1])
    scores = models.load("trained", weights=path, trust=True).predict_proba(voices)
    assert scores.shape == (len(voices), 2)


@pytest.mark.parametrize(
    ("features", "classes", "said"),
    [
        (87, ["angry", "sad"], "fitted on 87 features"),
        (88, [0, 1], "no emotions"),
        (88, ["anger", "angry"], "same emotion"),
    ],
)
def test_foreign_heads_that_fit_nothing_are_refused(
    tmp_path, voices, features, classes, said
):
    path = tmp_path / "head.skops"
    trust.save_head(classifier(features, classes), path)
    with pytest.raises(ValueError, match=said):
        models.load("trained", weights=path).predict_proba(voices[:1])


def test_a_file_of_another_kind_is_refused(tmp_path, voices):
    path = tmp_path / "network.h5"
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match="not a head"):
        models.load("trained", weights=path).predict_proba(voices[:1])


# Real recordings


@pytest.fixture(scope="module")
def emodb(real_data):
    clips = datasets.load("emodb", root=real_data / "emodb")
    return datasets.select(clips, ["angry", "happy", "neutral", "sad"])


@pytest.mark.slow
def test_the_command_on_the_card_makes_it_again(emodb, real_data, shipped, tmp_path):
    from sertools.cli import main

    words = shipped.facts["command"].replace("corpora/", f"{real_data}/").split()[1:]
    words[words.index("--out") + 1] = str(tmp_path / "again")
    assert main(words) == 0
    again = models.load("trained", weights=tmp_path / "again")
    paths = list(emodb["path"].iloc[::20])
    assert np.allclose(again.predict_proba(paths), shipped.predict_proba(paths))
    assert again.facts["scores"] == shipped.facts["scores"]


def test_evaluation_says_that_it_has_heard_emodb(emodb, shipped):
    result = evaluation.predict(shipped, emodb.iloc[::10], jobs=1)
    assert "trained on data that includes emodb" in " ".join(result.warnings)
