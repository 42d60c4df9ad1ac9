import itertools

import numpy as np
import pytest

from sertools import audio
from sertools.audio import effects

RATE = 16_000
NOISE = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)


def test_a_stretch_is_silenced_and_the_rest_is_left():
    heard = audio.silence(NOISE, 0.4, 0.6, RATE)
    assert not heard[round(0.405 * RATE) : round(0.595 * RATE)].any()
    assert np.array_equal(heard[: round(0.395 * RATE)], NOISE[: round(0.395 * RATE)])
    assert np.array_equal(heard[round(0.605 * RATE) :], NOISE[round(0.605 * RATE) :])


@pytest.mark.parametrize(("low", "high"), [(0, 500), (1000, 2000), (6000, 8000)])
def test_a_band_is_taken_out_and_the_rest_is_left(low, high):
    heard = audio.stop_band(NOISE, low, high, RATE)
    assert len(heard) == len(NOISE)
    ratio = np.abs(np.fft.rfft(heard)) / np.abs(np.fft.rfft(NOISE))
    hertz = np.fft.rfftfreq(RATE, 1 / RATE)
    edge = max(20, (high - low) / 10)
    inside = (hertz > low + edge) & (hertz < high - edge)
    outside = (hertz < low - edge) | (hertz > high + edge)
    assert ratio[inside].max() < 1e-3
    assert ratio[outside] == pytest.approx(1, abs=1e-3)


def test_bands_side_by_side_take_everything_once():
    edges = [0, 300, 1500, 4000, 8000]
    taken = sum(
        NOISE - audio.stop_band(NOISE, low, high, RATE)
        for low, high in itertools.pairwise(edges)
    )
    assert np.square(taken - NOISE).mean() < 0.02 * np.square(NOISE).mean()


def test_a_late_start_is_heard():
    late = np.r_[np.zeros(1105, np.float32), NOISE, np.zeros(300, np.float32)]
    assert effects.delay(NOISE, late) == 1105
    assert effects.delay(NOISE, NOISE) == 0
