"""Timeline of a recording: how it sounds, looks, and what models make of it."""

import functools
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import traitlets

from sertools import audio, extras, features, models
from sertools.features._timeline import MARGIN, classes
from sertools.metadata import TimelineMetadata
from sertools.plots import _style, emotion_timeline
from sertools.plots._audio import FLOOR
from sertools.widgets import _players
from sertools.widgets._base import Widget, figure_html, named_colour
from sertools.widgets._scripts import script, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.models.base import Classifier

RATE = 16_000
"""Hz. What most models hear; 32 kB a second at 16 bit."""
BANDS = 80
"""Rows of the spectrogram, spaced as the ear hears pitch."""
_MOST_COLUMNS = 4000  # a picture is at most so wide: more than any screen shows
_MOST_SECONDS = 30.0  # a page is given sound in pieces of at most so much
_WINDOW, _FFT = 400, 512  # samples: 25 ms
_AT_ONCE = 8192  # spectra computed together
_BLOCK = 1 << 18  # frames of a file decoded together


class AudioBuffer:
    """A recording, held as 16 bit samples at 16 kHz: 115 MB an hour.

    A file may be of any length and is decoded piece by piece.
    """

    def __init__(self, source: str | os.PathLike | npt.ArrayLike):
        named = isinstance(source, (str, os.PathLike))
        self.name = Path(source).name if named else ""
        self.samples = _decoded(source) if named else _small(audio.load(source))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / RATE

    @property
    def waveform(self) -> np.ndarray:
        """All of it as float32, in [-1, 1]."""
        return self.samples.astype(np.float32) / 32768

    def stretch(self, start: float, end: float) -> np.ndarray:
        """Give the samples from one second to another, int16."""
        return self.samples[max(round(start * RATE), 0) : round(end * RATE)]

    def picture(
        self, start: float, end: float, columns: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw a stretch, in seconds, at most so many columns wide.

        Gives a mel spectrogram of 80 bands, uint8, the lowest first, where 255 is
        the loudest of the whole recording and 0 is 80 dB below it and less; and the
        lowest and the highest sample of each column, int16.
        """
        first = min(max(round(start * RATE), 0), len(self.samples) - 1)
        last = min(max(round(end * RATE), first + 1), len(self.samples))
        columns = max(min(columns, _MOST_COLUMNS, last - first), 1)
        edges = np.linspace(first, last, columns + 1)
        starts = edges[:-1].astype(int) - first
        part = self.samples[first:last]
        low = np.minimum.reduceat(part, starts)
        high = np.maximum.reduceat(part, starts)
        return self._shades(edges), low, high

    def _shades(self, edges: np.ndarray) -> np.ndarray:
        hop, level, peak = self._levels
        if edges[1] - edges[0] < hop:  # closer than what is kept
            middles = ((edges[:-1] + edges[1:]) / 2).round().astype(int)
            found = _mel_levels(self.samples, middles)
        else:
            places = np.minimum((edges[:-1] / hop).astype(int), len(level) - 1)
            stop = min(int(np.ceil(edges[-1] / hop)), len(level))
            found = np.maximum.reduceat(level[: max(stop, places[-1] + 1)], places)
        share = 1 - (found.T.astype(np.float32) - peak) / FLOOR
        return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)

    @functools.cached_property
    def _levels(self) -> tuple[int, np.ndarray, float]:
        """The whole recording in dB, once, with the loudest that is in it."""
        hop = RATE // 100 if self.seconds <= 1200 else _WINDOW
        middles = np.arange(hop // 2, len(self.samples) + hop // 2, hop)
        level = _mel_levels(self.samples, middles)
        return hop, level, float(level.max())


def _mel_levels(samples: np.ndarray, middles: np.ndarray) -> np.ndarray:
    """Measure the mel spectrum around each of these samples, in dB, as float16."""
    librosa = extras.require("librosa")

    mel = librosa.filters.mel(sr=RATE, n_fft=_FFT, n_mels=BANDS).T
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32) / 32768
    half = _WINDOW // 2
    level = np.empty((len(middles), BANDS), np.float16)
    for first in range(0, len(middles), _AT_ONCE):
        some = middles[first : first + _AT_ONCE]
        before, after = max(half - some[0], 0), some[-1] + half - len(samples)
        part = samples[max(some[0] - half, 0) : some[-1] + half]
        part = np.pad(part, (before, max(after, 0)))
        frames = np.lib.stride_tricks.sliding_window_view(part, _WINDOW)
        spectrum = np.fft.rfft(frames[some - some[0]] * window, _FFT)
        power = spectrum.real**2 + spectrum.imag**2
        level[first : first + len(some)] = 10 * np.log10(power @ mel + 1e-10)
    return level


def _decoded(path: str | os.PathLike) -> np.ndarray:
    """Decode a file piece by piece: hours of it never lie in memory as floats."""
    import soundfile
    import soxr

    audio.duration(path)  # refuses what is no audio, with the reason
    with soundfile.SoundFile(str(path)) as file:
        convert = soxr.ResampleStream(file.samplerate, RATE, 1)
        parts = []
        while True:
            block = file.read(_BLOCK, dtype="float32", always_2d=True)
            last = len(block) < _BLOCK
            parts.append(_small(convert.resample_chunk(block.mean(axis=1), last)))
            if last:
                break
    samples = np.concatenate(parts)
    if not len(samples):
        raise ValueError(f"{path}: no audio in it.")
    return samples


def _small(waveform: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(waveform * 32768), -32768, 32767).astype(np.int16)


class Timeline(Widget):
    """A recording along one time axis; see `timeline`."""

    _esm = script("timeline.js")
    _css = style("timeline")
    selection = traitlets.List(
        traitlets.Float(), allow_none=True, default_value=None
    ).tag(sync=True)
    at = traitlets.Float(0.0).tag(sync=True)
    _about = traitlets.Dict().tag(sync=True)
    _models = traitlets.List().tag(sync=True)

    def __init__(
        self, reel: AudioBuffer, tables: dict[str, pd.DataFrame], margin: float = MARGIN
    ):
        self.reel, self.tables, self.margin = reel, tables, margin
        self.hertz = _players.hertz()
        told = {name: features.decisions(t, margin) for name, t in tables.items()}
        words = sorted({word for table in tables.values() for word in classes(table)})
        super().__init__(
            _about={
                "name": reel.name,
                "seconds": reel.seconds,
                "rate": RATE,
                "hertz": self.hertz,
                "margin": margin,
            },
            _models=[
                _packed(name, table, features.decisions(tables[name], margin, True))
                for name, table in told.items()
            ],
            _emotions=list(map(named_colour, words)),
        )

    def segments(self) -> pd.DataFrame:
        """List what each model heard: neighbours with one verdict are one segment.

        Returns
        -------
        DataFrame
            ``model``, then the columns of `sertools.features.decisions`. Only
            what touches the `selection`, if there is one.
        """
        tables = [
            features.decisions(table, self.margin, merge=True).assign(model=name)
            for name, table in self.tables.items()
        ]
        table = pd.concat(tables, ignore_index=True)
        if self.selection:
            start, end = self.selection
            table = table[(table["start"] < end) & (table["end"] > start)]
        first = ["model", *(name for name in table if name != "model")]
        return table[first].reset_index(drop=True)

    @traitlets.validate("selection")
    def _inside(self, proposal: dict) -> list[float] | None:
        span = proposal["value"]
        if not span:
            return None
        if len(span) != 2 or not 0 <= span[0] < span[1] <= self.reel.seconds + 0.001:
            raise traitlets.TraitError(
                "A selection goes from one second to a later one, within the "
                f"recording of {self.reel.seconds:.1f} s, not {span}."
            )
        return span

    @traitlets.validate("at")
    def _on_it(self, proposal: dict) -> float:
        return float(np.clip(proposal["value"], 0, self.reel.seconds))

    def _on_view(self, question: dict, _) -> tuple[dict, list[bytes]]:
        start, end = question["start"], question["end"]
        shades, low, high = self.reel.picture(start, end, question["columns"])
        answer = {"bands": BANDS, "columns": len(low)}
        return answer, [shades.tobytes(), low.tobytes(), high.tobytes()]

    def _on_stretch(self, question: dict, _) -> tuple[dict, list[bytes]]:
        start = question["start"]
        end = min(question["end"], start + _MOST_SECONDS)
        return {}, [self.reel.stretch(start, end).astype("<i2").tobytes()]

    def _static_html(self, sounds: bool) -> str:
        picture = figure_html(_figure(self), _in_words(self))
        return picture + (_player(self) if sounds else "")

    def __repr__(self) -> str:
        heard = " and ".join(self.tables) or "no model"
        return (
            f"A timeline of {self.reel.name or 'a recording'} "
            f"({self.reel.seconds:.1f} s) as heard by {heard}, to click in JupyterLab."
        )


def timeline(
    recording: str | os.PathLike | npt.ArrayLike,
    model: "Classifier | str | pd.DataFrame | Iterable | Mapping[str, pd.DataFrame]",
    margin: float = MARGIN,
    **scoring,
) -> Timeline:
    """Show a timeline: a recording, and what models make of it, along one axis.

    Waveform, spectrogram and each emotion's score stand one below the other;
    several models are drawn over each other. A click plays from there, another
    in the same place pauses. Dragging selects a span and plays it; with Shift it
    zooms in. By keyboard: arrows move, with Shift from segment to segment; Space
    plays and pauses; Enter selects the segment, ``[`` and ``]`` set where a
    selection begins and ends, Escape clears it; ``+`` ``-`` ``0`` zoom.

    Parameters
    ----------
    recording : path or array-like
        A file of any length, or mono samples at 16 kHz. The page fetches sound
        and pictures piece by piece, as they are needed.
    model : Classifier, str, DataFrame, several of them, or dict of DataFrame
        A model as `sertools.models.load` gives, or its name; or scores that
        `sertools.features.timeline` or `smooth` gave, so that a slow model
        need not hear everything again.
    margin : float, default 0.2
        How far the best emotion must be ahead, or the verdict is "not sure"; see
        `sertools.features.decide`.
    **scoring
        For models: how `sertools.features.timeline` cuts the recording, for
        example ``hop=1.0``.

    Returns
    -------
    Timeline
        ``selection`` holds the span selected, ``[start, end]`` in seconds or
        None; ``at`` the second where the cursor stands; ``tables`` the scores by
        model; ``segments()`` what was heard, in the selection if there is one.
        Both traitlets can be set. In a report: a picture, and a player.

    Raises
    ------
    TypeError
        If `model` is none of these.
    FileNotFoundError, ValueError
        As `sertools.features.timeline` does; if scores go on after the recording
        has ended.

    Examples
    --------
    >>> import numpy as np
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 32_000)
    >>> spoken = {"window": 1.0, "hop": 1.0, "method": "energy"}  # hiss is no speech
    >>> shown = timeline(hiss, "trained:emodb_egemaps", **spoken)
    >>> shown.selection = [0.5, 1.2]
    >>> shown.segments()["model"].tolist()
    ['trained:emodb_egemaps']
    """
    reel = AudioBuffer(recording)
    scores = {}
    for one in _wanted(model):
        if isinstance(one, tuple):
            name, table = one
        else:
            source = recording
            if not isinstance(recording, (str, os.PathLike)):
                source = audio.load(recording, one.sampling_rate, sr=RATE)
            name, table = one.label, features.timeline(one, source, **scoring)
        _check(name, table, reel.seconds)
        scores[_distinct(_with_random_weights(name, table), scores)] = table
    return Timeline(reel, scores, margin)


def _wanted(model) -> list:
    """List models, and tables with their names."""
    if isinstance(model, Mapping):
        return list(model.items())
    if isinstance(model, str | pd.DataFrame) or not isinstance(model, Iterable):
        model = [model]
    found = []
    for one in model:
        if isinstance(one, pd.DataFrame):
            found.append((TimelineMetadata.of(one).model or "scores", one))
        elif isinstance(one, str):
            found.append(models.load(one))
        elif hasattr(one, "sampling_rate"):
            found.append(one)
        else:
            raise TypeError(
                f"model: a model, its name or its scores are needed, not {one!r:.60}."
            )
    # One that gives no emotions says so before the others have worked for long.
    return sorted(
        found, key=lambda one: isinstance(one, tuple) or hasattr(one, "predict_proba")
    )


def _check(name: str, table: pd.DataFrame, seconds: float) -> None:
    classes(table)
    last = table["end"].max()  # NaN where nothing was heard
    if last > seconds + 0.5:
        raise ValueError(
            f"The scores of {name} go to {last:.1f} s, and the recording has only "
            f"{seconds:.1f} s. Are they of another recording?"
        )


def _with_random_weights(name: str, table: pd.DataFrame) -> str:
    """Say of random weights that they are, whatever the table is called."""
    facts = TimelineMetadata.of(table)
    if facts.random_weights and name != facts.model:
        return f"{name} (random weights)"
    return name


def _distinct(name: str, names: Iterable[str]) -> str:
    """Tell two models of one name apart."""
    numbered = (f"{name} ({n})" for n in range(2, 100))
    return name if name not in names else next(n for n in numbered if n not in names)


def _packed(name: str, table: pd.DataFrame, merged: pd.DataFrame) -> dict:
    """Give a model's scores, and its verdicts, as the page reads them."""
    emotions = classes(table)
    levels = [*emotions, features.NOT_SURE]
    return {
        "name": name,
        "classes": emotions,
        "times": table[["start", "end"]].to_numpy("<f8").tobytes(),
        "scores": table[emotions].to_numpy("<f4").tobytes(),
        "spans": merged[["start", "end"]].to_numpy("<f8").tobytes(),
        "verdicts": _codes(merged["verdict"], levels),
        "best": _codes(merged["emotion"], levels),
        "probabilities": merged["probability"].to_numpy("<f4").tobytes(),
    }


