import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import check_estimator

from sertools import datasets, models, training, trust
from sertools.models import heads
from sertools.models.heads import Best, _model_selection
from sertools.models.heads._held_out import held_out
from sertools.models.heads._model_selection import PENALTIES, SCALINGS, listed, made
from sertools.models.heads._temperature import fit_temperature, log_loss, temper

FOUR = ("angry", "happy", "neutral", "sad")


NAMES = [*(f"good/{i}" for i in range(5)), *(f"bad/{i}" for i in range(3))]


BOTH = "average of logistic and svm"


def table(speech, bad=False):
    """Name two sets of features; make noise of the second if it is to be bad."""
    X = speech.X.copy()
    if bad:
        X[:, 5:] = np.random.default_rng(len(X)).normal(size=(len(X), 3))
    return pd.DataFrame(X, columns=NAMES)


def test_the_losses_are_those_of_a_plain_search(make_speech):
    X, y, speakers = make_speech(FOUR, own=2.0, speakers=4)
    head = heads.fit(Best(), X, y, speakers)
    codes = np.unique(y, return_inverse=True)[1]
    weights = compute_sample_weight("balanced", codes)
    least = {}
    for family in ("logistic", "svm"):
        costs = []
        for setting in [{"scaling": s, "C": C} for s in SCALINGS for C in PENALTIES]:
            told = np.zeros((len(y), 4))
            for train, test in held_out(codes, speakers):
                one = made(family, **setting).fit(X[train], codes[train])
                told[test] = one.predict_proba(X[test])
            warm = fit_temperature(told, codes, weights)
            costs.append(log_loss(temper(told, warm), codes, weights))
        least[family] = min(costs)
    assert {name: head.losses_[name] for name in least} == pytest.approx(least)
    taken = min(head.losses_, key=head.losses_.get)
    assert head.chosen_["candidate"] == taken


def test_it_answers_as_what_it_chose(make_speech, monkeypatch):
    train, test = make_speech(FOUR), make_speech(FOUR, speakers=2, seed=1)
    only(monkeypatch, "svm on good")
    head = heads.fit(Best(), table(train), train.y, train.speakers)
    (setting,) = head.chosen_["settings"].values()
    alone = made("svm", **setting).fit(train.X[:, :5], train.y)
    plain = alone.predict_proba(test.X[:, :5])
    [[_, _, temperature]] = head.parts_
    warm = temper(temper(plain, temperature), head.temperature_)
    assert head.predict_proba(table(test)) == pytest.approx(warm)
    assert np.array_equal(head.predict(table(test)), alone.predict(test.X[:, :5]))


def test_a_set_of_noise_is_not_taken_alone(make_speech):
    train = make_speech(FOUR, apart=1.5, speakers=4)
    losses = Best().fit(table(train, bad=True), train.y, train.speakers).losses_
    assert max(losses, key=losses.get).endswith("on bad")
    assert losses["logistic on good"] < losses["logistic on bad"] - 0.5


def test_of_equals_the_simplest_is_taken(make_speech):
    easy = make_speech(FOUR, apart=9.0)
    head = heads.fit(Best(), *easy)
    assert head.losses_["logistic"] == min(head.losses_.values()) == 0
    assert head.chosen_ == {
        "candidate": "logistic",
        "settings": {"logistic": {"scaling": "standard", "C": 0.1}},
    }


def test_what_says_the_same_costs_the_same_and_the_first_stands(make_speech):
    train = make_speech(FOUR, features=3, speakers=4)
    twice = pd.DataFrame(
        np.c_[train.X, train.X], columns=[f"{s}/{i}" for s in "ab" for i in range(3)]
    )
    losses = heads.fit(Best(), twice, train.y, train.speakers).losses_
    assert losses["logistic on a"] == losses["logistic on b"]
    assert losses["svm on a"] == losses["average of svm"]
    assert list(losses).index("svm on a") < list(losses).index("average of svm")


def test_speakers_are_held_out_not_clips(make_speech):
    """Where clips of one speaker are alike, only speakers held out show it."""
    X, y, speakers = make_speech(("angry", "sad"), apart=0.0, own=5.0, speakers=5)
    strangers = np.array([f"{i % 5}" for i in range(len(y))])
    apart, mixed = (Best().fit(X, y, who).losses_ for who in (speakers, strangers))
    assert min(apart.values()) > 0.5
    assert min(mixed.values()) < 0.2


