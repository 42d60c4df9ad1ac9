"""Figure style: a figure where none is given, ink, headings, legends, markers."""

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sertools import display, labels
from sertools.evaluation._notes import MADE_UP, of_kind
from sertools.plots._dark_theme import figure_class

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.text import Text

    from sertools.evaluation import Result

TITLE, TEXT, SMALL = 11, 10, 9  # points
EM = 0.54  # width of an average letter, in font sizes
BLUE, ORANGE = "#0072B2", "#B34700"
"""What is drawn, and what stands out from it; told apart by colour-blind eyes."""
VERMILION = "#D55E00"
INK, MUTED, PALE, WARNING = "#222222", "#5F5F5F", "#D9D9D9", "#A13D00"
"""Text, lesser text (5.9 to 1 or more on white), lines behind data, warnings."""
LABEL = {"va": "center", "fontsize": SMALL, "color": INK}
"""The look of a word that stands at the height of what it names."""
OVER_SPEAKERS = "UAR (bar: 95 % interval over speakers)"
NAMED_SPEAKERS = 30
"""Up to so many speakers each has a name and a number; more are a strip of dots."""


def axes(ax: "Axes | None", width: float, height: float) -> "Axes":
    """Give back the Axes, or make a figure of this size, in inches, with one."""
    if ax is not None:
        return ax
    import matplotlib.pyplot as plt

    look = {"layout": "constrained", "FigureClass": figure_class()}
    figure, ax = plt.subplots(figsize=(width, height), **look)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
    return ax


