"""Pitch and loudness of the same words, said in several emotions."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import labels
from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["contours"]

_TRACKS = {
    "pitch": "F0semitoneFrom27.5Hz_sma3nz",
    "loudness": "Loudness_sma3",
}
_STYLES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (6, 1.5, 1.2, 1.5)))
_LOWEST = 27.5  # Hz, from which openSMILE counts semitones
_MOST = 8
"""More contours than this hide each other."""
_APART = 0.085  # of the height, between the names at the end


def contours(
    clips: pd.DataFrame | Mapping[str, pd.DataFrame],
    names: Sequence[str] | str = ("pitch", "loudness"),
    relative: bool = False,
    ax: "Axes | Sequence[Axes] | None" = None,
) -> "Axes | np.ndarray":
    """Draw pitch and loudness over time, one line an emotion.

    Made for clips of one speaker and one text: what differs between the lines
    is how it was said.

    Parameters
    ----------
    clips : DataFrame, or mapping of str to DataFrame
        Clips, each of another emotion, with ``path`` and ``emotion``, such as
        one set of `sertools.evaluation.minimal_pairs`; or eGeMAPSv02
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
    panels, named = (
        canvas.panels(ax, len(names), (8.5, 2.5 * len(names) + 0.8), "contours"),
        set(),
    )
    for panel, name in zip(panels, names, strict=True):
        _panel(panel, name, tracks, relative)
        named |= _name_lines(panel, named)
    panels[-1].set_xlabel("share of the clip" if relative else "seconds")
    canvas.heading(panels[0], _title(clips), _note(clips))
    return ax if ax is not None and not np.iterable(ax) else panels


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
    if not found or len(found) > _MOST:
        raise ValueError(f"Contours take 1 to {_MOST} clips, not {len(found)}.")
    if not isinstance(clips, Mapping):
        from sertools import models

        smile = models.load("opensmile")
        found = {emotion: smile.descriptors(path) for emotion, path in found.items()}
    return dict(sorted(found.items()))


def _panel(panel: "Axes", name: str, tracks: dict, relative: bool) -> None:
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
            linestyle=_STYLES[place % len(_STYLES)],
            marker=labels.marker(emotion),
            markevery=_every(value, place, len(values)),
            markersize=5.5,
            linewidth=1.7,
            label=emotion,
        )
    if name == "pitch":
        panel.axhline(0, color=canvas.MUTED, lw=0.8, zorder=0, label="_middle")
    panel.set_ylabel(f"semitones from {hertz:.0f} Hz" if name == "pitch" else name)
    canvas.tidy(panel, grid="y")


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


def _name_lines(panel: "Axes", named: set[str]) -> set[str]:
    """Write emotions not yet named beside the ends of their lines, none over another.

    Loudness ends in silence for all, where names would say nothing: they stand by
    the pitch, and here only of a voice that has none.
    """
    known = {*named, "_middle"}
    lines = [line for line in panel.lines if line.get_label() not in known]
    low, high = panel.get_ylim()
    ends = []
    for line in lines:
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
            fontsize=canvas.TEXT,
            fontweight="bold",
            color=line.get_color(),
            arrowprops={
                "arrowstyle": "-",
                "color": line.get_color(),
                "lw": 0.7,
                "alpha": 0.6,
                "shrinkB": 3,
            },
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


def _title(clips) -> str:
    if isinstance(clips, Mapping):
        return "The same words, otherwise said"
    text = clips["text"].dropna().unique() if "text" in clips else []
    who = clips["speaker"].dropna().unique() if "speaker" in clips else []
    if len(text) == 1 and len(who) == 1:
        return f"{text[0]} (said by {who[0].rpartition('/')[2]})"
    return f"{len(clips)} clips"


def _note(clips) -> str:
    gaps = "Gaps in the pitch: no voice."
    if isinstance(clips, Mapping) or "predicted" not in clips:
        return gaps
    said = ", ".join(
        f"{row.emotion} as {row.predicted}"
        for row in clips.itertuples()
        if row.emotion != row.predicted
    )
    return f"{gaps} The model took {said}." if said else f"{gaps} The model had all."