@pytest.mark.parametrize("known", [None, 1, 2])
def test_with_too_few_speakers_it_is_the_average_of_all(known, make_speech):
    train = make_speech(FOUR, speakers=known or 4)
    who = train.speakers if known else None
    head = heads.fit(Best(), table(train), train.y, who)
    assert head.losses_ is None
    assert head.chosen_["candidate"] == BOTH
    usual = {"logistic": 10.0, "svm": 1.0}
    parts = [
        made(family, "standard", C).fit(part, train.y).predict_proba(part)
        for family, C in usual.items()
        for part in (train.X[:, :5], train.X[:, 5:])
    ]
    assert head.predict_proba(table(train)) == pytest.approx(np.mean(parts, axis=0))


def test_an_emotion_of_one_speaker_alone_is_no_trouble(make_speech):
    X, y, speakers = make_speech(FOUR)
    kept = (y != "sad") | (speakers == "s02")
    head = heads.fit(Best(), X[kept], y[kept], speakers[kept])
    assert list(head.classes_) == list(FOUR)
    assert head.losses_
    assert np.allclose(head.predict_proba(X).sum(axis=1), 1)


def test_a_class_of_one_clip_leaves_nothing_to_choose_by(make_speech):
    X, y, speakers = make_speech(FOUR)
    kept = (y != "sad") | (np.arange(len(y)) == len(y) - 1)
    head = heads.fit(Best(), X[kept], y[kept], speakers[kept])
    assert head.losses_ is None and list(head.classes_) == list(FOUR)


def test_processes_change_no_number(make_speech, monkeypatch):
    train = make_speech(FOUR, speakers=4)
    monkeypatch.setattr(_model_selection, "_SMALL", 0)
    one, two = (Best(jobs=jobs).fit(*train).losses_ for jobs in (1, 2))
    assert one == two


@pytest.mark.parametrize("name", ["svm on good", BOTH])
def test_it_is_saved_and_read_again(name, make_speech, monkeypatch, tmp_path):
    train = make_speech(FOUR, speakers=4)
    only(monkeypatch, name)
    head = heads.fit(heads.make("best"), table(train), train.y, train.speakers)
    assert head.chosen_["candidate"] == name
    assert len(head.parts_) == (1 if name == "svm on good" else 4)
    again = trust.load_head(trust.save_head(head, tmp_path / "best.skops"))
    X = table(train)
    assert np.array_equal(again.predict_proba(X), head.predict_proba(X))
    assert (again.chosen_, again.losses_) == (head.chosen_, head.losses_)


def test_it_is_trained_saved_and_asked_like_any_other(tmp_path):
    clips = datasets.load("demo")
    clips = clips[clips["speaker"].isin(sorted(clips["speaker"].unique())[::2])]
    clips = datasets.select(clips, "angry,sad", max_clips=24)
    both = models.load("duration_loudness+mfcc")
    training.train(
        both, "best", clips, tmp_path / "mine", folds="sex", progress=False
    )  # only the head on all clips has enough speakers to choose by: quick
    again = models.load("trained", weights=tmp_path / "mine")
    scores = again.predict_proba(list(clips["path"].iloc[:4]))
    assert np.allclose(scores.sum(axis=1), 1)
    chosen = again.backend.head.chosen_["candidate"]
    assert again.facts["head"] == f"best: {chosen}"
    assert chosen in again.backend.head.losses_
    told = "Nothing could be chosen in 2 of 2 folds"
    assert any(told in line for line in again.facts["warnings"])


def test_tuning_it_changes_nothing():
    assert repr(heads.make("best", tune=True)) == repr(heads.make("best"))
    mine = Best(folds=3)
    assert heads.make(mine).folds == clone(mine).folds == 3


def test_the_list_is_in_order_and_short():
    one, three = listed({"": [0]}), listed({"a": [0, 1], "b": [2], "c": [3, 4, 5]})
    assert [len(one), len(three)] == [3, 11]
    sizes = [len(members) for members in three.values()]
    assert sizes == sorted(sizes)
    assert list(three)[:2] == ["logistic on b", "svm on b"]  # the fewest features
    assert list(listed({"mfcc": [0]})) == list(one)


def test_it_passes_scikit_learns_own_checks():
    check_estimator(Best(), on_skip=None)


def only(monkeypatch, name):
    """Leave one candidate on the list."""
    monkeypatch.setattr(
        _model_selection, "listed", lambda sets: {name: listed(sets)[name]}
    )
