"""Audio in: a file or an array becomes one mono float32 waveform at a given rate."""

import contextlib
import io
import os
import shlex
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from sertools import files
from sertools.audio import _headers

MIN_SECONDS = 0.05
"""Shorter clips are refused: no system can say anything about them."""

MAX_MINUTES = 300
"""Longer recordings are refused, unless `load` is told otherwise."""

SILENCE = 1e-4
"""Peak deviation from the mean (-80 dB of full scale) below which a clip is silent."""

_RATES = (1_000, 768_000)  # Hz: outside is a slip, and resampling takes for ever
_LOUDEST = 30.0  # times full scale: floats beyond are integers in disguise
_SCALES = (2.0**15, 2.0**23, 2.0**31)  # of signed integers
_CANCELLED = 0.3  # of the louder channel, to which opposite phases shrink the mean
_WHOLE = 600  # seconds that are read at one go; more comes in blocks
_BLOCK = 1 << 20  # frames
_MOST_BYTES = 8_000_000_000
_MOST_COPIED = 1_000_000_000
_FORMATS = {"WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "NIST"}  # whose
_FORMATS |= {"FLAC", "OGG", "MP3"}  # headers can be held against their bytes
_UNKNOWN = 1 << 40  # frames that libsndfile gives where a header does not say

Source = str | os.PathLike | BinaryIO | npt.ArrayLike


def load(
    source: Source,
    sampling_rate: int = 16_000,
    sr: int | None = None,
    max_minutes: float = MAX_MINUTES,
) -> np.ndarray:
    """Load one clip as a mono waveform.

    Files are decoded at their own rate, mixed down by the mean of their
    channels, and resampled once, straight to `sampling_rate`. Channels of
    opposite phase, which cancel each other, give the louder one. Floats in the
    scale of 16-bit or 32-bit integers are brought to full scale. Headers that
    do not know their length, as recorders and pipes write them, are no harm.

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
    max_minutes : float, default 300
        Refuse recordings that are longer, or whose header says so.

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
        pointer, a file shorter than its header says, samples that are not
        numbers, less than 50 ms or more than `max_minutes`, or a sampling rate
        outside 1 to 768 kHz.

    Examples
    --------
    >>> load(np.zeros(8000), sr=8000).shape
    (16000,)
    """
    if isinstance(source, (str, os.PathLike)):
        name = str(Path(source))
        with files.open_regular(source, "an audio file") as file:
            samples, rate = _decode(file, name, max_minutes, sampling_rate)
    elif hasattr(source, "read"):
        name = str(getattr(source, "name", "file"))
        samples, rate = _decode(source, name, max_minutes, sampling_rate)
    else:
        name = "array"
        samples, rate = _from_array(source), sampling_rate if sr is None else sr
    for hertz in (rate, sampling_rate):
        _check_rate(hertz, name)
    if len(samples) < MIN_SECONDS * rate:
        raise ValueError(
            f"{name}: {1000 * len(samples) / rate:.4g} ms of audio; "
            f"at least {1000 * MIN_SECONDS:.0f} ms are needed."
        )
    if not np.isfinite(samples).all():
        raise ValueError(f"{name}: samples that are not numbers (NaN or infinity).")
    return _resample(_to_full_scale(samples, name), rate, sampling_rate)


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

    with files.open_regular(path, "an audio file") as file:
        patched = _checked(file, path)
        try:
            with soundfile.SoundFile(patched, closefd=False) as sound:
                if sound.frames < _UNKNOWN:
                    return sound.frames / sound.samplerate
        except soundfile.LibsndfileError as error:
            raise ValueError(_not_audio(path, error, _head(file))) from None
        samples, rate = _decode(file, str(path), MAX_MINUTES, _RATES[0])
        return len(samples) / rate


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


def _decode(
    file: BinaryIO, name: str, max_minutes: float, sampling_rate: int
) -> tuple[np.ndarray, int]:
    """Decode an open file to mono, and see that all of it is there."""
    import soundfile

    source = _checked(file, name)
    try:
        with soundfile.SoundFile(source, closefd=False) as sound:
            rate, promised, form = sound.samplerate, sound.frames, sound.format
            if form not in _FORMATS:
                raise ValueError(_other_format(name, sound.format_info))
            _check_rate(rate, name)
            if promised < _UNKNOWN and promised > 60 * max_minutes * rate:
                raise ValueError(_too_long(name, promised / rate, max_minutes))
            if promised <= _WHOLE * rate and sound.seekable():
                samples = _mix_down(sound.read(dtype="float32", always_2d=True))
                got = len(samples)
            else:
                samples, rate, got = _in_blocks(sound, name, max_minutes, sampling_rate)
    except soundfile.LibsndfileError as error:
        raise ValueError(_not_audio(name, error, _head(file))) from None
    if form in ("FLAC", "OGG") and got < promised < _UNKNOWN:
        told = f"{got} of {promised} samples are there"
        raise ValueError(f"{name}: cut short, {told}.")
    return samples, rate


def _in_blocks(
    sound, name: str, max_minutes: float, sampling_rate: int
) -> tuple[np.ndarray, int, int]:
    """Read a long recording, or one that does not say how long it is.

    Each block is mixed down and resampled at once, so that only what is wanted
    is kept. Gives samples, their rate, and how many there were before.
    """
    import soxr

    rate, got, parts = sound.samplerate, 0, []
    stream = soxr.ResampleStream(rate, sampling_rate, 1, "float32", quality="HQ")
    while len(block := sound.read(_BLOCK, dtype="float32", always_2d=True)):
        got += len(block)
        if got > 60 * max_minutes * rate:
            raise ValueError(_too_long(name, got / rate, max_minutes))
        mono = _mix_down(block)
        parts.append(mono if rate == sampling_rate else stream.resample_chunk(mono))
    if rate != sampling_rate:
        parts.append(stream.resample_chunk(np.zeros(0, np.float32), last=True))
    samples = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    return samples, sampling_rate, got


def _other_format(name: str, kind: str) -> str:
    return f"{name}: {kind} is not read. Convert it: {_conversion(Path(name))}"


def _conversion(given: Path) -> str:
    """Give the command that makes a WAV file of a recording."""
    target = given.with_suffix(".wav")
    target = target if target != given else given.with_suffix(".converted.wav")
    return f"ffmpeg -i {shlex.join([given.name, target.name])}"


def _checked(file: BinaryIO, name: str | os.PathLike) -> BinaryIO | int:
    """Refuse what libsndfile refuses unclearly, or reads without complaint.

    Gives the file from its beginning, or a copy whose header knows its length.
    """
    size = _headers.size_of(file)
    if size == 0:
        raise ValueError(f"{name}: an empty file (0 bytes).")
    if _headers.is_lfs_pointer(_head(file)):
        raise ValueError(
            f"{name}: a Git LFS pointer, not audio. Fetch it with: git lfs pull"
        )
    if size > _MOST_BYTES:
        raise ValueError(
            f"{name}: {size / 1e9:.0f} GB, more than the limit of "
            f"{_MOST_BYTES / 1e9:.0f}. Cut it into parts."
        )
    if missing := _headers.missing_bytes(file, size):
        raise ValueError(
            f"{name}: cut short, {missing} bytes fewer than its header says."
        )
    if _headers.lacks_last_page(file, size):
        raise ValueError(f"{name}: cut short, its last page is not there.")
    if told := _headers.impossible(file, size):
        raise ValueError(f"{name}: not audio that can be read ({told}).")
    file.seek(0)
    if file.read(4) == b"RIFF" and (length := _unsaid_length(file, size)):
        start, there = length
        file.seek(0)
        if there > _MOST_COPIED:
            told = "its header does not say how long it is, and it is too large to mend"
            raise ValueError(
                f"{name}: {told}. Write it anew: {_conversion(Path(name))}"
            )
        content = bytearray(file.read())
        content[start - 4 : start] = there.to_bytes(4, "little")
        return io.BytesIO(content)
    with contextlib.suppress(OSError):  # libsndfile is quicker without Python between
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        return file.fileno()
    file.seek(0)
    return file


def _unsaid_length(file: BinaryIO, size: int) -> tuple[int, int] | None:
    """Where a RIFF header says 0 bytes of samples: their place, and their size."""
    start, length = _headers.data_chunk(file, size)
    there = size - start
    return (start, there) if length == 0 and there > 8 else None


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(64)


def _check_rate(hertz: float, name: str) -> None:
    low, high = _RATES
    if not hertz > 0:  # NaN, too
        raise ValueError(f"{name}: a sampling rate must be positive, not {hertz} Hz.")
    if not low <= hertz <= high:
        raise ValueError(
            f"{name}: a sampling rate of {hertz} Hz; {low} to {high} Hz are used."
        )


def _too_long(name: str, seconds: float, max_minutes: float) -> str:
    return (
        f"{name}: {seconds / 60:.0f} minutes, more than the limit of {max_minutes:g}. "
        "Cut it, or raise the limit (max_minutes)."
    )


def _not_audio(path: str | os.PathLike, error: Exception, head: bytes) -> str:
    given = Path(os.fspath(path))
    if _headers.is_web_page(head):
        return f"{path}: a web page, not audio. Download the file itself."
    named = given.suffix.lower() in _headers.UNREAD
    if named or (kind := _headers.foreign(head)):
        what = given.suffix[1:] if named else f"{kind} under the name {given.suffix}"
        return f"{path}: {what} is not read. Convert it: {_conversion(given)}"
    reason = str(error).rsplit(": ", 1)[-1].rstrip(".")
    return f"{path}: not audio that libsndfile can read ({reason})."


def _to_full_scale(samples: np.ndarray, name: str) -> np.ndarray:
    """Bring floats in the scale of integers to full scale, which is 1."""
    peak = max(float(samples.max()), -float(samples.min()))
    if peak <= _LOUDEST:
        return samples
    for scale in _SCALES:
        if peak <= 1.01 * scale:
            return samples / np.float32(scale)
    raise ValueError(
        f"{name}: samples reach {peak:.3g}, in no scale that is known. "
        "Give floats in [-1, 1] or integers."
    )


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
    """Average the channels; of channels that cancel each other, take the louder."""
    if samples.shape[1] == 1 or not len(samples):
        return samples[:, 0]
    mean = samples.mean(axis=1)
    power = np.square(samples, dtype=np.float32).mean(axis=0)
    if np.square(mean).mean() < _CANCELLED**2 * power.max():
        return samples[:, power.argmax()]
    return mean


def _resample(samples: np.ndarray, rate: int, sampling_rate: int) -> np.ndarray:
    if rate != sampling_rate:
        import soxr

        samples = soxr.resample(samples, rate, sampling_rate, quality="HQ")
    return np.ascontiguousarray(samples, dtype=np.float32)
