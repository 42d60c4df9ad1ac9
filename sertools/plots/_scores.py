"""Scores with their intervals, beside what chance and loudness alone reach."""

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import labels
from sertools.evaluation._notes import MADE_UP, of_kind
from sertools.evaluation._permutation_tests import LEVEL
from sertools.plots import _style
from sertools.plots._style import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Result
    from sertools.evaluation._comparison import Comparison

_WORDS = {"uar": "UAR", "accuracy": "accuracy", "macro_f1": "macro F1"}


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
    >>> table = pd.DataFrame(
    ...     {
    ...         "clip": ["a", "b", "c"],
    ...         "emotion": ["happy", "sad", "sad"],
    ...         "speaker": ["1", "1", "2"],
    ...         "happy": [0.9, 0.2, 0.6],
    ...         "sad": [0.1, 0.8, 0.4],
    ...     }
    ... )
    >>> ax = scores(evaluation.from_predictions(table))
    >>> ax.texts[0].get_text()
    '0.75 (no interval)'
    """
    ax = _style.axes(ax, 7, 2.9 + _style.extra(result, 7))
    for place, (name, score) in enumerate(result.scores().items()):
        _point(ax, place, score)
        ax.text(
            1.02,
            place,
            _style.span(score),
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=_style.TEXT,
            fontweight="bold" if name == "uar" else "normal",
            color=_style.INK,
        )
    _reference_lines(ax, result)
    words = [_WORDS.get(name, name) for name in result.scores()]
    ax.set_yticks(range(len(words)), words)
    ax.set(xlim=(0, 1), ylim=(len(words) - 0.5, -0.5), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel(f"score ({_meaning(result)})")
    _style.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=_style.TEXT)
    _style.legend_below(ax)
    _style.heading(ax, "Scores", _style.about(result), result.warnings)
    return ax


def _meaning(result: "Result") -> str:
    if result.scores()["uar"]["low"] is None:
        few = (result.n_speakers or 0) < 3
        return "no interval: " + ("it takes 3 speakers" if few else "all are alike")
    return "bar: 95 % interval over speakers"


def _point(ax: "Axes", place: int, score: dict) -> None:
    if score["low"] is not None:
        ax.plot(
            [score["low"], score["high"]],
            [place, place],
            color="#0072B2",
            linewidth=2.5,
            solid_capstyle="butt",
        )
    ax.plot(score["value"], place, "o", color="#0072B2", markersize=9)


def _reference_lines(ax: "Axes", result: "Result") -> None:
    ax.axvline(
        result.chance,
        color=_style.INK,
        linestyle=":",
        linewidth=1.5,
        zorder=1,
        label=f"chance {result.chance:.2f}",
    )
    if result.baseline:
        uar = result.baseline["uar"]["value"]
        ax.axvline(
            uar,
            color="#B34700",
            linestyle="--",
            linewidth=1.5,
            zorder=1,
            label=f"duration and loudness alone {uar:.2f}",
        )


BAR = "#0072B2"


def class_scores(
    scores: "Mapping[str, float] | pd.Series", ax: "Axes | None" = None
) -> "Axes":
    """Draw what a model says about one clip, the best emotion first.

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
    """Draw the most telling features, the first on top.

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
    _bars(ax, column, BAR, numbers, None if spread is None else spread[order])
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
        ax.errorbar(
            column, places, xerr=reach, fmt="none", ecolor=_style.INK, elinewidth=1
        )
    for place, number in enumerate(numbers):
        ax.annotate(
            number.replace("-", "\N{MINUS SIGN}"),
            (max(column.iloc[place] + reach[place], 0), place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=_style.SMALL,
            color=_style.INK,
        )
    ax.set_yticks(places, column.index)
    ax.set_ylim(len(column) - 0.4, -0.6)
    ax.margins(x=0.12)
    _style.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    if (column < 0).any():
        ax.axvline(0, color=_style.MUTED, linewidth=0.8)


NAMED = 30
"""Up to so many speakers each has a name and a number; more are a strip of dots."""


_MARKS = {"female": ("o", "#0072B2"), "male": ("s", "#D55E00")}


_UNKNOWN = ("D", "#6B6B6B")


def speaker_recall(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw each speaker's own UAR, the best on top.

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
    >>> table = pd.DataFrame(
    ...     {
    ...         "clip": ["a", "b", "c"],
    ...         "emotion": ["happy", "sad", "sad"],
    ...         "speaker": ["one", "one", "two"],
    ...         "happy": [0.9, 0.2, 0.6],
    ...         "sad": [0.1, 0.8, 0.4],
    ...     }
    ... )
    >>> ax = speaker_recall(evaluation.from_predictions(table))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['one (2)', 'two (1)']
    """
    if not result.predictions["speaker"].notna().any():
        raise ValueError(
            "The predictions do not say who speaks: fill their column speaker."
        )
    table = (
        result.by("speaker")
        .drop("unknown", errors="ignore")
        .sort_values("uar", ascending=False, kind="stable")
    )
    table["sex"] = _sexes(result.predictions).reindex(table.index)
    many = len(table) > NAMED
    height = 6.5 if many else 0.27 * len(table) + 2.1
    ax = _style.axes(ax, 7, height + _style.extra(result, 7))
    _dots(ax, table, many)
    mean = table["uar"].mean()
    ax.axvline(
        mean, color=_style.INK, linestyle="--", zorder=1, label=f"mean {mean:.2f}"
    )
    ax.axvline(
        result.chance,
        color=_style.INK,
        linestyle=":",
        zorder=1,
        label=f"chance {result.chance:.2f}",
    )
    (_number_ranks if many else _name_speakers)(ax, table)
    ax.set(xlim=(-0.02, 1.02), xticks=np.linspace(0, 1, 6))
    margin = max(0.7, 0.02 * len(table))
    ax.set_ylim(len(table) - 1 + margin, -margin)
    ax.set_xlabel("UAR of the speaker's own clips")
    _style.tidy(ax, grid="x")
    _style.legend_below(ax)
    _style.heading(ax, "Speakers, best first", _note(result), result.warnings)
    return ax


