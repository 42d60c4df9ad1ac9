"""Scores: with intervals, by class, by feature, by speaker, and of several models."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import display, labels
from sertools.evaluation._permutation_tests import LEVEL
from sertools.plots import _style
from sertools.plots._style import BLUE, INK, MUTED, ORANGE, VERMILION

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Result
    from sertools.evaluation._comparison import Comparison

_TITLES = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1"}


def scores(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw UAR, accuracy and macro F1 with their 95 % intervals over speakers.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        One point a score. Lines mark the UAR of chance and, where the result
        has it, the UAR that duration and loudness alone reach.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> said = pd.DataFrame({"happy": [0.9, 0.2, 0.6], "sad": [0.1, 0.8, 0.4]})
    >>> said["emotion"] = ["happy", "sad", "sad"]
    >>> ax = scores(evaluation.from_predictions(said))
    >>> ax.texts[0].get_text()
    '0.75 (no interval)'
    """
    ax = _style.axes(ax, 7, 2.9 + _style.warnings_height(result, 7))
    found = result.scores()
    for place, (name, score) in enumerate(found.items()):
        if score["low"] is not None:
            ends = [score["low"], score["high"]]
            look = {"color": BLUE, "linewidth": 2.5, "solid_capstyle": "butt"}
            ax.plot(ends, [place, place], **look)
        ax.plot(score["value"], place, "o", color=BLUE, markersize=9)
        weight = "bold" if name == "uar" else "normal"
        look = {"fontsize": _style.TEXT, "fontweight": weight}
        _style.beside(ax, place, _style.interval_text(**score), **look)
    _style.upright(ax, result.chance, f"chance {result.chance:.2f}")
    if result.baseline:
        uar = result.baseline["uar"]["value"]
        label = f"duration and loudness alone {uar:.2f}"
        _style.upright(ax, uar, label, "--", ORANGE)
    ax.set_yticks(range(len(found)), [_TITLES.get(name, name) for name in found])
    _style.score_rows(ax, (len(found) - 0.5, -0.5), f"score ({_meaning(result)})")
    _style.heading(ax, "Scores", _style.describe(result), result.warnings)
    return ax


def _meaning(result: "Result") -> str:
    if result.scores()["uar"]["low"] is None:
        few = (result.n_speakers or 0) < 3
        return "no interval: " + ("it takes 3 speakers" if few else "all are alike")
    return "bar: 95 % interval over speakers"


