import itertools

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.metrics import get_scorer, log_loss, roc_auc_score
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import check_estimator

from sertools import datasets, features, models
from sertools.models import heads
from sertools.models.heads import SpeakerSVC

TWO, FOUR = ("angry", "sad"), ("angry", "happy", "neutral", "sad")
SEVEN = (*FOUR, "boredom", "disgust", "fear")


def expected(X, y, asked, penalty=1.0):
    """Name classes by the sums of scikit-learn's own margins, pair by pair."""
    machine = {"C": penalty, "gamma": "scale", "class_weight": "balanced"}
    twin = SVC(decision_function_shape="ovo", **machine).fit(X, y)
    count = len(twin.classes_)
    margins, total = twin.decision_function(asked), np.zeros((len(asked), count))
    if count == 2:
        margins = -margins[:, None]  # of two, the second is the positive one
    pairs = itertools.combinations(range(count), 2)
    for (first, second), margin in zip(pairs, margins.T, strict=True):
        total[:, first] += margin
        total[:, second] -= margin
    return twin.classes_[total.argmax(axis=1)]


def held_out_loss(X, y, speakers) -> tuple[float, float]:
    """Average the log loss over speakers held out: with temperature, and without."""
    with_it, without = [], []
    for speaker in np.unique(speakers):
        test = speakers == speaker
        scale = heads.make("svm")[:-1].fit(X[~test])
        head = SpeakerSVC().fit(scale.transform(X[~test]), y[~test], speakers[~test])
        for losses, temperature in ((with_it, head.temperature_), (without, 1.0)):
            head.temperature_ = temperature
            scores = head.predict_proba(scale.transform(X[test]))
            losses.append(log_loss(y[test], scores, labels=head.classes_))
    return np.mean(with_it), np.mean(without)


@pytest.mark.parametrize("emotions", [TWO, FOUR, SEVEN])
@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_the_classes_are_those_of_scikit_learns_margins(emotions, penalty, make_speech):
    train = make_speech(emotions, apart=1.0)
    kept = np.random.default_rng(0).random(len(train.y)) < 0.6  # uneven classes
    X, y, speakers = (part[kept] for part in train)
    test = make_speech(emotions, speakers=10, apart=1.0, seed=1)
    head = SpeakerSVC(C=penalty).fit(X, y, speakers)
    due = expected(X, y, test.X, penalty)
    assert np.array_equal(head.predict(test.X), due)
    scores = head.predict_proba(test.X)
    assert np.array_equal(head.classes_[scores.argmax(axis=1)], due)


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


@pytest.fixture(scope="module")
def emodb(real_data):
    """Give EmoDB's features, emotions and speakers."""
    clips = datasets.load("emodb", real_data / "emodb")
    clips = datasets.select(clips, ",".join(FOUR))
    X = features.extract(models.load("opensmile"), clips, progress=False)
    clips = clips.loc[X.index]
    return X.to_numpy(), *(clips[name].to_numpy(str) for name in ("emotion", "speaker"))


def answers(make, X, y, speakers) -> np.ndarray:
    """Ask about each speaker in turn, held out."""
    found = np.zeros((len(y), len(np.unique(y))))
    for speaker in np.unique(speakers):
        test = speakers == speaker
        head = heads.fit(make(), X[~test], y[~test], speakers[~test])
        found[test] = head.predict_proba(X[test])
    return found


def test_probabilities_of_real_speech_are_better_too(emodb):
    tempered, plain = held_out_loss(*emodb)
    assert tempered < plain


def test_its_confidence_tells_right_from_wrong_on_real_speech(emodb):
    scores = answers(lambda: heads.make("svm"), *emodb)
    right = np.unique(emodb[1])[scores.argmax(axis=1)] == emodb[1]
    assert roc_auc_score(right, scores.max(axis=1)) > 0.65  # of votes: 0.60
    assert np.ptp(np.quantile(scores.max(axis=1), [0.01, 0.99])) > 0.4  # 0.15


def test_clips_far_out_get_answers_of_their_own(emodb):
    X, y, speakers = emodb
    head = heads.fit(heads.make("svm"), X, y, speakers)
    away = np.random.default_rng(0).choice([-1, 1], (20, X.shape[1]))
    near, far = (
        head.predict_proba(X.mean(axis=0) + size * away * X.std(axis=0))
        for size in (30, 1e6)
    )
    assert far == pytest.approx(near)  # bounded: farther is not further
    assert len(np.unique(far.round(6), axis=0)) == len(away)


def test_a_machine_saved_with_votes_for_values_answers_as_it_did(make_speech):
    X, y, speakers = make_speech(FOUR)
    head = SpeakerSVC().fit(X, y, speakers)
    head.svc_.decision_function_shape = "ovr"
    votes = SVC(gamma="scale", class_weight="balanced").fit(X, y).decision_function(X)
    scores = softmax(votes / head.temperature_, axis=1)
    assert head.predict_proba(X) == pytest.approx(scores)


def test_the_temperature_comes_from_speakers_held_out(make_speech):
    """Who mixes speakers believes too much in what speakers do not share."""
    X, y, speakers = make_speech(FOUR, apart=0.5, own=2.0)
    by_speaker = SpeakerSVC().fit(X, y, speakers).temperature_
    by_clip = SpeakerSVC().fit(X, y).temperature_
    assert by_speaker > 2 * by_clip


def test_two_classes_have_two_columns(make_speech):
    train, test = make_speech(TWO), make_speech(TWO, seed=1)
    head = SpeakerSVC().fit(*train)
    twin = SVC(gamma="scale", class_weight="balanced").fit(train.X, train.y)
    margins = twin.decision_function(test.X)
    assert head.decision_function(test.X) == pytest.approx(margins)
    scores = head.predict_proba(test.X)
    assert scores.shape == (len(test.X), 2)
    assert np.allclose(scores.sum(axis=1), 1)
    assert np.array_equal(scores[:, 1] > 0.5, margins > 0)
    area = get_scorer("roc_auc")(head, test.X, test.y)
    assert area == roc_auc_score(test.y == "sad", scores[:, 1]) > 0.9


def test_an_emotion_of_one_speaker_alone_is_learnt(make_speech):
    X, y, speakers = make_speech(FOUR)
    kept = (y != "sad") | (speakers == "s02")
    head = SpeakerSVC().fit(X[kept], y[kept], speakers[kept])
    assert list(head.classes_) == list(FOUR)
    assert 0 < head.temperature_ < np.exp(4)
    assert (head.predict_proba(X) > 0).all()
    due = expected(X[kept], y[kept], X)
    assert np.array_equal(head.predict(X), due)


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
