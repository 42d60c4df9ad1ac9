"""A clip over time: waveform, spectrogram, descriptors, frame scores, contours."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from sertools import audio, extras, labels
from sertools.plots import _style
from sertools.plots._dark_theme import ON_COLOUR
from sertools.plots._style import BLUE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Source = str | os.PathLike | npt.ArrayLike
RATE = 16_000
STEP, WINDOW = 0.010, 0.025  # seconds: hop and window of the spectrogram
MAX_COLUMNS = 3000  # longer recordings are drawn with coarser ones: no screen has more
FLOOR = -80.0
"""Quietest level shown, in dB below the loudest."""


def waveform(source: Source, sr: int | None = None, ax: "Axes | None" = None) -> "Axes":
    """Draw a waveform: amplitude over seconds.

    Parameters
    ----------
    source : path or array-like
        What `sertools.audio.load` takes; brought to 16 kHz mono.
    sr : int, optional
        Rate of an array, in Hz; 16 kHz if not given.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        Seconds across, amplitude in [-1, 1] up. A long clip is drawn as the
        range from its lowest to its highest sample in each column. A figure of
        its own is headed with the file's name.

    Raises
    ------
    FileNotFoundError, ValueError
        If the clip cannot be used, as `sertools.audio.load` says.

    Examples
    --------
    >>> ax = waveform(np.sin(np.arange(8000) / 9), sr=16000)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds', 'amplitude')
    """
    samples = audio.load(source, sampling_rate=RATE, sr=sr)
    name = _file_name(source) if ax is None else ""
    ax = _style.axes(ax, 8, 2.4)
    seconds, low, high = _envelope(samples)
    ax.axhline(0, color=_style.PALE, linewidth=0.7, zorder=0)
    ax.fill_between(seconds, low, high, color=BLUE, linewidth=0.6)
    peak = np.abs(samples).max()
    limit = 1.08 * peak if peak > 0 else 1.0
    ax.set(xlabel="seconds", ylabel="amplitude")
    ax.set(xlim=(0, len(samples) / RATE), ylim=(-limit, limit))
    _style.tidy(ax)
    _head(ax, name, samples)
    return ax


def spectrogram(
    source: Source,
    sr: int | None = None,
    ax: "Axes | None" = None,
    kind: str = "mel",
) -> "Axes":
    """Draw a spectrogram: which frequencies sound when, and how loud.

    Parameters
    ----------
    source : path or array-like
        What `sertools.audio.load` takes; brought to 16 kHz mono.
    sr : int, optional
        Rate of an array, in Hz; 16 kHz if not given.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.
    kind : {"mel", "linear"}, default "mel"
        ``"mel"``: 80 bands, spaced as the ear hears pitch; ``"linear"``: equal
        steps in Hz.

    Returns
    -------
    matplotlib Axes
        Seconds across, Hz up; colour is dB below the loudest, down to -80.
        Windows are 25 ms long, every 10 ms; longer in recordings over 30 s.

    Raises
    ------
    FileNotFoundError, ValueError
        If the clip cannot be used, as `sertools.audio.load` says, or `kind` is
        unknown.

    Examples
    --------
    >>> ax = spectrogram(np.sin(np.arange(8000) / 9), sr=16000)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('seconds', 'Hz')
    """
    if kind not in ("mel", "linear"):
        raise ValueError(f"Unknown kind of spectrogram {kind!r}. Known: mel, linear.")
    samples = audio.load(source, sampling_rate=RATE, sr=sr)
    name = _file_name(source) if ax is None else ""
    ax = _style.axes(ax, 8, 3.2)
    level, seconds, hertz = levels(samples, kind)
    mesh = ax.pcolormesh(
        seconds, hertz, level, cmap="magma", vmin=FLOOR, vmax=0, rasterized=True
    )
    if kind == "mel":
        _mel_scale(ax)
    ax.set(xlabel="seconds", ylabel="Hz")
    ax.set(xlim=(0, len(samples) / RATE), ylim=(0, RATE / 2))
    _style.tidy(ax)
    _head(ax, name, samples)
    bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02, aspect=15)
    bar.set_label("dB (0: the loudest)", fontsize=_style.SMALL, color=_style.INK)
    bar.ax.tick_params(labelsize=_style.SMALL, color=_style.MUTED)
    bar.outline.set_visible(False)
    return ax


def _file_name(source: Source) -> str:
    return Path(source).name if isinstance(source, (str, os.PathLike)) else ""


def _head(ax: "Axes", name: str, samples: np.ndarray) -> None:
    said = [name, "a silent clip" if audio.is_silent(samples) else ""]
    if any(said):
        _style.heading(ax, *filter(None, said))


def _envelope(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the lowest and the highest sample of each column, columns in seconds."""
    size = -(-len(samples) // MAX_COLUMNS)
    starts = np.arange(0, len(samples), size)
    low = np.minimum.reduceat(samples, starts)
    high = np.maximum.reduceat(samples, starts)
    return (starts + size / 2) / RATE, low, high


def levels(
    samples: np.ndarray, kind: str = "mel"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give the dB below the loudest of each band and column, and the edges of both.

    Columns go up in seconds, bands in Hz; `kind` is as for `spectrogram`.
    """
    librosa = extras.require("librosa")

    hop = max(round(STEP * RATE), -(-len(samples) // MAX_COLUMNS))
    window = round(hop * WINDOW / STEP)
    n_fft = 2 ** int(np.ceil(np.log2(window)))
    how = {"n_fft": n_fft, "hop_length": hop, "win_length": window}
    power = np.abs(librosa.stft(samples, pad_mode="constant", **how)) ** 2
    if kind == "mel":
        power = librosa.filters.mel(sr=RATE, n_fft=n_fft, n_mels=80) @ power
        hertz = librosa.mel_frequencies(len(power) + 1, fmin=0, fmax=RATE / 2)
    else:
        half = RATE / n_fft / 2
        hertz = np.linspace(-half, RATE / 2 + half, len(power) + 1)
    peak = power.max()
    level = np.full(power.shape, FLOOR)
    heard = power > peak * 10 ** (FLOOR / 10)
    level[heard] = 10 * np.log10(power[heard] / peak)
    seconds = (np.arange(power.shape[1] + 1) - 0.5) * hop / RATE
    return level, seconds, hertz


def _mel_scale(ax: "Axes") -> None:
    librosa = extras.require("librosa")

    ax.set_yscale("function", functions=(librosa.hz_to_mel, librosa.mel_to_hz))
    ax.set_yticks([0, 500, 1000, 2000, 4000, 8000])
    ax.minorticks_off()


_TITLES = {
    "F0semitoneFrom27.5Hz_sma3nz": "pitch, semitones above 27.5 Hz",
    "Loudness_sma3": "loudness",
    "spectralFlux_sma3": "spectral flux: how fast the sound changes",
    "HNRdBACF_sma3nz": "harmonics-to-noise ratio, dB: how clear the voice is",
    "F1frequency_sma3nz": "first formant, Hz",
    "jitterLocal_sma3nz": "jitter: how unsteady the pitch is",
    "shimmerLocaldB_sma3nz": "shimmer, dB: how unsteady the loudness is",
    "F2frequency_sma3nz": "second formant, Hz",
    "F3frequency_sma3nz": "third formant, Hz",
    "alphaRatio_sma3": "alpha ratio, dB: strength above 1 kHz against below",
}
"""Plain words for openSMILE's names (eGeMAPSv02)."""
_DEFAULT = list(_TITLES)[:5]
_MOST_PANELS = 6  # where no names are given


def descriptors(
    table: pd.DataFrame,
    names: Sequence[str] | str | None = None,
    ax: "Axes | Sequence[Axes] | None" = None,
) -> "Axes | np.ndarray":
    """Draw low-level descriptors over time, one panel each.

    Parameters
    ----------
    table : DataFrame of shape (frames, descriptors)
        Indexed by seconds. Where a pitch is 0, and in openSMILE's ``nz``
        columns, there was no voice: a gap is drawn.
    names : str or sequence of str, optional
        Columns to draw; if not given, the most telling of eGeMAPSv02, or the
        first six.
    ax : matplotlib Axes or sequence of them, optional
        One for each name; a figure with stacked panels if not given.

    Returns
    -------
    matplotlib Axes or ndarray of shape (len(names),), of Axes
        The one Axes that was given, else an array with one a descriptor, top
        to bottom.

    Raises
    ------
    ValueError
        If a name is not in the table, the table is empty, or there are not as
        many Axes as names.

    Examples
    --------
    >>> seconds = pd.Index([0.0, 0.01, 0.02], name="seconds")
    >>> table = pd.DataFrame({"F0": [110.0, 0.0, 120.0]}, index=seconds)
    >>> panels = descriptors(table)
    >>> panels[0].lines[0].get_ydata().tolist()
    [110.0, nan, 120.0]
    """
    names = _names(table, names)
    panels = _style.panels(ax, len(names), (8, 1.15 * len(names) + 0.6), "descriptors")
    for panel, name in zip(panels, names, strict=True):
        _draw_descriptor(panel, table[name])
    panels[-1].set_xlabel("seconds")
    _style.tidy(panels[-1], grid="x")
    return _style.as_given(ax, panels)


def _names(table: pd.DataFrame, names: Sequence[str] | str | None) -> list[str]:
    if table.empty:
        raise ValueError("The table of descriptors is empty.")
    if names is None:
        known = [name for name in _DEFAULT if name in table.columns]
        return known or list(table.columns[:_MOST_PANELS])
    names = [names] if isinstance(names, str) else list(names)
    missing = [str(name) for name in names if name not in table.columns]
    if missing or not names:
        raise ValueError(
            f"No such descriptors: {', '.join(missing) or 'none named'}. "
            f"Known: {', '.join(map(str, table.columns))}."
        )
    return names


def _draw_descriptor(panel: "Axes", column: pd.Series) -> None:
    name = str(column.name)
    values = _with_gaps(column)
    marker = "." if np.isnan(values).any() else ""
    panel.plot(column.index, values, color=BLUE, lw=1.4, marker=marker, ms=3)
    panel.set_xlim(column.index.min(), column.index.max())
    _style.tidy(panel, grid="x")
    panel.set_title(
        f"{_TITLES[name]} ({name})" if name in _TITLES else name,
        loc="left",
        fontsize=_style.SMALL,
        color=_style.INK,
        pad=3,
    )
    _style.as_written(panel)


def _with_gaps(column: pd.Series) -> np.ndarray:
    """Replace by NaN what stands for no voice."""
    values = column.to_numpy(dtype=np.float64, copy=True)
    name = str(column.name).lower()
    if name.startswith(("f0", "pitch")) or name.endswith("nz"):
        values[values == 0] = np.nan
    if "amplitudelogrelf0" in name:
        values[values <= -200] = np.nan  # openSMILE's word for none
    return values


_NUMBERED_FRAMES = 24  # up to so many, every cell has its number


def frame_scores(table: pd.DataFrame, top: int = 8, ax: "Axes | None" = None) -> "Axes":
    """Draw frame-level scores: what a model hears from moment to moment in a clip.

    Parameters
    ----------
    table : DataFrame of shape (frames, classes)
        Scores in [0, 1], indexed by the seconds at which the frames begin.
    top : int, default 8
        Classes to draw: those with the highest score anywhere in the clip.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One row a class, the best on average on top. Where there are few frames,
        the numbers stand in the cells.

    Raises
    ------
    ValueError
        If the table is empty.

    Examples
    --------
    >>> seconds = pd.Index([0.0, 0.48], name="seconds")
    >>> heard = pd.DataFrame({"Sigh": [0, 0.1], "Speech": [0.9, 1]}, index=seconds)
    >>> [label.get_text() for label in frame_scores(heard).get_yticklabels()]
    ['Speech', 'Sigh']
    """
    if table.empty:
        raise ValueError("The table of scores is empty.")
    shown = table[table.max().nlargest(top).index]
    shown = shown[shown.mean().sort_values(ascending=False, kind="stable").index]
    ax = _style.axes(ax, 8, 0.32 * shown.shape[1] + 1.0)
    edges = _edges(shown.index.to_numpy(dtype=float))
    rows = np.arange(shown.shape[1] + 1) - 0.5
    mesh = ax.pcolormesh(
        edges, rows, shown.to_numpy().T, cmap="Blues", vmin=0, vmax=1, edgecolors="face"
    )
    if len(shown) <= _NUMBERED_FRAMES:
        _number_cells(ax, shown, edges)
    else:
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.01, aspect=12)
        bar.set_label("score", fontsize=_style.SMALL)
        bar.ax.tick_params(labelsize=_style.SMALL)
        bar.outline.set_visible(False)
    ax.set_yticks(range(shown.shape[1]), list(map(str, shown.columns)))
    ax.set(ylim=(shown.shape[1] - 0.5, -0.5), xlabel="seconds")
    _style.tidy(ax)
    ax.tick_params(axis="y", length=0)
    _style.as_written(ax)
    return ax


def _edges(starts: np.ndarray) -> np.ndarray:
    """Give the borders between frames; the last is as long as the one before."""
    step = np.diff(starts)[-1] if len(starts) > 1 else 1.0
    return np.append(starts, starts[-1] + step)


def _number_cells(ax: "Axes", shown: pd.DataFrame, edges: np.ndarray) -> None:
    middles = (edges[:-1] + edges[1:]) / 2
    width = 72 * _style.inches(ax)[0] / len(shown)
    size = float(np.clip(width / 2.6, 5, _style.SMALL))
    for (frame, row), score in np.ndenumerate(shown.to_numpy()):
        ax.text(
            middles[frame],
            row,
            f"{score:.2f}",
            ha="center",
            va="center",
            fontsize=size,
            color="white" if score > 0.6 else _style.INK,
            gid=ON_COLOUR,
        )


_TRACKS = {"pitch": "F0semitoneFrom27.5Hz_sma3nz", "loudness": "Loudness_sma3"}
_DASHES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
_LOWEST = 27.5  # Hz, from which openSMILE counts semitones
_MOST_CONTOURS = 8  # more hide each other
_APART = 0.085  # of the height, between the names at the end


def contours(
    clips: pd.DataFrame | Mapping[str, pd.DataFrame],
    names: Sequence[str] | str = ("pitch", "loudness"),
    relative: bool = False,
    ax: "Axes | Sequence[Axes] | None" = None,
) -> "Axes | np.ndarray":
    """Draw contours of pitch and loudness over time, one line an emotion.

    Made for clips of one speaker and one text: what differs between the lines
    is how it was said.

    Parameters
    ----------
    clips : DataFrame, or mapping of str to DataFrame
        Clips, each of another emotion, with ``path`` and ``emotion``, such as
        one set of `sertools.inspection.minimal_pairs`; or eGeMAPSv02
        descriptors by emotion, as ``models.load("opensmile").descriptors``
        gives.
    names : sequence of {"pitch", "loudness"} or str
        What to draw.
    relative : bool, default False
        Stretch all clips to the same length, to compare the course and not
        the pace.
    ax : matplotlib Axes or sequence of them, optional
        One for each name; a figure with stacked panels if not given.

    Returns
    -------
    matplotlib Axes or ndarray of shape (len(names),), of Axes
        The one Axes that was given, else an array with one a name, top to
        bottom. Pitch is in semitones from the median of all these clips, with
        gaps where there is no voice; loudness is openSMILE's, near to sones.
        Each line has a colour, a dash and a marker, the same in all panels, and
        its name at the end, once.
        A short leap of twelve semitones is mostly a slip of the pitch tracker.

    Raises
    ------
    ValueError
        If a name is unknown, there are no clips, more than eight, or two of
        one emotion, or there are not as many Axes as names.

    Examples
    --------
    >>> seconds = pd.Index([0.0, 0.01, 0.02], name="seconds")
    >>> high = pd.DataFrame({"F0semitoneFrom27.5Hz_sma3nz": [40.0, 0, 42]}, seconds)
    >>> panels = contours({"happy": high, "sad": high - 6}, "pitch")
    >>> [line.get_label() for line in panels[0].lines[:2]]
    ['happy', 'sad']
    """
    names = [names] if isinstance(names, str) else list(names)
    if unknown := [name for name in names if name not in _TRACKS]:
        known = ", ".join(_TRACKS)
        raise ValueError(f"Unknown contour {', '.join(unknown)}. Known: {known}.")
    tracks = _tracks(clips)
    size = (8.5, 2.5 * len(names) + 0.8)
    panels, named = _style.panels(ax, len(names), size, "contours"), set()
    for panel, name in zip(panels, names, strict=True):
        _draw_contours(panel, name, tracks, relative)
        named |= _name_lines(panel, named)
    panels[-1].set_xlabel("share of the clip" if relative else "seconds")
    _style.as_written(*panels)
    _style.heading(panels[0], _heading(clips), _answers(clips))
    return _style.as_given(ax, panels)


def _tracks(clips) -> dict[str, pd.DataFrame]:
    """Give the descriptors of each emotion, in the order of the table of emotions."""
    if isinstance(clips, Mapping):
        found = dict(clips)
    else:
        if (twice := clips["emotion"].duplicated()).any():
            raise ValueError(
                f"Two clips are {clips['emotion'][twice].iloc[0]}: give one of each "
                "emotion."
            )
        found = dict(zip(clips["emotion"], clips["path"], strict=True))
    if not found or len(found) > _MOST_CONTOURS:
        raise ValueError(
            f"Contours take 1 to {_MOST_CONTOURS} clips, not {len(found)}."
        )
    if not isinstance(clips, Mapping):
        from sertools import models

        smile = models.load("opensmile")
        found = {emotion: smile.descriptors(path) for emotion, path in found.items()}
    return dict(sorted(found.items()))


def _draw_contours(panel: "Axes", name: str, tracks: dict, relative: bool) -> None:
    values = {e: _values(name, table) for e, table in tracks.items()}
    if name == "pitch":
        voiced = np.concatenate([v[np.isfinite(v)] for v in values.values()])
        middle = float(np.median(voiced)) if len(voiced) else 0.0
        values = {e: v - middle for e, v in values.items()}
        hertz = _LOWEST * 2 ** (middle / 12)
    for place, (emotion, value) in enumerate(values.items()):
        seconds = tracks[emotion].index.to_numpy(dtype=float)
        times = (seconds - seconds[0]) / (np.ptp(seconds) or 1) if relative else seconds
        panel.plot(
            times,
            value,
            color=labels.colour(emotion),
            linestyle=_DASHES[place % len(_DASHES)],
            marker=labels.marker(emotion),
            markevery=_every(value, place, len(values)),
            markersize=5.5,
            linewidth=1.7,
            label=emotion,
        )
    if name == "pitch":
        panel.axhline(0, color=_style.MUTED, lw=0.8, zorder=0, label="_middle")
    panel.set_ylabel(f"semitones from {hertz:.0f} Hz" if name == "pitch" else name)
    _style.tidy(panel, grid="y")


def _values(name: str, table: pd.DataFrame) -> np.ndarray:
    if _TRACKS[name] not in table:
        raise ValueError(f"No {name} here: the column {_TRACKS[name]} is missing.")
    values = table[_TRACKS[name]].to_numpy(dtype=np.float64, copy=True)
    if name == "pitch":
        values[values <= 0] = np.nan
    return values


def _every(values: np.ndarray, place: int, lines: int) -> list[int]:
    """Set about seven markers a line, where there is one, not over each other's."""
    there = np.flatnonzero(np.isfinite(values))
    step = max(len(there) // 7, 1)
    return list(there[(place * step) // lines :: step])


_LEADER = {"arrowstyle": "-", "lw": 0.7, "alpha": 0.6, "shrinkB": 3}


def _name_lines(panel: "Axes", named: set[str]) -> set[str]:
    """Write emotions not yet named beside the ends of their lines, none over another.

    Loudness ends in silence for all, where names would say nothing: they stand by
    the pitch, and here only of a voice that has none.
    """
    low, high = panel.get_ylim()
    ends = []
    for line in panel.lines:
        if line.get_label() in {*named, "_middle"}:
            continue
        x, y = (np.asarray(data, dtype=float) for data in line.get_data())
        last = np.flatnonzero(np.isfinite(y))
        if len(last):
            point = (x[last[-1]], y[last[-1]])
            ends.append([(point[1] - low) / (high - low), point, line])
    ends.sort(key=lambda end: end[0])
    for place, height in enumerate(_spread([end[0] for end in ends])):
        _, point, line = ends[place]
        panel.annotate(
            line.get_label(),
            point,
            xycoords="data",
            xytext=(1.03, height),
            textcoords=panel.transAxes,
            va="center",
            fontsize=_style.TEXT,
            fontweight="bold",
            color=line.get_color(),
            arrowprops={**_LEADER, "color": line.get_color()},
        )
    return {line.get_label() for _, _, line in ends}


def _spread(heights: list[float]) -> np.ndarray:
    """Move heights apart, and keep their order and, on the whole, their place."""
    apart = min(_APART, 0.98 / max(len(heights), 1))
    moved = np.clip(np.array(heights, dtype=float), 0, 1)
    for place in range(1, len(moved)):
        moved[place] = max(moved[place], moved[place - 1] + apart)
    if len(moved) and moved[-1] > 1:
        moved[-1] = 1
        for place in range(len(moved) - 2, -1, -1):
            moved[place] = min(moved[place], moved[place + 1] - apart)
    return moved


def _heading(clips) -> str:
    if isinstance(clips, Mapping):
        return "The same words, otherwise said"
    text = clips["text"].dropna().unique() if "text" in clips else []
    who = clips["speaker"].dropna().unique() if "speaker" in clips else []
    if len(text) == 1 and len(who) == 1:
        return f"{text[0]} (said by {who[0].rpartition('/')[2]})"
    return f"{len(clips)} clips"


def _answers(clips) -> str:
    gaps = "Gaps in the pitch: no voice."
    if isinstance(clips, Mapping) or "predicted" not in clips:
        return gaps
    said = ", ".join(
        f"{row.emotion} as {row.predicted}"
        for row in clips.itertuples()
        if row.emotion != row.predicted
    )
    return f"{gaps} The model took {said}." if said else f"{gaps} The model had all."
