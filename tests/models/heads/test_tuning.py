import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.utils.estimator_checks import check_estimator

from sertools import trust
from sertools.models import heads
from sertools.models.heads import Tuned
from sertools.models.heads._held_out import held_out, sweep

FOUR = ("angry", "happy", "neutral", "sad")
GRID = [{"C": 1e-4}, {"C": 1.0}]


@pytest.mark.parametrize("name", ["svm", "logistic", "average"])
def test_the_scores_are_those_of_a_plain_search(name, make_speech):
    X, y, speakers = make_speech(FOUR, apart=0.7, own=2.0)
    tuned = heads.fit(heads.make(name, tune=True), X, y, speakers)
    expected = []
    for setting in tuned.grid:
        predicted = np.empty_like(y)
        for train, test in held_out(np.unique(y, return_inverse=True)[1], speakers):
            head = clone(tuned.head).set_params(**setting, **(tuned.quick or {}))
            heads.fit(head, X[train], y[train], speakers[train])
            predicted[test] = head.predict(X[test])
        expected.append(balanced_accuracy_score(y, predicted))
    assert tuned.scores_ == pytest.approx(expected)
    assert tuned.chosen_ == tuned.grid[int(np.argmax(np.round(expected, 9)))]
    plain = heads.fit(clone(tuned.head).set_params(**tuned.chosen_), X, y, speakers)
    assert tuned.predict_proba(X) == pytest.approx(plain.predict_proba(X))


def test_of_equals_the_most_regularised_is_taken(make_speech):
    easy = make_speech(FOUR, apart=9.0)
    head = heads.fit(heads.make("logistic", tune=True), *easy)
    assert (head.scores_ == 1).all()
    assert head.chosen_ == {"logistic__C": 0.3}


def test_speakers_are_held_out_not_clips(make_speech):
    """Where clips of one speaker are alike, only speakers held out show it."""
    X, y, speakers = make_speech(("angry", "sad"), apart=0.0, own=5.0, clips=8)
    head = Tuned(LogisticRegression(), [{"C": 10.0}]).fit(X, y, speakers)
    assert head.scores_[0] < 0.8
    strangers = [f"{i % 24}" for i in range(len(y))]
    mixed = Tuned(LogisticRegression(), [{"C": 10.0}]).fit(X, y, strangers)
    assert mixed.scores_[0] > head.scores_[0] + 0.1


@pytest.mark.parametrize("known", [None, 1, 2])
def test_too_few_speakers_leave_the_head_as_it_is(known, make_speech):
    train = make_speech(FOUR, speakers=known or 4)
    who = train.speakers if known else None
    head = Tuned(LogisticRegression(C=0.5), GRID).fit(train.X, train.y, who)
    assert head.chosen_ is None and head.scores_ is None
    assert head.head_.C == 0.5


def test_a_class_of_one_clip_leaves_the_head_as_it_is(make_speech):
    X, y, speakers = make_speech(FOUR)
    kept = (y != "sad") | (np.arange(len(y)) == len(y) - 1)
    head = Tuned(LogisticRegression(), GRID).fit(X[kept], y[kept], speakers[kept])
    assert head.chosen_ is None


def test_an_emotion_of_one_speaker_alone_is_no_trouble(make_speech):
    X, y, speakers = make_speech(FOUR)
    kept = (y != "sad") | (speakers == "s02")
    for name in ("svm", "logistic", "average"):
        head = heads.make(name, tune=True)
        heads.fit(head, X[kept], y[kept], speakers[kept])
        assert list(head.classes_) == list(FOUR) and head.chosen_


def test_every_setting_is_answered_as_if_alone(make_speech):
    train, test = make_speech(FOUR, features=60), make_speech(FOUR, features=60, seed=1)
    head = heads.make("average", tune=True)
    names = [f"{'ab'[i % 2]}/f{i}" for i in range(60)]
    X, others = (pd.DataFrame(part.X, columns=names) for part in (train, test))
    found = sweep(head.head, head.grid, X, train.y, train.speakers, others)
    for setting, scores in zip(head.grid, found, strict=True):
        alone = clone(head.head).set_params(**setting).fit(X, train.y)
        assert scores == pytest.approx(alone.predict_proba(others))


def test_a_tuned_head_is_saved_and_read_again(make_speech, tmp_path):
    train = make_speech(FOUR)
    for name in ("svm", "average"):
        head = heads.fit(heads.make(name, tune=True), *train)
        path = trust.save_head(head, tmp_path / f"{name}.skops")
        again = trust.load_head(path)
        assert np.array_equal(again.predict_proba(train.X), head.predict_proba(train.X))
        assert again.chosen_ == head.chosen_


def test_it_passes_scikit_learns_own_checks():
    check_estimator(Tuned(LogisticRegression(), GRID), on_skip=None)
