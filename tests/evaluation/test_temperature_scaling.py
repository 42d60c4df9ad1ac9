import numpy as np
import pandas as pd
import pytest

from sertools import calibration, evaluation
from sertools.evaluation import _proper_scoring

FIXED = ("clip", "emotion", "predicted", "speaker", "sex", "fold", "path")


def temperatures(result):
    return calibration.calibrate(result).info["calibration"]["by_speaker"]


def losses(result):
    return {
        name: score["value"]
        for name, score in result.metrics().items()
        if name in _proper_scoring.LOSSES
    }


@pytest.mark.parametrize("said", [0.4, 1.0, 2.5])
def test_it_finds_the_temperature_that_was_drawn(said, believed):
    result = believed(speakers=12, clips=150, sharp=said)
    found = calibration.calibrate(result)
    assert found.info["calibration"]["temperature"] == pytest.approx(said, rel=0.15)
    after, before = losses(found), losses(result)
    if said == 1:
        assert after["log_loss"] == pytest.approx(before["log_loss"], abs=0.003)
    else:
        assert after["log_loss"] < before["log_loss"] - 0.02
        assert after["brier"] < before["brier"]


def test_a_speakers_own_clips_never_decide_about_that_speaker(believed):
    result = believed(sharp=2.0)
    before = calibration.calibrate(result)
    table = result.predictions.copy()
    own = table["speaker"] == "x/2"
    table.loc[own, "emotion"] = table.loc[own, "predicted"]  # all right of a sudden
    after = calibration.calibrate(evaluation.from_predictions(table))
    for fitted in (before, after):
        assert len(fitted.info["calibration"]["by_speaker"]) == 6
    pd.testing.assert_frame_equal(
        before.predictions.loc[own, result.classes],
        after.predictions.loc[own, result.classes],
    )
    old, new = (f.info["calibration"]["by_speaker"] for f in (before, after))
    assert old["x/2"] == new["x/2"]
    assert all(new[name] < old[name] for name in old if name != "x/2")


def test_predictions_stay_and_probabilities_sum_to_one(believed):
    result = believed(sharp=3.0)
    found = calibration.calibrate(result)
    pd.testing.assert_frame_equal(
        found.predictions[list(FIXED)], result.predictions[list(FIXED)]
    )
    np.testing.assert_allclose(found.predictions[found.classes].sum(axis=1), 1)
    assert found.scores() == result.scores()
    order = [
        np.argsort(r.predictions[r.classes].to_numpy(), axis=1) for r in (result, found)
    ]
    np.testing.assert_array_equal(*order)
    assert result.info.get("calibration") is None


def test_it_says_what_it_did(believed):
    found = calibration.calibrate(believed(sharp=2.0))
    note = found.warnings[-1]
    low, high = (f(temperatures(believed(sharp=2.0)).values()) for f in (min, max))
    assert f"temperatures {low:.2f} to {high:.2f}" in note
    assert "of 6 speakers. Predictions stay." in note


def test_it_comes_back_from_a_folder(believed, tmp_path):
    found = calibration.calibrate(believed())
    again = evaluation.load(found.save(tmp_path))
    assert again.info["calibration"] == found.info["calibration"]
    assert again.metrics() == found.metrics()


def test_it_takes_what_cross_validation_gives(corpus):
    clips, X = corpus
    result = evaluation.cross_validate("logistic", X, clips)
    found = calibration.calibrate(result)
    assert found.n_speakers == 4
    assert found.info["head"] == "logistic"


def test_zeros_are_taken_for_half_the_smallest_step(believed):
    table = believed(sharp=2.0).predictions
    classes = ["angry", "happy", "sad"]
    rounded = table[classes].round(1)
    table[classes] = rounded.div(rounded.sum(axis=1), axis=0)
    result = evaluation.from_predictions(table)
    assert (result.predictions[classes] == 0).any(axis=None)
    found = calibration.calibrate(result)
    assert (found.predictions[classes] > 0).all(axis=None)
    assert found.scores() == result.scores()
    assert 1.2 < found.info["calibration"]["temperature"] < 3


