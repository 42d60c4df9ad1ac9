"""Audio in: a file or an array becomes one mono float32 waveform at a given rate."""

import os
import shlex
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

MIN_SECONDS = 0.05
"""Shorter clips are refused: no system can say anything about them."""

SILENCE = 1e-4
"""Peak deviation from the mean (-80 dB of full scale) below which a clip is silent."""

UNREAD = (".m4a", ".aac", ".amr", ".webm", ".wma", ".mp4", ".3gp")
"""Endings of recordings, as telephones make them, that libsndfile does not read."""

_POINTER = b"version https://git-lfs"
_STREAMED = (0, 0xFFFFFFFF)  # sizes that a recorder wrote before it knew better
Source = str | os.PathLike | BinaryIO | npt.ArrayLike


def load(
    source: Source, sampling_rate: int = 16_000, sr: int | None = None
) -> np.ndarray:
    """Load one clip as a mono waveform.

    Files are decoded at their own rate, mixed down by the mean of their
    channels, and resampled once, straight to `sampling_rate`.

    Parameters
    ----------
    source : path, binary file or array-like
        A file that libsndfile reads, whatever its name ends in, on disk or
        open (``io.BytesIO``, too), or samples: (t,), (t, channels) or
        (channels, t); floats in [-1, 1] or integers.
    sampling_rate : int, default 16000
        Rate of the result, in Hz.
    sr : int, optional
        Rate of an array, in Hz; `sampling_rate` if not given. Files know
        their own.

    Returns
    -------
    ndarray of shape (t,), float32
        The waveform, in [-1, 1] unless the samples given were louder.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the clip cannot be used: an empty file, not audio, a Git LFS
        pointer, a RIFF file shorter than its header says, samples that are
        not numbers, or less than 50 ms.

    Examples
    --------
    >>> load(np.zeros(8000), sr=8000).shape
    (16000,)
    """
    if isinstance(source, (str, os.PathLike)):
        name = str(Path(source))
        samples, rate = _read(Path(source))
    elif hasattr(source, "read"):
        name = str(getattr(source, "name", "file"))
        samples, rate = _read_open(source, name)
    else:
        name = "array"
        samples, rate = _from_array(source), sampling_rate if sr is None else sr
    for hertz in (rate, sampling_rate):
        if not hertz > 0:  # NaN, too
            raise ValueError(
                f"{name}: a sampling rate must be positive, not {hertz} Hz."
            )
    if len(samples) < MIN_SECONDS * rate:
        raise ValueError(
            f"{name}: {1000 * len(samples) / rate:.4g} ms of audio; "
            f"at least {1000 * MIN_SECONDS:.0f} ms are needed."
        )
    if not np.isfinite(samples).all():
        raise ValueError(f"{name}: samples that are not numbers (NaN or infinity).")
    return _resample(samples, rate, sampling_rate)


def duration(path: str | os.PathLike) -> float:
    """Read a file's duration from its header.

    Parameters
    ----------
    path : path-like
        A file that libsndfile reads.

    Returns
    -------
    float
        Seconds.

    Raises
    ------
    FileNotFoundError, ValueError
        As `load` does.
    """
    import soundfile

    _refuse_what_is_no_audio(Path(path))
    try:
        return float(soundfile.info(str(path)).duration)
    except soundfile.LibsndfileError as error:
        raise ValueError(_not_audio(path, error)) from None


def is_silent(waveform: np.ndarray) -> bool:
    """Say whether a waveform stays within -80 dB of full scale around its mean.

    Examples
    --------
    >>> is_silent(np.full(800, 0.25))
    True
    """
    return bool(np.ptp(waveform) < 2 * SILENCE)


