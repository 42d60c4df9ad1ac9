import json
import shutil

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sertools import datasets, evaluation, features, models
from sertools.evaluation import concat_corpora, cross_validate, transfer
from sertools.metadata import ClipsMetadata
from sertools.models import heads


@pytest.fixture
def pair(imagined):
    """Give two corpora; only the first has fear."""
    one, _ = imagined(emotions=("angry", "fear", "sad"))
    two, _ = imagined(emotions=("angry", "sad"), seed=1)
    one = one.assign(dataset="one").add_prefix("one/", axis=0)
    return one, two.assign(dataset="two").add_prefix("two/", axis=0)


def test_emotions_that_not_all_have_are_left_out_and_counted(pair):
    clips = concat_corpora(pair)
    assert set(clips["emotion"]) == {"angry", "sad"}
    assert len(clips) == 64
    assert ClipsMetadata.of(clips).filtered == {"fear of one, not in every corpus": 16}


def test_what_the_tables_told_is_kept(pair):
    one, two = pair
    excluded = [{"clip": "x", "reason": "y"}]
    ClipsMetadata(excluded, {"beyond max_clips": 2}).attach(one)
    ClipsMetadata(filtered={"beyond max_clips": 3}).attach(two)
    clips = concat_corpora([one, two])
    assert ClipsMetadata.of(clips).filtered["beyond max_clips"] == 5
    assert ClipsMetadata.of(clips).excluded == [{"clip": "x", "reason": "y"}]


def test_too_few_shared_emotions_are_refused_with_what_each_has(pair):
    one, two = pair
    with pytest.raises(ValueError, match=r"one: angry, fear, sad; two: happy, sad"):
        concat_corpora([one, two.replace({"emotion": {"angry": "happy"}})])


def test_a_clip_in_two_tables_is_refused(pair):
    one, two = pair
    with pytest.raises(ValueError, match="Clip one/mine/s00_angry_0 is in two"):
        concat_corpora([one, pd.concat([two, one.head(1).assign(dataset="two")])])


@pytest.fixture
def two(imagined):
    """Give two corpora of other people, the second shifted as by a microphone."""
    parts = []
    for number, name in enumerate(("here", "there")):
        clips, X = imagined(seed=number)
        for column in ("speaker", "dataset"):
            clips[column] = clips[column].str.replace("mine", name)
        names = clips.index.str.replace("mine", name)
        clips.index = X.index = pd.Index(names, name="clip")
        microphone = np.random.default_rng(7).normal(0, 6, X.shape[1])
        parts.append((clips, X + np.float32(number * microphone)))
    return tuple(pd.concat(part) for part in zip(*parts, strict=True))


def by_hand(clips, X, form):
    scaled = features.standardize(X, clips, form)
    train, test = (clips["dataset"] == name for name in ("here", "there"))
    head = heads.make("logistic").fit(scaled[train].to_numpy(), clips["emotion"][train])
    predicted = head.predict(scaled[test].to_numpy())
    return recall_score(clips["emotion"][test], predicted, average="macro")


@pytest.mark.parametrize("form", ["none", "corpus", "speaker"])
def test_the_score_is_that_of_a_head_fitted_on_the_other_corpus(two, form):
    clips, X = two
    result = transfer("logistic", X, clips, "there", standardize=form)
    assert result.scores()["uar"]["value"] == pytest.approx(by_hand(clips, X, form))
    assert set(result.predictions["speaker"]) == set(
        clips.loc[clips["dataset"] == "there", "speaker"]
    )
    assert result.info["standardize"] == form


def test_standardising_by_corpus_undoes_another_microphone(two):
    clips, X = two
    plain = transfer("logistic", X, clips, "there")
    scaled = transfer("logistic", X, clips, "there", standardize="corpus")
    gain = scaled.scores()["uar"]["value"] - plain.scores()["uar"]["value"]
    assert gain > 0.2
    assert any("of the corpus tested on" in line for line in scaled.warnings)
    assert not plain.warnings


