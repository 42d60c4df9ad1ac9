import numpy as np
import pandas as pd
import pytest

from sertools import datasets

EMOTIONS = ("angry", "happy", "neutral", "sad")


@pytest.fixture
def clips():
    rows = [
        {"clip": f"x/{s}{e}{n}", "emotion": e, "speaker": s, "dataset": "x"}
        for s in "abc"
        for e in EMOTIONS
        for n in range(3)
    ]
    table = pd.DataFrame(rows).set_index("clip")
    table.attrs["excluded"] = [{"clip": "x/odd", "reason": "odd"}]
    return table


@pytest.mark.parametrize(
    "asked",
    [
        "sad,angry",
        " Angry , SADNESS,",
        ["sad", "angry"],
        ("분노", "슬픔"),
        {"sad": 1, "mad": 2},
    ],
    ids=str,
)
def test_emotions_by_any_spelling_in_the_tables_order(asked, clips):
    chosen = datasets.select(clips, asked)
    expected = clips[clips["emotion"].isin(["angry", "sad"])]
    assert chosen.index.tolist() == expected.index.tolist()
    assert chosen.attrs["left_out"] == {"emotion not asked for": 18}
    assert chosen.attrs["excluded"] == clips.attrs["excluded"]


def test_emotions_may_come_as_an_array_or_a_generator(clips):
    asked = np.array(["sad"], dtype=object)
    assert set(datasets.select(clips, asked)["emotion"]) == {"sad"}
    assert len(datasets.select(clips, (word for word in asked))) == 9
    assert len(datasets.select(clips, clips["emotion"].unique())) == 36


@pytest.mark.parametrize("asked", ["", " , ", None, [], ()])
def test_nothing_asked_keeps_all(asked, clips):
    chosen = datasets.select(clips, asked)
    assert chosen.equals(clips)
    assert chosen.attrs["left_out"] == {}


def test_an_unknown_emotion_is_refused_with_near_ones(clips):
    with pytest.raises(ValueError, match="Did you mean"):
        datasets.select(clips, "angyr")


def test_an_emotion_the_clips_lack_is_refused_with_what_is_there(clips):
    message = "No clips of fear. Here: angry, happy, neutral, sad"
    with pytest.raises(ValueError, match=message):
        datasets.select(clips, "sad,fear")


@pytest.mark.parametrize("n", [1, 5, 12, 13, 24, 35])
def test_a_smaller_sample_is_even_over_speakers_and_emotions(n, clips):
    chosen = datasets.select(clips, max_clips=n)
    assert len(chosen) == n
    cells = pd.crosstab(clips["speaker"], clips["emotion"]) * 0
    cells = cells.add(pd.crosstab(chosen["speaker"], chosen["emotion"]), fill_value=0)
    assert cells.max(axis=None) - cells.min(axis=None) <= 1
    assert chosen.index.tolist() == [c for c in clips.index if c in set(chosen.index)]
    assert chosen.attrs["left_out"] == {"beyond max_clips": 36 - n}


def test_the_draw_follows_the_seed(clips):
    def draw(seed):
        return datasets.select(clips, max_clips=12, seed=seed).index.tolist()

    assert draw(1) == draw(1)
    assert len({tuple(draw(seed)) for seed in range(5)}) > 1


def test_unknown_speakers_are_drawn_from_too(clips):
    clips["speaker"] = None
    assert (
        datasets.select(clips, max_clips=8)["emotion"].value_counts().tolist()
        == [2] * 4
    )


@pytest.mark.parametrize("n", [0, 36, 1000])
def test_a_bound_that_does_not_bind_keeps_all(n, clips):
    assert datasets.select(clips, max_clips=n).equals(clips)


def test_a_negative_bound_is_refused(clips):
    with pytest.raises(ValueError, match=r"0 \(all\) or more, not -1"):
        datasets.select(clips, max_clips=-1)


def test_what_was_left_out_adds_up_over_two_choices(clips):
    chosen = datasets.select(datasets.select(clips, "sad,angry"), "sad", max_clips=4)
    left_out = {"emotion not asked for": 27, "beyond max_clips": 5}
    assert chosen.attrs["left_out"] == left_out
    assert datasets.select(chosen).attrs["left_out"] == left_out


def test_the_given_table_stays_as_it_was(clips):
    before = clips.copy()
    chosen = datasets.select(clips, "sad", max_clips=2)
    chosen["emotion"] = "changed"
    chosen.attrs["excluded"].append("changed")
    assert clips.equals(before)
    assert clips.attrs == before.attrs