def windows(
    waveform: np.ndarray, sampling_rate: int, length: float, hop: float
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Cut a waveform into windows of equal length that cover all of it.

    The last window is moved back so that it ends where the waveform ends. A
    waveform shorter than one window is one window, as long as it is.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Samples.
    sampling_rate : int
        Hz.
    length, hop : float
        Seconds; the hop is at most the length.

    Returns
    -------
    starts : ndarray of shape (n,), float64
        Seconds.
    pieces : list of ndarray
        Views of the waveform.

    Raises
    ------
    ValueError
        If `hop` is shorter than one sample, or longer than `length`.

    Examples
    --------
    >>> starts, pieces = windows(np.zeros(25), 10, length=1, hop=1)
    >>> starts.tolist()
    [0.0, 1.0, 1.5]
    """
    size, step = round(length * sampling_rate), round(hop * sampling_rate)
    if not 1 <= step <= size:
        raise ValueError(
            "Windows need a positive hop that is no longer than their length, "
            f"not a length of {length} s and a hop of {hop} s."
        )
    last = max(len(waveform) - size, 0)
    firsts = sorted({*range(0, last + 1, step), last})
    return (
        np.array(firsts) / sampling_rate,
        [waveform[first : first + size] for first in firsts],
    )


def _read(path: Path) -> tuple[np.ndarray, int]:
    import soundfile

    _refuse_what_is_no_audio(path)
    try:
        samples, rate = soundfile.read(str(path), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(_not_audio(path, error)) from None
    return _mix_down(samples), rate


def _read_open(file: BinaryIO, name: str) -> tuple[np.ndarray, int]:
    import soundfile

    _refuse_contents(file, name)
    file.seek(0)
    try:
        samples, rate = soundfile.read(file, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(_not_audio(name, error)) from None
    return _mix_down(samples), rate


def _refuse_what_is_no_audio(path: Path) -> None:
    """Raise for files that libsndfile refuses unclearly or reads without complaint."""
    if path.is_dir():
        raise ValueError(f"{path}: a folder, not an audio file.")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file.")
    with path.open("rb") as file:
        _refuse_contents(file, path)


def _refuse_contents(file: BinaryIO, name: str | os.PathLike) -> None:
    size = file.seek(0, os.SEEK_END)
    if size == 0:
        raise ValueError(f"{name}: an empty file (0 bytes).")
    file.seek(0)
    head = file.read(12)
    if head == _POINTER[:12] and head + file.read(11) == _POINTER:
        raise ValueError(
            f"{name}: a Git LFS pointer, not audio. Fetch it with: git lfs pull"
        )
    if head[:4] == b"RIFF" and head[8:] == b"WAVE":
        missing = _missing_bytes(file, size)
        if missing > 0:
            raise ValueError(
                f"{name}: cut short, {missing} bytes fewer than its header says."
            )


def _missing_bytes(file, size: int) -> int:
    """Walk a RIFF file's chunks; how much of its data chunk is not there."""
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        position += 8
        if name == b"data":
            return 0 if length in _STREAMED else position + length - size
        position += length + length % 2
    return max(position - size, 0)


def _not_audio(path: str | os.PathLike, error: Exception) -> str:
    given = Path(os.fspath(path))
    if given.suffix.lower() in UNREAD:
        names = shlex.join([given.name, given.with_suffix(".wav").name])
        return f"{path}: {given.suffix[1:]} is not read. Convert it: ffmpeg -i {names}"
    reason = str(error).rsplit(": ", 1)[-1].rstrip(".")
    return f"{path}: not audio that libsndfile can read ({reason})."


def _from_array(source: npt.ArrayLike) -> np.ndarray:
    try:
        samples = np.asarray(source)
    except ValueError:
        raise ValueError(
            "array: rows of unequal length. Give one waveform at a time."
        ) from None
    if samples.dtype.kind in "iu" and samples.dtype.itemsize == 8:
        raise ValueError(
            f"array: {samples.dtype} samples have no agreed full scale. "
            "Give int16, int32 or floats in [-1, 1]."
        )
    if samples.dtype.kind in "iu":
        information = np.iinfo(samples.dtype)
        centre = 0 if information.min < 0 else (information.max + 1) / 2
        scale = (float(information.max) + 1) / (1 if information.min < 0 else 2)
        samples = (samples.astype(np.float64) - centre) / scale
    elif samples.dtype.kind != "f":
        raise ValueError(f"array: samples must be numbers, not {samples.dtype}.")
    if samples.ndim == 2 and samples.size == 0:
        samples = samples.reshape(-1)
    if samples.ndim == 2:
        samples = _mix_down(samples if len(samples) > samples.shape[1] else samples.T)
    if samples.ndim != 1:
        raise ValueError(f"array: one waveform has 1 axis or 2, not {samples.ndim}.")
    return samples.astype(np.float32)


def _mix_down(samples: np.ndarray) -> np.ndarray:
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(axis=1)


def _resample(samples: np.ndarray, rate: int, sampling_rate: int) -> np.ndarray:
    if rate != sampling_rate:
        import soxr

        samples = soxr.resample(samples, rate, sampling_rate, quality="HQ")
    return np.ascontiguousarray(samples, dtype=np.float32)
