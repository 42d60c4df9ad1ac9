import numpy as np
import pytest

from sertools.models.heads._temperature import (
    calibration_error,
    fit_temperature,
    log_loss,
    temper,
)


def test_the_temperature_makes_confident_mistakes_dear():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 3))
    true = np.array([rng.choice(3, p=p) for p in _softmax(logits)])
    sure = _softmax(3 * logits)
    temperature = fit_temperature(sure, true)
    assert temperature == pytest.approx(3, rel=0.1)
    after = temper(sure, temperature)
    assert log_loss(after, true) < log_loss(sure, true)
    assert calibration_error(after, true) < 0.03
    assert calibration_error(sure, true) > 0.1
    assert np.array_equal(after.argmax(axis=1), sure.argmax(axis=1))


def test_a_prior_keeps_the_temperature_finite_where_all_are_right():
    sure, true = np.array([[0.9, 0.1], [0.2, 0.8]] * 5), np.array([0, 1] * 5)
    assert fit_temperature(sure, true) < 0.05
    assert 0.1 < fit_temperature(sure, true, prior=1.0) < 1
    assert fit_temperature(sure, true, prior=1e6) == pytest.approx(1, abs=1e-3)


def _softmax(values):
    e = np.exp(values)
    return e / e.sum(axis=1, keepdims=True)
