"""Small trees of audio files to load corpora from."""

import gzip
import hashlib

import numpy as np
import pytest
import soundfile

from sertools.datasets import _files


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


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """Declare some files to be what a corpus's owner published."""
    folder = tmp_path / "checksums"
    folder.mkdir()
    monkeypatch.setattr(_files, "FOLDER", folder)
    _files.official.cache_clear()

    def declare(name, root):
        lines = ["clip\tbytes\tsha256"]
        for path in sorted(root.rglob("*.*")):
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            lines.append(f"{path.stem}\t{len(content)}\t{digest}")
        with gzip.open(folder / f"{name}.tsv.gz", "wt", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        _files.official.cache_clear()

    yield declare
    monkeypatch.undo()
    _files.official.cache_clear()