def panels(
    ax: "Axes | Sequence[Axes] | None",
    n: int,
    size: tuple[float, float],
    what: str,
    columns: int = 1,
) -> np.ndarray:
    """Give back the `n` Axes, or make a figure with as many, in so many columns."""
    if ax is None:
        import matplotlib.pyplot as plt

        figure, made = plt.subplots(
            -(-n // columns),
            columns,
            figsize=size,
            sharex=columns == 1,
            sharey=columns > 1,
            squeeze=False,
            layout="constrained",
            FigureClass=figure_class(),
        )
        for spare in made.ravel()[n:]:
            figure.delaxes(spare)
        return made.ravel()[:n]
    given = np.ravel(np.asarray(ax, dtype=object))
    if len(given) != n:
        raise ValueError(f"{n} {what} need {n} Axes, not {len(given)}.")
    return given


def as_given(
    ax: "Axes | Sequence[Axes] | None", drawn: np.ndarray
) -> "Axes | np.ndarray":
    """Give the one Axes that a caller gave, else all that were drawn on."""
    return ax if ax is not None and not np.iterable(ax) else drawn


def as_written(*drawn: "Axes") -> None:
    """Show all text of these Axes letter by letter: a name from data is no formula."""
    from matplotlib.text import Text

    for ax in drawn:
        for axis in (ax.xaxis, ax.yaxis):
            ticks = [text.get_text() for text in axis.get_ticklabels()]
            if any(map(_odd, ticks)):
                axis.set_ticks(axis.get_ticklocs(), list(map(_shown, ticks)))
        for text in ax.findobj(Text):
            no_formula(text)


def no_formula(text: "Text") -> None:
    """Show a text letter by letter, with a sign for each that cannot be seen."""
    text.set_parse_math(False)
    if _odd(text.get_text()):
        text.set_text(_shown(text.get_text()))


def _odd(text: str) -> bool:
    """Tell whether a text has letters that no font shows, other than ends of lines."""
    kinds = (unicodedata.category(letter) for letter in text if letter != "\n")
    return any(kind in ("Cc", "Cf", "Cs") for kind in kinds)


def _shown(text: str) -> str:
    """Put a sign that can be seen in place of each letter that cannot."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _odd(one) else one for one in text)


def inches(ax: "Axes") -> tuple[float, float]:
    """Measure the width and height of an Axes, in inches."""
    box = ax.get_window_extent()
    return box.width / ax.figure.dpi, box.height / ax.figure.dpi


def letters(width: float) -> float:
    """Reckon how many letters of a note fit into so many inches."""
    return width * 72 / (EM * SMALL)


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


def score_rows(
    ax: "Axes", ylim: tuple[float, float], label: str, names: int = TEXT
) -> None:
    """Set up rows of scores from 0 to 1, their names in letters of so many points."""
    ax.set(xlim=(0, 1), ylim=ylim, xticks=np.linspace(0, 1, 6), xlabel=label)
    tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=names)
    legend_below(ax)


def speaker_rows(ax: "Axes", table: "pd.DataFrame", label: str) -> list[str]:
    """Set up a row a speaker, the first on top; many have ranks. Give their names."""
    n, names = len(table), _without_corpus(map(str, table.index))
    if n > NAMED_SPEAKERS:
        ranks = [1, *range(10, n + 1, 10)]
        ax.set_yticks([rank - 1 for rank in ranks], ranks)
        ax.set_ylabel(f"rank of the {n} speakers")
    else:
        counted = zip(names, table["n_clips"], strict=True)
        ax.set_yticks(range(n), [f"{name} ({clips})" for name, clips in counted])
        ax.set_ylabel("speaker (clips)")
    margin = max(0.7, 0.02 * n)
    ax.set(xlim=(-0.02, 1.02), xticks=np.linspace(0, 1, 6), xlabel=label)
    ax.set_ylim(n - 1 + margin, -margin)
    tidy(ax, grid="x")
    legend_below(ax)
    return names


def _without_corpus(names: Iterable[str]) -> list[str]:
    """Leave out the corpus where all speakers are of one."""
    names = list(names)
    corpora = {name.partition("/")[0] for name in names if "/" in name}
    if len(corpora) == 1 and all("/" in name for name in names):
        return [name.partition("/")[2] for name in names]
    return names


def upright(
    ax: "Axes", at: float, label: str, style: str = ":", colour: str = INK
) -> None:
    """Draw a line from top to bottom that the legend explains, under the data."""
    ax.axvline(at, color=colour, linestyle=style, zorder=1, label=label)


def beside(ax: "Axes", place: float, text: str, across: float = 1.02, **look) -> "Text":
    """Write at the right of a row; `across` is in widths of the Axes."""
    transform = ax.get_yaxis_transform()
    return ax.text(across, place, text, transform=transform, **(LABEL | look))


def heading(
    ax: "Axes", head: str, note: str = "", warnings: Sequence[str] = ()
) -> None:
    """Write a heading over an Axes, under it a note and what to beware of.

    Call it last: the lines are broken to the width that the Axes has by then.
    """
    as_written(ax)
    figure = ax.get_figure(root=True)
    if figure.get_layout_engine() is not None:
        figure.get_layout_engine().execute(figure)
    room = max(int(letters(inches(ax)[0])), 20)
    lines = textwrap.wrap(note, room)
    alarms = [
        line for warning in warnings for line in textwrap.wrap(f"! {warning}", room)
    ]
    line_height = 1.22 * SMALL
    pad = 7 + line_height * (len(lines) + len(alarms))
    ax.set_title(
        head, loc="left", fontsize=TITLE, fontweight="bold", color=INK, pad=pad
    )
    _over(ax, lines, 5 + line_height * len(alarms), MUTED)
    _over(ax, alarms, 5, WARNING)
    as_written(ax)


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


def interval_text(value: float, low: float | None, high: float | None) -> str:
    """Write a score with its interval.

    Examples
    --------
    >>> interval_text(0.78, 0.71, 0.834), interval_text(0.78, None, None)
    ('0.78 (0.71 to 0.83)', '0.78 (no interval)')
    """
    if low is None or np.isnan(low):
        return f"{value:.2f} (no interval)"
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def made_by(info: dict) -> str:
    """Name corpus, model and head, as far as they are known."""
    return ", ".join(str(info[k]) for k in ("dataset", "model", "head") if info.get(k))


def describe(result: "Result") -> str:
    """Say in one line what a result is of."""
    info = result.info
    parts = [made_by(info)] if made_by(info) else []
    if info.get("folds"):
        parts.append(f"folds: {info['folds']}")
    if (info.get("standardize") or "none") != "none":
        parts.append(f"standardised by {info['standardize']}")
    n = len(result.predictions)
    left_out = f" ({len(result.excluded)} excluded)" if result.excluded else ""
    parts.append(f"{n} clip{'s' * (n != 1)}{left_out}")
    return ", ".join([*parts, display.speakers(result.n_speakers or None)])


def warnings_height(result: "Result", width: float) -> float:
    """Reckon the height that a result's warnings take, in inches."""
    room = letters(width * 0.75)
    return sum(0.17 * (1 + len(warning) // room) for warning in result.warnings)


def alarms(notes: Iterable[str]) -> list[str]:
    """Keep the notes without which a picture would mislead: made-up weights, speech."""
    return of_kind(notes, *MADE_UP)


UNKNOWN = (".", "#8A8A8A")
"""The mark of clips of which nothing is known."""
ANSWERS = {"right": ("o", BLUE), "wrong": ("X", VERMILION)}
"""The marks of clips that were answered rightly and wrongly."""
_MARKERS = "osD^vPX*<>phd"
_AREAS = {"*": 1.8, "P": 1.5, "X": 1.3, ".": 2.2, "D": 0.8, "s": 0.9, "d": 1.1}
_COLOURS = (
    *(BLUE, VERMILION, "#009E73", "#CC79A7"),
    *("#E69F00", "#56B4E9", "#4D4D4D", "#882255"),
)


def marks(names: Iterable[str], emotions: bool) -> dict[str, tuple[str, str]]:
    """Give each group a matplotlib marker and a colour; emotions have their own.

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
