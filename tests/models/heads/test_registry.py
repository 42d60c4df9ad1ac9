import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from sertools.models import heads

ALL = ("svm", "random_forest", "logistic", "average", "best")


ALL += ("linear", "weighted")


FOUR = ("angry", "happy", "neutral", "sad")


@pytest.fixture(params=ALL)
def name(request):
    if request.param in ("linear", "weighted"):
        pytest.importorskip("torch")
    return request.param


class Listening(ClassifierMixin, BaseEstimator):
    """Write down who it was told speaks."""

    def fit(self, X, y, groups=None):
        self.classes_, self.heard_ = np.unique(y), groups
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))


def test_the_heads_of_the_design_are_there():
    assert tuple(heads.names()) == ALL


def test_a_head_gives_probabilities_of_sorted_classes(name, make_speech):
    train, test = make_speech(FOUR), make_speech(FOUR, speakers=2, seed=1)
    head = heads.fit(heads.make(name), *train)
    scores = head.predict_proba(test.X)
    assert list(head.classes_) == sorted(FOUR)
    assert scores.shape == (len(test.X), 4)
    assert np.allclose(scores.sum(axis=1), 1)
    assert (scores >= 0).all()
    assert np.array_equal(head.predict(test.X), head.classes_[scores.argmax(axis=1)])
    assert recall_score(test.y, head.predict(test.X), average="macro") > 0.6


def test_a_head_gives_the_same_again_and_after_a_journey(name, make_speech):
    train, test = make_speech(FOUR), make_speech(FOUR, speakers=2, seed=1)
    head = heads.fit(heads.make(name, seed=3), *train)
    scores = head.predict_proba(test.X)
    again = heads.fit(clone(head), *train).predict_proba(test.X)
    assert np.array_equal(again, scores)
    moved = pickle.loads(pickle.dumps(head)).predict_proba(test.X)
    assert np.array_equal(moved, scores)


def test_a_head_does_not_mind_the_units_of_its_features(name, make_speech):
    train, test = make_speech(FOUR), make_speech(FOUR, speakers=2, seed=1)
    units = 10.0 ** np.arange(-4, 4)
    plain = heads.fit(heads.make(name), *train)
    scaled = heads.fit(heads.make(name), train.X * units, train.y, train.speakers)
    same = plain.predict(test.X) == scaled.predict(test.X * units)
    assert same.mean() > 0.95  # splits of a forest may fall between other neighbours


@pytest.mark.parametrize("rare", ["logistic", "average"])
def test_a_rare_emotion_counts_as_much_as_a_frequent_one(rare, make_speech):
    many = make_speech(("angry", "sad"), speakers=8, clips=50, apart=0.3, own=0)
    chosen = (many.y == "sad") | (np.arange(len(many.y)) % 50 < 5)
    head = heads.fit(heads.make(rare), *(part[chosen] for part in many))
    test = make_speech(("angry", "sad"), speakers=4, clips=50, apart=0.3, own=0, seed=5)
    recalls = recall_score(test.y, head.predict(test.X), average=None)
    assert abs(recalls[0] - recalls[1]) < 0.2


def test_seeds_make_other_forests(make_speech):
    train, test = make_speech(FOUR), make_speech(FOUR, speakers=2, seed=1)
    one, other = (
        heads.fit(heads.make("random_forest", seed), *train).predict_proba(test.X)
        for seed in (0, 1)
    )
    assert not np.array_equal(one, other)


def test_more_features_than_clips_are_no_trouble(name, make_speech):
    train = make_speech(FOUR, speakers=3, clips=2, features=300, own=0)
    test = make_speech(FOUR, speakers=2, features=300, own=0, seed=1)
    head = heads.fit(heads.make(name), *train)
    assert (head.predict(test.X) == test.y).mean() > 0.9


