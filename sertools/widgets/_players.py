"""Audio players: a table of clips to hear, that also works in a saved report."""

import base64
import html
import io
import os

import numpy as np
import pandas as pd

from sertools import audio, extras
from sertools.display import Display, Part
from sertools.plots import _audio

RATE = 16_000
"""Hz. What most models hear; 32 kB a second at 16 bit."""
_COLUMNS = 240  # a spectrogram is at most so wide: more than a list shows


def known(source: object) -> bool:
    """Tell whether there is something to hear: a path or samples, and no gap."""
    return not (pd.api.types.is_scalar(source) and pd.isna(source))


def wav(path: str | os.PathLike) -> bytes:
    """Give a clip as a WAV file: mono, 16 kHz, 16 bit."""
    return as_wav(audio.load(path, RATE), RATE)


def as_wav(waveform: np.ndarray, rate: int) -> bytes:
    """Give samples as a WAV file of 16 bit."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


_SOLO = 'for (const a of document.querySelectorAll("audio")) a === this || a.pause()'
"""Run when a player begins, so that no two sound at once; widgets hear of it, too."""


def audio_player(wav: bytes, about: str, style: str) -> str:
    """Give a WAV file as a player in HTML, named in words; it carries its sound."""
    data = base64.b64encode(wav).decode()
    return (
        f"<audio controls preload='none' onplay='{_SOLO}' "
        f"aria-label='{html.escape(about)}' "
        f"style='{style}' src='data:audio/wav;base64,{data}'></audio>"
    )


def picture(path: str | os.PathLike) -> np.ndarray:
    """Give a clip's mel spectrogram as (80, columns) uint8, the lowest band first.

    255 is the loudest, 0 is 80 dB below and less.
    """
    return shades(audio.load(path, RATE), _COLUMNS)


def shades(waveform: np.ndarray, most: int) -> np.ndarray:
    """Give the mel spectrogram of samples at 16 kHz, at most so many columns wide."""
    level, _, _ = _audio.levels(waveform)
    width = -(-level.shape[1] // most)
    starts = np.arange(0, level.shape[1], width)
    level = np.maximum.reduceat(level, starts, axis=1)  # what is loud stays seen
    return np.rint(255 * (1 - level / _audio.FLOOR)).astype(np.uint8)


_WIDE = 1600  # columns of a picture that fills a page


def enlarged(path: str | os.PathLike) -> tuple[dict, list[bytes]]:
    """Give a clip's spectrogram and the range of its samples, for a whole page."""
    waveform = audio.load(path, RATE)
    levels = shades(waveform, _WIDE)
    starts = np.linspace(0, len(waveform), min(_WIDE, len(waveform)), endpoint=False)
    samples = np.clip(waveform * 32767, -32768, 32767).astype("<i2")
    ranges = [f.reduceat(samples, starts.astype(int)) for f in (np.minimum, np.maximum)]
    facts = {
        "bands": levels.shape[0],
        "columns": levels.shape[1],
        "seconds": len(waveform) / RATE,
        "hertz": hertz(),
    }
    return facts, [levels.tobytes(), *(part.tobytes() for part in ranges)]


def hertz() -> list[tuple[str, float]]:
    """Say how high up in a spectrogram some frequencies are, as a share."""
    librosa = extras.require("librosa")
    top = librosa.hz_to_mel(RATE / 2)
    ticks = {"500": 500, "1k": 1000, "2k": 2000, "4k": 4000}
    return [(word, float(librosa.hz_to_mel(hz) / top)) for word, hz in ticks.items()]


_SHOWN = ("emotion", "predicted", "confidence", "speaker", "sex", "text", "intensity")


class Players(Display):
    """A table of clips with players; `sounds` are WAV files, or why there is none."""

    def __init__(self, table: pd.DataFrame, sounds: list[bytes | str]):
        self.table = table
        self.sounds = sounds

    def _parts(self):
        heads = "".join(f"<th>{html.escape(name)}</th>" for name in self.table.columns)
        rows = "".join(map(_row, self.table.itertuples(), self.sounds))
        page = (
            "<table><thead><tr><th>listen</th><th>clip</th>"
            f"{heads}</tr></thead><tbody>{rows}</tbody></table>"
        )
        yield Part([self.table.to_string()], page)


def players(clips: pd.DataFrame, limit: int = 12) -> Players:
    """Show audio players: a table of clips that one can listen to.

    Parameters
    ----------
    clips : DataFrame
        Rows of a clips table, or of ``result.predictions``: anything with a
        ``path``.
    limit : int, default 12
        At most so many: each player carries its sound (16 kHz, 16 bit), about
        40 kB a second.

    Returns
    -------
    Players
        Shows itself; in a report too, without the corpus.

    Raises
    ------
    ValueError
        If the table has no ``path``.

    Examples
    --------
    >>> from sertools import datasets
    >>> sample = datasets.select(datasets.load("demo"), max_clips=2)
    >>> len(players(sample).sounds)
    2
    """
    if "path" not in clips:
        raise ValueError("These rows name no files: a column 'path' is needed.")
    shown = clips.head(limit)
    if "clip" in shown:
        shown = shown.set_index("clip")
    table = shown[[name for name in _SHOWN if name in shown]]
    table = table.dropna(axis="columns", how="all")
    return Players(table, [_sound(path) for path in shown["path"]])


def _sound(path: str) -> bytes | str:
    if not known(path):
        return "no file is known"
    try:
        return wav(path)
    except (ValueError, OSError) as error:
        return str(error)


def _row(row: tuple, sound: bytes | str) -> str:
    clip, *values = row
    if isinstance(sound, bytes):
        player = audio_player(sound, str(clip), "height:2em;width:14em")
    else:
        player = html.escape(sound)
    cells = "".join(
        f"<td style='text-align:left'>{html.escape(_words(value))}</td>"
        for value in (clip, *values)
    )
    return f"<tr><td>{player}</td>{cells}</tr>"


def _words(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.2f}"
    return str(value)
