"""What can happen to a waveform: noise, a room, a telephone line, a codec, a cut."""

import io

import numpy as np

from sertools.audio.speech import segments

__all__ = [
    "COLOURS",
    "LAWS",
    "add_noise",
    "amplify",
    "clip_peaks",
    "encode_mp3",
    "reverberate",
    "silence",
    "speech_power",
    "stop_band",
    "telephone",
]

COLOURS = ("white", "pink", "speech")
LAWS = {"": "PCM_16", "mu-law": "ULAW", "a-law": "ALAW"}
BAND, LINE = (300.0, 3400.0), 8_000
"""What a telephone line lets through, and its sampling rate, in Hz."""

_MP3 = {  # up to which rate, and what libsndfile's levels 1 and 0 stand for, in kbit/s
    12_000: (8, 64),
    24_000: (8, 160),
    48_000: (32, 320),
}
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


def speech_power(waveform: np.ndarray, sampling_rate: int) -> float:
    """Measure the mean square of the stretches in which somebody speaks.

    Stretches are found by energy (`sertools.audio.segments`); where none is
    found, the whole waveform counts.

    Examples
    --------
    >>> tone = np.sin(np.arange(16_000) * 0.1)
    >>> round(speech_power(np.r_[np.zeros(16_000), tone], 16_000), 2)
    0.49
    """
    found = segments(waveform, sampling_rate, "energy").to_numpy()
    places = (found * sampling_rate).round().astype(int)
    heard = [waveform[first:last] for first, last in places] or [waveform]
    return float(np.square(np.concatenate(heard), dtype=np.float64).mean())


def add_noise(
    waveform: np.ndarray, snr: float, sampling_rate: int, rng, colour: str = "white"
) -> np.ndarray:
    """Add steady noise; the ratio is that of speech, while it lasts, to noise."""
    n = len(waveform)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    if colour == "pink":
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    if colour == "speech":  # the clip's own spectrum, all its phases drawn anew
        spectrum *= np.abs(np.fft.rfft(waveform)) / np.maximum(np.abs(spectrum), 1e-12)
    noise = np.fft.irfft(spectrum, n)
    power = float(np.square(noise).mean())
    wanted = speech_power(waveform, sampling_rate) / 10 ** (snr / 10)
    return waveform + noise * np.sqrt(wanted / power if power > 0 else 0)


def amplify(waveform: np.ndarray, decibels: float) -> np.ndarray:
    """Turn the recorder up or down: 16 bits hold the rest, and the peaks are cut."""
    louder = np.round(waveform * (10 ** (decibels / 20) * 32_768))
    return np.clip(louder, -32_768, 32_767) / 32_768


def clip_peaks(waveform: np.ndarray, decibels: float) -> np.ndarray:
    """Cut off whatever is less than so many dB below the highest peak."""
    limit = np.abs(waveform).max() / 10 ** (decibels / 20)
    return np.clip(waveform, -limit, limit)


def reverberate(
    waveform: np.ndarray, seconds: float, sampling_rate: int, rng
) -> np.ndarray:
    """Put the voice into a room: its own sound, and a tail of the same energy.

    The tail is noise that falls by 60 dB in so many `seconds`; what outlasts
    the clip is cut, and the level stays.
    """
    from scipy.signal import fftconvolve

    time = np.arange(round(seconds * sampling_rate)) / sampling_rate
    tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    tail /= np.sqrt(np.square(tail).sum())
    wet = waveform + fftconvolve(waveform, np.r_[0, tail])[: len(waveform)]
    before, after = np.square(waveform).mean(), np.square(wet).mean()
    return wet * np.sqrt(before / after if after > 0 else 0)


def telephone(waveform: np.ndarray, sampling_rate: int, law: str = "") -> np.ndarray:
    """Send it over a telephone line, 300 to 3400 Hz at 8 kHz, and back."""
    import soundfile
    import soxr
    from scipy.signal import butter, sosfiltfilt

    narrow = soxr.resample(waveform, sampling_rate, LINE, quality="HQ")
    filters = butter(4, BAND, "bandpass", fs=LINE, output="sos")
    narrow = sosfiltfilt(filters, narrow, padlen=min(160, len(narrow) - 1))
    line = io.BytesIO()  # the codec itself, as files hold it
    soundfile.write(line, narrow, LINE, format="WAV", subtype=LAWS[law])
    line.seek(0)
    narrow = soundfile.read(line, dtype="float32")[0]
    return _fitted(
        soxr.resample(narrow, LINE, sampling_rate, quality="HQ"), len(waveform)
    )


