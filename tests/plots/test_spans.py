import numpy as np
import pandas as pd
import pytest

from sertools.plots import spans

ROWS = pd.DataFrame(
    {
        "start": [0.0, 4.0, 11.0, 30.0],
        "end": [4.0, 11.0, 13.0, 52.0],
        "verdict": ["sad", "happy", "happy", "sad"],
    }
)


def test_rows_are_cut_where_spans_meet_and_nothing_is_lost():
    parts = spans.split(ROWS, 10)
    assert parts["span"].tolist() == [0, 0, 1, 1, 3, 4, 5]
    assert parts["start"].tolist() == [0, 4, 10, 11, 30, 40, 50]
    total = (parts["end"] - parts["start"]).sum()
    assert total == pytest.approx((ROWS["end"] - ROWS["start"]).sum())


def test_the_longest_name_of_each_span():
    found = spans.longest(ROWS, "verdict", 10, 52)
    assert found["start"].tolist() == [0, 10, 30, 40, 50]
    assert found["end"].tolist() == [10, 20, 40, 50, 52]
    assert found["verdict"].tolist() == ["happy", "happy", "sad", "sad", "sad"]
    assert spans.longest(ROWS[:0], "verdict", 10, 52).empty


def test_neighbours_of_one_name_are_one_run_where_they_touch():
    found = spans.runs(ROWS, "verdict")
    assert found["name"].tolist() == ["sad", "happy", "sad"]
    assert found["end"].tolist() == [4, 13, 52]
    apart = ROWS.assign(start=[0.0, 4.0, 11.5, 30.0])
    assert len(spans.runs(apart, "verdict")) == 4
    assert spans.runs(ROWS[:0], "verdict").empty


def test_outlines_have_two_points_a_row_and_a_gap_at_silence():
    x, y = spans.outline(ROWS.assign(sad=[0.1, 0.2, 0.3, 0.4]), ["sad"])
    assert x[:6].tolist() == [0, 4, 4, 11, 11, 13] and np.isnan(x[6])
    assert y[-2:].tolist() == [0.4, 0.4] and len(x) == len(y) == 9
