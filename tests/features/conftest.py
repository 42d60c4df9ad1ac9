"""Tones to extract features from, and small systems that do it."""

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools.models.base import Embedder
from sertools.store import Store

RATE = 16_000


class Shape(Embedder):
    """Embed a waveform as its length, level and peak; count what was asked."""

    name, title, license, reference = "shape", "Shape", "CC0-1.0", "none"
    asked = 0

    def _feature_names(self):
        return ["samples", "level", "peak"]

    def _embed(self, waveforms):
        type(self).asked += len(waveforms)
        return [[len(w), np.square(w).mean(), np.abs(w).max()] for w in waveforms]


def _tone(number, seconds=0.2):
    time = np.arange(round(seconds * RATE)) / RATE
    return (0.2 + number / 100) * np.sin(2 * np.pi * (150 + 20 * number) * time)


@pytest.fixture
def tone():
    """Give a function that makes tones, each with a level and a pitch of its own."""
    return _tone


@pytest.fixture
def corpus(tmp_path):
    """Write tones, and files by content, and give their clips table."""

    def make(n=6, **others):
        rows = [(f"x/{i:02}", _tone(i, 0.2 + i / 100)) for i in range(n)]
        rows += [(f"x/{name}", content) for name, content in others.items()]
        table = []
        for number, (clip, content) in enumerate(rows):
            path = tmp_path / f"{clip.removeprefix('x/')}.wav"
            if isinstance(content, bytes):
                path.write_bytes(content)
            elif content is not None:
                soundfile.write(path, content, RATE, subtype="PCM_16")
            emotion, speaker = ("happy", "sad")[number % 2], f"x/{number % 3}"
            table.append((clip, str(path), emotion, speaker, "x"))
        columns = ["clip", "path", "emotion", "speaker", "dataset"]
        return pd.DataFrame(table, columns=columns).set_index("clip")

    return make


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def shape():
    Shape.asked = 0
    return Shape()
