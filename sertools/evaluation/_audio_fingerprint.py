"""Audio fingerprints: find copies of one recording, whatever was done to the file."""

import functools
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sertools import audio
from sertools import progress as bars

ALIKE = 0.6
"""Similarity from which two clips are one recording."""

RATE = 8_000
"""Hz, at which clips are compared: what a telephone or a poor MP3 leaves."""

_WINDOW, _HOP = 256, 80
_BANDS, _FRAMES, _LAST = 24, 1024, 80
_LOW, _HIGH, _DEPTH = 100.0, 3_400.0, 40.0  # Hz, Hz, dB under the loudest
_NEIGHBOURS, _BLOCK = 3, 2048


def fingerprint(waveform: np.ndarray) -> np.ndarray:
    """Sum up how a clip's spectrum moves, whenever it begins to."""
    padded = np.pad(np.asarray(waveform, np.float32), _WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW))) ** 2
    power = spectrum.astype(np.float32) @ _filters()
    if power.max() <= 0:
        return np.zeros(_BANDS * _LAST, np.float32)
    level = 10 * np.log10(np.maximum(power, power.max() * 10 ** (-_DEPTH / 10)))
    level -= level.mean(axis=0)
    moved = np.sqrt(np.abs(np.fft.rfft(level[:_FRAMES], n=_FRAMES, axis=0)))
    flat = moved[1 : _LAST + 1].T.ravel()
    flat -= flat.mean()
    return (flat / max(np.linalg.norm(flat), 1e-12)).astype(np.float32)


@functools.cache
def _filters() -> np.ndarray:
    """Make triangular mel filters, shape (bins, bands)."""
    bins = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (_LOW, _HIGH))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(np.minimum(rising, falling), 0).astype(np.float32)


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """Say how alike two clips are, wherever one begins within the other."""
    one, other = one - one.mean(), other - other.mean()
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.rfft(one, size) * np.fft.rfft(other, size).conj()
    peak = np.abs(np.fft.irfft(product, size)).max()
    both = np.linalg.norm(one) * np.linalg.norm(other)
    return float(peak / both) if both > 0 else 0.0


def copies(
    paths: list[str], progress: bool = True, alike: float = ALIKE
) -> list[tuple[int, int, float]]:
    """Find the files that hold one recording."""
    prints = _fingerprints(paths, progress)
    found = []
    for i, j in sorted(_neighbours(prints)):
        alikeness = similarity(audio.load(paths[i], RATE), audio.load(paths[j], RATE))
        if alikeness >= alike:
            found.append((i, j, alikeness))
    return found


def _fingerprints(paths: list[str], progress: bool) -> np.ndarray:
    def read(path: str) -> np.ndarray:
        try:
            return fingerprint(audio.load(path, RATE))
        except (ValueError, OSError):
            return np.zeros(_BANDS * _LAST, np.float32)

    prints = np.zeros((len(paths), _BANDS * _LAST), np.float32)
    with (
        bars.bar(len(paths), "listening for copies", shown=progress) as counter,
        ThreadPoolExecutor() as threads,
    ):
        for i, one in enumerate(threads.map(read, paths)):
            prints[i] = one
            counter.update(1)
    return prints


def _neighbours(prints: np.ndarray, least: float = 0.5) -> set[tuple[int, int]]:
    """Pair each clip with those whose fingerprints are nearest to its own."""
    pairs = set()
    for first in range(0, len(prints), _BLOCK):
        alike = prints[first : first + _BLOCK] @ prints.T
        alike[np.arange(len(alike)), first + np.arange(len(alike))] = -1
        n = min(_NEIGHBOURS, len(prints) - 1)
        for row, near in enumerate(np.argpartition(-alike, n - 1, axis=1)[:, :n]):
            i = first + row
            pairs |= {
                (min(i, int(j)), max(i, int(j))) for j in near if alike[row, j] >= least
            }
    return pairs
