"""Train on some speakers, test on the others: really, and on what is said there."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sertools import datasets, features, models
from sertools.evaluation import cross_validate, load, predict, transfer
from sertools.evaluation._cross_validation import matching, taken, told, unseen
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models import heads
from sertools.models.base import Classifier
from sertools.models.heads import RankGauss


class Spy(ClassifierMixin, BaseEstimator):
    """Write down the rows it is trained and tested on, by their first feature."""

    def __init__(self, diary):
        self.diary = diary

    def __sklearn_clone__(self):
        return Spy(self.diary)  # one diary for all clones

    def fit(self, X, y, groups=None):
        self.classes_ = np.unique(y)
        self.entry_ = {"trained": np.asarray(X)[:, 0], "groups": groups}
        return self

    def predict_proba(self, X):
        self.diary.append({**self.entry_, "tested": np.asarray(X)[:, 0]})
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


class Loud(Classifier):
    """Take what is loud for angry, and the rest for sad; it knows disgust, too."""

    name = "loud"
    title = license = reference = "a test's own"
    classes_ = np.array(["angry", "disgust", "sad"])

    def _predict_proba(self, waveforms):
        angry = np.array([float(np.std(w) > 0.1) for w in waveforms])
        return 0.9 * np.c_[angry, 0 * angry, 1 - angry] + 0.1 / 3


def numbered(X):
    """Put each row's own number into its first feature."""
    return X.assign(**{X.columns[0]: np.arange(len(X), dtype=np.float32)})


def probabilities(result):
    return result.predictions.set_index("clip")[result.classes]


@pytest.mark.parametrize("speakers", [3, 10, 24])
def test_no_speaker_is_on_both_sides_of_any_training(speakers, imagined):
    clips, X = imagined(speakers=speakers, clips=2)
    who, diary = clips["speaker"].to_numpy(), []
    result = cross_validate(Spy(diary), numbered(X), clips)
    assert len(diary) == min(speakers, 10)
    for entry in diary:
        trained, tested = entry["trained"].astype(int), entry["tested"].astype(int)
        assert not set(who[trained]) & set(who[tested])
        assert sorted([*trained, *tested]) == list(range(len(clips)))
        assert np.array_equal(entry["groups"], who[trained])
    tested = np.concatenate([entry["tested"] for entry in diary])
    assert sorted(tested) == list(range(len(clips)))
    assert result.info["leaking"] is False


def test_labels_of_the_test_clips_change_nothing(corpus):
    clips, X = corpus
    clips["part"] = np.where(clips["speaker"] == "mine/s00", "first", "second")
    first = clips["part"] == "first"
    turned = clips.assign(
        emotion=clips["emotion"].where(~first, clips["emotion"][::-1].to_numpy())
    )
    for head in ("svm", "logistic", "random_forest"):
        one, other = (
            probabilities(cross_validate(head, X, table, folds="part"))[
                first.to_numpy()
            ]
            for table in (clips, turned)
        )
        assert one.equals(other)


@pytest.mark.parametrize("standardize", ["none", "speaker"])
def test_the_numbers_are_those_of_a_plain_loop(standardize, imagined):
    clips, X = imagined(speakers=6, clips=5)
    result = cross_validate("logistic", X, clips, standardize=standardize)
    values = X.to_numpy(float, copy=True)
    predicted = pd.Series(index=X.index, dtype=object)
    if standardize == "speaker":
        for speaker in clips["speaker"].unique():
            own = (clips["speaker"] == speaker).to_numpy()
            values[own] = StandardScaler().fit_transform(values[own])
    expected = []
    for speaker in clips["speaker"].unique():
        test = (clips["speaker"] == speaker).to_numpy()
        scale = make_pipeline(RankGauss(), StandardScaler()).fit(values[~test])
        train_X = scale.transform(values[~test]) / np.sqrt(X.shape[1])
        test_X = scale.transform(values[test]) / np.sqrt(X.shape[1])
        head = LogisticRegression(C=3, class_weight="balanced", max_iter=2000)
        head.fit(train_X, clips["emotion"][~test])
        predicted[test] = head.predict(test_X)
        expected.append(head.predict_proba(test_X))
    found = probabilities(result).to_numpy()
    assert found == pytest.approx(np.concatenate(expected), abs=2e-3)
    assert result.predictions["predicted"].tolist() == predicted.tolist()
    uar = balanced_accuracy_score(clips["emotion"], predicted)
    assert result.scores()["uar"]["value"] == pytest.approx(uar)


