import numpy as np
import pytest

from sertools import models


@pytest.fixture
def embed():
    return models.load("duration_loudness").embed


def test_a_clip_is_its_length_and_its_level(embed):
    sine = 0.5 * np.sin(2 * np.pi * 100 * np.arange(32_000) / 16_000)
    [[length, level]] = embed([sine])
    assert length == pytest.approx(np.log(2))
    assert level == pytest.approx(10 * np.log10(0.125), abs=1e-4)


def test_twice_as_loud_is_six_decibels_more(embed, voices):
    soft, loud = embed([voices[0], 2 * voices[0]])
    assert soft[0] == loud[0]
    assert loud[1] - soft[1] == pytest.approx(20 * np.log10(2), abs=1e-4)


def test_nothing_else_is_heard(embed, voices):
    forwards, backwards = embed([voices[0], voices[0][::-1]])
    assert forwards == pytest.approx(backwards)


def test_silence_has_a_floor(embed):
    assert embed([np.zeros(16_000)]).tolist() == [[0, -100]]
