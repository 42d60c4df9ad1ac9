"""Whether a model that says 80 % is right eight times out of ten."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.evaluation._notes import MADE_UP, of_kind
from sertools.plots import _style
from sertools.plots._style import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Result
    from sertools.evaluation._calibration import Calibration
    from sertools.evaluation._conformal import PredictionSets
    from sertools.evaluation._selective import RiskCoverage

_STRIP = 0.2  # height of the histogram under the diagram


def reliability(result: "Result", bins: int = 10, ax: "Axes | None" = None) -> "Axes":
    """Draw how often answers are right against how sure they were.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    bins : int, default 10
        Of the confidence, equally wide.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        One point a bin, with its 95 % interval over speakers and a line to the
        diagonal, where a calibrated model would be; beneath, how many clips
        each bin has.

    Raises
    ------
    ValueError
        If the answers come without probabilities.

    References
    ----------
    Murphy and Winkler (1977), Reliability of subjective probability forecasts
    of precipitation and temperature, doi:10.2307/2346866

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "emotion": ["happy", "sad", "sad"],
    ...         "happy": [0.9, 0.2, 0.6],
    ...         "sad": [0.1, 0.8, 0.4],
    ...     }
    ... )
    >>> ax = reliability(evaluation.from_predictions(table))
    >>> ax.get_xlabel()
    'confidence: the probability of what it says'
    """
    found = result.calibration(bins)
    ax = _style.axes(ax, 6.4, 6.6 + _style.extra(result, 6.4))
    ends = [0, 1]
    ax.plot(ends, ends, color=_style.INK, ls=":", lw=1.3, label="as sure as right")
    _sides(ax)
    _points(ax, found)
    _histogram(ax, found)
    ax.set(xlim=(0, 1.02), ylim=(-_STRIP - 0.02, 1.06))
    ax.set(xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
    ax.set_xlabel("confidence: the probability of what it says")
    ax.set_ylabel("share that is right")
    ax.yaxis.set_label_coords(-0.08, 0.58)
    _style.tidy(ax, grid="y")
    _style.legend_below(ax)
    note = f"{_style.about(result)}. {_sum(found)}"
    _style.heading(ax, "As sure as it is right?", note, result.warnings)
    return ax


def _sum(found: "Calibration") -> str:
    loss, error = found.scores.loc["log_loss"], found.errors.loc["top_label"]
    return (
        f"Log loss {loss['value']:.2f} (a constant guess: {loss['reference']:.2f}); "
        f"ECE {error['value']:.3f}, without chance {error['debiased']:.3f}"
    )


def _sides(ax: "Axes") -> None:
    for x, y, text in ((0.03, 0.96, "not sure enough"), (0.97, 0.06, "too sure")):
        ax.text(
            x,
            y,
            text,
            ha="left" if x < 0.5 else "right",
            fontsize=_style.TEXT,
            style="italic",
            color=_style.MUTED,
        )


def _points(ax: "Axes", found: "Calibration") -> None:
    table = found.bins
    ax.vlines(
        table["confidence"],
        table[["confidence", "accuracy"]].min(axis=1),
        table[["confidence", "accuracy"]].max(axis=1),
        color=ORANGE,
        lw=5,
        alpha=0.35,
        label="gap",
    )
    known = table.dropna(subset=["low"])
    if len(known):
        ax.vlines(
            known["confidence"],
            known["low"],
            known["high"],
            color=BLUE,
            lw=1.6,
            label="95 % over speakers",
        )
    size = 30 + 170 * table["n_clips"] / table["n_clips"].max()
    ax.scatter(
        table["confidence"],
        table["accuracy"],
        s=size,
        color=BLUE,
        edgecolor="white",
        linewidth=0.8,
        zorder=3,
    )


def _histogram(ax: "Axes", found: "Calibration") -> None:
    """Draw the clips of each bin in a strip beneath the diagram."""
    ax.axhline(0, color=_style.MUTED, linewidth=0.8)
    for row in found.bins.itertuples():
        height = 0.62 * _STRIP * row.n_clips / found.bins["n_clips"].max()
        width = row.right - row.left
        ax.bar(
            (row.left + row.right) / 2,
            height,
            width=0.88 * width,
            bottom=-_STRIP,
            color=_style.PALE,
            edgecolor=_style.MUTED,
            linewidth=0.7,
        )
        if width >= 0.05:
            ax.text(
                (row.left + row.right) / 2,
                height - _STRIP + 0.008,
                str(row.n_clips),
                ha="center",
                va="bottom",
                fontsize=_style.SMALL,
                color=_style.INK,
            )
    ax.text(0.01, -0.012, "clips", va="top", fontsize=_style.SMALL, color=_style.MUTED)


_FEWEST = 10  # clips of which an error is drawn


_MARKED = 0.8


def risk_coverage(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw the error among the surest clips against the share that is answered.

    Parameters
    ----------
    result : sertools.evaluation.Result
        What to draw.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.

    Returns
    -------
    matplotlib Axes
        The error with its 95 % band over speakers, and 1 - UAR as long as every
        emotion has clips left; for comparison an oracle, who is silent on the
        wrong answers first, and silence by chance. The area under each curve is
        its mean error.

    Raises
    ------
    ValueError
        If the answers come without probabilities.

    References
    ----------
    Geifman and El-Yaniv (2017), Selective classification for deep neural
    networks, arXiv:1705.08500

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "emotion": ["happy", "sad", "sad"],
    ...         "happy": [0.9, 0.2, 0.6],
    ...         "sad": [0.1, 0.8, 0.4],
    ...     }
    ... )
    >>> ax = risk_coverage(evaluation.from_predictions(table))
    >>> ax.get_ylabel()
    'error among the answers'
    """
    found = result.risk_coverage()
    ax = _style.axes(ax, 7.5, 4.8 + _style.extra(result, 7.5))
    _curves(ax, found)
    _mark(ax, found)
    top = max(found.curve["error"].iloc[-1], found.curve["uar_error"].iloc[-1])
    ax.set(xlim=(0, 1.01), ylim=(0, min(1.02, max(2 * top, 0.1))))
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    ax.set_xlabel("share of the clips that is answered, the surest first")
    ax.set_ylabel("error among the answers")
    _style.tidy(ax, grid="y")
    _style.legend_below(ax)
    note = f"{_style.about(result)}. Area: the mean error over all shares answered"
    _style.heading(ax, "What silence buys", note, result.warnings)
    return ax