def test_the_svm_is_scikit_learns(imagined):
    clips, X = imagined(speakers=6, clips=5)
    predicted = pd.Series(index=X.index, dtype=object)
    for speaker in clips["speaker"].unique():
        test = (clips["speaker"] == speaker).to_numpy()
        svc = SVC(class_weight="balanced", decision_function_shape="ovo")
        machine = make_pipeline(RankGauss(), StandardScaler(), svc)
        machine.fit(X.to_numpy()[~test], clips["emotion"][~test])
        one, two, three = machine.decision_function(X.to_numpy()[test]).T
        sums = np.array([one + two, three - one, -two - three])  # 0-1, 0-2, 1-2
        predicted[test] = machine.classes_[sums.argmax(axis=0)]
    result = cross_validate("svm", X, clips)
    assert result.predictions["predicted"].tolist() == predicted.tolist()


def test_clips_and_features_are_matched_by_name_not_by_place(corpus):
    clips, X = corpus
    mixed = cross_validate("logistic", X.sample(frac=1, random_state=0), clips)
    straight = probabilities(cross_validate("logistic", X, clips))
    assert probabilities(mixed).loc[X.index].to_numpy() == pytest.approx(
        straight.to_numpy(), abs=1e-3
    )
    true = mixed.predictions.set_index("clip")["emotion"]
    assert true.loc[clips.index].tolist() == clips["emotion"].tolist()


def test_the_predictions_say_of_each_clip_what_is_known(corpus):
    clips, X = corpus
    table = cross_validate("svm", X, clips).predictions.set_index("clip")
    assert table.index.tolist() == clips.index.tolist()
    for column in ("emotion", "speaker", "sex"):
        assert table[column].equals(clips[column])
    assert table["fold"].tolist() == clips["speaker"].tolist()
    assert table["path"].isna().all()
    assert np.allclose(table[["angry", "happy", "sad"]].sum(axis=1), 1)


def test_an_emotion_absent_from_a_training_gets_probability_0_and_a_warning(corpus):
    clips, X = corpus
    kept = (clips["emotion"] != "happy") | (clips["speaker"] == "mine/s02")
    result = cross_validate("svm", X[kept], clips[kept])
    table = result.predictions
    alone = table["speaker"] == "mine/s02"
    assert (table.loc[alone, "happy"] == 0).all()
    assert (table.loc[~alone, "happy"] > 0).all()
    assert np.allclose(table[result.classes].sum(axis=1), 1)
    assert result.per_class().at["happy", "recall"] == 0
    assert result.warnings == [
        "No training clips of an emotion tested in fold mine/s02 (happy)."
    ]


def test_every_emotion_can_be_absent_in_turn(corpus):
    clips, X = corpus
    result = cross_validate("random_forest", X, clips, folds="emotion")
    assert result.scores()["uar"]["value"] == 0
    assert "angry (angry); happy (happy); sad (sad)" in result.warnings[-1]


def test_tuning_never_sees_the_clips_that_are_tested(corpus):
    clips, X = corpus
    clips["part"] = np.where(clips["speaker"] == "mine/s00", "first", "second")
    first = (clips["part"] == "first").to_numpy()
    turned = clips.assign(
        emotion=clips["emotion"].where(~first, clips["emotion"][::-1].to_numpy())
    )
    one, other = (
        cross_validate("logistic", X, table, folds="part", tune=True)
        for table in (clips, turned)
    )
    assert probabilities(one)[first].equals(probabilities(other)[first])
    assert one.info["tuned"]["first"] == other.info["tuned"]["first"]


