"""Voices to embed, and features of imaginary speakers to train heads on."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import soundfile

SAMPLING_RATE = 16_000


def voice(pitch: float, seconds: float, seed: int = 0) -> np.ndarray:
    """Make a hum: harmonics that grow softer, a slow vibrato, a little noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * SAMPLING_RATE)) / SAMPLING_RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.02 * np.sin(9 * t))) / SAMPLING_RATE
    hum = sum(np.sin(k * phase) / k for k in range(1, 12))
    return (0.1 * hum + 0.002 * rng.normal(size=len(t))).astype(np.float32)


class Speech(NamedTuple):
    """Features of imaginary clips: one row a clip."""

    X: np.ndarray
    y: np.ndarray
    speakers: np.ndarray


def speech(emotions, speakers=6, clips=5, features=8, seed=0, apart=2.0, own=1.0):
    """Draw features: emotions lie `apart`, speakers differ, and each in `own` ways."""
    drawn = np.random.default_rng(seed)
    middle = np.random.default_rng(99).normal(0, apart, (len(emotions), features))
    who, what = np.divmod(np.arange(speakers * len(emotions)), len(emotions))
    who, what = np.repeat(who, clips), np.repeat(what, clips)
    habits = drawn.normal(0, own, (speakers, len(emotions), features))
    X = middle[what] + habits[who, what] + drawn.normal(size=(len(who), features))
    names = np.array([f"s{number:02}" for number in who])
    return Speech(X, np.array(emotions)[what], names)


@pytest.fixture(scope="session")
def voices():
    """Give eight voices of unequal length: four low, then four high."""
    pitches = [100, 105, 110, 115, 215, 225, 235, 245]
    return [voice(p, 0.3 + 0.07 * i, seed=i) for i, p in enumerate(pitches)]


@pytest.fixture(scope="session")
def voice_files(voices, tmp_path_factory):
    """Give the same voices as files."""
    folder = tmp_path_factory.mktemp("voices")
    paths = [folder / f"{number}.wav" for number in range(len(voices))]
    for path, waveform in zip(paths, voices, strict=True):
        soundfile.write(path, waveform, SAMPLING_RATE, subtype="FLOAT")
    return paths


@pytest.fixture(scope="session")
def corpus_of_voices(voice_files):
    """Give a clips table of the voices."""
    names = [f"x/{path.stem}" for path in voice_files]
    table = {"path": list(map(str, voice_files)), "emotion": "sad", "dataset": "x"}
    return pd.DataFrame(table, index=pd.Index(names, name="clip"))


@pytest.fixture(scope="session")
def make_voice():
    """Give the function that makes a voice."""
    return voice


@pytest.fixture(scope="session")
def make_speech():
    """Give the function that draws features of speech."""
    return speech