def _codes(words: pd.Series, levels: list[str]) -> bytes:
    return pd.Index(levels).get_indexer(words).astype("<i4").tobytes()


_PLAYED = 60.0  # seconds of sound that a saved page carries at most: 2.6 MB
_STATIC_COLUMNS = 1500


def _figure(shown: "Timeline"):
    from matplotlib.figure import Figure

    tables = list(shown.tables.values())
    heights = [0.9, 1.3, *(0.33 * table.shape[1] + 1.5 for table in tables)]
    figure = Figure(figsize=(10, sum(heights)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)
    wave, bands, *rest = figure.subplots(len(heights), height_ratios=heights)
    _pictures(shown, wave, bands)
    for ax, (name, table) in zip(rest, shown.tables.items(), strict=True):
        if table.empty:
            ax.set_axis_off()
            _style.heading(ax, f"{name}: no speech was heard")
        else:
            table = TimelineMetadata.update(table.copy(), model=name, recording="")
            part = (0.0, shown.reel.seconds)
            emotion_timeline(table, margin=shown.margin, part=part, ax=ax)
    if shown.reel.name:
        _style.heading(wave, shown.reel.name)
    return figure


def _pictures(shown: "Timeline", wave: "Axes", bands: "Axes") -> None:
    seconds = shown.reel.seconds
    shades, low, high = shown.reel.picture(0, seconds, _STATIC_COLUMNS)
    middles = (np.arange(len(low)) + 0.5) * seconds / len(low)
    wave.fill_between(middles, low, high, color=_style.BLUE, linewidth=0.6)
    bands.imshow(
        shades,
        cmap="magma",
        aspect="auto",
        origin="lower",
        extent=(0, seconds, 0, BANDS),
    )
    ticks = shown.hertz
    bands.set_yticks([BANDS * share for _, share in ticks], [word for word, _ in ticks])
    bands.set_ylabel("Hz")
    peak = 1.08 * max(np.abs(low).max(), np.abs(high).max(), 1)
    wave.set(ylim=(-peak, peak), yticks=[], ylabel="waveform")
    for ax in (wave, bands):
        ax.set(xlim=(0, seconds), xticks=[])
        _style.tidy(ax)
        if shown.selection:
            ax.axvspan(*shown.selection, facecolor="none", edgecolor=_style.ORANGE)


def _player(shown: "Timeline") -> str:
    """Play what is selected, or the recording, or as much as a page can carry."""
    start, end = shown.selection or (0.0, shown.reel.seconds)
    stop = min(end, start + _PLAYED)
    what = "The selection" if shown.selection else "The recording"
    if stop < end:
        what += f", its first {_PLAYED:.0f} s of {end - start:.0f}"
    if shown.selection:
        what += f" (from {start:.1f} s)"
    wav = _players.as_wav(shown.reel.stretch(start, stop), RATE)
    player = _players.audio_player(wav, what, "width:100%;max-width:720px")
    return f"<p>{what}:<br>{player}</p>"


def _in_words(shown: "Timeline") -> str:
    """Tell the picture in words."""
    told = [f"{shown.reel.name or 'A recording'}, {shown.reel.seconds:.1f} s"]
    for name, table in shown.tables.items():
        table = features.decisions(table, shown.margin)
        seconds = (table["end"] - table["start"]).groupby(table["verdict"]).sum()
        shares = (seconds / seconds.sum()).sort_values(ascending=False)
        words = ", ".join(f"{word} {share:.0%}" for word, share in shares.items())
        told.append(f"{name} heard {words} of the speech")
    return "; ".join(told)
