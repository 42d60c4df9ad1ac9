"""Cross-corpus matrix: what one recipe, trained on each corpus, makes of each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sertools.evaluation._notes import MADE_UP, Kind, of_kind, presumes_speaker
from sertools.plots import _style
from sertools.plots._dark_theme import ON_COLOUR

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation._cross_corpus import CrossCorpus

_FORMS = {
    "none": ("as they are", "features as they are"),
    "corpus": ("by corpus", "standardised by corpus"),
    "speaker": ("by speaker", "standardised by speaker"),
    "speaker_shrunk": ("by speaker, shrunk", "by speaker, shrunk"),
}
_DARKEST = 1.7  # end of the colour map: black numbers stay readable
_CELL, _NARROW, _INTERVAL, _ROW = 0.94, 0.5, 0.84, 0.6  # inches
_TWO_LINES, _WIDEST = 0.4, 9.6  # inches
_GAP, _BETWEEN = 0.35, 2.3  # cells, from one heat map to the next


def cross_corpus(
    board: "CrossCorpus",
    standardize: str | Sequence[str] | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a cross-corpus matrix: the UAR from each corpus to each.

    There is one heat map a standardisation.

    Parameters
    ----------
    board : sertools.evaluation.CrossCorpus
        As `sertools.evaluation.cross_corpus` gives.
    standardize : str or sequence of str, optional
        Which standardisations; all of them if not given.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        Rows are what was trained on, columns what was tested on. Each cell holds
        the UAR and its 95 % interval over speakers; the deeper its blue, the
        further above chance. Grey, in a dashed frame: one corpus, its speakers
        held out. An empty cell could not be computed.

    Raises
    ------
    ValueError
        If a standardisation was not tried.

    Examples
    --------
    >>> from sertools import datasets, evaluation, features, models
    >>> clips = datasets.load("demo")
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False)
    >>> women = clips["sex"] == "female"
    >>> clips["dataset"] = women.map({True: "women", False: "men"})
    >>> ax = cross_corpus(evaluation.cross_corpus("logistic", X, clips, "none"))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['women', 'men']
    """
    forms = board.forms if standardize is None else standardize
    forms = [forms] if isinstance(forms, str) else list(forms)
    rows, columns = len(board.trained_on), len(board.corpora)
    least = _CELL if ax is None else _NARROW
    room = _WIDEST if ax is None else _style.inches(ax)[0]
    across = min(len(forms), max(1, int(room / (least * (columns + _GAP)))))
    down = -(-len(forms) // across)
    width = np.clip(across * (columns + _GAP) * _CELL + 1.4, 6.5, 11)
    ax = _style.axes(ax, float(width), _ROW * down * (rows + _BETWEEN) + 0.9)
    ax.set_xlim(-0.5, across * (columns + _GAP) - _GAP - 0.5)
    ax.set_ylim(down * (rows + _BETWEEN) - _BETWEEN - 0.1, -1.5)
    corners = [
        ((i % across) * (columns + _GAP), (i // across) * (rows + _BETWEEN))
        for i in range(len(forms))
    ]
    for form, corner in zip(forms, corners, strict=True):
        _heat_map(ax, board, form, corner)
    names = [(y + row, n) for _, y in corners[::across] for row, n in _rows(board)]
    ax.set_yticks(*zip(*names, strict=True))
    ax.set_xticks([])
    ax.set(xlabel="tested on", ylabel="trained on")
    _style.tidy(ax)
    ax.tick_params(length=0, labelsize=_style.TEXT)
    ax.spines[:].set_visible(False)
    _style.heading(ax, "Does it travel?", _note(board), _alarms(board, forms))
    return ax


def _rows(board: "CrossCorpus") -> list[tuple[float, str]]:
    """Place the rows; all other corpora together stand a little apart."""
    extra = len(board.corpora)
    return [
        (place + 0.15 * (place >= extra), name)
        for place, name in enumerate(board.trained_on)
    ]


def _heat_map(ax: "Axes", board: "CrossCorpus", form: str, corner) -> None:
    """Draw one heat map, its corner's cell centred at `corner`."""
    left, top = corner
    values, low, high = (board.matrix(form, name) for name in ("uar", "low", "high"))
    limits = np.abs(np.ptp([ax.get_xlim(), ax.get_ylim()], 1))
    width, height = _style.inches(ax) / limits
    roomy = width > _INTERVAL and height > _TWO_LINES
    for place, train in _rows(board):
        for column, test in enumerate(board.corpora):
            value = values.at[train, test]
            centre = (left + column, top + place)
            _cell(ax, centre, value, board.chance, train == test)
            if not np.isnan(value):
                span = (low.at[train, test], high.at[train, test])
                _numbers(ax, centre, value, span if roomy else (np.nan, np.nan))
    bottom = top + _rows(board)[-1][0] + 0.6
    look = {"va": "top", "ha": "center", "color": _style.INK}
    for column, name in enumerate(board.corpora):
        ax.text(left + column, bottom, name, fontsize=_style.SMALL, **look)
    _title(ax, board, form, (left - 0.47, top - 0.6), roomy)


def _cell(ax: "Axes", centre, value: float, chance: float, within: bool) -> None:
    from matplotlib import colormaps
    from matplotlib.patches import Rectangle

    corner = (centre[0] - 0.47, centre[1] - 0.47)
    above = float(np.clip((value - chance) / (1 - chance), 0, 1))
    known = not np.isnan(value)
    shade = colormaps["Blues"](0.05 + above / _DARKEST)
    if within:
        shade = colormaps["Greys"](0.05 + above / 3)
    cell = Rectangle(corner, 0.94, 0.94, facecolor=shade if known else "none")
    if within or not known:
        cell.set(edgecolor=_style.MUTED, linestyle="--", linewidth=1)
    cell.set_gid(ON_COLOUR if known else None)
    ax.add_patch(cell)


def _numbers(ax: "Axes", centre, value: float, span) -> None:
    """Write a cell's score, and its interval under it where that is known."""
    known = not np.isnan(span[0])
    look = {"ha": "center", "color": "black", "textcoords": "offset points"}
    look["gid"] = ON_COLOUR
    place = {"xytext": (0, 1 if known else 0), "va": "bottom" if known else "center"}
    ax.annotate(f"{value:.2f}", centre, fontsize=_style.TITLE, **place, **look)
    if known:
        text, place = f"{span[0]:.2f} to {span[1]:.2f}", {"xytext": (0, -2)}
        ax.annotate(text, centre, va="top", fontsize=_style.SMALL, **place, **look)


def _title(ax: "Axes", board: "CrossCorpus", form: str, corner, roomy: bool) -> None:
    row = board.summary().loc[form]
    short, long = _FORMS.get(form, (form, f"standardised: {form}"))
    told = ["no pair could be computed"]
    if not np.isnan(row.worst):
        told = [f"mean {row['mean']:.2f}", f"worst {row.worst:.2f}"]
    look = {"va": "bottom", "color": _style.INK, "fontsize": _style.SMALL}
    ax.text(*corner, (", " if roomy else "\n").join(told), linespacing=1.2, **look)
    ax.annotate(
        long if roomy else short,
        corner,
        xytext=(0, (1.25 if roomy else 2.45) * _style.SMALL),
        textcoords="offset points",
        fontweight="bold",
        **look,
    )


def _note(board: "CrossCorpus") -> str:
    result = next(iter(board.results.values()))
    what = ", ".join(filter(None, (result.info.get("model"), result.info.get("head"))))
    return (
        f"UAR and 95 % interval over the speakers tested; chance {board.chance:.2f}; "
        f"{what}; {', '.join(board.emotions)}. Mean and worst are of the blue cells"
        f"{', one corpus to one' if len(board.corpora) > 2 else ''}. "
        "Grey, dashed: one corpus, its speakers held out."
    )


def _alarms(board: "CrossCorpus", forms: list[str]) -> list[str]:
    """Keep what a picture must say: made-up data, leaks, who speaks being known."""
    presuming = any(map(presumes_speaker, forms))
    kinds = [*MADE_UP, Kind.LEAKING, *[Kind.PRESUMES_SPEAKER] * presuming]
    return of_kind(board.notes, *kinds)