def _note(result: "Result") -> str:
    unknown = int(result.predictions["speaker"].isna().sum())
    hidden = f"; not shown: {unknown} clips whose speaker is unknown" if unknown else ""
    return _style.about(result) + hidden


def _sexes(predictions: pd.DataFrame) -> pd.Series:
    known = predictions.dropna(subset=["speaker", "sex"])
    return known.groupby("speaker")["sex"].first()


def _dots(ax: "Axes", table: pd.DataFrame, many: bool) -> None:
    places = np.arange(len(table))
    groups = table["sex"].where(table["sex"].isin(_MARKS), "sex unknown").to_numpy()
    for group in sorted(set(groups)):
        marker, colour = _MARKS.get(group, _UNKNOWN)
        chosen = groups == group
        ax.plot(
            table["uar"].to_numpy()[chosen],
            places[chosen],
            marker,
            color=colour,
            markersize=5 if many else 7.5,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=f"{group} ({chosen.sum()})",
        )


def _short(speakers: pd.Index) -> list[str]:
    """Leave out the corpus where all speakers are of one."""
    names = [str(name) for name in speakers]
    corpora = {name.partition("/")[0] for name in names if "/" in name}
    if len(corpora) == 1 and all("/" in name for name in names):
        return [name.partition("/")[2] for name in names]
    return names


def _name_speakers(ax: "Axes", table: pd.DataFrame) -> None:
    names = _short(table.index)
    ax.set_yticks(
        range(len(table)),
        [f"{name} ({n})" for name, n in zip(names, table["n_clips"], strict=True)],
    )
    ax.set_ylabel("speaker (clips)")
    for place, uar in enumerate(table["uar"]):
        _beside(ax, place, uar, f"{uar:.2f}")


def _number_ranks(ax: "Axes", table: pd.DataFrame) -> None:
    ranks = [1, *range(10, len(table) + 1, 10)]
    ax.set_yticks([rank - 1 for rank in ranks], ranks)
    ax.set_ylabel(f"rank of the {len(table)} speakers")
    names = _short(table.index)
    for place in (0, len(table) - 1):
        uar = table["uar"].iloc[place]
        left = place > 0 and uar > 0.2
        _beside(ax, place, uar, f"{names[place]}: {uar:.2f}", left)


def _beside(
    ax: "Axes", place: int, value: float, text: str, left: bool = False
) -> None:
    ax.annotate(
        text,
        (value, place),
        xytext=(-7 if left else 7, 0),
        textcoords="offset points",
        ha="right" if left else "left",
        va="center",
        fontsize=_style.SMALL,
        color=_style.INK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
    )


