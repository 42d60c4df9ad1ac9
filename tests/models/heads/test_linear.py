import numpy as np
import pytest
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from sertools.models.heads import LinearHead

torch = pytest.importorskip("torch")

FOUR = ("angry", "happy", "neutral", "sad")


@pytest.fixture
def train(make_speech):
    return make_speech(FOUR)


def test_it_learns_and_gives_probabilities(train, make_speech):
    test = make_speech(FOUR, speakers=4, seed=1)
    head = LinearHead().fit(*train)
    scores = head.predict_proba(test.X)
    assert scores.shape == (len(test.X), 4)
    assert np.allclose(scores.sum(axis=1), 1)
    assert np.array_equal(head.predict(test.X), head.classes_[scores.argmax(axis=1)])
    assert recall_score(test.y, head.predict(test.X), average="macro") > 0.7


def test_its_layers_are_torchs_own(train):
    """The mean over the runs of softmax(layer(x)), as torch computes it."""
    head = LinearHead(runs=3).fit(*train)
    X, runs = torch.tensor(train.X, dtype=torch.float32), []
    for weight, bias in head.layers_:
        layer = torch.nn.Linear(train.X.shape[1], 4)
        layer.load_state_dict(
            {"weight": torch.tensor(weight), "bias": torch.tensor(bias)}
        )
        runs.append(torch.softmax(layer(X), dim=1).detach().numpy())
    assert head.predict_proba(train.X) == pytest.approx(np.mean(runs, 0), abs=1e-5)


def test_seeds_decide_and_repeat(train):
    first, again = (LinearHead(runs=2).fit(*train) for _ in range(2))
    other = LinearHead(runs=2, seed=7).fit(*train)
    scores = first.predict_proba(train.X)
    assert np.array_equal(again.predict_proba(train.X), scores)
    assert not np.array_equal(other.predict_proba(train.X), scores)


def test_it_stops_early_where_others_would_learn_speakers_by_heart(make_speech):
    X, y, speakers = make_speech(FOUR, features=60, apart=0.3, own=2.0)
    X = StandardScaler().fit_transform(X)
    stopped = LinearHead().fit(X, y, speakers).predict_proba(X).max(axis=1)
    until_the_end = LinearHead(patience=300).fit(X, y).predict_proba(X).max(axis=1)
    assert stopped.mean() < until_the_end.mean()


def test_an_emotion_of_one_speaker_alone_is_learnt(train):
    kept = (train.y != "sad") | (train.speakers == "s02")
    head = LinearHead().fit(*(part[kept] for part in train))
    assert list(head.classes_) == list(FOUR)
    assert np.isfinite(head.predict_proba(train.X)).all()


def test_it_passes_scikit_learns_own_checks():
    check_estimator(LinearHead(runs=2, epochs=100), on_skip=None)


def test_nobody_need_be_known(train):
    head = LinearHead(runs=1).fit(train.X, train.y)
    assert (head.predict(train.X) == train.y).mean() > 0.8
