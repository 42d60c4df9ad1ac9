"""Look at one audio file: its checksum, its form, and what is wrong with it."""

import hashlib
import io
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sertools import audio

__all__ = ["Inspection", "inspect"]

_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".aif": "AIFF"}
_FORMATS |= {".aiff": "AIFF", ".aifc": "AIFF", ".mp3": "MP3", ".au": "AU"}
_CLIPPED_RUN = 3  # samples in a row at full scale


@dataclass(frozen=True)
class Inspection:
    """What one file is.

    Parameters
    ----------
    sha256 : str
        Of its bytes, in hex; empty if it could not be read.
    bytes : int
        Its size.
    format : str or None
        WAV, AIFF, FLAC ..., from its content, not its name.
    sampling_rate : int or None
        Hz.
    channels, samples : int or None
        Samples of one channel.
    peak : float or None
        Greatest magnitude, of full scale.
    faults : tuple of str
        ``unreadable (...)``, ``silent``, ``clipped``, ``AIFF named .wav``.
    """

    sha256: str = ""
    bytes: int = 0
    format: str | None = None
    sampling_rate: int | None = None
    channels: int | None = None
    samples: int | None = None
    peak: float | None = None
    faults: tuple[str, ...] = ()

    @property
    def seconds(self) -> float | None:
        """Duration in seconds."""
        return self.samples / self.sampling_rate if self.sampling_rate else None


def inspect(path: str | Path) -> Inspection:
    """Read a file once, and say what it is.

    Parameters
    ----------
    path : path-like
        A file.

    Returns
    -------
    Inspection
        Never raises for what a file holds: what is wrong is in ``faults``.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        return Inspection(faults=(f"unreadable ({error.strerror})",))
    sha256 = hashlib.sha256(content).hexdigest()
    samples, rate, form = _pcm16(content) or _decoded(path, content)
    if samples is None:
        return Inspection(sha256, len(content), faults=(f"unreadable ({form})",))
    peak, faults = _heard(samples)
    expected = _FORMATS.get(Path(path).suffix.lower())
    if expected and form != expected:
        faults.append(f"{form} named {Path(path).suffix}")
    return Inspection(
        sha256,
        len(content),
        form,
        rate,
        samples.shape[1],
        len(samples),
        peak,
        tuple(faults),
    )


def _pcm16(content: bytes) -> tuple[np.ndarray, int, str] | None:
    """Read the plain form, 16-bit PCM in RIFF, without a copy; ``None`` for others."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    position, form = 12, None
    while position + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        position += 8
        if name == b"fmt ":
            form = struct.unpack_from("<HHIIHH", content, position)
        if name == b"data":
            break
        position += length + length % 2
    else:
        return None
    if form is None or form[0] != 1 or form[5] != 16 or not form[1]:
        return None
    frame = 2 * form[1]
    if position + length > len(content) or length % frame or not length:
        return None
    samples = np.frombuffer(content, "<i2", length // 2, position)
    return samples.reshape(-1, form[1]), form[2], "WAV"


def _decoded(path, content: bytes) -> tuple[np.ndarray | None, int, str]:
    """Read any other form; on failure the third value is the reason."""
    import soundfile

    try:
        audio.load(path)
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            samples = file.read(dtype="float32", always_2d=True)
            return samples, file.samplerate, file.format.removesuffix("EX")
    except (ValueError, OSError, soundfile.LibsndfileError) as error:
        return None, 0, str(error).removeprefix(f"{path}: ").rstrip(".")


def _heard(samples: np.ndarray) -> tuple[float, list[str]]:
    """Measure the peak; name silence and clipping."""
    low, high = samples.min(), samples.max()
    whole = samples.dtype.kind == "i"
    full = 32768.0 if whole else 1.0
    faults = []
    if float(high) - float(low) < 2e-4 * full:
        faults.append("silent")
    top, bottom = (32767, -32768) if whole else (0.9999, -0.9999)
    if (high >= top or low <= bottom) and _flat_tops(samples, top, bottom):
        faults.append("clipped")
    return max(abs(float(low)), abs(float(high))) / full, faults


def _flat_tops(samples: np.ndarray, top, bottom) -> bool:
    """Say whether a channel stays at full scale for several samples in a row."""
    full = (samples >= top) | (samples <= bottom)
    run = full[: len(full) - _CLIPPED_RUN + 1].copy()
    for step in range(1, _CLIPPED_RUN):
        run &= full[step : len(full) - _CLIPPED_RUN + 1 + step]
    return bool(run.any())
