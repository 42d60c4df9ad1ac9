"""Curves of a score over worse and worse recordings."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools.evaluation._notes import MADE_UP, of_kind
from sertools.evaluation._permutation_tests import LEVEL
from sertools.plots import _style
from sertools.plots._style import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation._robustness import Robustness

_COLUMNS = 3


_SINGLES = "one level each"


_FALLING = ("noise", "mp3", "truncation")  # the lower the level, the worse


_WORDS = {"gain": "gain: recorder turned up or down", "mp3": "MP3"}


def robustness(
    found: "Robustness", ax: "Axes | Sequence[Axes] | None" = None
) -> "Axes | np.ndarray":
    """Draw the UAR over the levels of each degradation, from clean to worst.

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
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> truth = pd.DataFrame({"clip": list("abcd"), "emotion": ["sad", "angry"] * 2})
    >>> right = evaluation.from_predictions(truth.assign(predicted=truth["emotion"]))
    >>> wrong = evaluation.from_predictions(truth.assign(predicted="sad"))
    >>> found = evaluation.Robustness({"clean": right, "noise:0": wrong})
    >>> [text.get_text() for text in robustness(found)[0].get_xticklabels()]
    ['clean', 'noise:0']
    """
    curves = _curves(found.levels)
    panels, own = _panels(ax, len(curves)), ax is None
    for number, (panel, (family, levels)) in enumerate(
        zip(panels, curves.items(), strict=True)
    ):
        _draw(panel, family, levels, found, first=number == 0)
    if own:
        _frame(panels, found)
    return ax if ax is not None and not np.iterable(ax) else panels


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
    return part.loc[level.sort_values(ascending=not _falls(family)).index]


def _falls(family: str) -> bool:
    return any(word in family for word in _FALLING)


def _panels(ax, n: int) -> np.ndarray:
    if ax is None:
        import matplotlib.pyplot as plt

        columns = min(n, _COLUMNS)
        rows = -(-n // columns)
        figure, panels = plt.subplots(
            rows,
            columns,
            figsize=(max(3.6 * columns, 8), 3.0 * rows + 0.9),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        for spare in panels.ravel()[n:]:
            figure.delaxes(spare)
        return panels.ravel()[:n]
    given = np.ravel(np.asarray(ax, dtype=object))
    if len(given) != n:
        raise ValueError(f"{n} kinds of degradation need {n} Axes, not {len(given)}.")
    return given


def _draw(panel, family: str, levels: pd.DataFrame, found, first: bool) -> None:
    score = found.clean.scores()["uar"]
    clean = {"uar": score["value"], "low": score["low"], "high": score["high"]}
    clean |= {"p_joint": 1.0, "matched": score["value"]}
    clean |= {"matched_low": score["low"], "matched_high": score["high"]}
    names = list(levels.index) if family == _SINGLES else list(levels["amount"])
    rows = [row._asdict() for row in levels.itertuples()]
    place = int((levels["amount"].astype(float) < 0).sum()) if family == "gain" else 0
    rows.insert(place, clean)
    names.insert(place, "clean")
    table = pd.DataFrame(rows, index=names).astype({"low": float, "high": float})
    joined = family not in (_SINGLES, "telephone")
    panel.axhline(
        clean["uar"], color=_style.MUTED, linewidth=0.8, linestyle=(0, (6, 4))
    )
    panel.axhline(found.clean.chance, color=_style.INK, linestyle=":", linewidth=1.2)
    if found.matched:
        _line(panel, table, "matched", ORANGE, joined, place)
    _line(panel, table, "", BLUE, joined, place)
    _numbers(panel, table, bool(found.matched), joined)
    if first:
        _chance(panel, found)
    letters = panel.get_position().width * panel.figure.get_figwidth() * 72
    letters /= _style.EM * _style.SMALL
    turned = len(names) * (max(map(len, names)) + 1) > letters
    panel.set_xticks(
        range(len(names)),
        names,
        rotation=30 if turned else 0,
        ha="right" if turned else "center",
    )
    panel.set(
        xlim=(-0.5, len(names) - 0.4), ylim=(0, 1.02), yticks=np.linspace(0, 1, 6)
    )
    unit = levels["unit"].iloc[0]
    panel.set_xlabel("" if family == _SINGLES or not unit else unit)
    panel.set_ylabel("UAR" if panel.get_subplotspec().is_first_col() else "")
    _style.tidy(panel, grid="y")
    panel.set_title(
        _WORDS.get(family, family),
        loc="left",
        fontsize=_style.TEXT,
        fontweight="bold",
        color=_style.INK,
    )


def _line(
    panel, table: pd.DataFrame, which: str, colour: str, joined: bool, place: int
):
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
    differs = (table["p_joint"].astype(float).to_numpy() <= LEVEL) & (not which)
    differs[place] = True
    for x, y, full in zip(across, value, differs, strict=True):
        size = 4 if which else 7
        face = colour if full or which else "white"
        panel.plot(x, y, "D" if which else "o", ms=size, mec=colour, mfc=face, zorder=4)


def _numbers(panel, table: pd.DataFrame, matched: bool, joined: bool) -> None:
    """Write each score by its dot, where no other mark is: left of one by itself."""
    from matplotlib.patheffects import withStroke

    for place, (value, other) in enumerate(
        zip(table["uar"], table["matched"], strict=True)
    ):
        below = matched and place and 0 <= other - value < 0.2
        beside = {"xytext": (-7, 0), "ha": "right", "va": "center"}
        over = {"xytext": (0, 8), "ha": "center", "va": "bottom"}
        under = {"xytext": (0, -8), "ha": "center", "va": "top"}
        panel.annotate(
            f"{value:.2f}",
            (place, value),
            textcoords="offset points",
            **(beside if not joined else under if below else over),
            fontsize=_style.SMALL,
            color=_style.INK,
            zorder=5,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )


def _chance(panel, found) -> None:
    panel.annotate(
        f"chance {found.clean.chance:.2f}",
        (0, found.clean.chance),
        xycoords=("axes fraction", "data"),
        xytext=(4, -3),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize=_style.SMALL,
        color=_style.MUTED,
    )


def _frame(panels: np.ndarray, found: "Robustness") -> None:
    """Head the figure, and say under it what the marks mean."""
    figure = panels[0].figure
    info = found.clean.info
    who = ", ".join(str(info[k]) for k in ("dataset", "model", "head") if info.get(k))
    figure.suptitle(
        f"Does it still hear it?  {who}",
        x=0.01,
        ha="left",
        fontsize=_style.TITLE,
        fontweight="bold",
        color=_style.INK,
    )
    n = found.clean.n_speakers
    said = ["Band or line: 95 % over speakers." if n and n >= 3 else "No intervals."]
    said += ["Open dot: may be chance."] * bool(n and n >= 6)
    said += ["Orange: trained on speech as bad as the test."] * bool(found.matched)
    said += of_kind(found.clean.warnings, *MADE_UP)
    letters = figure.get_figwidth() * 72 / (_style.EM * _style.SMALL)
    figure.supxlabel(
        "\n".join(textwrap.wrap(" ".join(said), int(letters))),
        x=0.01,
        ha="left",
        fontsize=_style.SMALL,
        color=_style.MUTED,
    )
