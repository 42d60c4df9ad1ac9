import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.utils.estimator_checks import check_estimator

from sertools import models
from sertools.models import heads
from sertools.models.heads import Average

FOUR = ("angry", "happy", "neutral", "sad")
NAMES = [
    "mfcc/a",
    "mfcc/b",
    "opensmile:X/c",
    "mfcc/d",
    *(f"opensmile:X/{i}" for i in range(4)),
]
MFCC, SMILE = [0, 1, 3], [2, 4, 5, 6, 7]


@pytest.fixture
def parts(make_speech):
    train, test = make_speech(FOUR), make_speech(FOUR, speakers=2, seed=1)
    return train, test


@pytest.mark.parametrize("name", ["logistic", "svm"])
def test_probabilities_are_the_mean_over_one_head_a_set(name, parts):
    train, test = parts
    head = Average(heads.make(name))
    head.fit(pd.DataFrame(train.X, columns=NAMES), train.y, train.speakers)
    alone = [
        heads.fit(heads.make(name), train.X[:, own], train.y, train.speakers)
        for own in (MFCC, SMILE)
    ]
    pairs = zip(alone, (MFCC, SMILE), strict=True)
    scores = [h.predict_proba(test.X[:, own]) for h, own in pairs]
    table = pd.DataFrame(test.X, columns=NAMES)
    assert head.predict_proba(table) == pytest.approx(np.mean(scores, axis=0))
    assert list(head.classes_) == list(FOUR)
    best = head.classes_[np.mean(scores, axis=0).argmax(axis=1)]
    assert np.array_equal(head.predict(table), best)


@pytest.mark.parametrize(
    "columns", [None, list("abcdefgh"), [f"mfcc/{i}" for i in range(8)]]
)
def test_one_set_is_one_head(columns, parts):
    train, test = parts
    X = train.X if columns is None else pd.DataFrame(train.X, columns=columns)
    head = heads.fit(heads.make("average"), X, train.y)
    plain = heads.make("logistic").fit(train.X, train.y)
    test_X = test.X if columns is None else pd.DataFrame(test.X, columns=columns)
    assert head.predict_proba(test_X) == pytest.approx(plain.predict_proba(test.X))


def test_features_in_another_order_are_refused(parts):
    train, test = parts
    head = Average(heads.make("logistic"))
    head.fit(pd.DataFrame(train.X, columns=NAMES), train.y)
    with pytest.raises(ValueError, match="same order"):
        head.predict(pd.DataFrame(test.X, columns=NAMES)[NAMES[::-1]])


def test_it_passes_scikit_learns_own_checks():
    check_estimator(Average(LogisticRegression()), on_skip=None)


def test_the_sets_are_those_that_a_fusion_writes(voices):
    fused = models.load("mfcc+opensmile").set_output(transform="pandas")
    X = fused.transform(voices)
    head = heads.make("average").fit(X, ["sad", "angry"] * 4)
    widths = [h.n_features_in_ for h in head.heads_]
    assert list(head.sets_) == ["mfcc", "opensmile"]
    assert widths == [80, 88]