def _curves(ax: "Axes", found: "RiskCoverage") -> None:
    curve, areas = found.curve, found.areas
    ax.axhline(
        areas["random"],
        color=_style.INK,
        ls=":",
        lw=1.3,
        label=f"silent by chance, area {areas['random']:.3f}",
    )
    drawn = curve[curve["n_clips"] >= min(_FEWEST, len(curve))]
    if drawn["low"].notna().any():
        ax.fill_between(
            drawn["coverage"],
            drawn["low"],
            drawn["high"],
            color=BLUE,
            alpha=0.14,
            linewidth=0,
            label="95 % over speakers",
        )
    area = f"area {areas['value']:.3f}"
    ax.plot(
        drawn["coverage"],
        drawn["error"],
        color=BLUE,
        lw=2.4,
        label=f"error, {area}",
    )
    ax.plot(
        drawn["coverage"],
        drawn["uar_error"],
        color=ORANGE,
        ls=(0, (5, 1.5)),
        lw=1.7,
        label="1 \N{MINUS SIGN} UAR",
    )
    ax.plot(
        curve["coverage"],
        curve["oracle"],
        color=_style.MUTED,
        ls="-.",
        lw=1.4,
        label=f"oracle, area {areas['oracle']:.3f}",
    )


def _mark(ax: "Axes", found: "RiskCoverage") -> None:
    """Write the error where four clips in five are answered, and at the end."""
    for share, place in ((_MARKED, (0, -26)), (1.0, (-2, 22))):
        row = found.at(share)
        ax.plot(row["coverage"], row["error"], "o", color=BLUE, ms=7, mec="white")
        ax.annotate(
            f"{row['error']:.3f}",
            (row["coverage"], row["error"]),
            xytext=place,
            textcoords="offset points",
            ha="right" if share == 1 else "center",
            fontsize=_style.TEXT,
            fontweight="bold",
            color=_style.INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
            arrowprops={"arrowstyle": "-", "color": _style.MUTED, "lw": 0.7},
        )


_NAMED = 30


