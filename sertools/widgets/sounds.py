"""A clip's sound and spectrogram, as bytes that a browser plays and paints."""

import base64
import html
import io
import os

import numpy as np

from sertools import audio
from sertools.plots import sound

__all__ = ["RATE", "known", "picture", "player", "wav"]

RATE = 16_000
"""Hz. What most models hear; 32 kB a second at 16 bit."""

COLUMNS = 240
"""A spectrogram is at most so wide: more than a list shows."""

_SOLO = 'for (const a of document.querySelectorAll("audio")) a === this || a.pause()'
"""Run when a player begins, so that no two sound at once; widgets hear of it, too."""


def known(source: object) -> bool:
    """Tell whether there is something to hear: a path or samples, and no gap.

    Examples
    --------
    >>> known("a.wav"), known(np.zeros(800)), known(None), known(float("nan"))
    (True, True, False, False)
    """
    import pandas as pd

    return not (pd.api.types.is_scalar(source) and pd.isna(source))


def wav(path: str | os.PathLike) -> bytes:
    """Give a clip as a WAV file: mono, 16 kHz, 16 bit.

    Raises
    ------
    FileNotFoundError, ValueError
        If the clip cannot be used, as `sertools.audio.load` says.
    """
    return as_wav(audio.load(path, RATE), RATE)


def as_wav(waveform: np.ndarray, rate: int) -> bytes:
    """Give samples as a WAV file of 16 bit."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def player(wav: bytes, about: str, style: str) -> str:
    """Give a WAV file as a player in HTML, named in words; it carries its sound."""
    data = base64.b64encode(wav).decode()
    return (
        f"<audio controls preload='none' onplay='{_SOLO}' "
        f"aria-label='{html.escape(about)}' "
        f"style='{style}' src='data:audio/wav;base64,{data}'></audio>"
    )


def picture(path: str | os.PathLike) -> np.ndarray:
    """Give a clip's mel spectrogram in 256 shades.

    Returns
    -------
    ndarray of shape (80, columns), uint8
        Lowest band first; 255 is the loudest, 0 is 80 dB below and less.

    Raises
    ------
    FileNotFoundError, ValueError
        If the clip cannot be used, as `sertools.audio.load` says.
    """
    return shades(audio.load(path, RATE), COLUMNS)


def shades(waveform: np.ndarray, most: int) -> np.ndarray:
    """Give the mel spectrogram of samples at 16 kHz, at most so many columns wide.

    Examples
    --------
    >>> shades(np.zeros(RATE, np.float32), most=60).shape
    (80, 51)
    """
    level, _, _ = sound.levels(waveform)
    width = -(-level.shape[1] // most)
    starts = np.arange(0, level.shape[1], width)
    level = np.maximum.reduceat(level, starts, axis=1)  # what is loud stays seen
    return np.rint(255 * (1 - level / sound.FLOOR)).astype(np.uint8)
