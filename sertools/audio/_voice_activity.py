"""Find the stretches of speech in a recording."""

import numpy as np
import pandas as pd

from sertools import extras
from sertools.metadata import TimelineMetadata

METHODS = ("auto", "silero", "energy")
_FRAME, _HOP = 0.025, 0.010  # seconds
_ABOVE_FLOOR, _BELOW_PEAK = 9.0, 35.0  # dB


def segments(
    waveform: np.ndarray,
    sampling_rate: int = 16_000,
    method: str = "auto",
    pause: float = 0.3,
    shortest: float = 0.25,
) -> pd.DataFrame:
    """Find the stretches of speech in a recording.

    Parameters
    ----------
    waveform : ndarray of shape (t,), float32
        Mono samples in [-1, 1].
    sampling_rate : int, default 16000
        Hz; silero-vad knows 8000 and 16000.
    method : {"auto", "silero", "energy"}
        ``"auto"`` takes silero-vad where it is installed, else energy: frames
        9 dB above the noise floor and within 35 dB of the loudest.
    pause : float
        Seconds; shorter silences do not end a stretch.
    shortest : float
        Seconds; shorter stretches are dropped.

    Returns
    -------
    DataFrame
        Columns ``start`` and ``end`` in seconds, one row a stretch, in order;
        `sertools.metadata.TimelineMetadata` names the ``method`` that was used.

    Raises
    ------
    ValueError
        If the method is unknown, silero-vad is given another rate, or the
        waveform has more than one channel.
    ModuleNotFoundError
        If silero-vad is asked for and not installed.

    Examples
    --------
    >>> tone = 0.1 * np.sin(np.arange(16000) * 0.1).astype("float32")
    >>> quiet = np.zeros(16000, "float32")
    >>> found = segments(np.r_[quiet, tone, quiet], method="energy")
    >>> len(found), TimelineMetadata.of(found).method
    (1, 'energy')
    """
    if method not in METHODS:
        raise ValueError(f"Unknown method {method!r}. Known: {', '.join(METHODS)}.")
    if method == "auto":
        method = "silero" if _silero_fits(sampling_rate) else "energy"
    waveform = np.asarray(waveform, np.float32)
    if waveform.ndim != 1:
        raise ValueError(f"One mono waveform has 1 axis, not {waveform.ndim}.")
    find = _by_silero if method == "silero" else _by_energy
    found = pd.DataFrame(
        find(waveform, sampling_rate, pause, shortest),
        columns=["start", "end"],
        dtype=float,
    )
    return TimelineMetadata(method=method).attach(found)


def _silero_fits(sampling_rate: int) -> bool:
    return sampling_rate in (8_000, 16_000) and extras.available("silero_vad")


def _by_silero(waveform, sampling_rate, pause, shortest) -> list[tuple[float, float]]:
    if sampling_rate not in (8_000, 16_000):
        raise ValueError(
            f"silero-vad knows 8000 and 16000 Hz, not {sampling_rate}. "
            "Load the recording at 16000 Hz, or take method='energy'."
        )
    vad = extras.require("silero_vad")
    torch = extras.require("torch")
    found = vad.get_speech_timestamps(
        torch.from_numpy(waveform),
        vad.load_silero_vad(),
        sampling_rate=sampling_rate,
        min_silence_duration_ms=round(1000 * pause),
        min_speech_duration_ms=round(1000 * shortest),
    )
    return [(s["start"] / sampling_rate, s["end"] / sampling_rate) for s in found]


def _by_energy(waveform, sampling_rate, pause, shortest) -> list[tuple[float, float]]:
    size, step = round(_FRAME * sampling_rate), round(_HOP * sampling_rate)
    if len(waveform) < size:
        return []
    waveform = waveform - waveform.mean()  # a constant offset is no sound
    frames = np.lib.stride_tricks.sliding_window_view(waveform, size)[::step]
    power = np.einsum("ij,ij->i", frames, frames, dtype=np.float64) / size
    level = 10 * np.log10(power + 1e-12)
    floor, peak = np.percentile(level, 5), level.max()
    if peak < -70:
        return []
    steady = peak - floor < _ABOVE_FLOOR  # no pause to measure the floor in
    threshold = max(floor + (0 if steady else _ABOVE_FLOOR), peak - _BELOW_PEAK)
    return _runs(level >= threshold, len(waveform) / sampling_rate, pause, shortest)


def _runs(speech, seconds, pause, shortest) -> list[tuple[float, float]]:
    """Join frames into stretches over short pauses, and drop short stretches."""
    edges = np.flatnonzero(np.diff(np.r_[0, speech.astype(np.int8), 0]))
    joined: list[list[float]] = []
    for first, last in edges.reshape(-1, 2):
        start, end = first * _HOP, min((last - 1) * _HOP + _FRAME, seconds)
        if joined and start - joined[-1][1] < pause:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return [(start, end) for start, end in joined if end - start >= shortest]
