"""Small trees of audio files to load corpora from."""

import numpy as np
import pytest
import soundfile


@pytest.fixture
def plant(tmp_path):
    """Write a tone of its own under each name, below a fresh folder."""

    def write(*names, root=tmp_path / "corpus", seconds=0.2):
        for name in names:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            hertz = 200 + sum(name.encode()) % 200
            time = np.arange(round(16_000 * seconds)) / 16_000
            with path.open("wb") as file:
                tone = 0.3 * np.sin(2 * np.pi * hertz * time)
                soundfile.write(file, tone, 16_000, format="WAV")
        return root

    return write