def encode_mp3(waveform: np.ndarray, kilobits: float, sampling_rate: int) -> np.ndarray:
    """Encode as MP3 and decode again, in line with what went in.

    Raises
    ------
    ModuleNotFoundError
        If this libsndfile writes no MP3.
    ValueError
        If MP3 does not know the rate.
    """
    import soundfile

    if "MP3" not in soundfile.available_formats():
        raise ModuleNotFoundError(
            f"libsndfile {soundfile.__libsndfile_version__} writes no MP3; 1.1 does: "
            "pip install --upgrade soundfile"
        )
    if sampling_rate not in _MP3_RATES:
        known = ", ".join(map(str, _MP3_RATES))
        raise ValueError(f"MP3 has no rate of {sampling_rate} Hz. It has: {known}.")
    low, high = next(span for top, span in _MP3.items() if sampling_rate <= top)
    level = (high - kilobits) / (high - low)
    file = io.BytesIO()
    soundfile.write(
        file,
        waveform,
        sampling_rate,
        format="MP3",
        bitrate_mode="CONSTANT",
        compression_level=float(np.clip(level, 0, 0.999)),
    )
    file.seek(0)
    decoded = soundfile.read(file, dtype="float32")[0]
    return _fitted(decoded[delay(waveform, decoded) :], len(waveform))


def delay(waveform: np.ndarray, decoded: np.ndarray) -> int:
    """Measure by how many samples a decoded waveform comes late.

    Small frames have no room for the tag that says it (MP3 of 24 kbit/s and
    less starts 1105 samples late), so it is heard: the lag at which both
    waveforms agree best.
    """
    room = len(decoded) - len(waveform)
    if room <= 0:
        return 0
    from scipy.signal import correlate

    return int(correlate(decoded, waveform, "valid", "fft").argmax())


def silence(
    waveform: np.ndarray,
    start: float,
    end: float,
    sampling_rate: int,
    depth: float = np.inf,
) -> np.ndarray:
    """Silence a stretch, or turn it down, with edges of 5 ms.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Mono samples.
    start, end : float
        Seconds.
    sampling_rate : int
        Hz.
    depth : float, optional
        By how many dB it is turned down; silence if not given.

    Returns
    -------
    ndarray of shape (t,)
        A new waveform.

    Examples
    --------
    >>> silence(np.ones(1000), 0.3, 0.6, 1000, depth=20)[450].round(3).item()
    0.1
    """
    time = np.arange(len(waveform)) / sampling_rate
    return waveform * _dip(time, start, end, 0.005, depth)


def stop_band(
    waveform: np.ndarray,
    low: float,
    high: float,
    sampling_rate: int,
    depth: float = np.inf,
) -> np.ndarray:
    """Take out a band of frequencies, or turn it down; nothing moves in time.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Mono samples.
    low, high : float
        Hz; a band that ends at 0 Hz or at half the rate is open there. The
        edges are cosines, a tenth of the band wide, at least 20 Hz.
    sampling_rate : int
        Hz.
    depth : float, optional
        By how many dB it is turned down; it is taken out if not given.

    Returns
    -------
    ndarray of shape (t,)
        A new waveform.

    Examples
    --------
    >>> tone = np.sin(np.arange(8000) * 2 * np.pi * 1000 / 8000)
    >>> abs(stop_band(tone, 500, 1500, 8000)).max() < 1e-9
    np.True_
    """
    spectrum = np.fft.rfft(waveform)
    hertz = np.fft.rfftfreq(len(waveform), 1 / sampling_rate)
    edge = max(20.0, (high - low) / 10)
    low = -edge if low <= 0 else low
    high = high + edge if high >= sampling_rate / 2 else high
    return np.fft.irfft(spectrum * _dip(hertz, low, high, edge, depth), len(waveform))


def _dip(
    x: np.ndarray, low: float, high: float, edge: float, depth: float
) -> np.ndarray:
    """Fall from 1 around `low` and rise again around `high`, over `edge` each."""
    up = np.clip((x - low) / edge + 0.5, 0, 1)
    down = np.clip((high - x) / edge + 0.5, 0, 1)
    hump = 0.25 * (1 - np.cos(np.pi * up)) * (1 - np.cos(np.pi * down))
    return 1 - (1 - 10 ** (-depth / 20)) * hump


def _fitted(samples: np.ndarray, n: int) -> np.ndarray:
    """Bring it to a length: cut the end, or fill it with silence."""
    return np.pad(samples[:n], (0, max(n - len(samples), 0)))
