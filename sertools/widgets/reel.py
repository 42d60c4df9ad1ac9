"""A recording of any length: a stretch of it to hear, to see, and to see closer."""

import functools
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sertools import audio
from sertools.plots.sound import FLOOR

__all__ = ["BANDS", "RATE", "Reel"]

RATE = 16_000
"""Hz. What most models hear; 32 kB a second at 16 bit."""

BANDS = 80
"""Rows of the spectrogram, spaced as the ear hears pitch."""

COLUMNS = 4000
"""A picture is at most so wide: more than any screen shows."""

HEARD = 30.0
"""Seconds; a page is given sound in pieces of at most so much."""

_WINDOW, _FFT = 400, 512  # samples: 25 ms
_AT_ONCE = 8192  # spectra computed together
_BLOCK = 1 << 18  # frames of a file decoded together


class Reel:
    """A recording, held as 16 bit samples at 16 kHz: 115 MB an hour.

    Parameters
    ----------
    source : path or array-like
        A file of any length, decoded piece by piece; or mono samples at 16 kHz.

    Raises
    ------
    FileNotFoundError, ValueError
        As `sertools.audio.load` does.

    Examples
    --------
    >>> reel = Reel(0.5 * np.sin(np.arange(32_000) / 9))
    >>> reel.seconds, len(reel.stretch(0.5, 1.0))
    (2.0, 8000)
    >>> shades, low, high = reel.picture(0, 2, columns=50)
    >>> shades.shape, low.shape
    ((80, 50), (50,))
    """

    def __init__(self, source: str | os.PathLike | npt.ArrayLike):
        named = isinstance(source, (str, os.PathLike))
        self.name = Path(source).name if named else ""
        self.samples = _decoded(source) if named else _small(audio.load(source))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / RATE

    @property
    def waveform(self) -> np.ndarray:
        """All of it as float32, in [-1, 1]."""
        return self.samples.astype(np.float32) / 32768

    def stretch(self, start: float, end: float) -> np.ndarray:
        """Give the samples from one second to another, int16."""
        return self.samples[max(round(start * RATE), 0) : round(end * RATE)]

    def picture(
        self, start: float, end: float, columns: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give what a stretch looks like, so many columns wide.

        Parameters
        ----------
        start, end : float
            Seconds.
        columns : int
            At most 4000; fewer come back where there are fewer samples.

        Returns
        -------
        shades : ndarray of shape (80, columns), uint8
            Mel spectrogram, lowest band first; 255 is the loudest of the whole
            recording, 0 is 80 dB below it and less.
        low, high : ndarray of shape (columns,), int16
            The lowest and the highest sample of each column.
        """
        first = min(max(round(start * RATE), 0), len(self.samples) - 1)
        last = min(max(round(end * RATE), first + 1), len(self.samples))
        columns = max(min(columns, COLUMNS, last - first), 1)
        edges = np.linspace(first, last, columns + 1)
        starts = edges[:-1].astype(int) - first
        part = self.samples[first:last]
        low = np.minimum.reduceat(part, starts)
        high = np.maximum.reduceat(part, starts)
        return self._shades(edges), low, high

    def _shades(self, edges: np.ndarray) -> np.ndarray:
        hop, level, peak = self._levels
        if edges[1] - edges[0] < hop:  # closer than what is kept
            middles = ((edges[:-1] + edges[1:]) / 2).round().astype(int)
            found = _mel_levels(self.samples, middles)
        else:
            places = np.minimum((edges[:-1] / hop).astype(int), len(level) - 1)
            stop = min(int(np.ceil(edges[-1] / hop)), len(level))
            found = np.maximum.reduceat(level[: max(stop, places[-1] + 1)], places)
        share = 1 - (found.T.astype(np.float32) - peak) / FLOOR
        return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)

    @functools.cached_property
    def _levels(self) -> tuple[int, np.ndarray, float]:
        """The whole recording in dB, once, with the loudest that is in it."""
        hop = RATE // 100 if self.seconds <= 1200 else _WINDOW
        middles = np.arange(hop // 2, len(self.samples) + hop // 2, hop)
        level = _mel_levels(self.samples, middles)
        return hop, level, float(level.max())


def _mel_levels(samples: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Measure the mel spectrum around each of these samples, in dB, as float16."""
    import librosa

    mel = librosa.filters.mel(sr=RATE, n_fft=_FFT, n_mels=BANDS).T
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32) / 32768
    half = _WINDOW // 2
    level = np.empty((len(middles), BANDS), np.float16)
    for first in range(0, len(middles), _AT_ONCE):
        some = middles[first : first + _AT_ONCE]
        before, after = max(half - some[0], 0), some[-1] + half - len(samples)
        part = samples[max(some[0] - half, 0) : some[-1] + half]
        part = np.pad(part, (before, max(after, 0)))
        frames = np.lib.stride_tricks.sliding_window_view(part, _WINDOW)
        spectrum = np.fft.rfft(frames[some - some[0]] * window, _FFT)
        power = spectrum.real**2 + spectrum.imag**2
        level[first : first + len(some)] = 10 * np.log10(power @ mel + 1e-10)
    return level


def _decoded(path: str | os.PathLike) -> np.ndarray:
    """Decode a file piece by piece: hours of it never lie in memory as floats."""
    import soundfile
    import soxr

    audio.duration(path)  # refuses what is no audio, with the reason
    with soundfile.SoundFile(str(path)) as file:
        convert = soxr.ResampleStream(file.samplerate, RATE, 1)
        parts = []
        while True:
            block = file.read(_BLOCK, dtype="float32", always_2d=True)
            last = len(block) < _BLOCK
            parts.append(_small(convert.resample_chunk(block.mean(axis=1), last)))
            if last:
                break
    samples = np.concatenate(parts)
    if not len(samples):
        raise ValueError(f"{path}: no audio in it.")
    return samples


def _small(waveform: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(waveform * 32768), -32768, 32767).astype(np.int16)