def test_what_was_chosen_in_each_fold_is_told(imagined):
    clips, X = imagined(speakers=4)
    result = cross_validate("svm", X, clips, tune=True, baseline=False)
    assert set(result.info["tuned"]) == set(clips["speaker"])
    assert all(set(one) == {"C", "gamma"} for one in result.info["tuned"].values())
    assert result.info["head"] == "svm"
    assert result.warnings[0].startswith("Tuned in each fold, on training speakers")
    assert "Tuned in each fold" in repr(result)
    assert cross_validate("svm", X, clips).info["tuned"] is None


def test_with_few_training_speakers_the_defaults_stand_and_that_is_told(imagined):
    clips, X = imagined(speakers=3)
    result, plain = (
        cross_validate("logistic", X, clips, tune=tune) for tune in (True, False)
    )
    assert set(result.info["tuned"].values()) == {None}
    assert "Not tuned in 3 of 3 folds, the first mine/s00" in result.warnings[0]
    assert probabilities(result).equals(probabilities(plain))


def test_tuned_again_is_the_same_again(imagined):
    clips, X = imagined(speakers=4)
    for head in ("svm", "average"):
        one, other = (
            cross_validate(head, X, clips, tune=True, baseline=False) for _ in range(2)
        )
        assert probabilities(one).equals(probabilities(other))


def test_a_head_of_ones_own_is_not_tuned_here(corpus):
    clips, X = corpus
    with pytest.raises(ValueError, match="Wrap it in a search of your own"):
        cross_validate(LogisticRegression(), X, clips, tune=True)


def test_heads_of_several_sets_see_the_sets(imagined):
    clips, X = imagined(speakers=4)
    two = X.set_axis([f"{'ab'[i % 2]}/f{i}" for i in range(X.shape[1])], axis=1)
    for head, tune in (("average", True), ("average", False)):
        whole, fused = (
            cross_validate(head, table, clips, tune=tune, baseline=False)
            for table in (X, two)
        )
        assert not probabilities(whole).equals(probabilities(fused))


def test_seeds_decide_and_are_written_down(corpus):
    clips, X = corpus
    first, again, other = (
        cross_validate("random_forest", X, clips, folds="sex", seed=seed)
        for seed in (1, 1, 2)
    )
    assert probabilities(first).equals(probabilities(again))
    assert not probabilities(first).equals(probabilities(other))
    assert (first.info["seed"], other.info["seed"]) == (1, 2)
    numpy = cross_validate("svm", X, clips, seed=np.int64(3))
    assert json.loads(json.dumps(numpy.metrics()))["seed"] == 3


def test_seeds_decide_random_folds(corpus):
    clips, X = corpus
    one, other = (
        cross_validate("svm", X, clips, folds="random", seed=seed) for seed in (0, 1)
    )
    assert not one.predictions["fold"].equals(other.predictions["fold"])


def test_random_folds_are_flagged_wherever_the_result_shows(corpus, tmp_path):
    clips, X = corpus
    result = cross_validate("svm", X, clips, folds="random")
    assert result.info["leaking"] is True
    assert any(line.startswith("LEAKING FOLDS (random)") for line in result.warnings)
    assert "LEAKING FOLDS" in repr(result)
    assert "LEAKING FOLDS" in result._repr_html_()
    metrics = json.loads((result.save(tmp_path) / "metrics.json").read_text())
    assert metrics["leaking"] is True
    assert "LEAKING FOLDS" in metrics["warnings"][0]


def test_random_folds_flatter_where_speakers_have_habits(imagined):
    clips, X = imagined(speakers=6, clips=10, apart=0.5)
    honest, flattered = (
        cross_validate("svm", X, clips, folds=folds).scores()["uar"]["value"]
        for folds in ("speaker", "random")
    )
    assert flattered > honest + 0.1


