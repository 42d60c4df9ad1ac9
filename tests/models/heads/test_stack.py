import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from sertools import trust
from sertools.models import heads
from sertools.models.heads import Average, Stack

FOUR = ("angry", "happy", "neutral", "sad")
NAMES = [*(f"good/{i}" for i in range(4)), *(f"bad/{i}" for i in range(4))]


def half_noise(speech, seed=0):
    """Keep one set's features, and make noise of the other's."""
    noise = np.random.default_rng(seed).normal(size=(len(speech.y), 4))
    return pd.DataFrame(np.c_[speech.X[:, :4], noise], columns=NAMES)


def test_a_set_that_knows_nothing_is_not_believed(make_speech):
    train, test = make_speech(FOUR, apart=1.5), make_speech(FOUR, apart=1.5, seed=1)
    loss = {}
    for kind in (Average, Stack):
        head = kind(heads.make("logistic"), **({"C": 1.0} if kind is Stack else {}))
        head.fit(half_noise(train), train.y, train.speakers)
        scores = head.predict_proba(half_noise(test, seed=1))
        codes = np.searchsorted(head.classes_, test.y)
        loss[kind] = -np.log(scores[np.arange(len(codes)), codes]).mean()
    assert loss[Stack] < loss[Average]


def test_it_learns_from_speakers_who_were_held_out(make_speech):
    """Answers about clips that a head has learnt by heart would be believed more."""
    train = make_speech(FOUR, features=40, apart=0.2, own=3.0)
    strangers = [f"{i % 5}" for i in range(len(train.y))]  # clips of one speaker apart
    by_speaker, by_clip = (
        Stack(heads.make("logistic")).fit(train.X, train.y, who)
        for who in (train.speakers, strangers)
    )
    weights = [np.abs(head.final_.coef_).sum() for head in (by_speaker, by_clip)]
    assert weights[0] < weights[1]


@pytest.mark.parametrize("known", [None, 2])
def test_with_too_few_speakers_it_is_the_average(known, make_speech):
    train = make_speech(FOUR, speakers=known or 4)
    X = pd.DataFrame(train.X, columns=NAMES)
    who = train.speakers if known else None
    stack, average = (
        kind(heads.make("logistic")).fit(X, train.y, who) for kind in (Stack, Average)
    )
    assert stack.final_ is None
    assert np.array_equal(stack.predict_proba(X), average.predict_proba(X))


def test_an_emotion_of_one_speaker_alone_is_learnt(make_speech):
    X, y, speakers = make_speech(FOUR)
    kept = (y != "sad") | (speakers == "s02")
    head = Stack(heads.make("logistic")).fit(X[kept], y[kept], speakers[kept])
    assert list(head.classes_) == list(FOUR)
    assert np.allclose(head.predict_proba(X).sum(axis=1), 1)


def test_it_is_saved_and_read_again(make_speech, tmp_path):
    train = make_speech(FOUR)
    head = heads.fit(heads.make("stack"), *train)
    again = trust.load_head(trust.save_head(head, tmp_path / "stack.skops"))
    assert np.array_equal(again.predict_proba(train.X), head.predict_proba(train.X))


def test_it_passes_scikit_learns_own_checks():
    check_estimator(Stack(LogisticRegression()), on_skip=None)