def test_both_sides_are_told(two, tmp_path):
    clips, X = two
    result = transfer("logistic", X, clips, "there", train="here")
    shown = repr(result)
    assert "trained on here (48 clips, 4 speakers)" in shown
    assert "tested on there (48 clips, 4 speakers)" in result._repr_html_()
    result.save(tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["folds"] == "train here -> test there"
    assert metrics["dataset"] == "there"
    assert metrics["leaking"] is False
    assert metrics["train"] == {
        "datasets": ["here"],
        "n_clips": 48,
        "n_speakers": 4,
        "emotions": {"angry": 16, "happy": 16, "sad": 16},
    }
    assert metrics["test"]["datasets"] == ["there"]
    loaded = evaluation.load(tmp_path)
    assert loaded.scores() == result.scores()
    assert loaded.info["train"] == result.train


def test_emotions_that_only_one_side_has_are_left_out(two):
    clips, X = two
    clips = clips.copy()
    rows = (clips["dataset"] == "here") & (clips["emotion"] == "happy")
    clips.loc[rows, "emotion"] = "boredom"
    result = transfer("logistic", X, clips, "there")
    assert result.classes == ["angry", "sad"]
    assert result.filtered == {
        "boredom of here, not in every corpus": 16,
        "happy of there, not in every corpus": 16,
    }


def test_a_third_corpus_is_neither_used_nor_told_of(two, imagined):
    clips, X = two
    other, Y = imagined(seed=5, emotions=("angry", "sad"))
    clips, X = pd.concat([clips, other]), pd.concat([X, Y])
    ClipsMetadata.update(
        clips, excluded=[{"clip": n, "reason": "r"} for n in ("mine/x", "here/x")]
    )
    result = transfer("logistic", X, clips, "there", train="here")
    assert result.classes == ["angry", "happy", "sad"]
    assert result.filtered == {}
    assert [row["clip"] for row in result.excluded] == ["here/x"]
    both = transfer("logistic", X, clips, "there")
    assert both.info["folds"] == "train here+mine -> test there"
    assert both.classes == ["angry", "sad"]


def test_clips_without_features_are_named(two):
    clips, X = two
    result = transfer("logistic", X.iloc[1:], clips, "there")
    assert result.excluded == [{"clip": clips.index[0], "reason": "no features given"}]


def test_a_speaker_on_both_sides_leaks(two):
    clips, X = two
    clips = clips.copy()
    clips.loc[clips["speaker"] == "there/s01", "speaker"] = "here/s02"
    result = transfer("logistic", X, clips, "there")
    assert result.info["leaking"] is True
    assert "1 speakers are in training and test (here/s02)" in result.warnings[0]


def test_unknown_speakers_are_neither_here_nor_there(two):
    clips, X = two
    clips = clips.copy()
    clips.loc[clips["dataset"] == "here", "speaker"] = None
    result = transfer("logistic", X, clips, "there")
    assert result.info["leaking"] is None
    assert result.train["n_speakers"] is None
    assert "in the clips trained on" in result.warnings[0]
    assert "speakers unknown" in repr(result)


def test_a_file_on_both_sides_leaks_and_the_baseline_is_trained_alike(recorded):
    clips, X = recorded
    there = clips["speaker"].isin(["mine/s02", "mine/s03"])
    clips["dataset"] = np.where(there, "there", "here")
    result = transfer("logistic", X, clips, "there")
    assert result.info["leaking"] is False
    meter = features.extract(models.load("duration_loudness"), clips, progress=False)
    alone = transfer("logistic", meter, clips, "there", baseline=False)
    assert result.baseline == alone.scores()
    mine, theirs = clips["path"][~there].iloc[0], clips["path"][there].iloc[-1]
    shutil.copy(mine, theirs)
    result = transfer("logistic", X, clips, "there", baseline=False)
    assert result.info["leaking"] is True
    assert "mine/s00_angry_0 = mine/s03_sad_3" in result.warnings[0]
    assert result.baseline is None


@pytest.mark.parametrize(
    ("test", "train", "said"),
    [
        ("nowhere", None, r"No clips of nowhere. Corpora here: here, there"),
        ("there", ["there"], "trained on and tested on"),
        ("there", ["here", "gone"], "No clips of gone"),
    ],
)
def test_what_cannot_be_crossed_is_refused(two, test, train, said):
    clips, X = two
    with pytest.raises(ValueError, match=said):
        transfer("logistic", X, clips, test, train)


def test_tuning_chooses_inside_training_and_is_told(two):
    clips, X = two
    result = transfer("logistic", X, clips, "there", tune=True)
    assert list(result.info["tuned"]) == ["there"]
    chosen = result.info["tuned"]["there"]
    shuffled = clips.copy()
    there = shuffled["dataset"] == "there"
    answers = shuffled.loc[there, "emotion"]
    shuffled.loc[there, "emotion"] = answers.sample(frac=1, random_state=0).to_numpy()
    again = transfer("logistic", X, shuffled, "there", tune=True)
    assert again.info["tuned"]["there"] == chosen
    assert any(line.startswith("Tuned") for line in result.warnings)


def test_one_corpus_is_not_enough(corpus):
    clips, X = corpus
    with pytest.raises(ValueError, match="only corpus"):
        transfer("logistic", X, clips, "mine")


def test_it_agrees_with_a_fold_a_corpus(two):
    clips, X = two
    folds = cross_validate("logistic", X, clips, folds="dataset").predictions
    crossed = transfer("logistic", X, clips, "there").predictions
    same = folds[folds["fold"] == "there"].reset_index(drop=True)
    pd.testing.assert_frame_equal(crossed, same)


@pytest.mark.slow
def test_emodb_to_ravdess(real_data):
    clips = evaluation.concat_corpora(
        datasets.select(
            datasets.load(name, root=real_data / name), "angry,happy,neutral,sad"
        )
        for name in ("emodb", "ravdess")
    )
    X = features.extract(models.load("opensmile"), clips, progress=False)
    head = make_pipeline(
        StandardScaler(),
        LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000),
    )
    given = {"test": "ravdess", "train": "emodb", "baseline": False}
    uars = {
        form: transfer(head, X, clips, standardize=form, **given).scores()["uar"]
        for form in ("none", "corpus", "speaker")
    }
    found = {form: uar["value"] for form, uar in uars.items()}
    known = {"none": 0.438, "corpus": 0.500, "speaker": 0.477}  # on four actors
    assert found == pytest.approx(known, abs=0.03)
    elsewhere = {"none": 0.36, "corpus": 0.49, "speaker": 0.55}
    for form, uar in uars.items():
        assert uar["low"] < elsewhere[form] < uar["high"]


def test_it_says_where_every_clip_gets_the_same_answer():
    """Another microphone can push all clips to one side of what was learnt."""
    rng = np.random.default_rng(0)
    emotions = np.tile(["angry", "sad"], 24)
    speakers = np.repeat([f"s{i}" for i in range(12)], 4)
    corpora = np.repeat(["near", "far"], 24)
    index = pd.Index([f"c{i}" for i in range(48)], name="clip")
    clips = pd.DataFrame(
        {"emotion": emotions, "speaker": speakers, "dataset": corpora}, index
    )
    loud = (emotions == "angry") + 50.0 * (corpora == "far")
    X = pd.DataFrame({"loud": loud + rng.normal(0, 0.1, 48)}, index)
    result = transfer("logistic", X, clips, test="far", baseline=False)
    assert "Every clip is called angry: nothing is told apart." in result.warnings
    assert result.scores()["uar"] == {"value": 0.5, "low": None, "high": None}
    kept = transfer(
        "logistic", X, clips, test="far", baseline=False, standardize="corpus"
    )
    assert not [line for line in kept.warnings if line.startswith("Every clip")]