def test_published_folds_are_used_as_published(imagined):
    clips, X = imagined(speakers=24, clips=2)
    actors = clips["speaker"].str[-2:].astype(int) + 1
    clips = clips.assign(dataset="ravdess", speaker=[f"ravdess/{a:02}" for a in actors])
    result = cross_validate("svm", X, clips, folds="published:emobox")
    folds = result.predictions.groupby("fold")["speaker"].agg(set)
    assert folds["1"] == {f"ravdess/{actor}" for actor in ("01", "11", "20", "21")}
    assert len(folds) == 6
    assert result.info["folds"] == "published:emobox"
    assert any("ravdess: CC-BY-NC-SA-4.0" in x for x in result.provenance["licenses"])


def test_folds_by_column_and_by_splitter(corpus):
    clips, X = corpus
    by_sex = cross_validate("svm", X, clips, folds="sex")
    assert by_sex.predictions["fold"].equals(by_sex.predictions["sex"].rename("fold"))
    halves = cross_validate("svm", X, clips, folds=GroupKFold(2))
    assert halves.predictions["fold"].nunique() == 2
    assert halves.info["folds"] == repr(GroupKFold(2))
    assert halves.info["leaking"] is by_sex.info["leaking"] is False


def test_unknown_speakers_are_refused_with_a_way_out(corpus):
    clips, X = corpus
    with pytest.raises(ValueError, match=r"Add a speaker column .* or take folds='ran"):
        cross_validate("svm", X, clips.assign(speaker=None))


def test_unknown_speakers_leave_random_folds_and_no_interval(corpus):
    clips, X = corpus
    result = cross_validate("svm", X, clips.assign(speaker=None), folds="random")
    assert result.info["leaking"] is None
    assert result.scores()["uar"]["low"] is None
    assert result.warnings[0].startswith("It is not known who speaks")


def test_two_speakers_are_scored_without_an_interval(imagined):
    clips, X = imagined(speakers=2)
    result = cross_validate("svm", X, clips)
    assert result.n_speakers == 2
    assert result.scores()["uar"]["low"] is None
    assert result.warnings == [
        "2 speakers: too few for an interval. Look at each speaker's own score."
    ]
    assert set(result.metrics()["per_speaker"]) == {"mine/s00", "mine/s01"}


def test_one_speaker_cannot_be_held_out(imagined):
    clips, X = imagined(speakers=1)
    with pytest.raises(ValueError, match="nothing is left to train on"):
        cross_validate("svm", X, clips)
    assert cross_validate("svm", X, clips, folds="random").info["leaking"] is True


def test_standardising_by_speaker_is_marked(corpus):
    clips, X = corpus
    result = cross_validate("svm", X, clips, standardize="speaker")
    assert result.info["standardize"] == "speaker"
    assert result.warnings[0].startswith("Standardised by speaker: presumes that one")
    assert "Not to be ranked" in repr(result)
    assert cross_validate("svm", X, clips, standardize="corpus").warnings == []


def test_an_unknown_standardisation_is_refused(corpus):
    clips, X = corpus
    with pytest.raises(ValueError, match=r"'speakers'\. Known: none, corpus, speaker"):
        cross_validate("svm", X, clips, standardize="speakers")


def test_the_baseline_is_duration_and_loudness_on_the_same_folds(recorded):
    clips, X = recorded
    result = cross_validate("svm", X, clips, folds="sex")
    simple = features.extract(models.load("duration_loudness"), clips, store=False)
    expected = cross_validate("logistic", simple, clips, folds="sex", baseline=False)
    assert result.baseline == expected.scores()
    assert result.baseline["uar"]["value"] > 0.5  # the angry ones are loud
    assert result.metrics()["baseline"] == result.baseline
    assert cross_validate("svm", X, clips, baseline=False).baseline is None


