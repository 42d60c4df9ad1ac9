import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from sertools import evaluation
from sertools.evaluation import _proper_scoring

CLASSES = ["angry", "happy", "sad"]


def test_the_losses_are_those_of_scikit_learn(believed):
    result = believed(clips=20)
    said = _proper_scoring.answers(result)
    true = result.predictions["emotion"]
    ours = {
        name: loss(*said[:2]).mean()
        for name, (loss, _) in _proper_scoring.LOSSES.items()
    }
    probabilities = said.probabilities
    assert ours["log_loss"] == pytest.approx(sklearn_log_loss(true, probabilities))
    expected = brier_score_loss(true, probabilities, scale_by_half=False)
    assert ours["brier"] == pytest.approx(expected)


def test_a_truth_without_probability_counts_as_in_scikit_learn():
    probabilities = np.array([[0.0, 1.0], [1.0, 0.0], [0.2, 0.8]])
    codes = np.array([0, 0, 1])
    expected = sklearn_log_loss(codes, probabilities)
    assert _proper_scoring.log_loss(probabilities, codes).mean() == pytest.approx(
        expected
    )
    assert _proper_scoring.log_loss(probabilities, codes).max() == pytest.approx(
        36.04, abs=0.01
    )


def test_an_emotion_that_is_no_class_is_missed_entirely():
    probabilities, codes = np.array([[0.6, 0.4]]), np.array([-1])
    assert _proper_scoring.log_loss(probabilities, codes) > 36
    assert _proper_scoring.brier(probabilities, codes) == pytest.approx(0.36 + 0.16 + 1)


@pytest.mark.parametrize("scale", ["plain", "log", "logit"])
def test_the_interval_is_around_the_pooled_mean(scale):
    rng = np.random.default_rng(0)
    values, speakers = rng.random(60), np.repeat(list("abcdef"), 10)
    found = _proper_scoring.mean(values, speakers, scale)
    assert found["value"] == pytest.approx(values.mean())
    assert found["low"] < found["value"] < found["high"]


def test_the_plain_interval_is_students_for_speakers_of_equal_size():
    means = np.array([0.1, 0.4, 0.2, 0.5])
    found = _proper_scoring.mean(np.repeat(means, 5), np.repeat(list("abcd"), 5))
    half = 3.182446 * means.std(ddof=1) / 2  # t(3) times the standard error
    assert found["high"] - found["value"] == pytest.approx(half, rel=1e-5)


def test_the_intervals_of_losses_stay_where_losses_can_be():
    values = np.repeat([0.001, 1.9, 0.001, 1.9], 3)
    speakers = np.repeat(list("abcd"), 3)
    assert _proper_scoring.mean(values, speakers, "log")["low"] > 0
    assert _proper_scoring.mean(values, speakers, "logit")["high"] < 2


@pytest.mark.parametrize(
    ("values", "speakers", "scale"),
    [
        ([0.1, 0.2], None, "plain"),
        ([0.1, 0.2], ["a", "b"], "plain"),
        ([0.0, 0.0, 0.0], ["a", "b", "c"], "log"),
    ],
)
def test_where_there_is_no_interval_it_gives_none(values, speakers, scale):
    who = None if speakers is None else np.array(speakers)
    found = _proper_scoring.mean(np.array(values), who, scale)
    assert found == {"value": np.mean(values), "low": None, "high": None}


def test_the_constant_guess_knows_nothing_of_the_speaker_it_is_for():
    codes = np.array([0, 0, 1, 1, 2, 2])
    said = _proper_scoring.Answers(np.zeros((6, 3)), codes, np.array(list("aabbcc")))
    guess = _proper_scoring.prior_predictor(said)
    np.testing.assert_allclose(guess.sum(axis=1), 1)
    np.testing.assert_allclose(guess[0], np.array([0.5, 2.5, 2.5]) / 5.5)
    unknown = _proper_scoring.prior_predictor(said._replace(speakers=None))
    np.testing.assert_allclose(unknown, 1 / 3)


def test_metrics_hold_both_losses_with_intervals(believed):
    metrics = believed().metrics()
    for name in ("log_loss", "brier"):
        score = metrics[name]
        assert score["low"] < score["value"] < score["high"]


def test_answers_without_probabilities_have_no_losses():
    table = pd.DataFrame({"emotion": CLASSES, "predicted": ["sad"] * 3})
    metrics = evaluation.from_predictions(table).metrics()
    assert metrics["log_loss"] is None
    assert metrics["brier"] is None
