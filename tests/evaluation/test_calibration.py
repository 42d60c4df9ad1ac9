import numpy as np
import pandas as pd
import pytest

from sertools import calibration, evaluation
from sertools.evaluation._calibration import (
    calibration_error,
    class_wise_error,
    null_calibration_error,
    places,
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
        foretold.append(null_calibration_error(said, draws=40, seed=seed).mean(axis=0))
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
    once, again = (null_calibration_error(said, draws=5, seed=7) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_the_scores_are_those_of_the_metrics(believed):
    result = believed()
    found, metrics = result.calibration(), result.metrics()
    for name in ("log_loss", "brier"):
        expected = metrics[name]
        assert found.scores.loc[name, list(expected)].to_dict() == expected
        assert found.scores.at[name, "value"] < found.scores.at[name, "reference"]
    right = metrics["accuracy"]["value"]
    assert found.scores.at["accuracy", "value"] == pytest.approx(right)


def test_a_constant_guess_is_no_better_than_the_reference(believed):
    table = believed(clips=40).predictions
    table[["angry", "happy", "sad"]] = [0.32, 0.34, 0.34]
    found = evaluation.from_predictions(table).calibration()
    loss = found.scores.loc["log_loss"]
    assert loss["value"] == pytest.approx(loss["reference"], abs=0.01)


@pytest.mark.parametrize(("sharp", "sign"), [(0.4, -1), (2.5, 1)])
def test_it_tells_too_sure_from_not_sure_enough(sharp, sign, believed):
    found = believed(clips=60, sharp=sharp).calibration()
    row = found.scores.loc["overconfidence"]
    assert row["low"] * sign > 0 and row["high"] * sign > 0
    said, right = found.scores.loc[["confidence", "accuracy"], "value"]
    assert row["value"] == pytest.approx(said - right)
    errors = found.errors
    assert (errors["value"] > errors["seldom_over"]).all()
    assert (errors["debiased"] <= errors["value"]).all()


def test_calibrating_brings_the_error_down_to_chance(believed):
    result = believed(clips=60, sharp=2.5)
    before, after = result.calibration(), calibration.calibrate(result).calibration()
    errors = after.errors.loc["top_label"]
    assert errors["value"] < errors["seldom_over"]
    assert errors["debiased"] < 0.3 * before.errors.at["top_label", "debiased"]
    assert any(note.startswith("Calibrated") for note in after.notes)


def test_the_bins_hold_every_clip_once(believed):
    result = believed()
    table = result.calibration(bins=5).bins
    assert table["n_clips"].sum() == len(result.predictions)
    assert (table["right"] - table["left"]).to_numpy() == pytest.approx(0.2)
    assert table["confidence"].between(table["left"], table["right"]).all()
    whole = np.average(table["accuracy"], weights=table["n_clips"])
    assert whole == pytest.approx(result.scores()["accuracy"]["value"])
    known = table.dropna()
    assert len(known)
    assert (known["low"] <= known["accuracy"]).all()
    assert (known["accuracy"] <= known["high"]).all()


def test_each_speaker_has_a_row(believed):
    found = believed()
    table = found.calibration().speakers
    assert list(table.index) == [f"x/{number}" for number in range(6)]
    pooled = np.average(table["log_loss"], weights=table["n_clips"])
    assert pooled == pytest.approx(found.metrics()["log_loss"]["value"])


def test_unknown_speakers_leave_no_interval(believed):
    table = believed().predictions.assign(speaker=None)
    found = evaluation.from_predictions(table).calibration()
    assert found.speakers is None
    assert found.n_speakers is None
    assert found.scores[["low", "high"]].isna().all(axis=None)
    assert "speakers unknown" in repr(found)
    assert "(no interval)" in repr(found)


def test_impossible_truths_are_counted(believed):
    table = believed().predictions
    clip = table.index[table["emotion"] == "sad"][0]
    table.loc[clip, ["angry", "happy", "sad"]] = [0.5, 0.5, 0.0]
    notes = evaluation.from_predictions(table).calibration().notes
    assert any("1 clip had next to no probability" in note for note in notes)
    strange = table.assign(emotion=table["emotion"].replace("sad", "fear"))
    notes = evaluation.from_predictions(strange).calibration().notes
    n = (strange["emotion"] == "fear").sum()
    told = f"{n} clips are fear, which the model does not know"
    assert any(note.startswith(told) for note in notes)


def test_one_emotion_alone_can_be_judged(believed):
    table = believed().predictions.query("emotion == 'sad'")
    found = evaluation.from_predictions(table).calibration()
    assert found.scores.at["log_loss", "reference"] == pytest.approx(0)
    assert np.isfinite(found.errors.to_numpy()).all()


def test_it_shows_itself_as_text_and_as_a_table(believed):
    found = believed().calibration()
    loss = found.scores.loc["log_loss"]
    for shown in (repr(found), found._repr_html_()):
        assert "180 clips, 6 speakers" in shown
        assert f"{loss['value']:.3f}  [{loss['low']:.3f}, {loss['high']:.3f}]" in shown
        assert "a constant guess" in shown
        assert "seldom over" in shown
    found.notes.append("<img src=x onerror=alert(1)>")
    assert "<img" not in found._repr_html_()


def test_answers_without_probabilities_are_refused():
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    with pytest.raises(ValueError, match="without probabilities"):
        evaluation.from_predictions(table).calibration()


def test_one_bin_is_refused(believed):
    with pytest.raises(ValueError, match="bins must be at least 2, not 1"):
        believed().calibration(bins=1)


def test_accuracy_has_one_interval_in_the_house_and_no_share_leaves_its_range(believed):
    result = believed(speakers=4, clips=3, sharp=4.0, apart=2.0)
    found = result.calibration().scores
    told = found.loc["accuracy", ["value", "low", "high"]].astype(float).to_dict()
    assert told == pytest.approx(result.scores()["accuracy"])
    sure = found.loc["confidence"]
    assert 0 < sure["low"] < sure["value"] < sure["high"] < 1


def test_warnings_of_the_result_are_carried_on(believed):
    result = believed()
    result.warnings.append("LEAKING FOLDS (random): beware.")
    result.info["random_weights"] = True
    shown = (
        result.calibration(),
        result.risk_coverage(),
        calibration.prediction_sets(result),
    )
    for found in shown:
        assert "LEAKING FOLDS (random): beware." in found.notes
        assert any(note.startswith("Random weights") for note in found.notes)


def test_bins_are_equally_wide_and_certainty_is_in_the_last():
    assert places(np.array([0.0, 0.25, 0.99, 1.0]), 4).tolist() == [0, 1, 3, 3]