def test_the_baseline_is_standardised_as_the_score_is(recorded):
    clips, X = recorded
    clips = clips.assign(speaker="mine/" + clips["emotion"])  # who is loud, is angry
    simple = features.extract(models.load("duration_loudness"), clips, store=False)
    options = {"folds": "sex", "standardize": "speaker"}
    result = cross_validate("svm", X, clips, **options)
    expected = cross_validate("logistic", simple, clips, baseline=False, **options)
    assert result.baseline == expected.scores()
    plain = cross_validate("svm", X, clips, folds="sex")
    assert result.baseline != plain.baseline


def test_without_files_there_is_no_baseline(recorded):
    clips, X = recorded
    absent = clips.assign(path="/no/such/file.wav")
    for table in (clips.assign(path=None), absent, clips.drop(columns="path")):
        assert cross_validate("svm", X, table).baseline is None


def test_synthetic_speech_and_silent_clips_are_pointed_out(corpus):
    clips, X = corpus
    FeaturesMetadata.update(X, silent=[clips.index[0], "mine/elsewhere"])
    result = cross_validate("svm", X, clips.assign(dataset="demo"))
    assert result.info["synthetic"] is True
    assert result.warnings[0].startswith("Synthetic speech: these scores show that")
    assert "silent" in result.warnings[1] and clips.index[0] in result.warnings[1]


def test_what_was_left_out_is_carried_along(recorded, tmp_path):
    clips, _ = recorded
    (tmp_path / "empty.wav").touch()
    clips.loc[clips.index[3], "path"] = str(tmp_path / "empty.wav")
    clips.loc[clips.index[5], "path"] = str(tmp_path / "nowhere.wav")
    ClipsMetadata.update(
        clips, excluded=[{"clip": "song.wav", "reason": "song, not speech"}]
    )
    chosen = datasets.select(clips, "angry,happy")
    X = features.extract(models.load("duration_loudness"), chosen, store=False, jobs=1)
    result = cross_validate("logistic", X, chosen)
    reasons = {item["clip"]: item["reason"] for item in result.excluded}
    assert reasons == {
        "song.wav": "song, not speech",
        clips.index[3]: "an empty file (0 bytes)",
        clips.index[5]: "no such file",
    }
    assert result.filtered == {"emotion not asked for": 16}
    assert len(result.predictions) == 30
    assert result.info["model"] == "duration_loudness"
    assert result.provenance["corpus_sha256"] == FeaturesMetadata.of(X).corpus_sha256


def test_clips_without_features_are_named(corpus):
    clips, X = corpus
    result = cross_validate("svm", X.drop(clips.index[[4, 7]]), clips)
    assert len(result.predictions) == 46
    assert result.excluded == [
        {"clip": clips.index[4], "reason": "no features given"},
        {"clip": clips.index[7], "reason": "no features given"},
    ]


def test_a_table_of_ones_own_needs_emotions_and_speakers_only(corpus):
    clips, X = corpus
    FeaturesMetadata.update(X, model="an extractor of mine")
    own = clips[["emotion", "speaker"]].rename_axis(None)
    result = cross_validate("svm", X.rename_axis(None), own)
    assert result.predictions["clip"].tolist() == clips.index.tolist()
    assert result.info["model"] == "an extractor of mine"
    assert result.provenance["licenses"] == []


@pytest.mark.parametrize("name", ["svm", "random_forest", "logistic", "average"])
@pytest.mark.parametrize("seed", [0, 7])
def test_heads_are_called_by_their_names(name, seed, corpus):
    clips, X = corpus
    result = cross_validate(name, X, clips, folds="sex", seed=seed)
    assert result.info["head"] == name


def test_ones_own_classifier_is_used_and_named_by_its_class(corpus):
    clips, X = corpus
    forest = RandomForestClassifier(n_estimators=5, random_state=0)
    result = cross_validate(forest, X, clips)
    assert result.info["head"] == "RandomForestClassifier"
    assert not hasattr(forest, "classes_")


