"""What every plot shares: a figure where none is given, ink, headings, legends."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from sertools import labels

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

    from sertools.evaluation import Result

TITLE, TEXT, SMALL = 11, 10, 9
"""Font sizes, in points."""


EM = 0.54
"""Width of an average letter, in font sizes."""


BLUE, ORANGE = "#0072B2", "#B34700"
"""What is drawn, and what stands out from it; told apart by colour-blind eyes."""


INK, MUTED, PALE, WARNING = "#222222", "#5F5F5F", "#D9D9D9", "#A13D00"
"""Text, lesser text (5.9 to 1 or more on white), lines behind data, warnings."""


def axes(ax: "Axes | None", width: float, height: float) -> "Axes":
    """Give back the Axes, or make a figure of this size, in inches, with one."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return ax


def panels(
    ax: "Axes | Sequence[Axes] | None", n: int, size: tuple[float, float], what: str
) -> "np.ndarray":
    """Give back the Axes, or make a figure of this size with `n`, one below the other.

    Raises
    ------
    ValueError
        If other than `n` are given, for `what` is to be drawn.
    """
    import numpy as np

    if ax is None:
        import matplotlib.pyplot as plt

        _, made = plt.subplots(
            n, figsize=size, sharex=True, squeeze=False, layout="constrained"
        )
        return made[:, 0]
    given = np.ravel(np.asarray(ax, dtype=object))
    if len(given) != n:
        raise ValueError(f"{n} {what} need {n} Axes, not {len(given)}.")
    return given


def inches(ax: "Axes") -> tuple[float, float]:
    """Measure the width and height of an Axes, in inches."""
    box = ax.get_window_extent()
    return box.width / ax.figure.dpi, box.height / ax.figure.dpi


def tidy(ax: "Axes", grid: str | None = None) -> None:
    """Take away the frame's upper right half; a pale grid along one axis."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(MUTED)
    ax.tick_params(labelsize=SMALL, color=MUTED, labelcolor=INK)
    ax.xaxis.label.set(fontsize=TEXT, color=INK)
    ax.yaxis.label.set(fontsize=TEXT, color=INK)
    if grid:
        ax.set_axisbelow(True)
        ax.grid(axis=grid, color=PALE, linewidth=0.7)


def heading(
    ax: "Axes", head: str, note: str = "", warnings: Sequence[str] = ()
) -> None:
    """Write a heading over an Axes, under it a note and what to beware of.

    Call it last: the lines are broken to the width that the Axes has by then.
    """
    figure = ax.get_figure(root=True)
    if figure.get_layout_engine() is not None:
        figure.get_layout_engine().execute(figure)
    letters = max(int(inches(ax)[0] * 72 / (EM * SMALL)), 20)
    lines = textwrap.wrap(note, letters)
    alarms = [
        line for warning in warnings for line in textwrap.wrap(f"! {warning}", letters)
    ]
    line_height = 1.22 * SMALL
    pad = 7 + line_height * (len(lines) + len(alarms))
    ax.set_title(
        head, loc="left", fontsize=TITLE, fontweight="bold", color=INK, pad=pad
    )
    _over(ax, lines, 5 + line_height * len(alarms), MUTED)
    _over(ax, alarms, 5, WARNING)


def legend_below(ax: "Axes") -> None:
    """Put the legend under the Axes' label, in as many columns as fit."""
    from matplotlib.transforms import ScaledTranslation

    entries = [EM * SMALL * len(s) + 45 for s in ax.get_legend_handles_labels()[1]]
    room = 72 * inches(ax)[0]
    columns = len(entries) if sum(entries) <= room else int(room / max(entries))
    down = ScaledTranslation(0, -0.5, ax.get_figure(root=True).dpi_scale_trans)
    ax.legend(
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=ax.transAxes + down,
        ncols=max(columns, 1),
        borderaxespad=0,
        borderpad=0,
        columnspacing=1.5,
        handlelength=1.8,
        frameon=False,
        fontsize=SMALL,
    )


def span(score: dict) -> str:
    """Write a score with its interval.

    Examples
    --------
    >>> span({"value": 0.78, "low": 0.71, "high": 0.834})
    '0.78 (0.71 to 0.83)'
    >>> span({"value": 0.78, "low": None, "high": None})
    '0.78 (no interval)'
    """
    if score["low"] is None:
        return f"{score['value']:.2f} (no interval)"
    return f"{score['value']:.2f} ({score['low']:.2f} to {score['high']:.2f})"


def about(result: "Result") -> str:
    """Say in one line what a result is of."""
    info = {key: value for key, value in result.info.items() if value}
    parts = [str(info[key]) for key in ("dataset", "model", "head") if key in info]
    if "folds" in info:
        parts.append(f"folds: {info['folds']}")
    if info.get("standardize", "none") != "none":
        parts.append(f"standardised by {info['standardize']}")
    parts.append(_count(len(result.predictions), "clip"))
    if result.excluded:
        parts[-1] += f" ({len(result.excluded)} excluded)"
    speakers = result.n_speakers
    parts.append(_count(speakers, "speaker") if speakers else "speakers unknown")
    return ", ".join(parts)


def extra(result: "Result", width: float) -> float:
    """Reckon the height that a result's warnings take, in inches."""
    letters = width * 0.75 * 72 / (EM * SMALL)
    return sum(0.17 * (1 + len(warning) // letters) for warning in result.warnings)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _over(ax: "Axes", lines: list[str], points: float, colour: str) -> None:
    if lines:
        text = ax.annotate(
            "\n".join(lines),
            (0, 1),
            xycoords="axes fraction",
            xytext=(0, points),
            textcoords="offset points",
            va="bottom",
            fontsize=SMALL,
            color=colour,
            linespacing=1.2,
        )
        text.set_in_layout(False)  # the heading's padding keeps its place free


UNKNOWN = (".", "#8A8A8A")
"""The mark of clips of which nothing is known."""


ANSWERS = {"right": ("o", BLUE), "wrong": ("X", "#D55E00")}
"""The marks of clips that were answered rightly and wrongly."""


_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#4D4D4D",
    "#882255",
)


_MARKERS = "osD^vPX*<>phd"


_AREAS = {"*": 1.8, "P": 1.5, "X": 1.3, ".": 2.2, "D": 0.8, "s": 0.9, "d": 1.1}


def marks(names: Iterable[str], emotions: bool) -> dict[str, tuple[str, str]]:
    """Give each group a matplotlib marker and a colour of its own.

    Parameters
    ----------
    names : iterable of str
        The groups.
    emotions : bool
        Whether they are emotions, which have theirs in `sertools.labels`.

    Returns
    -------
    dict of (str, str)
        Marker and hex colour by name; a hundred groups differ.

    Examples
    --------
    >>> marks(["female", "male"], emotions=False)
    {'female': ('o', '#0072B2'), 'male': ('s', '#D55E00')}
    """
    if emotions:
        return {name: (labels.marker(name), labels.colour(name)) for name in names}
    return {
        name: (
            _MARKERS[(i + i // len(_COLOURS)) % len(_MARKERS)],
            _COLOURS[i % len(_COLOURS)],
        )
        for i, name in enumerate(names)
    }


def area(marker: str) -> float:
    """Give the factor that makes a marker look as large as the others."""
    return _AREAS.get(marker, 1)