def comparison(comparison: "Comparison", ax: "Axes | None" = None) -> "Axes":
    """Draw the UAR of several models with intervals, the best on top.

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
    sizes = [len(rows) for _, rows in groups]
    if others is not None and len(others):
        sizes.append(len(others))
    ax = _style.axes(ax, 8, 0.42 * (sum(sizes) + 0.8 * len(sizes)) + 1.6)
    names, places, top = [], [], 0.0
    word = itertools.chain(["other answers count as wrong"], itertools.repeat(None))
    for why, rows in groups:
        if why:
            top = _heading(ax, top, f"apart, not ranked: {why.split(',')[0]}")
        at = top + np.arange(len(rows))
        for place, row in zip(at, rows.itertuples(), strict=True):
            _ours(ax, place, row, word)
        _brackets(ax, comparison, rows.index, top)
        names, places, top = names + list(rows.index), [*places, *at], at[-1] + 1
    ours = top - 0.5
    if others is not None and len(others):
        top = _heading(ax, top, "apart, not ranked: published, other protocol")
        at = top + np.arange(len(others))
        for place, row in zip(at, others.itertuples(), strict=True):
            _theirs(ax, place, row)
        names, places, top = names + list(others.index), [*places, *at], at[-1] + 1
    chance = 1 / len(comparison.emotions)
    line = {"color": _style.INK, "ls": ":", "zorder": 1}
    ax.plot([chance] * 2, [-0.5, ours], **line, label=f"chance {chance:.2f}")
    ax.set_yticks(places, list(map(str, names)))
    ax.set(xlim=(0, 1), ylim=(top - 0.5, -0.5), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel("UAR (bar: 95 % interval over speakers)")
    _style.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=_style.TEXT)
    _style.legend_below(ax)
    alarms = of_kind(comparison.notes, *MADE_UP)
    ranked = len(comparison.pairs) > 0
    head = "Which model is better?" if ranked else "Not to be ranked with each other"
    _style.heading(ax, head, _about(comparison), alarms)
    return ax


def _ours(ax: "Axes", place: float, row, word) -> None:
    """Draw one model: its point, its bar, and the stricter scoring."""
    if not np.isnan(row.low):
        ax.plot([row.low, row.high], [place] * 2, color=BLUE, linewidth=2.5)
    if row.uar_outside < row.uar - 1e-9:
        ax.plot(row.uar_outside, place, "|", color=ORANGE, ms=12, label=next(word))
    ax.plot(row.uar, place, "o", color=BLUE, markersize=8)
    score = {"value": row.uar, "low": _none(row.low), "high": _none(row.high)}
    _label_beside(ax, place, _style.span(score))


def _theirs(ax: "Axes", place: float, row) -> None:
    """Draw what others published: hollow, without a bar."""
    ax.plot(row.score, place, "D", mfc="none", mec=_style.MUTED, mew=1.6, ms=7)
    _label_beside(
        ax, place, f"{row.score:.2f} {row.measure}, {row.n_emotions} emotions"
    )


def _label_beside(ax: "Axes", place: float, text: str) -> None:
    ax.text(
        1,
        place,
        text,
        transform=_right(ax, 9),
        va="center",
        fontsize=_style.SMALL,
        color=_style.INK,
    )


def _right(ax: "Axes", points: float):
    """Reckon from the right edge: so many points across, data up and down."""
    from matplotlib.transforms import ScaledTranslation

    across = ScaledTranslation(points / 72, 0, ax.get_figure(root=True).dpi_scale_trans)
    return ax.get_yaxis_transform() + across


def _heading(ax: "Axes", top: float, text: str) -> float:
    """Draw a line under what stands above, and a heading; give the next place."""
    ax.axhline(top - 0.4, color=_style.MUTED, linewidth=0.8)
    words = ax.text(
        0.01,
        top + 0.1,
        text,
        transform=ax.get_yaxis_transform(),
        va="center",
        fontsize=_style.SMALL,
        color=_style.MUTED,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    words.set_in_layout(False)
    return top + 0.9


def _none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _about(comparison: "Comparison") -> str:
    n = comparison.n_speakers
    who = "speakers unknown" if n is None else f"{n} speakers"
    start = f"{comparison.n_clips} clips, {who}, {', '.join(comparison.emotions)}"
    if not len(comparison.pairs):
        return start
    if comparison.pairs["p_joint"].isna().any():
        return f"{start}; too few speakers to tell models apart"
    return f"{start}; brackets join models that cannot be told apart"


def _brackets(ax: "Axes", comparison: "Comparison", names, top: float) -> None:
    """Join neighbours of which no pair was found to differ."""
    for number, (first, last) in enumerate(alike(comparison, names)):
        ax.plot(
            [1, 1],
            [top + first - 0.25, top + last + 0.25],
            transform=_right(ax, 118 + 7 * number),
            color=_style.MUTED,
            linewidth=3,
            clip_on=False,
            solid_capstyle="butt",
        )


def alike(comparison: "Comparison", names=None) -> list[tuple[int, int]]:
    """Find the longest runs of models of which no pair was found to differ."""
    names = list(comparison.models.index if names is None else names)
    place = {name: i for i, name in enumerate(names)}
    apart = np.zeros((len(names),) * 2, dtype=bool)
    for row in comparison.pairs.itertuples():
        if row.a in place and row.b in place:
            differ = np.isnan(row.p_joint) or row.p_joint <= LEVEL
            apart[place[row.a], place[row.b]] = apart[place[row.b], place[row.a]] = (
                differ
            )
    runs = []
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and not apart[first : last + 2, last + 1].any():
            last += 1
        if last > first and (not runs or runs[-1][1] < last):
            runs.append((first, last))
    return runs
