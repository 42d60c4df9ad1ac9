"""Training: what is learnt, what is stated, what is saved."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.ensemble import RandomForestClassifier

from sertools import datasets, files, models, training
from sertools.models.base import Classifier


@pytest.fixture(scope="module")
def demo():
    return datasets.load("demo")


@pytest.fixture(scope="module")
def hum():
    return models.load("duration_loudness")


@pytest.fixture(scope="module")
def trained(demo, hum, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "mine"
    return training.train(hum, "logistic", demo, out, progress=False)


def test_the_folder_holds_card_and_head(trained):
    assert {p.name for p in trained.weights_path().iterdir()} == {
        "card.json",
        "head.skops",
    }
    assert trained.label == "trained (mine)"


def test_the_score_is_the_one_of_speakers_held_out(trained, demo, hum):
    from sertools import evaluation, features

    X = features.extract(hum, demo, progress=False)
    result = evaluation.cross_validate("logistic", X, demo, baseline=False)
    told = trained.facts["scores"]["held out"]
    expected = result.scores()["uar"]
    assert told["uar"] == {key: round(value, 4) for key, value in expected.items()}
    assert (told["n_clips"], told["n_speakers"], told["folds"]) == (192, 8, "speaker")


def test_the_card_says_where_it_comes_from(trained):
    facts = trained.facts
    assert facts["training"]["n_clips"] == 192
    assert facts["training_corpora"] == ["demo"] == list(trained.training_corpora)
    assert list(facts["features"]) == ["log_seconds", "level_db"]
    assert {"sertools", "numpy", "scikit-learn", "skops"} <= set(facts["versions"])
    assert facts["note"] is None  # synthetic: nobody acted
    assert any("Synthetic" in text for text in facts["warnings"])


def test_few_clips_of_held_out_speakers_are_far(trained):
    assert trained.facts["scores"]["held out"]["abstains"] <= 0.1
    far = np.full((2, 16_000 * 3), 1e-4, np.float32)
    assert trained.predict(far).tolist() == ["other", "other"]


def test_the_same_seed_gives_the_same_head(trained, demo, hum, tmp_path):
    again = training.train(hum, "logistic", demo, tmp_path / "b", progress=False)
    paths = list(demo["path"].iloc[:9])
    assert np.array_equal(again.predict_proba(paths), trained.predict_proba(paths))
    card = "card.json"
    texts = [(m.weights_path() / card).read_text() for m in (again, trained)]
    assert texts[0] == texts[1]


def test_one_may_ask_for_an_answer_always(demo, hum, tmp_path):
    made = training.train(
        hum, "svm", demo, tmp_path / "x", abstain=False, progress=False
    )
    assert "other" not in made.classes_
    assert "abstains" not in made.facts["scores"]["held out"]


def test_heads_of_ones_own_and_several_embedders(demo, tmp_path):
    clips = datasets.select(demo, max_clips=48)
    both = models.load("duration_loudness+mfcc")
    forest = RandomForestClassifier(20, random_state=0)
    for head in (forest, "average"):
        made = training.train(both, head, clips, tmp_path / "x", progress=False)
        scores = made.predict_proba(list(clips["path"].iloc[:4]))
        assert np.allclose(scores.sum(axis=1), 1)
        assert made.embedder.spec == "duration_loudness+mfcc"


def test_other_corpora_are_tested_on_the_emotions_both_know(demo, hum, tmp_path):
    few = datasets.select(demo, ["angry", "sad", "happy"])
    made = training.train(
        hum, "logistic", few, tmp_path / "x", tests={"all": demo}, progress=False
    )
    told = made.facts["scores"]["test: all"]
    shared = demo["emotion"].isin(["angry", "sad", "happy"]).sum()
    assert told["n_clips"] == shared and told["folds"] is None


# Where it is saved


def test_its_own_folder_is_replaced_and_nothing_else(demo, hum, tmp_path):
    few = datasets.select(demo, max_clips=48)
    out = tmp_path / "mine"
    for head in ("logistic", "svm"):
        made = training.train(hum, head, few, out, progress=False)
    assert made.facts["head"] == "svm"
    (out / "thesis.txt").write_text("do not lose me")
    with pytest.raises(FileExistsError, match="holds other things"):
        training.train(hum, "logistic", few, out, progress=False)
    assert (out / "thesis.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_failure_leaves_what_was_there(demo, hum, tmp_path, monkeypatch):
    few = datasets.select(demo, max_clips=48)
    out = tmp_path / "mine"
    training.train(hum, "logistic", few, out, progress=False)
    before = (out / "card.json").read_text()

    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr(files, "write_json", fail)
    with pytest.raises(OSError, match="disk full"):
        training.train(hum, "svm", few, out, progress=False)
    assert (out / "card.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_is_no_place_for_a_folder(demo, hum, tmp_path):
    (tmp_path / "x").touch()
    with pytest.raises(FileExistsError, match="a file"):
        training.train(hum, "logistic", demo, tmp_path / "x")


@pytest.mark.parametrize(
    ("model", "head", "said"),
    [("mfcc", None, "name a head"), ("mfcc", "smv", "Did you mean svm")],
)
def test_what_cannot_be_trained_is_refused(demo, model, head, said):
    clips = datasets.select(demo, max_clips=16)
    with pytest.raises(ValueError, match=said):
        training.train(models.load(model), head, clips, progress=False)
    with pytest.raises(ValueError, match="No clips"):
        training.train(models.load(model), "svm", clips.iloc[:0])


# Systems that train whole


class Loudness(Classifier):
    """Tell loud from soft, after training."""

    name, title, license, reference = "loudness", "Loudness", "CC0-1.0", "none"
    sampling_rate, has_weights = 8_000, True
    rates = []

    @property
    def classes_(self):
        return np.array(["angry", "sad"])

    def fit(self, X, y=None, speakers=None, seed=0):
        type(self).rates += [len(waveform) for waveform in X[:1]]
        levels = np.array([np.abs(waveform).mean() for waveform in X])
        self.edge_ = (levels[y == "angry"].mean() + levels[y == "sad"].mean()) / 2
        self.held_ = set(speakers)
        return self

    def save(self, folder):
        folder.mkdir()
        files.write_json(folder / "card.json", {"edge": float(self.edge_)})

    def _predict_proba(self, waveforms):
        loud = np.array([np.abs(w).mean() > self.edge_ for w in waveforms], float)
        return np.c_[loud, 1 - loud]


def test_a_system_with_its_own_training_goes_the_same_way(tmp_path, monkeypatch):
    rows = []
    for speaker in "abcdef":
        for emotion, level in (("angry", 0.5), ("sad", 0.05)):
            path = tmp_path / f"{speaker}{emotion}.wav"
            noise = level * np.random.default_rng(0).uniform(-1, 1, 16_000)
            soundfile.write(path, noise, 16_000)
            rows.append((f"x/{path.stem}", str(path), emotion, speaker, "x", None))
    (tmp_path / "empty.wav").touch()
    rows.append(("x/empty", str(tmp_path / "empty.wav"), "sad", "a", "x", None))
    names = ["clip", "path", "emotion", "speaker", "dataset", "sex"]
    clips = pd.DataFrame(rows, columns=names).set_index("clip")
    monkeypatch.setattr(training.models, "load", lambda spec, weights: weights)
    model = Loudness()
    folder = training.train(model, None, clips, tmp_path / "out", command="x")
    facts = json.loads((folder / "card.json").read_text())
    assert facts["edge"] == pytest.approx(model.edge_)
    assert facts["scores"]["held out"]["uar"]["value"] == 1.0
    assert facts["scores"]["held out"]["folds"] == "5 of speakers"
    (excluded,) = facts["training"]["excluded"]
    assert excluded["clip"] == "x/empty" and "empty file" in excluded["reason"]
    assert set(Loudness.rates) == {8_000}
    assert model.held_ == set("abcdef")
    with pytest.raises(ValueError, match="trains whole"):
        training.train(model, "svm", clips, tmp_path / "out2")
