import pandas as pd
import pytest

from sertools.evaluation import joined


@pytest.fixture
def pair(imagined):
    """Give two corpora; only the first has fear."""
    one, _ = imagined(emotions=("angry", "fear", "sad"))
    two, _ = imagined(emotions=("angry", "sad"), seed=1)
    one = one.assign(dataset="one").add_prefix("one/", axis=0)
    return one, two.assign(dataset="two").add_prefix("two/", axis=0)


def test_emotions_that_not_all_have_are_left_out_and_counted(pair):
    clips = joined(pair)
    assert set(clips["emotion"]) == {"angry", "sad"}
    assert len(clips) == 64
    assert clips.attrs["left_out"] == {"fear of one, not in every corpus": 16}


def test_what_the_tables_told_is_kept(pair):
    one, two = pair
    one.attrs = {
        "left_out": {"beyond max_clips": 2},
        "excluded": [{"clip": "x", "reason": "y"}],
    }
    two.attrs = {"left_out": {"beyond max_clips": 3}}
    clips = joined([one, two])
    assert clips.attrs["left_out"]["beyond max_clips"] == 5
    assert clips.attrs["excluded"] == [{"clip": "x", "reason": "y"}]


def test_too_few_shared_emotions_are_refused_with_what_each_has(pair):
    one, two = pair
    with pytest.raises(ValueError, match=r"one: angry, fear, sad; two: happy, sad"):
        joined([one, two.replace({"emotion": {"angry": "happy"}})])


def test_a_clip_in_two_tables_is_refused(pair):
    one, two = pair
    with pytest.raises(ValueError, match="Clip one/mine/s00_angry_0 is in two"):
        joined([one, pd.concat([two, one.head(1).assign(dataset="two")])])
