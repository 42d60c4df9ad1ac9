"""A recording over time: rows, places, silence."""

import tracemalloc

import numpy as np
import pytest
import soundfile

from sertools import features, models
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
    assert table.attrs["seconds"] == 7.0


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
    assert table.attrs == {"model": "loud", "seconds": 2.0, "recording": "my talk.wav"}
    assert features.timeline(loud, noise(2, 0.5)).attrs["recording"] == ""


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
