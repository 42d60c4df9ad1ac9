import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import recall_score
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from sertools.models import heads
from sertools.models.heads import LinearHead
from sertools.models.heads._linear import WeightedLinear

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


@pytest.fixture
def layered(make_speech):
    """Give four layers of noise, of which the third alone knows the emotion."""

    def make(seed=0):
        train = make_speech(FOUR, seed=seed)
        n, d = train.X.shape
        X = np.random.default_rng(seed).normal(size=(n, 4, d))
        X[:, 2] = (train.X - train.X.mean(0)) / train.X.std(0)
        names = [f"layer{layer}/x{i}" for layer in range(4) for i in range(d)]
        return pd.DataFrame(X.reshape(n, -1), columns=names), train.y, train.speakers

    return make


def test_the_layer_that_knows_gets_the_weight(layered):
    head = WeightedLinear(runs=3).fit(*layered())
    assert sum(head.shares_.values()) == pytest.approx(1)
    assert max(head.shares_, key=head.shares_.get) == "layer2"
    assert head.shares_["layer2"] > 0.6


def test_it_is_a_linear_layer_on_the_weighted_sum(layered):
    X, y, _ = layered()
    head = WeightedLinear(runs=1).fit(X, y)
    ((weight, bias),) = head.layers_
    shares = np.array(list(head.shares_.values()))
    blocks = weight.reshape(4, 4, -1)  # class, layer, column
    inner = blocks[:, 0] / shares[0]
    assert np.allclose(blocks, shares[:, None] * inner[:, None], atol=1e-5)
    summed = np.einsum("nld,l->nd", X.to_numpy().reshape(len(X), 4, -1), shares)
    logits = summed @ inner.T + bias
    assert np.array_equal(head.predict(X), head.classes_[logits.argmax(axis=1)])


def test_it_beats_one_weight_for_all_where_one_layer_knows(layered):
    X, y, _ = layered()
    test, truth, _ = layered(seed=1)
    right = np.mean(WeightedLinear(runs=2).fit(X, y).predict(test) == truth)
    plain = np.mean(LinearHead(runs=2).fit(X, y).predict(test) == truth)
    assert right > plain - 0.02
    assert right > 0.6


def test_columns_may_come_in_any_order(layered):
    X, y, _ = layered()
    mixed = X[np.random.default_rng(3).permutation(X.columns)]
    straight = WeightedLinear(runs=1).fit(X, y)
    shuffled = WeightedLinear(runs=1).fit(mixed, y)
    assert shuffled.shares_.keys() == straight.shares_.keys()
    assert max(shuffled.shares_, key=shuffled.shares_.get) == "layer2"


def test_without_layers_it_is_the_linear_head(make_speech):
    train = make_speech(FOUR)
    head = WeightedLinear(runs=1).fit(train.X, train.y)
    assert head.shares_ == {"": 1.0}
    plain = LinearHead(runs=1).fit(train.X, train.y)
    assert head.predict_proba(train.X) == pytest.approx(
        plain.predict_proba(train.X), abs=0.02
    )


def test_layers_of_unequal_width_are_refused(layered):
    X, y, _ = layered()
    with pytest.raises(ValueError, match=r"unequal width.*layer3: \d+"):
        WeightedLinear().fit(X.iloc[:, :-1], y)


def test_the_head_by_name_knows_the_layers(layered):
    X, y, speakers = layered()
    head = heads.fit(heads.make("weighted"), X, y, speakers)
    assert list(head[-1].shares_) == ["layer0", "layer1", "layer2", "layer3"]
    assert head.predict_proba(X).shape == (len(X), 4)