def class_scores(
    scores: "Mapping[str, float] | pd.Series", ax: "Axes | None" = None
) -> "Axes":
    """Draw class scores: what a model says about one clip, the best emotion first.

    Parameters
    ----------
    scores : mapping or Series of str to float
        Emotion to score, for example ``{"happy": 0.7, "sad": 0.3}``.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One bar an emotion, from 0 to 1 where all scores lie there.

    Raises
    ------
    ValueError
        If there is no score, or one is not a number.

    Examples
    --------
    >>> ax = class_scores({"sad": 0.3, "happy": 0.7})
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['happy', 'sad']
    """
    column = _column(scores, "scores").sort_values(ascending=False, kind="stable")
    ax = _style.axes(ax, 5.5, 0.32 * len(column) + 0.8)
    colours = [labels.colour(name) for name in column.index]
    _bars(ax, column, colours, [f"{score:.2f}" for score in column])
    if column.between(0, 1).all():
        ax.set(xlim=(0, 1.1), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel("score")
    return ax


def importances(
    series: "pd.Series | pd.DataFrame | Mapping[str, float]",
    top: int = 15,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw feature importances: the most telling features, the first on top.

    Parameters
    ----------
    series : Series, mapping or DataFrame
        Feature to importance; or a DataFrame indexed by feature with columns
        ``mean`` and ``std``, drawn with error bars of one standard deviation.
    top : int, default 15
        How many features to draw: those furthest from zero.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One bar a feature.

    Raises
    ------
    ValueError
        If there is no importance, one is not a number, `top` is below 1, or a
        DataFrame lacks ``mean`` or ``std``.

    Examples
    --------
    >>> ax = importances(pd.Series({"loudness": 0.1, "pitch": 0.4}), top=1)
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['pitch']
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, not {top}.")
    spread = None
    if isinstance(series, pd.DataFrame):
        missing = {"mean", "std"} - set(series.columns)
        if missing:
            raise ValueError(
                f"The table of importances lacks {', '.join(sorted(missing))}; "
                "it needs the columns mean and std."
            )
        series, spread = series["mean"], series["std"]
    column = _column(series, "importances")
    order = column.abs().sort_values(ascending=False, kind="stable").index[:top]
    column = column[order]
    ax = _style.axes(ax, 7.5, 0.27 * len(column) + 0.9)
    decimals = max(0, 1 - int(np.floor(np.log10(column.abs().max() or 1))))
    numbers = [f"{value:.{decimals}f}" for value in column]
    _bars(ax, column, BLUE, numbers, None if spread is None else spread[order])
    ax.set_xlabel(
        "importance" if spread is None else "importance (line: one standard deviation)"
    )
    return ax


def _column(scores: "Mapping[str, float] | pd.Series", noun: str) -> pd.Series:
    column = pd.Series(scores, dtype=float)
    if column.empty:
        raise ValueError(f"There are no {noun} to draw.")
    unfit = column.index[~np.isfinite(column)]
    if len(unfit):
        raise ValueError(f"The {noun} of {', '.join(map(str, unfit))} are no numbers.")
    return column


def _bars(
    ax: "Axes",
    column: pd.Series,
    colours: "str | list[str]",
    numbers: list[str],
    spread: pd.Series | None = None,
) -> None:
    """Draw one bar a row, the first on top, each with its number."""
    places = np.arange(len(column))
    reach = np.zeros(len(column)) if spread is None else spread.to_numpy()
    ax.barh(places, column, color=colours, height=0.72)
    if spread is not None:
        ax.errorbar(column, places, xerr=reach, fmt="none", ecolor=INK, elinewidth=1)
    for place, number in enumerate(numbers):
        ax.annotate(
            number.replace("-", "\N{MINUS SIGN}"),
            (max(column.iloc[place] + reach[place], 0), place),
            xytext=(4, 0),
            textcoords="offset points",
            **_style.LABEL,
        )
    ax.set_yticks(places, column.index)
    ax.set_ylim(len(column) - 0.4, -0.6)
    ax.margins(x=0.12)
    _style.tidy(ax, grid="x")
    _style.as_written(ax)
    ax.tick_params(axis="y", length=0)
    if (column < 0).any():
        ax.axvline(0, color=MUTED, linewidth=0.8)


_SEXES = {"female": ("o", BLUE), "male": ("s", VERMILION)}
_SEX_UNKNOWN = ("D", "#6B6B6B")


def speaker_recall(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw the UAR of each speaker, the best on top.

    A speaker's UAR is the mean recall over the emotions that this speaker has.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One mark a speaker, its shape the speaker's sex; lines at the mean of
        the speakers and at chance. Above 30 speakers only the best and the
        worst are named.

    Raises
    ------
    ValueError
        If the result does not know who speaks.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> said = pd.DataFrame({"happy": [0.9, 0.2, 0.6], "sad": [0.1, 0.8, 0.4]})
    >>> said["emotion"] = ["happy", "sad", "sad"]
    >>> said["speaker"] = ["one", "one", "two"]
    >>> ax = speaker_recall(evaluation.from_predictions(said))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['one (2)', 'two (1)']
    """
    predictions = result.predictions
    if not predictions["speaker"].notna().any():
        raise ValueError(
            "The predictions do not say who speaks: fill their column speaker."
        )
    table = (
        result.by("speaker")
        .drop("unknown", errors="ignore")
        .sort_values("uar", ascending=False, kind="stable")
    )
    known = predictions.dropna(subset=["speaker", "sex"])
    sexes = known.groupby("speaker")["sex"].first().reindex(table.index)
    many = len(table) > _style.NAMED_SPEAKERS
    height = 6.5 if many else 0.27 * len(table) + 2.1
    ax = _style.axes(ax, 7, height + _style.warnings_height(result, 7))
    _speakers(ax, table["uar"].to_numpy(), sexes, 5 if many else 7.5)
    mean = table["uar"].mean()
    _style.upright(ax, mean, f"mean {mean:.2f}", "--")
    _style.upright(ax, result.chance, f"chance {result.chance:.2f}")
    names = _style.speaker_rows(ax, table, "UAR of the speaker's own clips")
    for place, uar in enumerate(table["uar"]):
        if not many:
            _write_near(ax, place, uar, f"{uar:.2f}")
        elif place in (0, len(table) - 1):
            left = place > 0 and uar > 0.2
            _write_near(ax, place, uar, f"{names[place]}: {uar:.2f}", left)
    unknown = int(predictions["speaker"].isna().sum())
    hidden = f"; not shown: {unknown} clips whose speaker is unknown" if unknown else ""
    note = _style.describe(result) + hidden
    _style.heading(ax, "Speakers, best first", note, result.warnings)
    return ax


def _speakers(ax: "Axes", uars: np.ndarray, sexes: pd.Series, size: float) -> None:
    """Draw a mark a speaker; its shape and colour are the sex."""
    groups = sexes.where(sexes.isin(_SEXES), "sex unknown").to_numpy()
    look = {"markersize": size, "markeredgecolor": "white", "markeredgewidth": 0.5}
    for group in sorted(set(groups)):
        marker, look["color"] = _SEXES.get(group, _SEX_UNKNOWN)
        chosen = groups == group
        label = f"{group} ({chosen.sum()})"
        ax.plot(uars[chosen], np.flatnonzero(chosen), marker, label=label, **look)


def _write_near(
    ax: "Axes", place: int, value: float, text: str, left: bool = False
) -> None:
    ax.annotate(
        text,
        (value, place),
        xytext=(-7 if left else 7, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
        **_style.LABEL,
    )


def comparison(comparison: "Comparison", ax: "Axes | None" = None) -> "Axes":
    """Draw a comparison of models: the UAR of each with its interval, the best on top.

    Parameters
    ----------
    comparison : sertools.evaluation.Comparison
        As `sertools.evaluation.compare` gives.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One point a model, with its 95 % interval over speakers. Grey brackets
        join models that cannot be told apart. Scores that are not to be ranked
        with the first stand under a line; those that others published under
        another, with hollow marks.

    Notes
    -----
    Two intervals may overlap although the models differ: both models heard the
    same speakers, so that the difference is known better than either score.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools.evaluation import compare, from_predictions
    >>> truth = pd.DataFrame({"clip": list("abcd"), "emotion": ["sad", "angry"] * 2})
    >>> right = from_predictions(truth.assign(predicted=truth["emotion"]))
    >>> wrong = from_predictions(truth.assign(predicted="sad"))
    >>> ax = comparison(compare({"right": right, "wrong": wrong}))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['right', 'wrong']
    """
    groups = comparison.groups()
    others = comparison.published
    others = others if others is not None and len(others) else None
    sizes = [len(rows) for _, rows in groups]
    sizes += [] if others is None else [len(others)]
    ax = _style.axes(ax, 8, 0.42 * (sum(sizes) + 0.8 * len(sizes)) + 1.6)
    names, places, top = [], [], 0.0
    word = itertools.chain(["other answers count as wrong"], itertools.repeat(None))
    for why, rows in groups:
        if why:
            top = _heading(ax, top, f"apart, not ranked: {why.split(',')[0]}")
        at = top + np.arange(len(rows))
        for place, row in zip(at, rows.itertuples(), strict=True):
            _model(ax, place, row, word)
        _brackets(ax, comparison, rows.index, top)
        names, places, top = names + list(rows.index), [*places, *at], at[-1] + 1
    ours = top - 0.5
    if others is not None:
        top = _heading(ax, top, "apart, not ranked: published, other protocol")
        at = top + np.arange(len(others))
        for place, row in zip(at, others.itertuples(), strict=True):
            _published(ax, place, row)
        names, places, top = names + list(others.index), [*places, *at], at[-1] + 1
    chance = 1 / len(comparison.emotions)
    line = {"color": INK, "ls": ":", "zorder": 1}
    ax.plot([chance] * 2, [-0.5, ours], **line, label=f"chance {chance:.2f}")
    ax.set_yticks(places, list(map(str, names)))
    _style.score_rows(ax, (top - 0.5, -0.5), _style.OVER_SPEAKERS)
    ranked = len(comparison.pairs) > 0
    head = "Which model is better?" if ranked else "Not to be ranked with each other"
    _style.heading(ax, head, _about(comparison), _style.alarms(comparison.notes))
    return ax


def _model(ax: "Axes", place: float, row, word) -> None:
    """Draw one model: its point, its bar, and the stricter scoring."""
    if not np.isnan(row.low):
        ax.plot([row.low, row.high], [place] * 2, color=BLUE, linewidth=2.5)
    if row.uar_outside < row.uar - 1e-9:
        ax.plot(row.uar_outside, place, "|", color=ORANGE, ms=12, label=next(word))
    ax.plot(row.uar, place, "o", color=BLUE, markersize=8)
    text = _style.interval_text(row.uar, row.low, row.high)
    ax.text(1, place, text, transform=_right(ax, 9), **_style.LABEL)


def _published(ax: "Axes", place: float, row) -> None:
    """Draw what others published: hollow, without a bar."""
    ax.plot(row.score, place, "D", mfc="none", mec=MUTED, mew=1.6, ms=7)
    text = f"{row.score:.2f} {row.measure}, {row.n_emotions} emotions"
    ax.text(1, place, text, transform=_right(ax, 9), **_style.LABEL)


def _right(ax: "Axes", points: float):
    """Reckon from the right edge: so many points across, data up and down."""
    from matplotlib.transforms import ScaledTranslation

    across = ScaledTranslation(points / 72, 0, ax.get_figure(root=True).dpi_scale_trans)
    return ax.get_yaxis_transform() + across


def _heading(ax: "Axes", top: float, text: str) -> float:
    """Draw a line under what stands above, and a heading; give the next place."""
    ax.axhline(top - 0.4, color=MUTED, linewidth=0.8)
    box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
    words = _style.beside(ax, top + 0.1, text, 0.01, color=MUTED, bbox=box)
    words.set_in_layout(False)
    return top + 0.9


def _about(comparison: "Comparison") -> str:
    who = display.speakers(comparison.n_speakers)
    start = f"{comparison.n_clips} clips, {who}, {', '.join(comparison.emotions)}"
    if not len(comparison.pairs):
        return start
    if comparison.pairs["p_joint"].isna().any():
        return f"{start}; too few speakers to tell models apart"
    return f"{start}; brackets join models that cannot be told apart"


def _brackets(ax: "Axes", comparison: "Comparison", names, top: float) -> None:
    """Join neighbours of which no pair was found to differ."""
    for number, (first, last) in enumerate(indistinguishable(comparison, names)):
        ax.plot(
            [1, 1],
            [top + first - 0.25, top + last + 0.25],
            transform=_right(ax, 118 + 7 * number),
            color=MUTED,
            linewidth=3,
            clip_on=False,
            solid_capstyle="butt",
        )


def indistinguishable(comparison: "Comparison", names=None) -> list[tuple[int, int]]:
    """Find the longest runs of models of which no pair was found to differ."""
    names = list(comparison.models.index if names is None else names)
    place = {name: i for i, name in enumerate(names)}
    apart = np.zeros((len(names),) * 2, dtype=bool)
    for row in comparison.pairs.itertuples():
        if row.a in place and row.b in place:
            differ = np.isnan(row.p_joint) or row.p_joint <= LEVEL
            a, b = place[row.a], place[row.b]
            apart[a, b] = apart[b, a] = differ
    runs = []
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and not apart[first : last + 2, last + 1].any():
            last += 1
        if last > first and (not runs or runs[-1][1] < last):
            runs.append((first, last))
    return runs