def test_ones_own_classifier_may_choose_features_by_name(corpus):
    clips, X = corpus
    chosen = make_column_transformer(("passthrough", make_column_selector("f[01]")))
    by_name = cross_validate(make_pipeline(chosen, LogisticRegression()), X, clips)
    alone = cross_validate(LogisticRegression(), X[["f0", "f1"]], clips)
    assert probabilities(by_name).equals(probabilities(alone))


def test_average_tells_the_embedders_apart(corpus):
    clips, X = corpus
    fused = X.set_axis(
        ["mfcc/a", "mfcc/b", *(f"opensmile/{i}" for i in range(4))], axis=1
    )
    result = cross_validate("average", fused, clips)
    parts = [
        probabilities(cross_validate("logistic", fused.iloc[:, own], clips))
        for own in (slice(0, 2), slice(2, 6))
    ]
    mean = (parts[0] + parts[1]) / 2
    assert probabilities(result).to_numpy() == pytest.approx(mean.to_numpy())


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda X, clips: (X.to_numpy(), clips), r"pandas\.DataFrame\(X, index=clips"),
        (
            lambda X, clips: (X.to_numpy()[1:], clips),
            "47 rows of features for 48 clips",
        ),
        (lambda X, clips: (X, clips.iloc[3:]), "3 rows of features belong to no clip"),
        (lambda X, clips: (X, pd.concat([clips, clips[:1]])), "twice among the clips"),
        (lambda X, clips: (pd.concat([X, X[:1]]), clips), "twice among the features"),
        (lambda X, clips: (X, clips.drop(columns="emotion")), "no column 'emotion'"),
        (lambda X, clips: (X[:4], clips), r"One emotion only \(angry\)"),
    ],
)
def test_tables_that_do_not_fit_are_refused(spoil, line, corpus):
    clips, X = corpus
    X, clips = spoil(X, clips)
    with pytest.raises(ValueError, match=line):
        cross_validate("svm", X, clips)


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("svmm", r"Unknown head 'svmm'\. Did you mean svm"),
        (SVC(), "CalibratedClassifi"),
    ],
)
def test_unfit_heads_are_refused(head, line, corpus):
    clips, X = corpus
    with pytest.raises(ValueError, match=line):
        cross_validate(head, X, clips)


def test_the_features_and_clips_given_stay_as_they_are(corpus):
    clips, X = corpus
    before = clips.copy(), X.copy()
    cross_validate("svm", X, clips, standardize="speaker")
    assert clips.equals(before[0]) and X.equals(before[1])


def test_a_model_that_classifies_is_tested_without_training(recorded):
    clips, _ = recorded
    result = predict(Loud(), clips, store=False)
    assert result.classes == result.emotions == ["angry", "sad"]
    assert result.scores()["uar"]["value"] == 1
    assert result.filtered == {"loud has no class happy": 16}
    assert result.info["model"] == "loud"
    assert result.info.get("head") is None
    assert len(result.predictions) == 32
    assert set(result.predictions["fold"]) == {""}


def test_classes_that_the_clips_lack_give_their_probability_away_and_are_named(
    recorded,
):
    clips, _ = recorded
    result = predict(Loud(), clips, store=False)
    scores = result.predictions[result.classes].to_numpy()
    assert np.allclose(np.sort(scores, axis=1), [0.1 / 2.9, 2.8 / 2.9])
    assert result.warnings[0] == (
        "Compared on angry, sad: loud also knows disgust, whose share (3% on average) "
        "went to these in proportion."
    )


def test_finding_no_emotion_counts_as_a_mistake(recorded):
    class Deaf(Loud):
        classes_ = np.array(["angry", "other", "sad"])

        def _predict_proba(self, waveforms):
            return np.tile([0.2, 0.5, 0.3], (len(waveforms), 1))

    clips, _ = recorded
    result = predict(Deaf(), clips, store=False)
    assert result.classes == ["angry", "other", "sad"]
    assert set(result.predictions["predicted"]) == {"other"}
    assert result.scores()["uar"]["value"] == 0
    assert result.chance == 0.5


