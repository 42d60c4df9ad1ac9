"""Make a recording worse, by a known amount, the same way each time."""

import difflib
import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sertools.audio import effects

__all__ = ["Degradation", "degradations", "degrade"]


class Kind(NamedTuple):
    """What there is to say of one kind of degradation.

    Parameters
    ----------
    meaning : str
        In a line.
    unit : str
        Of its level; empty where it has none.
    low, high : float
        Between which a level makes sense.
    ways : tuple of str
        Words that can follow; the first is meant where none is given.
    clean : float
        The level at which nothing would happen.
    """

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
        effects.COLOURS,
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
        ways=tuple(effects.LAWS),
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
            return effects.add_noise(samples, level, rate, rng, asked.way)
        case "gain":
            return effects.amplify(samples, level)
        case "clipping":
            return effects.clip_peaks(samples, level)
        case "reverberation":
            return effects.reverberate(samples, level, rate, _drawn(seed, "room"))
        case "telephone":
            return effects.telephone(samples, rate, asked.way)
        case "mp3":
            return effects.encode_mp3(samples, level, rate)
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
