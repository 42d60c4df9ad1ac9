"""Low-level descriptors over time: what a feature extractor hears in one clip."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["descriptors"]

_WORDS = {
    "F0semitoneFrom27.5Hz_sma3nz": "pitch, semitones above 27.5 Hz",
    "Loudness_sma3": "loudness",
    "spectralFlux_sma3": "spectral flux: how fast the sound changes",
    "HNRdBACF_sma3nz": "harmonics-to-noise ratio, dB: how clear the voice is",
    "jitterLocal_sma3nz": "jitter: how unsteady the pitch is",
    "shimmerLocaldB_sma3nz": "shimmer, dB: how unsteady the loudness is",
    "F1frequency_sma3nz": "first formant, Hz",
    "F2frequency_sma3nz": "second formant, Hz",
    "F3frequency_sma3nz": "third formant, Hz",
    "alphaRatio_sma3": "alpha ratio, dB: strength above 1 kHz against below",
}
"""Plain words for openSMILE's names (eGeMAPSv02)."""

_FIRST = (
    "F0semitoneFrom27.5Hz_sma3nz",
    "Loudness_sma3",
    "spectralFlux_sma3",
    "HNRdBACF_sma3nz",
    "F1frequency_sma3nz",
)
PANELS = 6
"""Most panels drawn where no names are given."""


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
    panels = canvas.panels(ax, len(names), (8, 1.15 * len(names) + 0.6), "descriptors")
    for panel, name in zip(panels, names, strict=True):
        _draw(panel, table[name])
    panels[-1].set_xlabel("seconds")
    canvas.tidy(panels[-1], grid="x")
    return ax if ax is not None and not np.iterable(ax) else panels


def _names(table: pd.DataFrame, names: Sequence[str] | str | None) -> list[str]:
    if table.empty:
        raise ValueError("The table of descriptors is empty.")
    if names is None:
        known = [name for name in _FIRST if name in table.columns]
        return known or list(table.columns[:PANELS])
    names = [names] if isinstance(names, str) else list(names)
    missing = [str(name) for name in names if name not in table.columns]
    if missing or not names:
        raise ValueError(
            f"No such descriptors: {', '.join(missing) or 'none named'}. "
            f"Known: {', '.join(map(str, table.columns))}."
        )
    return names


def _draw(panel: "Axes", column: pd.Series) -> None:
    name = str(column.name)
    values = _with_gaps(column)
    marker = "." if np.isnan(values).any() else ""
    panel.plot(
        column.index,
        values,
        color="#0072B2",
        linewidth=1.4,
        marker=marker,
        markersize=3,
    )
    panel.set_xlim(column.index.min(), column.index.max())
    canvas.tidy(panel, grid="x")
    panel.set_title(
        f"{_WORDS[name]} ({name})" if name in _WORDS else name,
        loc="left",
        fontsize=canvas.SMALL,
        color=canvas.INK,
        pad=3,
    )


def _with_gaps(column: pd.Series) -> np.ndarray:
    """Replace by NaN what stands for no voice."""
    values = column.to_numpy(dtype=np.float64, copy=True)
    name = str(column.name).lower()
    if name.startswith(("f0", "pitch")) or name.endswith("nz"):
        values[values == 0] = np.nan
    if "amplitudelogrelf0" in name:
        values[values <= -200] = np.nan  # openSMILE's word for none
    return values