def test_a_row_without_any_shared_probability_is_spread_evenly(recorded):
    class Elsewhere(Loud):
        def _predict_proba(self, waveforms):
            return np.tile([0.0, 1.0, 0.0], (len(waveforms), 1))

    clips, _ = recorded
    result = predict(Elsewhere(), clips, store=False)
    assert (result.predictions[["angry", "sad"]] == 0.5).all(axis=None)
    assert result.warnings[1].startswith("32 clips were given no probability for any")


def test_a_model_that_knows_none_of_the_emotions_is_refused(recorded):
    clips, _ = recorded
    happy = clips[clips["emotion"] == "happy"]
    with pytest.raises(ValueError, match="loud knows angry, disgust, sad; the clips"):
        predict(Loud(), happy.assign(emotion=["happy", "calm"] * 8), store=False)


def test_a_model_without_emotions_needs_a_head(recorded):
    clips, _ = recorded
    with pytest.raises(ValueError, match="gives features, not emotions"):
        predict(models.load("mfcc"), clips)


@pytest.fixture(scope="module")
def emodb(real_data):
    clips = datasets.load("emodb", real_data / "emodb")
    clips = datasets.select(clips, "angry,happy,neutral,sad")
    assert len(clips) == 339
    return clips


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "head", "standardize", "floor"),
    [
        ("opensmile", "svm", "none", 0.75),
        ("opensmile:ComParE_2016", "logistic", "none", 0.83),
        ("opensmile:ComParE_2016", "svm", "speaker", 0.87),
    ],
)
def test_emodb_is_recognised_as_well_as_it_should_be(
    model, head, standardize, floor, emodb
):
    X = features.extract(models.load(model), emodb, progress=False)
    result = cross_validate(head, X, emodb, standardize=standardize)
    score = result.scores()["uar"]
    assert result.n_speakers == 10
    assert floor <= score["value"] < 1
    assert score["low"] < score["value"] < score["high"]
    assert result.baseline["uar"]["high"] < score["low"]


BOTH = "average of logistic and svm"


def fused(X):
    """Name half of the features as one set, half as another."""
    return X.set_axis([f"{'ab'[i % 2]}/f{i}" for i in range(X.shape[1])], axis=1)


@pytest.fixture
def two_parts(imagined):
    """Give six speakers, three of them to be tested first, three then."""
    clips, X = imagined(speakers=6, clips=2, apart=4.0)
    early = ["mine/s00", "mine/s01", "mine/s02"]
    clips["part"] = np.where(clips["speaker"].isin(early), "first", "second")
    return clips, fused(X), (clips["part"] == "first").to_numpy()


def test_what_only_the_tested_clips_show_has_no_say(two_parts):
    """One set gives the first part's emotions away, and says nothing else."""
    clips, X, first = two_parts
    a = [name for name in X if name.startswith("a/")]
    noise = np.random.default_rng(0).normal(size=(len(X), len(a)))
    truth = np.unique(clips["emotion"], return_inverse=True)[1][:, None]
    plain, planted = X.copy(), X.copy()
    plain[a] = noise
    planted[a] = np.where(first[:, None], 10.0 * truth, noise)
    one, other = (
        cross_validate("best", table, clips, folds="part").info["chosen"]
        for table in (plain, planted)
    )
    losses = [other[part]["losses"] for part in ("first", "second")]
    assert one["first"] == other["first"]
    assert losses[0]["logistic on a"] > losses[0]["logistic on b"] + 0.2
    assert one["second"] != other["second"]  # there, it is training
    assert losses[1]["logistic on a"] < 0.1 < one["second"]["losses"]["logistic on a"]


