"""Make a recording worse, by a known amount, the same way each time."""

import difflib
import hashlib
import io
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sertools.audio._voice_activity import segments

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
    """Encode as MP3 and decode again, in line with what went in."""
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


class Kind(NamedTuple):
    """What there is to say of one kind of degradation."""

    meaning: str
    unit: str
    low: float = 0
    high: float = 0
    ways: tuple[str, ...] = ("",)
    clean: float = 0


KINDS = {
    "noise": Kind(
        "steady noise, so many dB below the speech",
        "dB SNR",
        -50,
        100,
        COLOURS,
        np.inf,
    ),
    "gain": Kind("the recorder turned up or down, peaks cut", "dB", -90, 90),
    "clipping": Kind(
        "peaks cut, so many dB below the highest", "dB off", 0.1, 60, clean=0
    ),
    "reverberation": Kind(
        "a room whose echo lasts so many seconds", "s RT60", 0.02, 10
    ),
    "telephone": Kind(
        "300 to 3400 Hz; mu-law or a-law if asked",
        "",
        ways=tuple(LAWS),
    ),
    "mp3": Kind("MP3 and back, at so many kbit/s", "kbit/s", 8, 320, clean=np.inf),
    "truncation": Kind(
        "the first seconds, or a share such as 50%",
        "s",
        0.05,
        3600,
        clean=np.inf,
    ),
}


@dataclass(frozen=True)
class Degradation:
    """One way to make a recording worse, and by how much.

    Parameters
    ----------
    kind : str
        One of `degradations`.
    level : float or None
        In the kind's unit; ``None`` where it has none.
    way : str
        The colour of noise, the law of a telephone, ``%`` of a truncation.

    Examples
    --------
    >>> Degradation.parse("noise:10:pink")
    Degradation(kind='noise', level=10.0, way='pink')
    >>> str(Degradation.parse("noise:10.0:white")), Degradation.parse("mp3:32").unit
    ('noise:10', 'kbit/s')
    """

    kind: str
    level: float | None = None
    way: str = ""

    @classmethod
    def parse(cls, spec: "str | Degradation") -> "Degradation":
        """Read ``"kind:level"``, with a word more where the kind has one.

        Parameters
        ----------
        spec : str
            ``"noise:10"``, ``"noise:10:pink"``, ``"gain:-20"``,
            ``"clipping:12"``, ``"reverberation:0.6"``, ``"telephone"``,
            ``"telephone:mu-law"``, ``"mp3:32"``, ``"truncation:1"`` or
            ``"truncation:50%"``.

        Returns
        -------
        Degradation
            What was meant.

        Raises
        ------
        ValueError
            If the kind or the word is unknown, or the level makes no sense.
        """
        if isinstance(spec, cls):
            return spec
        kind, *rest = [part.strip() for part in str(spec).split(":")]
        about = KINDS.get(kind) or _unknown("degradation", kind, tuple(KINDS))
        level, way = None, about.ways[0]
        if about.unit:
            level, way = _level(str(spec), kind, rest.pop(0) if rest else "")
            way = way or about.ways[0]
        if rest:
            given = rest.pop(0)
            way = given if given in about.ways else _unknown(kind, given, about.ways)
        if rest:
            raise ValueError(f"{spec!r} says more than a degradation has: {rest[0]!r}.")
        return cls(kind, level, way)

    @property
    def unit(self) -> str:
        """The unit of its level; empty where it has none."""
        return "%" if self.way == "%" else KINDS[self.kind].unit

    @property
    def family(self) -> str:
        """What its levels can be lined up with: its kind, and what it sets apart."""
        if self.kind == "telephone" or self.way in ("", "white"):
            return self.kind
        return "truncation %" if self.way == "%" else f"{self.way} {self.kind}"

    @property
    def amount(self) -> str:
        """Its level as written in a spec; the way where there is no level."""
        if self.level is None:
            return self.way or "band"
        return f"{self.level:g}{'%' * (self.way == '%')}"

    def __str__(self) -> str:
        words = [self.kind, *([] if self.level is None else [self.amount])]
        plain = self.way in (KINDS[self.kind].ways[0], "%")
        return ":".join(words if plain else [*words, self.way])


def degradations() -> dict[str, str]:
    """List the kinds of degradation.

    Returns
    -------
    dict of str to str
        By name, what each does and the unit of its level.

    Examples
    --------
    >>> degradations()["mp3"]
    'MP3 and back, at so many kbit/s'
    """
    return {name: kind.meaning for name, kind in KINDS.items()}


