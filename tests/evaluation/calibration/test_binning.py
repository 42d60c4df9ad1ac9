import numpy as np
import pytest

from sertools.evaluation.calibration.binning import (
    calibration_error,
    class_wise_error,
    if_calibrated,
)


def draw(n, speakers, flat, rng, classes=4):
    """Draw what a model says whose temperature should be `flat`, and the truth."""
    scores = np.exp(rng.normal(0, 1.5, (n, classes)))
    said = scores**flat
    said /= said.sum(axis=1, keepdims=True)
    ends = np.cumsum(scores / scores.sum(axis=1, keepdims=True), axis=1)
    true = (rng.random((n, 1)) > ends).sum(axis=1).clip(0, classes - 1)
    return said, true, np.arange(n) % speakers


def test_a_known_table():
    sure = np.array([0.95, 0.95, 0.95, 0.95, 0.65, 0.65])
    right = np.array([True, True, False, False, True, False])
    plain, _ = calibration_error(sure, right)
    assert plain == pytest.approx((4 * 0.45 + 2 * 0.15) / 6)


def test_two_classes_have_the_same_error_class_by_class():
    rng = np.random.default_rng(0)
    happy = rng.random(300)
    both = np.c_[happy, 1 - happy]
    codes = (rng.random(300) < 0.5).astype(int)
    first = calibration_error(both[:, 0], codes == 0)[0]
    second = calibration_error(both[:, 1], codes == 1)[0]
    assert class_wise_error(both, codes)[0] == pytest.approx((first + second) / 2)


@pytest.mark.parametrize(("flat", "true"), [(1.0, 0.0), (2.0, 0.157)])
def test_chance_is_in_the_plain_error_and_hardly_in_the_other(flat, true):
    rng = np.random.default_rng(3)
    found = []
    for _ in range(60):
        said, codes, who = draw(300, 10, flat, rng)
        right = said.argmax(axis=1) == codes
        found.append(calibration_error(said.max(axis=1), right, who))
    plain, debiased = np.mean(found, axis=0)
    assert plain > true + (0.04 if flat == 1 else 0.002)
    assert abs(debiased - true) < 0.02


def test_a_calibrated_model_shows_what_is_foretold_for_it():
    rng = np.random.default_rng(5)
    shown, foretold = [], []
    for seed in range(30):
        said, codes, _ = draw(300, 10, 1.0, rng)
        right = said.argmax(axis=1) == codes
        top = calibration_error(said.max(axis=1), right)[0]
        shown.append((top, class_wise_error(said, codes)[0]))
        foretold.append(if_calibrated(said, draws=40, seed=seed).mean(axis=0))
    np.testing.assert_allclose(
        np.mean(shown, axis=0), np.mean(foretold, axis=0), atol=0.006
    )


def test_speakers_who_differ_make_chance_wider():
    right = np.repeat([True, False], [40, 60])
    sure = np.full(100, 0.55)
    alone = calibration_error(sure, right)[1]
    together = calibration_error(sure, right, np.repeat(np.arange(10), 10))[1]
    assert together < alone


def test_the_draws_are_the_same_for_the_same_seed():
    said = np.full((50, 3), 1 / 3)
    once, again = (if_calibrated(said, draws=5, seed=7) for _ in range(2))
    np.testing.assert_array_equal(once, again)
