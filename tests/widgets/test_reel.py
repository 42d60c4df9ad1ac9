"""A recording of any length: heard, seen, and seen closer."""

import numpy as np
import pytest
import soundfile

from sertools import audio
from sertools.widgets.reel import BANDS, RATE, Reel


@pytest.fixture(scope="module")
def chirps():
    """Give 30 s: a tone that climbs each second, silent in the middle third."""
    seconds = np.arange(30 * RATE) / RATE
    tone = 0.5 * np.sin(2 * np.pi * (300 + 1500 * (seconds % 1)) * (seconds % 1))
    tone[10 * RATE : 20 * RATE] = 0
    return tone.astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_file_is_decoded_in_pieces_as_it_would_be_at_once(tmp_path, chirps, rate):
    stereo = np.stack([chirps, 0.5 * chirps], axis=1)
    soundfile.write(tmp_path / "a.flac", stereo, rate)
    reel = Reel(tmp_path / "a.flac")
    whole = audio.load(tmp_path / "a.flac", RATE)
    assert abs(len(reel.samples) - len(whole)) <= 1
    n = min(len(whole), len(reel.samples))
    assert np.abs(reel.waveform[:n] - whole[:n]).max() < 1e-3


def test_stretches_put_together_are_the_recording(chirps):
    reel = Reel(chirps)
    edges = np.r_[np.arange(0, 30, 7.3), 30]
    parts = [reel.stretch(*span) for span in np.c_[edges[:-1], edges[1:]]]
    assert np.array_equal(np.concatenate(parts), reel.samples)
    assert reel.stretch(29.9, 99).size == 0.1 * RATE


def test_the_picture_shows_where_it_is_loud(chirps):
    shades, low, high = Reel(chirps).picture(0, 30, columns=300)
    assert shades.shape == (BANDS, 300) and shades.dtype == np.uint8
    assert shades[:, 110:190].max() == 0 and shades[:, :90].max(axis=0).min() > 200
    assert (high[:90] > 15_000).all() and (low[210:] < -15_000).all()
    assert not high[110:190].any()


def test_closer_is_as_bright_and_finer(chirps):
    reel = Reel(chirps)
    far, _, _ = reel.picture(2, 4, columns=100)  # 20 ms each
    near, low, _ = reel.picture(2, 4, columns=1000)  # 2 ms each
    grouped = near.reshape(BANDS, 100, 10).max(axis=2).astype(int)
    loud = far > 150
    assert np.abs(grouped - far)[loud].mean() < 12
    assert low.shape == (1000,)
    assert reel.picture(2, 2.001, columns=500)[0].shape == (BANDS, 16)


def test_a_picture_has_a_width_that_can_be_sent(chirps):
    shades, _, _ = Reel(chirps).picture(-5, 99, columns=10**9)
    assert shades.shape == (BANDS, 4000)


def test_silence_has_a_picture():
    shades, low, high = Reel(np.zeros(RATE)).picture(0, 1, 50)
    assert shades.shape == (BANDS, 50) and not low.any() and not high.any()


def test_a_file_that_is_no_recording_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.wav"):
        Reel(tmp_path / "nothing.wav")
    (tmp_path / "a.wav").write_text("no audio at all, just words")
    with pytest.raises(ValueError, match="not audio"):
        Reel(tmp_path / "a.wav")
