import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import get_scorer, log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from sertools import datasets, features, models
from sertools.models.heads import SpeakerSVC

TWO, FOUR = ("angry", "sad"), ("angry", "happy", "neutral", "sad")
SEVEN = (*FOUR, "boredom", "disgust", "fear")


def twin(**options):
    """Give the machine of scikit-learn that it should be equal to."""
    return SVC(gamma="scale", class_weight="balanced", break_ties=True, **options)


def held_out_loss(X, y, speakers) -> tuple[float, float]:
    """Average the log loss over speakers held out: with temperature, and without."""
    with_it, without = [], []
    for speaker in np.unique(speakers):
        test = speakers == speaker
        scale = StandardScaler().fit(X[~test])
        head = SpeakerSVC().fit(scale.transform(X[~test]), y[~test], speakers[~test])
        for losses, temperature in ((with_it, head.temperature_), (without, 1.0)):
            head.temperature_ = temperature
            scores = head.predict_proba(scale.transform(X[test]))
            losses.append(log_loss(y[test], scores, labels=head.classes_))
    return np.mean(with_it), np.mean(without)


@pytest.mark.parametrize("emotions", [TWO, FOUR, SEVEN])
@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_the_classes_are_those_of_scikit_learn(emotions, penalty, make_speech):
    train = make_speech(emotions, apart=1.0)
    kept = np.random.default_rng(0).random(len(train.y)) < 0.6  # uneven classes
    X, y, speakers = (part[kept] for part in train)
    test = make_speech(emotions, speakers=10, apart=1.0, seed=1)
    head = SpeakerSVC(C=penalty).fit(X, y, speakers)
    expected = twin(C=penalty).fit(X, y).predict(test.X)
    assert np.array_equal(head.predict(test.X), expected)
    scores = head.predict_proba(test.X)
    assert np.array_equal(head.classes_[scores.argmax(axis=1)], expected)


@pytest.mark.parametrize("temperature", [np.exp(-4), 0.5, 1.0, np.exp(4)])
def test_no_temperature_changes_the_order_of_the_classes(temperature, make_speech):
    head = SpeakerSVC().fit(*make_speech(SEVEN))
    X = make_speech(SEVEN, seed=1).X
    order = head.decision_function(X).argsort(axis=1)
    head.temperature_ = temperature
    assert np.array_equal(head.predict_proba(X).argsort(axis=1), order)


def test_probabilities_are_better_than_without_temperature(make_speech):
    for apart, own in ((1.0, 1.0), (0.5, 2.0), (3.0, 0.5)):
        tempered, plain = held_out_loss(*make_speech(FOUR, apart=apart, own=own))
        assert tempered < plain


def test_probabilities_of_real_speech_are_better_too(real_data):
    clips = datasets.load("emodb", real_data / "emodb")
    clips = datasets.select(clips, ",".join(FOUR))
    X = features.extract(models.load("opensmile"), clips, progress=False)
    clips = clips.loc[X.index]
    y, speakers = clips["emotion"].to_numpy(str), clips["speaker"].to_numpy(str)
    tempered, plain = held_out_loss(X.to_numpy(), y, speakers)
    assert tempered < plain


def test_the_temperature_comes_from_speakers_held_out(make_speech):
    """Who mixes speakers believes too much in what speakers do not share."""
    X, y, speakers = make_speech(FOUR, apart=0.5, own=2.0)
    by_speaker = SpeakerSVC().fit(X, y, speakers).temperature_
    by_clip = SpeakerSVC().fit(X, y).temperature_
    assert by_speaker > 2 * by_clip


def test_two_classes_have_two_columns(make_speech):
    train, test = make_speech(TWO), make_speech(TWO, seed=1)
    head = SpeakerSVC().fit(*train)
    expected = twin().fit(train.X, train.y).decision_function(test.X)
    assert head.decision_function(test.X) == pytest.approx(expected)
    scores = head.predict_proba(test.X)
    assert scores.shape == (len(test.X), 2)
    assert np.allclose(scores.sum(axis=1), 1)
    assert np.array_equal(scores[:, 1] > 0.5, expected > 0)
    area = get_scorer("roc_auc")(head, test.X, test.y)
    assert area == roc_auc_score(test.y == "sad", scores[:, 1]) > 0.9


def test_an_emotion_of_one_speaker_alone_is_learnt(make_speech):
    X, y, speakers = make_speech(FOUR)
    kept = (y != "sad") | (speakers == "s02")
    head = SpeakerSVC().fit(X[kept], y[kept], speakers[kept])
    assert list(head.classes_) == list(FOUR)
    assert 0 < head.temperature_ < np.exp(4)
    assert (head.predict_proba(X) > 0).all()
    expected = twin().fit(X[kept], y[kept]).predict(X)
    assert np.array_equal(head.predict(X), expected)


def test_where_nobody_can_be_held_out_the_temperature_is_one(make_speech):
    X, y, speakers = make_speech(FOUR, speakers=2, clips=1)
    once = (y != "sad") | (speakers == "s00")  # a class of one clip
    assert SpeakerSVC().fit(X[once], y[once], speakers[once]).temperature_ == 1
    own = (speakers == "s00") == np.isin(y, TWO)  # classes that no two speakers share
    assert SpeakerSVC().fit(X[own], y[own], speakers[own]).temperature_ == 1


def test_one_class_is_refused_by_its_name(make_speech):
    with pytest.raises(ValueError, match=r"Only one class: sad\. Two are needed"):
        SpeakerSVC().fit(*make_speech(("sad",)))


def test_it_passes_scikit_learns_own_checks():
    check_estimator(SpeakerSVC(), on_skip=None)


def test_features_that_never_vary_are_no_trouble():
    head = SpeakerSVC().fit(np.ones((8, 3)), list(TWO) * 4, list("aabbccdd"))
    assert np.allclose(head.predict_proba(np.ones((1, 3))).sum(), 1)


def test_the_order_of_the_clips_does_not_matter(make_speech):
    X, y, speakers = make_speech(FOUR)
    order = np.random.default_rng(0).permutation(len(y))
    head = SpeakerSVC().fit(X, y, speakers)
    mixed = clone(head).fit(X[order], y[order], speakers[order])
    test = make_speech(FOUR, seed=1).X
    assert np.array_equal(head.predict(test), mixed.predict(test))
