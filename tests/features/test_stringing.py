"""Clips joined to a long recording of which the truth is known."""

import numpy as np
import pytest

from sertools import audio, datasets, features, models

RATE = 16_000


@pytest.fixture(scope="module")
def clips():
    return datasets.select(datasets.load("demo"), max_clips=6)


def test_the_truth_says_where_each_clip_is_to_the_sample(clips):
    sound, truth = features.long_recording(clips, seed=3)
    assert sorted(truth["clip"]) == sorted(clips.index)
    for row in truth.itertuples():
        part = sound[round(row.start * RATE) : round(row.end * RATE)]
        assert np.array_equal(part, audio.load(clips.at[row.clip, "path"]))
        assert row.emotion == clips.at[row.clip, "emotion"]
        assert row.speaker == clips.at[row.clip, "speaker"]


def test_pauses_are_silent_and_as_long_as_asked(clips):
    sound, truth = features.long_recording(clips, pause=(0.4, 0.6), seed=3)
    ends = np.r_[0, truth["end"]]
    starts = np.r_[truth["start"], len(sound) / RATE]
    assert ((starts - ends > 0.39) & (starts - ends < 0.61)).all()
    for a, b in zip(ends, starts, strict=True):
        assert audio.is_silent(sound[round(a * RATE) : round(b * RATE)])
    assert sound.dtype == np.float32


def test_the_seed_is_all_that_decides(clips):
    (one, a), (same, b), (other, c) = (
        features.long_recording(clips, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same) and a.equals(b)
    assert not a["clip"].equals(c["clip"]) and len(one) != len(other)


def test_it_begins_again_until_it_is_long_enough(clips):
    sound, truth = features.long_recording(clips, seconds=40, seed=0)
    assert 40 <= len(sound) / RATE < 46
    assert len(truth) > len(clips)
    assert (truth["start"].to_numpy()[1:] >= truth["end"].to_numpy()[:-1]).all()
    short, few = features.long_recording(clips, seconds=3, seed=0)
    assert len(few) < len(clips) and len(short) / RATE >= 3


def test_no_window_reaches_from_one_clip_to_the_next_across_a_pause(clips):
    sound, truth = features.long_recording(clips, pause=(0.6, 0.8), seed=3)
    model = models.load("trained")
    table = features.timeline(model, sound, window=0.8, hop=0.4, method="energy")
    starts, ends = table["start"].to_numpy()[:, None], table["end"].to_numpy()[:, None]
    heard = (starts < truth["end"].to_numpy()) & (ends > truth["start"].to_numpy())
    assert (heard.sum(axis=1) == 1).all()
    assert heard.any(axis=0).all()


def test_what_cannot_be_joined_is_refused(clips):
    with pytest.raises(ValueError, match="No clips"):
        features.long_recording(clips[:0])
    with pytest.raises(ValueError, match="pause"):
        features.long_recording(clips, pause=(2, 1))
