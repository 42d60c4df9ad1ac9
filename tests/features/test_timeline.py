"""A recording over time: rows, places, silence."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import audio, datasets, features, models
from sertools.features._timeline import classes, moments, range_at, stretches
from sertools.metadata import TimelineMetadata
from sertools.models.base import Classifier

RATE = 16_000


class Loud(Classifier):
    """Call what is loud angry; keep how long the pieces were."""

    name, title, license, reference = "loud", "Loud", "CC0-1.0", "none"
    classes_ = np.array(["angry", "sad"])
    heard = []

    def _predict_proba(self, waveforms):
        type(self).heard += [len(w) / RATE for w in waveforms]
        loud = np.array([np.abs(w).max() > 0.3 for w in waveforms], float)
        return np.c_[loud, 1 - loud]


@pytest.fixture
def loud():
    Loud.heard = []
    return Loud()


def noise(seconds, level):
    rng = np.random.default_rng(0)
    return (level * rng.uniform(-1, 1, round(seconds * RATE))).astype(np.float32)


def recording(*stretches, pause=1.0):
    """Glue noises with near silence between them."""
    parts = [noise(pause, 1e-4)]
    for seconds, level in stretches:
        parts += [noise(seconds, level), noise(pause, 1e-4)]
    return np.concatenate(parts)


def test_a_short_recording_is_one_row_as_it_is(loud):
    table = features.timeline(loud, recording((2, 0.5), (2, 0.1)), method="energy")
    assert table[["start", "end"]].values.tolist() == [[0.0, 7.0]]
    assert list(table.columns) == ["start", "end", "angry", "sad"]
    assert TimelineMetadata.of(table).seconds == 7.0


def test_a_long_one_is_cut_where_speech_pauses(loud):
    wave = recording((3, 0.5), (4, 0.1), (5, 0.5), (3, 0.1))
    table = features.timeline(loud, wave, method="energy")
    assert np.allclose(table["start"], [1, 5, 10, 16], atol=0.05)
    assert np.allclose(table["end"], [4, 9, 15, 19], atol=0.05)
    assert table["angry"].tolist() == [1, 0, 1, 0]


def test_long_stretches_are_cut_evenly_without_gap_or_overlap(loud):
    wave = recording((20, 0.5))
    table = features.timeline(loud, wave, window=8, method="energy")
    assert len(table) == 3
    assert np.allclose(table["end"][:-1], table["start"][1:])
    assert np.ptp(table["end"] - table["start"]) < 1e-3
    assert max(loud.heard) <= 8


def test_many_stretches_go_in_batches(loud):
    wave = recording(*[(0.5, 0.5)] * 40, pause=0.6)
    table = features.timeline(loud, wave, method="energy")
    assert len(table) == 40 == len(loud.heard)


@pytest.mark.parametrize("seconds", [2, 40])
def test_where_nobody_speaks_there_are_no_rows(loud, seconds):
    silent = np.zeros(seconds * RATE, np.float32)
    table = features.timeline(loud, silent, method="energy")
    assert table.empty and list(table.columns) == ["start", "end", "angry", "sad"]
    assert not loud.heard


def test_files_and_samples_give_the_same(loud, tmp_path):
    wave = recording((6, 0.5), (9, 0.1))
    soundfile.write(tmp_path / "x.wav", wave, RATE, subtype="FLOAT")
    one = features.timeline(loud, wave, method="energy")
    assert one.equals(features.timeline(loud, tmp_path / "x.wav", method="energy"))


def test_with_a_hop_windows_overlap_within_a_stretch_and_cover_it(loud):
    wave = recording((7, 0.5), (5, 0.1))
    table = features.timeline(loud, wave, window=2, hop=0.5, method="energy")
    first, second = table[table["end"] < 8.5], table[table["start"] > 8.5]
    assert len(table) == len(first) + len(second)  # none reaches across the pause
    for part, (start, end) in ((first, (1, 8)), (second, (9, 14))):
        assert part["start"].iloc[0] == pytest.approx(start, abs=0.05)
        assert part["end"].iloc[-1] == pytest.approx(end, abs=0.05)
        assert np.allclose(part["end"] - part["start"], 2)
        steps = np.diff(part["start"])
        assert np.allclose(steps[:-1], 0.5) and 0 < steps[-1] <= 0.5 + 1e-9
    assert set(loud.heard) == {2.0}
    assert table["angry"].tolist() == [1] * len(first) + [0] * len(second)


def test_with_a_hop_short_recordings_are_cut_too(loud):
    wave = recording((3, 0.5), (0.8, 0.1))
    table = features.timeline(loud, wave, window=1, hop=0.5, method="energy")
    assert len(table) > 3
    assert table["end"].iloc[-1] - table["start"].iloc[-1] < 1  # as it is
    silent = np.zeros(2 * RATE, np.float32)
    assert features.timeline(loud, silent, window=1, hop=0.5).empty


def test_a_hop_as_long_as_the_window_leaves_no_overlap_but_the_last(loud):
    wave = recording((6, 0.5))
    table = features.timeline(loud, wave, window=2, hop=2, method="energy")
    assert np.allclose(np.diff(table["start"])[:-1], 2)


def test_memory_stays_below_three_times_the_recording(loud, tmp_path):
    wave = recording(*[(4, 0.5)] * 40)
    soundfile.write(tmp_path / "x.wav", wave, RATE)
    size = wave.nbytes
    del wave
    tracemalloc.start()
    features.timeline(loud, tmp_path / "x.wav", window=2, hop=1, method="energy")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * size


def test_the_table_says_what_it_is_of(loud, tmp_path):
    soundfile.write(tmp_path / "my talk.wav", noise(2, 0.5), RATE)
    table = features.timeline(loud, tmp_path / "my talk.wav")
    expected = TimelineMetadata(model="loud", recording="my talk.wav", seconds=2.0)
    assert TimelineMetadata.of(table) == expected
    assert TimelineMetadata.of(features.timeline(loud, noise(2, 0.5))).recording == ""


def test_asked_twice_it_is_still_a_function(loud):
    for _ in range(2):
        assert len(features.timeline(loud, noise(1, 0.5))) == 1


def test_what_cannot_work_is_refused(loud):
    with pytest.raises(ValueError, match="gives features"):
        features.timeline(models.load("mfcc"), noise(1, 0.5))
    with pytest.raises(ValueError, match="positive"):
        features.timeline(loud, noise(1, 0.5), window=0)
    for hop in (0, -1, 9, float("nan")):
        with pytest.raises(ValueError, match="hop must be positive"):
            features.timeline(loud, noise(1, 0.5), hop=hop)
    with pytest.raises(FileNotFoundError, match="no such file"):
        features.timeline(loud, "nowhere.wav")


def table(starts, length=2.0, seed=0):
    """Make windows with random scores of three emotions."""
    scores = np.random.default_rng(seed).dirichlet([1, 1, 1], len(starts))
    starts = np.asarray(starts, float)
    made = pd.DataFrame({"start": starts, "end": starts + length})
    return made.join(pd.DataFrame(scores, columns=["angry", "happy", "sad"]))


TWO = table([0, 0.5, 1, 1.5, 2, 10, 10.5, 11])  # two stretches of overlapping windows


NAMES = ["angry", "happy", "sad"]


def test_smoothed_rows_stay_probabilities_in_their_places():
    made = features.smooth(TWO, 1.2)
    assert np.allclose(made[NAMES].sum(axis=1), 1)
    assert (made[NAMES].to_numpy() >= 0).all()
    assert made[["start", "end"]].equals(TWO[["start", "end"]])
    assert list(made) == list(TWO) and made.attrs == TWO.attrs


def test_smoothing_is_the_weighted_mean_it_says():
    made = features.smooth(TWO, 1.0)
    weights = np.array([0.5, 1, 0.5])
    expected = weights @ TWO["happy"].to_numpy()[1:4] / 2
    assert made["happy"][2] == pytest.approx(expected)
    edge = (TWO["happy"][0] + 0.5 * TWO["happy"][1]) / 1.5  # nothing is padded
    assert made["happy"][0] == pytest.approx(edge)


def test_silence_is_never_smoothed_across():
    changed = TWO.copy()
    changed.loc[5:, NAMES] = [0.0, 0.0, 1.0]
    one, other = (features.smooth(t, 60)[:5] for t in (TWO, changed))
    assert one.equals(other)
    assert not features.smooth(TWO, 60)[5:].equals(TWO[5:])


def test_no_reach_and_no_rows_change_nothing():
    assert features.smooth(TWO, 0).equals(TWO)
    assert features.smooth(TWO, 0.3).equals(TWO)  # nobody is that near
    assert features.smooth(TWO[:0], 2).empty


def test_a_longer_reach_never_makes_the_curve_rougher():
    long = table(np.arange(200) / 4, seed=3)
    rough = [
        np.abs(np.diff(features.smooth(long, s)["sad"])).sum() for s in (0, 1, 3, 9)
    ]
    assert rough == sorted(rough, reverse=True)


def test_moments_part_what_windows_share():
    made = moments(TWO)
    assert made["start"][:5].tolist() == [0, 1.25, 1.75, 2.25, 2.75]
    assert made["end"][:5].tolist() == [1.25, 1.75, 2.25, 2.75, 4]
    assert made["start"][5] == 10  # the gap stays
    touching = table([0, 2, 4])
    assert moments(touching).equals(touching)


def test_stretches_are_counted():
    assert stretches(TWO).tolist() == [0] * 5 + [1] * 3
    assert stretches(TWO[:0]).tolist() == []


def test_the_range_is_over_all_windows_that_hold_the_moment():
    low, high = range_at(TWO, np.array([0.2, 1.7, 7.0]))
    assert low[0].tolist() == high[0].tolist() == TWO[NAMES].loc[0].tolist()
    assert low[1].tolist() == TWO[NAMES][:4].min().tolist()
    assert high[1].tolist() == TWO[NAMES][:4].max().tolist()
    assert np.isnan(low[2]).all()


def test_the_range_takes_windows_of_several_models():
    other = TWO.assign(angry=TWO["sad"], sad=TWO["angry"])
    _, high = range_at(pd.concat([TWO, other]), np.array([0.2]))
    assert high[0, 0] == max(TWO["angry"][0], TWO["sad"][0])


def test_what_is_no_timeline_is_refused():
    with pytest.raises(ValueError, match="no timeline"):
        classes(pd.DataFrame({"start": [0], "end": [1]}))
    with pytest.raises(ValueError, match="in order of start"):
        features.smooth(TWO[::-1], 1)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="0 or more"):
            features.smooth(TWO, wrong)


@pytest.fixture(scope="module")
def clips():
    return datasets.select(datasets.load("demo"), max_clips=6)


def test_the_truth_says_where_each_clip_is_to_the_sample(clips):
    sound, truth = features.concatenate_clips(clips, seed=3)
    assert sorted(truth["clip"]) == sorted(clips.index)
    for row in truth.itertuples():
        part = sound[round(row.start * RATE) : round(row.end * RATE)]
        assert np.array_equal(part, audio.load(clips.at[row.clip, "path"]))
        assert row.emotion == clips.at[row.clip, "emotion"]
        assert row.speaker == clips.at[row.clip, "speaker"]


def test_pauses_are_silent_and_as_long_as_asked(clips):
    sound, truth = features.concatenate_clips(clips, pause=(0.4, 0.6), seed=3)
    ends = np.r_[0, truth["end"]]
    starts = np.r_[truth["start"], len(sound) / RATE]
    assert ((starts - ends > 0.39) & (starts - ends < 0.61)).all()
    for a, b in zip(ends, starts, strict=True):
        assert audio.is_silent(sound[round(a * RATE) : round(b * RATE)])
    assert sound.dtype == np.float32


def test_the_seed_is_all_that_decides(clips):
    (one, a), (same, b), (other, c) = (
        features.concatenate_clips(clips, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(one, same) and a.equals(b)
    assert not a["clip"].equals(c["clip"]) and len(one) != len(other)


def test_it_begins_again_until_it_is_long_enough(clips):
    sound, truth = features.concatenate_clips(clips, seconds=40, seed=0)
    assert 40 <= len(sound) / RATE < 46
    assert len(truth) > len(clips)
    assert (truth["start"].to_numpy()[1:] >= truth["end"].to_numpy()[:-1]).all()
    short, few = features.concatenate_clips(clips, seconds=3, seed=0)
    assert len(few) < len(clips) and len(short) / RATE >= 3


def test_no_window_reaches_from_one_clip_to_the_next_across_a_pause(clips):
    sound, truth = features.concatenate_clips(clips, pause=(0.6, 0.8), seed=3)
    model = models.load("trained")
    table = features.timeline(model, sound, window=0.8, hop=0.4, method="energy")
    starts, ends = table["start"].to_numpy()[:, None], table["end"].to_numpy()[:, None]
    heard = (starts < truth["end"].to_numpy()) & (ends > truth["start"].to_numpy())
    assert (heard.sum(axis=1) == 1).all()
    assert heard.any(axis=0).all()


def test_what_cannot_be_joined_is_refused(clips):
    with pytest.raises(ValueError, match="No clips"):
        features.concatenate_clips(clips[:0])
    with pytest.raises(ValueError, match="pause"):
        features.concatenate_clips(clips, pause=(2, 1))
