import numpy as np
import pandas as pd
import pytest

from sertools import features
from sertools.features import NOT_SURE
from sertools.metadata import TimelineMetadata

ROWS = pd.DataFrame(
    {
        "start": [0.0, 1, 2, 3, 9],
        "end": [1.0, 2, 3, 4, 10],
        "happy": [0.9, 0.7, 0.55, 0.45, 0.1],
        "other": 0.0,
        "sad": [0.1, 0.3, 0.45, 0.55, 0.9],
    }
)


@pytest.mark.parametrize(
    ("scores", "margin", "said"),
    [
        ({"happy": 0.7, "sad": 0.3}, 0.2, "happy"),
        ({"happy": 0.6, "sad": 0.4}, 0.2, "happy"),  # as far ahead as asked
        ({"happy": 0.59, "sad": 0.41}, 0.2, NOT_SURE),
        ({"sad": 0.5, "happy": 0.5}, 0, "happy"),  # the first in the alphabet
        ({"other": 0.8, "sad": 0.2}, 0.2, "other"),
        ({"happy": 0.4, "sad": 0.3, "fear": 0.3}, 0.1, "happy"),
        (pd.Series({"happy": 0.2, "sad": 0.8}), 0.2, "sad"),
    ],
)
def test_a_verdict(scores, margin, said):
    assert features.decide(scores, margin) == said


def test_each_moment_gets_one():
    made = features.decisions(ROWS)
    assert made["verdict"].tolist() == ["happy", "happy", NOT_SURE, NOT_SURE, "sad"]
    assert made["emotion"].tolist() == ["happy"] * 3 + ["sad"] * 2
    assert np.allclose(made["margin"], [0.8, 0.4, 0.1, 0.1, 0.8])
    assert made["probability"].tolist() == [0.9, 0.7, 0.55, 0.55, 0.9]


def test_neighbours_merge_where_they_touch_and_agree():
    made = features.decisions(ROWS.assign(sad=ROWS["sad"]), merge=True)
    assert made[["start", "end"]].values.tolist() == [[0, 2], [2, 4], [9, 10]]
    assert made["verdict"].tolist() == ["happy", NOT_SURE, "sad"]
    assert np.allclose(made["happy"], [0.8, 0.5, 0.1])
    assert np.allclose(made["margin"], [0.6, 0.1, 0.8])
    assert np.allclose(made[["happy", "other", "sad"]].sum(axis=1), 1)


def test_silence_parts_what_agrees():
    same = ROWS.assign(happy=0.9, sad=0.1)
    made = features.decisions(same, merge=True)
    assert made[["start", "end"]].values.tolist() == [[0, 4], [9, 10]]


def test_merging_weighs_by_time():
    uneven = ROWS[:2].assign(start=[0.0, 3], end=[3.0, 4])
    assert features.decisions(uneven, merge=True)["happy"][0] == pytest.approx(0.85)


def test_merging_keeps_what_is_sure_and_its_margin():
    rng = np.random.default_rng(0)
    scores = pd.DataFrame(rng.dirichlet([0.5] * 4, 300), columns=list("abcd"))
    starts = np.arange(300.0)
    rows = pd.DataFrame({"start": starts, "end": starts + 1}).join(scores)
    made = features.decisions(rows, merge=True)
    assert 0 < len(made) < 300
    sure = made["verdict"] != NOT_SURE
    assert (made["verdict"] == made["emotion"])[sure].all()
    assert ((made["margin"] >= 0.2) == sure).all()
    assert (made["end"] - made["start"]).sum() == pytest.approx(300)


def test_attributes_go_along_and_nothing_stays_nothing():
    TimelineMetadata(seconds=12.0).attach(ROWS)
    merged = features.decisions(ROWS, merge=True)
    assert TimelineMetadata.of(merged).seconds == 12.0
    for merge in (True, False):
        empty = features.decisions(ROWS[:0], merge=merge)
        assert empty.empty and "verdict" in empty


def test_what_is_no_score_is_refused():
    with pytest.raises(ValueError, match="from 0 to 1"):
        features.decide({"sad": 1.0}, margin=20)
    with pytest.raises(ValueError, match="numbers"):
        features.decide({"sad": float("nan")})
    with pytest.raises(ValueError, match="needs scores"):
        features.decide({})