def test_labels_of_the_tested_clips_have_no_say(two_parts):
    clips, X, first = two_parts
    turned = clips.assign(
        emotion=clips["emotion"].where(~first, clips["emotion"][::-1].to_numpy())
    )
    one, other = (
        cross_validate("best", X, table, folds="part") for table in (clips, turned)
    )
    assert one.info["chosen"]["first"] == other.info["chosen"]["first"]
    probabilities = [
        result.predictions[result.classes][first] for result in (one, other)
    ]
    assert probabilities[0].equals(probabilities[1])


def test_what_was_chosen_is_told_shown_and_kept(imagined, tmp_path):
    clips, X = imagined(speakers=4)
    result = cross_validate("best", fused(X), clips, baseline=False)
    chosen = result.info["chosen"]
    assert set(chosen) == set(clips["speaker"])
    assert result.info["head"] == "best" and result.info["tuned"] is None
    for one in chosen.values():
        assert one["losses"][one["candidate"]] == min(one["losses"].values())
        assert all({"scaling", "C"} == set(s) for s in one["settings"].values())
    assert result.warnings[0].startswith("Chosen in each fold, on training speakers")
    assert " of 4)" in repr(result) and " of 4)" in result._repr_html_()
    again = load(result.save(tmp_path))
    assert again.info["chosen"] == chosen
    assert json.loads((tmp_path / "metrics.json").read_text())["more"]["chosen"]


def test_where_nothing_can_be_chosen_that_is_told(imagined):
    clips, X = imagined(speakers=3)
    result = cross_validate("best", X, clips, baseline=False)
    assert {one["candidate"] for one in result.info["chosen"].values()} == {BOTH}
    assert result.warnings[0].startswith(
        "Nothing could be chosen in 3 of 3 folds, the first mine/s00: fewer than three"
    )
    assert BOTH in result.warnings[0]


def test_from_corpus_to_corpus_it_is_told_too(imagined):
    clips, X = imagined(speakers=4)
    clips["dataset"] = np.where(clips["speaker"] == "mine/s00", "there", "here")
    result = transfer("best", X, clips, "there", baseline=False)
    assert list(result.info["chosen"]) == ["there"]
    assert any(line.startswith("Chosen in each fold") for line in result.warnings)


def test_other_heads_choose_nothing(imagined):
    clips, X = imagined()
    head = heads.make("logistic").fit(X, clips["emotion"])
    assert taken(head) == {}
    assert cross_validate("svm", X, clips, baseline=False).info["chosen"] is None


def test_clips_come_in_the_order_of_the_features():
    clips = pd.DataFrame({"emotion": ["sad", "fear", "sad"]}, index=list("abc"))
    X = pd.DataFrame({"x": [1, 2]}, index=["c", "b"])
    assert matching(X, clips).index.tolist() == ["c", "b"]


def test_what_heads_chose_is_told_in_a_line():
    tuned = {"tuned": {"1": {"C": 1.0}, "2": {"C": 1.0}}}
    words = "Tuned in each fold, on training speakers held out: C = 1.0 (2x)."
    assert told(tuned) == [words]
    chosen = {"chosen": {"1": {"candidate": "svm", "losses": {"svm": 0.3}}}}
    words = "Chosen in each fold, on training speakers held out: svm (1 of 1)."
    assert told(chosen) == [words]


def test_an_emotion_that_no_training_clip_has_is_told_with_its_fold():
    found = unseen(pd.Series(["sad", "fear", "sad"]), pd.Series(["1", "2", "2"]))
    assert found == ["No training clips of an emotion tested in fold 2 (fear)."]


def test_a_fold_that_leaves_one_emotion_is_named():
    index = pd.Index(list("abcd"), name="clip")
    clips = pd.DataFrame(
        {"emotion": ["sad", "sad", "angry", "sad"], "part": ["1", "1", "2", "1"]},
        index=index,
    ).assign(speaker=list("wxyz"))
    X = pd.DataFrame({"x": [0.0, 1, 2, 3]}, index=index)
    with pytest.raises(ValueError, match="Fold 1 leaves only clips of angry to train"):
        cross_validate("logistic", X, clips, folds="part")