def degrade(
    waveform: np.ndarray,
    degradation: str | Degradation,
    sampling_rate: int = 16_000,
    seed: int = 0,
) -> np.ndarray:
    """Make a recording worse, by a known amount.

    What is random is drawn from the seed and from the samples themselves: a
    clip gets the same noise whatever comes before it or beside it, another clip
    gets another noise, and a lower ratio makes the very same noise louder. The
    room of a reverberation depends on the seed alone: all speak in it.

    Parameters
    ----------
    waveform : ndarray of shape (t,)
        Mono samples in [-1, 1].
    degradation : str or Degradation
        Such as ``"noise:10"``; see `Degradation.parse` and `degradations`.
    sampling_rate : int, default 16000
        Hz.
    seed : int, default 0
        Of noise and rooms.

    Returns
    -------
    ndarray of shape (t,), float32
        As long as it was, but for a truncation. Added noise may lead beyond
        [-1, 1]: nothing is cut there.

    Raises
    ------
    ValueError
        If the degradation is unknown or makes no sense.
    ModuleNotFoundError
        If MP3 is asked for and this libsndfile writes none.

    Notes
    -----
    The speech-to-noise ratio compares the power of the stretches in which
    somebody speaks, found by energy, with the mean power of the noise: pauses
    do not count as speech. A silent clip stays silent. White noise is flat up
    to half the sampling rate; ``pink`` falls by 3 dB an octave; ``speech`` has
    the clip's own spectrum with its phases drawn anew.

    Examples
    --------
    >>> tone = 0.1 * np.sin(np.arange(16_000) * 0.1)
    >>> noise = degrade(tone, "noise:20") - tone
    >>> ratio = np.square(tone).mean() / np.square(noise).mean()
    >>> print(f"{10 * np.log10(ratio):.1f} dB")
    20.0 dB
    """
    asked = Degradation.parse(degradation)
    samples = np.asarray(waveform, np.float32)
    if samples.ndim != 1 or not len(samples):
        raise ValueError(f"One mono waveform is needed, not shape {samples.shape}.")
    return _worse(samples, asked, sampling_rate, seed).astype(np.float32)


def _worse(samples, asked: Degradation, rate: int, seed: int) -> np.ndarray:
    level = asked.level
    match asked.kind:
        case "noise":
            rng = _drawn(seed, asked.way, samples)
            return add_noise(samples, level, rate, rng, asked.way)
        case "gain":
            return amplify(samples, level)
        case "clipping":
            return clip_peaks(samples, level)
        case "reverberation":
            return reverberate(samples, level, rate, _drawn(seed, "room"))
        case "telephone":
            return telephone(samples, rate, asked.way)
        case "mp3":
            return encode_mp3(samples, level, rate)
    share = asked.way == "%"
    keep = len(samples) * level / 100 if share else rate * level
    return samples[: max(round(keep), 1)]


def _drawn(seed: int, what: str, samples: np.ndarray | None = None):
    """Make a generator that depends on these alone."""
    sum_ = hashlib.sha256(f"{seed} {what}".encode())
    if samples is not None:
        sum_.update(np.ascontiguousarray(samples).tobytes())
    return np.random.default_rng(int.from_bytes(sum_.digest()))


def _level(spec: str, kind: str, text: str) -> tuple[float, str]:
    """Read a level; say what it should look like where it does not."""
    about = KINDS[kind]
    share = kind == "truncation" and text.endswith("%")
    low, high, unit = (1, 100, "%") if share else (about.low, about.high, about.unit)
    try:
        level = float(text.removesuffix("%") if share else text)
    except ValueError:
        level = np.nan
    if not low <= level <= high:
        raise ValueError(
            f"{spec!r}: {kind} takes a level from {low:g} to {high:g} {unit}, such as "
            f"{kind}:{_EXAMPLES[kind]}."
        )
    return level, "%" if share else ""


_EXAMPLES = {
    "noise": 10,
    "gain": -20,
    "clipping": 12,
    "reverberation": 0.6,
    "mp3": 32,
    "truncation": 1,
}


def _unknown(what: str, given: str, known: tuple[str, ...]):
    words = [word for word in known if word]
    near = difflib.get_close_matches(given.lower(), words, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise ValueError(f"Unknown {what} {given!r}.{hint} Known: {', '.join(words)}.")
