"""A well-known set of 162 features: the means over time of five descriptions."""

import warnings

import numpy as np

from sertools.extras import require

__all__ = ["NAMES", "heard", "time_means"]

_PITCHES = "C C# D D# E F F# G G# A A# B".split()
_MFCCS, _BANDS = 20, 128

NAMES = [
    "zcr",
    *(f"chroma_{pitch}" for pitch in _PITCHES),
    *(f"mfcc{number}" for number in range(_MFCCS)),
    "rms",
    *(f"mel{number}" for number in range(_BANDS)),
]
"""What the 162 numbers are, in their order."""

_OFFSET, _LENGTH, _LEAST = 0.6, 2.5, 1.0  # seconds


def heard(waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Cut out what is looked at: 2.5 seconds, from 0.6 seconds on.

    The first 0.6 seconds are silence in most clips of acted corpora. Where less
    than one second would remain, the whole clip is taken instead.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Samples.
    sampling_rate : int
        Hz.

    Returns
    -------
    ndarray
        A view of it.

    Examples
    --------
    >>> [len(heard(np.zeros(seconds * 10), 10)) for seconds in (1, 2, 3, 9)]
    [10, 14, 24, 25]
    """
    start, size = round(_OFFSET * sampling_rate), round(_LENGTH * sampling_rate)
    if len(waveform) - start < _LEAST * sampling_rate:
        return waveform
    return waveform[start : start + size]


def time_means(waveform: np.ndarray, sampling_rate: int) -> np.ndarray:
    """Describe a waveform by 162 means over time.

    Zero crossings, chroma (of magnitudes), MFCCs, loudness and mel spectrogram
    (of powers), with librosa's usual frames of 2048 samples every 512.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Samples.
    sampling_rate : int
        Hz.

    Returns
    -------
    ndarray of shape (162,), float32
        In the order of `NAMES`.

    Examples
    --------
    >>> hum = np.sin(np.arange(22050) / 20).astype("float32")
    >>> time_means(hum, 22050).shape, len(NAMES)
    ((162,), 162)
    """
    librosa = require("librosa")
    feature = librosa.feature
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="n_fft=")  # shorter than a frame
        warnings.filterwarnings("ignore", message="Trying to estimate tuning")  # silent
        magnitudes = np.abs(librosa.stft(waveform))
        mel = feature.melspectrogram(S=magnitudes**2, sr=sampling_rate, n_mels=_BANDS)
        tracks = (
            feature.zero_crossing_rate(y=waveform),
            feature.chroma_stft(S=magnitudes, sr=sampling_rate),
            feature.mfcc(S=librosa.power_to_db(mel), n_mfcc=_MFCCS),
            feature.rms(y=waveform),
            mel,
        )
    return np.concatenate([track.mean(axis=1) for track in tracks]).astype(np.float32)
