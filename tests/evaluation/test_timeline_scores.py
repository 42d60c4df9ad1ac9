"""A timeline beside what is known, moment by moment."""

import numpy as np
import pandas as pd
import pytest

from sertools import evaluation

TRUTH = pd.DataFrame(
    {
        "start": [0.0, 4.0, 8.0],
        "end": [4.0, 8.0, 10.0],
        "emotion": ["happy", "sad", "happy"],
        "speaker": ["a", "b", "a"],
    }
)


SAID = pd.DataFrame(  # late by a second, silent from 7 to 8, unsure at the end
    {
        "start": [0.0, 5.0, 8.0],
        "end": [5.0, 7.0, 11.0],
        "happy": [0.9, 0.2, 0.45],
        "sad": [0.1, 0.8, 0.55],
    }
)


def test_scores_are_weighted_by_time():
    found = evaluation.timeline_scores(SAID, TRUTH)
    assert found.seconds == pytest.approx(9)
    assert found.accuracy == pytest.approx(6 / 9)
    assert found.recalls.to_dict() == pytest.approx({"happy": 4 / 6, "sad": 2 / 3})
    assert found.uar == pytest.approx(2 / 3)
    assert found.unheard == pytest.approx(1)
    assert found.elsewhere == pytest.approx(1)


def test_confusions_are_seconds():
    table = evaluation.timeline_scores(SAID, TRUTH).confusion()
    assert table.loc["happy"].to_dict() == {"happy": 4, "sad": 2}
    assert table.loc["sad"].to_dict() == {"happy": 1, "sad": 2}


def test_being_sure_is_counted():
    found = evaluation.timeline_scores(SAID, TRUTH)
    assert found.sure == pytest.approx(7 / 9)
    assert found.accuracy_where_sure == pytest.approx(6 / 7)
    all_of_it = evaluation.timeline_scores(SAID, TRUTH, margin=0)
    assert all_of_it.sure == 1 and all_of_it.accuracy == found.accuracy
    nothing = evaluation.timeline_scores(SAID, TRUTH, margin=0.9)
    assert nothing.sure == 0 and np.isnan(nothing.accuracy_where_sure)
    assert "right for" not in repr(nothing)


def test_what_happens_near_changes():
    near = evaluation.timeline_scores(SAID, TRUTH).near_changes()
    assert near["seconds"].sum() == pytest.approx(9)
    first = near.loc["0 to 0.25 s"]  # 0.25 s on both sides of 4, and after 8
    assert first["seconds"] == pytest.approx(0.75)
    assert first["accuracy"] == pytest.approx(1 / 3)
    assert first["beyond"] == pytest.approx(2 / 3)
    assert near.loc["1 s or more", "accuracy"] > first["accuracy"]


def test_no_change_lies_infinitely_far():
    found = evaluation.timeline_scores(SAID, TRUTH[:1])
    assert np.isinf(found.moments["from_change"]).all()
    assert set(found.moments["beyond"]) == {""}
    near = found.near_changes()
    assert near.index.tolist() == ["1 s or more"]
    assert near["seconds"].iloc[0] == pytest.approx(4)


def test_by_speaker():
    table = evaluation.timeline_scores(SAID, TRUTH).by("speaker")
    assert table.loc["a", "seconds"] == pytest.approx(6)
    assert table.loc["b", "accuracy"] == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="no column 'age'"):
        evaluation.timeline_scores(SAID, TRUTH).by("age")


def test_emotions_without_a_word_are_left_out_and_counted():
    odd = TRUTH.assign(emotion=["fear", "sad", "happy"])
    found = evaluation.timeline_scores(SAID, odd)
    assert found.foreign == pytest.approx({"fear": 4.0})
    assert found.seconds == pytest.approx(5)
    assert "left out       fear 4.0 s" in repr(found)


def test_it_shows_itself():
    found = evaluation.timeline_scores(SAID, TRUTH)
    assert "UAR over time  0.667 (no interval" in repr(found)
    assert "<th" in found._repr_html_() and "0.667" in found._repr_html_()


def test_the_order_of_the_truth_does_not_matter():
    one, other = (evaluation.timeline_scores(SAID, t) for t in (TRUTH, TRUTH[::-1]))
    assert one.moments.equals(other.moments)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="lacks emotion"):
        evaluation.timeline_scores(SAID, TRUTH.drop(columns="emotion"))
    with pytest.raises(ValueError, match="overlaps itself"):
        evaluation.timeline_scores(SAID, TRUTH.assign(end=[5.0, 8, 10]))
    for late, said in ((TRUTH[["start", "end"]] + 100, SAID), (TRUTH, SAID[:0])):
        with pytest.raises(ValueError, match="no moment in common"):
            evaluation.timeline_scores(
                said, TRUTH.assign(start=late["start"], end=late["end"])
            )
    with pytest.raises(ValueError, match="no emotion in common"):
        evaluation.timeline_scores(SAID, TRUTH.assign(emotion="fear"))
