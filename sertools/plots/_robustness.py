"""Robustness curves: a score over worse and worse recordings."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools.evaluation._permutation_tests import LEVEL
from sertools.plots import _style
from sertools.plots._style import BLUE, INK, MUTED, ORANGE, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation._robustness import Robustness

_COLUMNS = 3
_SINGLES = "one level each"
_FALLING = ("noise", "mp3", "truncation")  # the lower the level, the worse
_TITLES = {"gain": "gain: recorder turned up or down", "mp3": "MP3"}


def robustness(
    found: "Robustness", ax: "Axes | Sequence[Axes] | None" = None
) -> "Axes | np.ndarray":
    """Draw robustness curves: the UAR over the levels of each degradation.

    Each goes from clean to worst.

    Parameters
    ----------
    found : sertools.evaluation.Robustness
        As `sertools.evaluation.robustness` gives.
    ax : matplotlib Axes or sequence of them, optional
        One for each panel; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes or ndarray of Axes
        The one Axes that was given, else an array with one a panel. Each kind
        of degradation that was tried at several levels is a curve with its
        95 % band over speakers; what was tried at one level only shares a
        panel. A filled dot differs from clean, by the test over whole speakers;
        an open one may do so by chance. Orange: heads trained on speech as bad
        as the test.

    Raises
    ------
    ValueError
        If there are not as many Axes as panels.

    Examples
    --------
    >>> from sertools import datasets, evaluation, models
    >>> clips = datasets.select(datasets.load("demo"), max_clips=48)
    >>> model = models.load("duration_loudness")
    >>> found = evaluation.robustness(model, "logistic", clips, ["noise:0"])
    >>> [text.get_text() for text in robustness(found)[0].get_xticklabels()]
    ['clean', 'noise:0']
    """
    curves = _curves(found.levels)
    columns = min(len(curves), _COLUMNS)
    size = (max(3.6 * columns, 8), 3.0 * -(-len(curves) // columns) + 0.9)
    panels = _style.panels(ax, len(curves), size, "kinds of degradation", columns)
    for panel, (family, levels) in zip(panels, curves.items(), strict=True):
        _panel(panel, family, levels, found, first=panel is panels[0])
    _style.as_written(*panels)
    if ax is None:
        _caption(panels, found)
    return _style.as_given(ax, panels)


def _curves(levels: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Put levels of one kind together, mild first; single ones into one panel."""
    families = {family: part for family, part in levels.groupby("family", sort=False)}
    several = {
        family: _ordered(family, part)
        for family, part in families.items()
        if len(part) > 1
    }
    single = [part for part in families.values() if len(part) == 1]
    return several | ({_SINGLES: pd.concat(single)} if single else {})


def _ordered(family: str, part: pd.DataFrame) -> pd.DataFrame:
    if family == "telephone":
        return part
    level = part["amount"].str.rstrip("%").astype(float)
    falls = any(word in family for word in _FALLING)
    return part.loc[level.sort_values(ascending=not falls).index]


def _panel(panel, family: str, levels: pd.DataFrame, found, first: bool) -> None:
    table, place = _with_clean(family, levels, found.clean.scores()["uar"])
    joined = family not in (_SINGLES, "telephone")
    chance = found.clean.chance
    line = {"color": MUTED, "linewidth": 0.8, "linestyle": (0, (6, 4))}
    panel.axhline(table["uar"].iloc[place], **line)
    panel.axhline(chance, color=INK, linestyle=":", linewidth=1.2)
    if found.matched:
        _curve(panel, table, "matched", ORANGE, joined, place)
    _curve(panel, table, "", BLUE, joined, place)
    _numbers(panel, table, bool(found.matched), joined)
    if first:
        panel.annotate(
            f"chance {chance:.2f}",
            (0, chance),
            xycoords=("axes fraction", "data"),
            xytext=(4, -3),
            textcoords="offset points",
            va="top",
            fontsize=SMALL,
            color=MUTED,
        )
    names = list(table.index)
    room = _style.letters(panel.get_position().width * panel.figure.get_figwidth())
    turned = len(names) * (max(map(len, names)) + 1) > room
    look = {"rotation": 30, "ha": "right"} if turned else {}
    panel.set_xticks(range(len(names)), names, **look)
    panel.set(xlim=(-0.5, len(names) - 0.4), ylim=(0, 1.02))
    panel.set_yticks(np.linspace(0, 1, 6))
    unit = levels["unit"].iloc[0]
    panel.set_xlabel("" if family == _SINGLES or not unit else unit)
    panel.set_ylabel("UAR" if panel.get_subplotspec().is_first_col() else "")
    _style.tidy(panel, grid="y")
    look = {"fontsize": _style.TEXT, "fontweight": "bold", "color": INK}
    panel.set_title(_TITLES.get(family, family), loc="left", **look)


