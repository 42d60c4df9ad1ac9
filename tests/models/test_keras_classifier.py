import numpy as np
import pytest

from sertools import extras
from sertools.models import _keras
from sertools.models._keras_classifier import (
    Training,
    early_stopped,
    parted,
    probabilities,
)

needs_tensorflow = pytest.mark.skipif(
    not extras.available("tensorflow"), reason="needs tensorflow"
)


def test_a_speaker_in_five_is_held_out_whole():
    codes, speakers = np.tile([0, 1], 50), np.repeat(np.arange(10), 10)
    parts = parted(codes, speakers, seed=0)
    assert parts.by_speaker
    assert len({*speakers[parts.check]}) == 2
    assert not {*speakers[parts.check]} & {*speakers[parts.train]}
    assert parts.said.startswith("speakers ")


@pytest.mark.parametrize("speakers", [None, ["one"] * 20, ["one", None] * 10])
def test_clips_are_held_out_where_nobody_can_say_who_speaks(speakers):
    parts = parted(np.tile([0, 1], 10), speakers, seed=0)
    assert not parts.by_speaker
    assert len(parts.check) == 4
    assert parts.said == "clips: it is not known that several people speak"


def test_too_few_clips_are_all_on_both_sides():
    parts = parted(np.array([0, 1]), None, seed=0)
    assert list(parts.train) == list(parts.check) == [0, 1]
    assert parts.said == "nothing: too few clips"


@needs_tensorflow
def test_training_stops_early_and_keeps_the_best():
    with _keras.quiet():
        keras = extras.require("keras")
        layers = [keras.layers.Input((1,)), keras.layers.Dense(2, "softmax")]
        network = keras.Sequential(layers)
    X = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    codes = (X[:, 0] > 0).astype(int)
    parts = parted(codes, None, seed=0)
    how = Training(lambda keras: keras.optimizers.Adam(50.0), 8, 40, 3, 0)
    told = early_stopped(network, X, codes, parts, how._replace(progress=False))
    assert told["clips"] == 40 and told["held_out"] == parts.said
    assert told["epochs"] <= min(told["best_epoch"] + 3, 40)
    scores = probabilities(network, X, "Its outputs")
    right = scores[np.arange(40), codes][parts.check]
    assert -np.log(right + 1e-7).mean() == pytest.approx(told["held_out_loss"], abs=0.2)


class Loud:
    def predict_on_batch(self, X):
        return X


def test_what_does_not_sum_to_one_is_refused():
    with pytest.raises(ValueError, match=r"^Mine do not sum to one\. .* softmax\.$"):
        probabilities(Loud(), np.array([[0.5, 0.7]]), "Mine")
    near = probabilities(Loud(), np.array([[0.5, 0.5001]]), "Mine")
    assert near.sum() == 1