def set_coverage(sets: "PredictionSets", ax: "Axes | None" = None) -> "Axes":
    """Draw how often each speaker's sets hold the truth, the best covered on top.

    Parameters
    ----------
    sets : sertools.evaluation.EmotionSets
        As `sertools.calibration.prediction_sets` gives.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One mark a speaker, a filled circle where the level is reached and an
        open diamond where it is not, beside the speaker's mean size of a set;
        lines at the level and at the coverage of all clips.

    Examples
    --------
    >>> import pandas as pd
    >>> from sertools import evaluation
    >>> table = pd.DataFrame(
    ...     {
    ...         "emotion": ["happy", "sad", "sad", "happy"],
    ...         "speaker": ["one", "one", "two", "two"],
    ...         "happy": [0.9, 0.2, 0.6, 0.7],
    ...         "sad": [0.1, 0.8, 0.4, 0.3],
    ...     }
    ... )
    >>> result = evaluation.from_predictions(table)
    >>> ax = set_coverage(calibration.prediction_sets(result, level=0.5))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['one (2)', 'two (2)']
    """
    table = sets.by("speaker")[::-1]
    many = len(table) > _NAMED
    ax = _style.axes(ax, 7, 6.5 if many else 0.27 * len(table) + 2.3)
    _marks(ax, table, sets.level)
    whole = sets.coverage["value"]
    ax.axvline(
        sets.level, color=_style.INK, ls="--", zorder=1, label=f"level {sets.level:g}"
    )
    ax.axvline(
        whole, color=_style.INK, ls=":", zorder=1, label=f"all clips {whole:.2f}"
    )
    _names(ax, table, many)
    ax.set(xlim=(-0.02, 1.02), xticks=np.linspace(0, 1, 6))
    margin = max(0.7, 0.02 * len(table))
    ax.set_ylim(len(table) - 1 + margin, -margin)
    ax.set_xlabel("share of the speaker's clips whose set holds the truth")
    _style.tidy(ax, grid="x")
    _style.legend_below(ax)
    note = (
        f"{len(sets.sets)} clips, {len(table)} speakers, on average "
        f"{sets.sets['size'].mean():.2f} emotions of {len(sets.classes)} a set. "
        "No guarantee"
    )
    alarms = of_kind(sets.notes, *MADE_UP)
    _style.heading(ax, "Whose emotion is in the set?", note, alarms)
    return ax


def _marks(ax: "Axes", table, level: float) -> None:
    places, shares = np.arange(len(table)), table["coverage"].to_numpy()
    reached = shares >= level - 1e-9
    size = 7.5 if len(table) <= _NAMED else 5
    kinds = (
        (reached, "o", BLUE, BLUE, "reached"),
        (~reached, "D", ORANGE, "white", "missed"),
    )
    for chosen, marker, colour, face, word in kinds:
        if chosen.any():
            ax.plot(
                shares[chosen],
                places[chosen],
                marker,
                color=colour,
                markerfacecolor=face,
                markersize=size,
                label=f"level {word} ({chosen.sum()})",
            )


def _names(ax: "Axes", table, many: bool) -> None:
    names = _short([str(name) for name in table.index])
    if many:
        ranks = [1, *range(10, len(table) + 1, 10)]
        ax.set_yticks([rank - 1 for rank in ranks], ranks)
        ax.set_ylabel(f"rank of the {len(table)} speakers")
        _beside(ax, len(table) - 1, f"{names[-1]}: {table['coverage'].iloc[-1]:.2f}")
        return
    ax.set_yticks(
        range(len(table)),
        [f"{name} ({n})" for name, n in zip(names, table["n_clips"], strict=True)],
    )
    ax.set_ylabel("speaker (clips)")
    for place, row in enumerate(
        table.rename(columns={"size": "emotions"}).itertuples()
    ):
        _beside(ax, place, f"{row.coverage:.2f}; {row.emotions:.1f} a set")


def _beside(ax: "Axes", place: int, text: str) -> None:
    ax.text(
        1.02,
        place,
        text,
        transform=ax.get_yaxis_transform(),
        va="center",
        fontsize=_style.SMALL,
        color=_style.INK,
    )


def _short(names: list[str]) -> list[str]:
    """Leave out the corpus where all speakers are of one."""
    corpora = {name.partition("/")[0] for name in names if "/" in name}
    if len(corpora) == 1 and all("/" in name for name in names):
        return [name.partition("/")[2] for name in names]
    return names