def _with_clean(family: str, levels: pd.DataFrame, score: dict):
    """Add the clean score as a row of the levels, and say which row it is."""
    clean = {"uar": score["value"], "low": score["low"], "high": score["high"]}
    clean |= {"p_joint": 1.0, "matched": score["value"]}
    clean |= {"matched_low": score["low"], "matched_high": score["high"]}
    names = list(levels.index) if family == _SINGLES else list(levels["amount"])
    rows = [row._asdict() for row in levels.itertuples()]
    place = int((levels["amount"].astype(float) < 0).sum()) if family == "gain" else 0
    rows.insert(place, clean)
    names.insert(place, "clean")
    table = pd.DataFrame(rows, index=names).astype({"low": float, "high": float})
    return table, place


def _curve(
    panel, table: pd.DataFrame, which: str, colour: str, joined: bool, place: int
) -> None:
    """Draw one curve, or dots that nothing joins, with the interval over speakers."""
    names = [which or "uar", *(f"{which}_{end}".strip("_") for end in ("low", "high"))]
    value, low, high = (table[name].astype(float).to_numpy() for name in names)
    across = np.arange(len(table)) + (0.12 if which and not joined else 0)
    if joined:
        style = "--" if which else "-"
        panel.plot(across, value, style, color=colour, linewidth=1.8)
        if not which:
            panel.fill_between(across, low, high, color=colour, alpha=0.16, linewidth=0)
    else:
        panel.vlines(across, low, high, color=colour, linewidth=2, alpha=0.55)
    p_values = table["p_joint"].astype(float).to_numpy()
    differs = (p_values <= LEVEL) & (not which)
    differs[place] = True
    for x, y, full in zip(across, value, differs, strict=True):
        size = 4 if which else 7
        face = colour if full or which else "white"
        panel.plot(x, y, "D" if which else "o", ms=size, mec=colour, mfc=face, zorder=4)


_LEFT = {"xytext": (-7, 0), "ha": "right", "va": "center"}
_OVER = {"xytext": (0, 8), "ha": "center", "va": "bottom"}
_UNDER = {"xytext": (0, -8), "ha": "center", "va": "top"}


def _numbers(panel, table: pd.DataFrame, matched: bool, joined: bool) -> None:
    """Write each score by its dot, where no other mark is: left of one by itself."""
    from matplotlib.patheffects import withStroke

    pairs = zip(table["uar"], table["matched"], strict=True)
    for place, (value, other) in enumerate(pairs):
        below = matched and place and 0 <= other - value < 0.2
        panel.annotate(
            f"{value:.2f}",
            (place, value),
            textcoords="offset points",
            **(_LEFT if not joined else _UNDER if below else _OVER),
            fontsize=SMALL,
            color=INK,
            zorder=5,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )


def _caption(panels: np.ndarray, found: "Robustness") -> None:
    """Head the figure, and say under it what the marks mean."""
    figure, clean = panels[0].figure, found.clean
    head = f"Does it still hear it?  {_style.made_by(clean.info)}"
    look = {"fontsize": _style.TITLE, "fontweight": "bold", "color": INK}
    _style.no_formula(figure.suptitle(head, x=0.01, ha="left", **look))
    n = clean.n_speakers
    said = ["Band or line: 95 % over speakers." if n and n >= 3 else "No intervals."]
    said += ["Open dot: may be chance."] * bool(n and n >= 6)
    said += ["Orange: trained on speech as bad as the test."] * bool(found.matched)
    said += _style.alarms(clean.warnings)
    room = int(_style.letters(figure.get_figwidth()))
    text = "\n".join(textwrap.wrap(" ".join(said), room))
    look = {"ha": "left", "fontsize": SMALL, "color": MUTED}
    _style.no_formula(figure.supxlabel(text, x=0.01, **look))