def test_one_emotion_only_is_refused(make_speech):
    alone = make_speech(("sad",))
    for name in ("svm", "logistic", "average"):
        with pytest.raises(ValueError, match=r"(?i)class"):
            heads.fit(heads.make(name), *alone)


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("SVM", r"Unknown head 'SVM'. Did you mean svm\? Known: svm, random_forest, "),
        ("randomforest", r"Did you mean random_forest\?"),
        ("xyz", r"Unknown head 'xyz'. Known: svm, random_forest, logistic, average, "),
    ],
)
def test_an_unknown_head_is_refused_with_near_ones(word, line):
    with pytest.raises(ValueError, match=line):
        heads.make(word)


def test_a_head_is_known_by_its_name_tuned_or_not(name):
    for tune in (False, True):
        assert heads.named(heads.make(name, 3, tune), 3) == name
    assert heads.named(LogisticRegression(C=7)) is None


def test_every_setting_to_choose_from_is_one_of_the_heads(name):
    tuned = heads.make(name, tune=True)
    given = tuned.get_params(deep=False)  # `best` brings a list of its own
    assert len(given.get("grid", [])) > 1 or name == "best"
    for setting in [*given.get("grid", []), given.get("quick") or {}]:
        changed = clone(given.get("head", tuned)).set_params(**setting)
        assert {key: changed.get_params()[key] for key in setting} == setting


def test_ones_own_classifier_is_not_tuned():
    with pytest.raises(ValueError, match=r"not for Logistic.* Wrap it .*GridSearchCV"):
        heads.make(LogisticRegression(), tune=True)
    changed = heads.make("logistic").set_params(logistic__C=7)
    with pytest.raises(ValueError, match="not for Pipeline"):
        heads.make(changed, tune=True)


def test_ones_own_classifier_is_cloned():
    mine = LogisticRegression(C=7).fit([[0], [1]], ["a", "b"])
    made = heads.make(mine)
    assert made is not mine
    assert made.C == 7
    assert not hasattr(made, "classes_")


def test_a_classifier_without_probabilities_is_refused_with_the_way_out():
    for mute in (SVC(), make_pipeline(StandardScaler(), SVC())):
        with pytest.raises(ValueError, match="CalibratedClassifierCV"):
            heads.make(mute)


@pytest.mark.parametrize("wrap", [False, True])
def test_a_head_that_wants_to_know_who_speaks_is_told(wrap, make_speech):
    train = make_speech(FOUR)
    head = Pipeline([("scale", StandardScaler()), ("own", Listening())])
    head = heads.fit(head if wrap else Listening(), *train)
    heard = (head.steps[-1][1] if wrap else head).heard_
    assert np.array_equal(heard, train.speakers)


def test_a_head_that_does_not_is_left_in_peace(make_speech):
    train = make_speech(FOUR)
    head = heads.fit(make_pipeline(StandardScaler(), LogisticRegression()), *train)
    plain = make_pipeline(StandardScaler(), LogisticRegression()).fit(train.X, train.y)
    assert np.array_equal(head.predict_proba(train.X), plain.predict_proba(train.X))
    assert heads.fit(Listening(), train.X, train.y).heard_ is None


def test_heads_take_tables_and_give_tables_on_their_way(make_speech):
    train = make_speech(FOUR, speakers=2, clips=2, features=40)
    table = pd.DataFrame(train.X, columns=[f"f{i}" for i in range(40)])
    head = heads.make("logistic").set_output(transform="pandas").fit(table, train.y)
    assert head[:-1].transform(table).shape == (16, 16)
    assert len(head[:-1].get_feature_names_out()) == 16


def test_a_search_holds_training_speakers_out_where_it_is_told_to():
    rng = np.random.default_rng(0)
    speakers = np.repeat(list("abcd"), 10)
    y = np.tile(["angry", "sad"], 20)
    X = rng.normal(size=(40, 3)) + (y == "sad")[:, None]
    search = GridSearchCV(
        LogisticRegression(), {"C": [0.1, 1.0]}, cv=GroupKFold(4), error_score="raise"
    )
    fitted = heads.fit(heads.make(search), X, y, speakers)
    assert fitted.best_params_["C"] in (0.1, 1.0)
    with pytest.raises(ValueError, match="groups"):
        heads.fit(heads.make(search), X, y)
