"""Look at one audio file: its checksum, its form, and what is wrong with it."""

import hashlib
import io
import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import audio
from sertools.audio.loading import MIN_SECONDS, SILENCE

__all__ = ["Fault", "Inspection", "inspect"]

_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".opus": "OGG"}
_FORMATS |= {".aif": "AIFF", ".aiff": "AIFF", ".aifc": "AIFF", ".mp3": "MP3"}
_FORMATS |= {".au": "AU"}
_FLAT = 2 * SILENCE  # of full scale, from the lowest to the highest sample
_CLIPPED_RUN = 3  # samples in a row at full scale
_KINDS = {
    "an empty file": "empty",
    "a Git LFS pointer": "Git LFS pointer",
    "cut short": "cut short",
    "samples that are not numbers": "not numbers",
    "not audio": "not audio",
    "no such file": "gone",
}


class Fault(NamedTuple):
    """Something that is to be said of a clip.

    Parameters
    ----------
    kind : str
        In a word or two: ``silent``, ``cut short``, ``resampled``.
    detail : str
        What it is exactly; the same for many clips.
    note : str
        What differs from clip to clip.
    """

    kind: str
    detail: str = ""
    note: str = ""

    def __str__(self) -> str:
        words = f"{self.detail} {self.note}".strip()
        return f"{self.kind} ({words})" if words else self.kind


class Inspection(NamedTuple):
    """What one file is.

    Parameters
    ----------
    sha256 : str
        Of its bytes, in hex; empty if it could not be read.
    bytes : int
        Its size.
    format : str or None
        WAV, AIFF, FLAC ..., from its content, not its name; None if it is not
        audio that can be used.
    sampling_rate : int or None
        Hz.
    channels, samples : int or None
        Samples of one channel.
    peak : float or None
        Greatest magnitude, of full scale.
    faults : tuple of Fault
        What is wrong with it by itself.
    """

    sha256: str = ""
    bytes: int = 0
    format: str | None = None
    sampling_rate: int | None = None
    channels: int | None = None
    samples: int | None = None
    peak: float | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether it is audio that can be used."""
        return self.format is not None

    @property
    def seconds(self) -> float | None:
        """Duration in seconds."""
        return self.samples / self.sampling_rate if self.sampling_rate else None


def inspect(path: str | os.PathLike) -> Inspection:
    """Read a file once, and say what it is.

    Parameters
    ----------
    path : path-like
        A file.

    Returns
    -------
    Inspection
        Never raises for what a file holds: what is wrong is in ``faults``.

    Examples
    --------
    >>> inspect("nowhere.wav").faults
    (Fault(kind='gone', detail='no such file', note=''),)
    """
    path = os.fspath(path)
    try:
        with open(path, "rb", buffering=0) as file:
            content = file.read()
    except FileNotFoundError:
        return Inspection(faults=(_unusable("no such file"),))
    except OSError as error:
        return Inspection(faults=(_unusable((error.strerror or str(error)).lower()),))
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        samples, rate, form = _pcm16(content) or _decoded(path, content)
    except (ValueError, OSError) as error:
        reason = str(error).removeprefix(f"{Path(path)}: ").rstrip(".")
        return Inspection(sha256, len(content), faults=(_unusable(reason),))
    peak, faults = _heard(samples)
    ending = os.path.splitext(path)[1]
    if form != (expected := _FORMATS.get(ending.lower(), form)):
        faults.append(Fault("wrong format", f"{form} named {ending}, not {expected}"))
    length, channels = samples.shape
    return Inspection(
        sha256, len(content), form, rate, channels, length, peak, tuple(faults)
    )


def _unusable(reason: str) -> Fault:
    """Name the kind of a file that cannot be used."""
    if "ms of audio" in reason:
        return Fault("too short", note=reason)
    kind = next((kind for k, kind in _KINDS.items() if reason.startswith(k)), None)
    if kind == "cut short":
        return Fault(kind, note=reason.partition(", ")[2])
    return Fault(kind or "unreadable", reason)


def _pcm16(content: bytes) -> tuple[np.ndarray, int, str] | None:
    """Read the plain form, 16-bit PCM in RIFF, without a copy; ``None`` for others."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    position, form = 12, None
    while position + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        position += 8
        if name == b"fmt " and position + 16 <= len(content):
            form = struct.unpack_from("<HHIIHH", content, position)
        if name == b"data":
            break
        position += length + length % 2
    else:
        return None
    if form is None or form[0] != 1 or form[5] != 16 or not form[1] or not form[2]:
        return None
    frame, rate = 2 * form[1], form[2]
    if position + length > len(content) or length % frame:
        return None
    if length < MIN_SECONDS * rate * frame:
        return None
    samples = np.frombuffer(content, "<i2", length // 2, position)
    return samples.reshape(-1, form[1]), rate, "WAV"


def _decoded(path: str, content: bytes) -> tuple[np.ndarray, int, str]:
    """Read any other form, or say why not, in the words of `audio.load`."""
    import soundfile

    audio.duration(path)  # refuses what is no audio, from the header
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            samples = file.read(dtype="float32", always_2d=True)
            rate, form = file.samplerate, file.format.removesuffix("EX")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"not audio that can be read ({error})") from None
    if len(samples) < MIN_SECONDS * rate or not np.isfinite(samples).all():
        audio.load(path, rate)  # says so
    return samples, rate, form


def _heard(samples: np.ndarray) -> tuple[float, list[Fault]]:
    """Measure the peak; name silence and clipping."""
    low, high = samples.min(), samples.max()
    whole = samples.dtype.kind == "i"
    full = 32768.0 if whole else 1.0
    faults = []
    if float(high) - float(low) < _FLAT * full:
        faults.append(Fault("silent"))
    top, bottom = (32767, -32768) if whole else (0.9999, -0.9999)
    if (high >= top or low <= bottom) and _flat_tops(samples, top, bottom):
        faults.append(Fault("clipped"))
    return max(abs(float(low)), abs(float(high))) / full, faults


def _flat_tops(samples: np.ndarray, top, bottom) -> bool:
    """Say whether a channel stays at full scale for several samples in a row."""
    full = (samples >= top) | (samples <= bottom)
    run = full[: len(full) - _CLIPPED_RUN + 1].copy()
    for step in range(1, _CLIPPED_RUN):
        run &= full[step : len(full) - _CLIPPED_RUN + 1 + step]
    return bool(run.any())
