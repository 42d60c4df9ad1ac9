import numpy as np
import pandas as pd
import pytest

from sertools import evaluation


def result_of(confidence, right, speakers=None):
    """Make a result of two classes whose confidences and hits are given."""
    confidence = np.array(confidence)
    table = pd.DataFrame({"happy": confidence, "sad": 1 - confidence})
    table["emotion"] = np.where(right, "happy", "sad")
    if speakers is not None:
        table["speaker"] = speakers
    return evaluation.from_predictions(table)


def test_a_known_table():
    found = result_of([0.9, 0.8, 0.7, 0.6], [True, True, False, True]).risk_coverage()
    assert found.curve["error"].tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4])
    assert found.curve["oracle"].tolist() == pytest.approx([0, 0, 0, 1 / 4])
    assert found.curve["confidence"].tolist() == pytest.approx([0.9, 0.8, 0.7, 0.6])
    assert found.areas["value"] == pytest.approx((1 / 3 + 1 / 4) / 4)
    assert found.areas["random"] == pytest.approx(1 / 4)
    assert found.gain == pytest.approx((1 / 4 - 7 / 48) / (1 / 4 - 1 / 16))


def test_more_coverage_never_means_more_confidence(believed):
    curve = believed().risk_coverage().curve
    assert curve["coverage"].is_monotonic_increasing
    assert curve["coverage"].iloc[-1] == 1
    assert curve["confidence"].is_monotonic_decreasing
    assert (curve["oracle"] <= curve["error"] + 1e-12).all()
    assert curve["oracle"].is_monotonic_increasing


def test_with_every_clip_answered_it_is_the_score_itself(believed):
    result = believed()
    last, scores = result.risk_coverage().at(1), result.scores()
    assert last["error"] == pytest.approx(1 - scores["accuracy"]["value"])
    assert last["uar_error"] == pytest.approx(1 - scores["uar"]["value"])
    assert last["low"] == pytest.approx(1 - scores["accuracy"]["high"], abs=0.01)
    assert last["high"] == pytest.approx(1 - scores["accuracy"]["low"], abs=0.01)


def test_clips_of_equal_confidence_share_their_errors():
    orders = [[True, False, False, True], [False, True, True, False]]
    curves = [result_of([0.7] * 4, right).risk_coverage().curve for right in orders]
    for curve in curves:
        assert curve["error"].tolist() == pytest.approx([0.5] * 4)


def test_an_oracle_gains_all_and_a_fool_less_than_nothing():
    sure = np.linspace(0.95, 0.55, 40)
    assert result_of(sure, sure > 0.7).risk_coverage().gain == pytest.approx(1)
    assert result_of(sure, sure < 0.7).risk_coverage().gain < -0.5


@pytest.mark.parametrize("right", [True, False])
def test_nothing_can_be_gained_where_all_answers_are_alike(right):
    found = result_of([0.9, 0.8, 0.7], [right] * 3).risk_coverage()
    assert found.gain is None
    assert "at best." in repr(found)


def test_the_uar_is_missing_once_an_emotion_has_no_clip_left():
    found = result_of([0.9, 0.8, 0.7, 0.6], [True, True, False, False]).risk_coverage()
    assert found.curve["uar_error"].isna().tolist() == [True, True, False, False]
    assert found.curve["uar_error"].iloc[-1] == 0.5


def test_the_band_is_over_speakers(believed):
    curve = believed(speakers=8, clips=40).risk_coverage().curve.iloc[200:]
    assert (curve["low"] < curve["error"]).all()
    assert (curve["error"] < curve["high"]).all()
    unknown = result_of([0.9, 0.8, 0.7], [True, False, True]).risk_coverage()
    assert unknown.curve[["low", "high"]].isna().all(axis=None)
    assert unknown.areas["low"] is None


def test_it_says_on_whom_the_silence_falls(believed):
    result = believed(clips=40)
    found = result.risk_coverage()
    table = found.by("emotion", coverage=0.5)
    assert table["n_clips"].sum() == len(result.predictions)
    answered = (table["answered"] * table["n_clips"]).sum()
    assert answered == pytest.approx(len(result.predictions) / 2, abs=1)
    recalls = result.per_class()["recall"]
    assert table["error"].to_numpy() == pytest.approx(1 - recalls.to_numpy())
    with pytest.raises(ValueError, match=r"No column 'age' to group by\. Known: clip"):
        found.by("age")


def test_it_shows_itself_as_text_and_as_a_table(believed):
    found = believed().risk_coverage()
    error = f"{found.at(0.8)['error']:.3f}"
    for shown in (repr(found), found._repr_html_()):
        assert "180 clips" in shown
        assert error in shown
        assert "of what could be had" in shown


def test_answers_without_probabilities_are_refused():
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    with pytest.raises(ValueError, match="nothing to be silent about"):
        evaluation.from_predictions(table).risk_coverage()