def test_where_the_others_are_all_right_the_temperature_stays_finite(believed):
    table = believed().predictions
    table["emotion"] = table["predicted"]
    result = evaluation.from_predictions(table)
    fitted = temperatures(result).values()
    assert all(0.03 < temperature < 1 for temperature in fitted)


def test_classes_that_no_clip_is_give_their_share_to_the_others(believed):
    table = believed(sharp=2.0).predictions.query("emotion != 'sad'")
    found = calibration.calibrate(evaluation.from_predictions(table))
    assert found.classes == ["angry", "happy"]
    note = next(w for w in found.warnings if w.startswith("Calibrated on"))
    changed = (table["predicted"] == "sad").sum()
    assert f"changed {changed} of {len(table)} predictions" in note


def test_other_keeps_its_share(believed):
    table = believed().predictions.rename(columns={"sad": "other"})
    table = table.query("emotion != 'sad'").drop(columns="predicted")
    found = calibration.calibrate(evaluation.from_predictions(table))
    assert found.classes == ["angry", "happy", "other"]
    assert not any(w.startswith("Calibrated on") for w in found.warnings)


def test_emotions_that_the_model_does_not_know_are_not_fitted_to(believed):
    table = believed(sharp=2.0).predictions.drop(columns="predicted")
    known = evaluation.from_predictions(table.query("emotion != 'sad'"))
    strange = table.assign(emotion=table["emotion"].replace("sad", "fear"))
    strange = strange.drop(columns="sad")
    rest = strange[["angry", "happy"]]
    strange[["angry", "happy"]] = rest.div(rest.sum(axis=1), axis=0)
    fitted = temperatures(evaluation.from_predictions(strange))
    assert fitted == pytest.approx(temperatures(known), rel=0.01)


def test_without_other_speakers_it_is_refused(believed):
    table = believed().predictions
    unknown = table.assign(speaker=table["speaker"].where(table["speaker"] != "x/1"))
    with pytest.raises(ValueError, match=r"The speaker of 30 of 180 clips is unknown"):
        calibration.calibrate(evaluation.from_predictions(unknown))
    alone = table[table["speaker"] == "x/1"]
    with pytest.raises(ValueError, match=r"One speaker only \(x/1\)"):
        calibration.calibrate(evaluation.from_predictions(alone))


def test_two_speakers_are_enough_and_it_says_so(believed):
    found = calibration.calibrate(believed(speakers=2))
    assert "each of one other speaker only" in found.warnings[-1]


def test_answers_without_probabilities_are_refused(believed):
    table = believed().predictions[["emotion", "predicted", "speaker"]]
    with pytest.raises(ValueError, match=r"without probabilities .* to calibrate"):
        calibration.calibrate(evaluation.from_predictions(table))


def test_predictions_stay_even_if_all_others_are_sure(believed):
    table = believed().predictions
    classes = ["angry", "happy", "sad"]
    others = table["speaker"] != "x/1"
    table.loc[others, classes] = np.eye(3)[table.loc[others, classes].values.argmax(1)]
    result = evaluation.from_predictions(table)
    after = calibration.calibrate(result).predictions
    assert after["predicted"].tolist() == result.predictions["predicted"].tolist()


def test_what_was_trained_elsewhere_stays_so(believed):
    from dataclasses import fields

    from sertools.evaluation._transfer import Transfer

    made = believed()
    info = {"train": {"datasets": ["a"]}, "test": {"datasets": ["b"]}}
    told = {field.name: getattr(made, field.name) for field in fields(made)}
    found = calibration.calibrate(Transfer(**told | {"info": info}))
    assert isinstance(found, Transfer)
    assert found.train == {"datasets": ["a"]}
