"""Calibration: reliability diagram, risk-coverage curve, coverage of prediction sets.

Whether a model that says 80 % is right eight times out of ten.
"""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import _style
from sertools.plots._style import BLUE, INK, MUTED, ORANGE, SMALL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sertools.evaluation import Result
    from sertools.evaluation._calibration import Calibration
    from sertools.evaluation._conformal import PredictionSets
    from sertools.evaluation._selective import RiskCoverage

_STRIP = 0.2  # height of the histogram under the diagram
_FEWEST = 10  # clips of which an error is drawn
_MARKED = 0.8  # share of the clips at which the error is written
_OVER_SPEAKERS = "95 % over speakers"


def reliability(result: "Result", bins: int = 10, ax: "Axes | None" = None) -> "Axes":
    """Draw a reliability diagram: how often answers are right against confidence.

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
    >>> said = pd.DataFrame({"happy": [0.9, 0.2, 0.6], "sad": [0.1, 0.8, 0.4]})
    >>> said["emotion"] = ["happy", "sad", "sad"]
    >>> ax = reliability(evaluation.from_predictions(said))
    >>> ax.get_xlabel()
    'confidence: the probability of what it says'
    """
    found = result.calibration(bins)
    ax = _style.axes(ax, 6.4, 6.6 + _style.warnings_height(result, 6.4))
    ax.plot([0, 1], [0, 1], color=INK, ls=":", lw=1.3, label="as sure as right")
    look = {"fontsize": _style.TEXT, "style": "italic", "color": MUTED}
    ax.text(0.03, 0.96, "not sure enough", ha="left", **look)
    ax.text(0.97, 0.06, "too sure", ha="right", **look)
    _bins(ax, found.bins)
    _histogram(ax, found.bins)
    ax.set(xlim=(0, 1.02), ylim=(-_STRIP - 0.02, 1.06))
    ax.set(xticks=np.linspace(0, 1, 6), yticks=np.linspace(0, 1, 6))
    ax.set_xlabel("confidence: the probability of what it says")
    ax.set_ylabel("share that is right")
    ax.yaxis.set_label_coords(-0.08, 0.58)
    _style.tidy(ax, grid="y")
    _style.legend_below(ax)
    note = f"{_style.describe(result)}. {_summary(found)}"
    _style.heading(ax, "As sure as it is right?", note, result.warnings)
    return ax


def _summary(found: "Calibration") -> str:
    loss, error = found.scores.loc["log_loss"], found.errors.loc["top_label"]
    return (
        f"Log loss {loss['value']:.2f} (a constant guess: {loss['reference']:.2f}); "
        f"ECE {error['value']:.3f}, without chance {error['debiased']:.3f}"
    )


def _bins(ax: "Axes", bins: "pd.DataFrame") -> None:
    """Draw a point a bin, its gap to the diagonal and its interval."""
    sure, right = bins["confidence"], bins["accuracy"]
    ends = np.minimum(sure, right), np.maximum(sure, right)
    ax.vlines(sure, *ends, color=ORANGE, lw=5, alpha=0.35, label="gap")
    known = bins.dropna(subset=["low"])
    if len(known):
        ends = known["low"], known["high"]
        ax.vlines(known["confidence"], *ends, color=BLUE, lw=1.6, label=_OVER_SPEAKERS)
    size = 30 + 170 * bins["n_clips"] / bins["n_clips"].max()
    ax.scatter(
        sure, right, s=size, color=BLUE, edgecolor="white", linewidth=0.8, zorder=3
    )


def _histogram(ax: "Axes", bins: "pd.DataFrame") -> None:
    """Draw the clips of each bin in a strip beneath the diagram."""
    ax.axhline(0, color=MUTED, linewidth=0.8)
    for row in bins.itertuples():
        height = 0.62 * _STRIP * row.n_clips / bins["n_clips"].max()
        width, middle = row.right - row.left, (row.left + row.right) / 2
        look = {"color": _style.PALE, "edgecolor": MUTED, "linewidth": 0.7}
        ax.bar(middle, height, width=0.88 * width, bottom=-_STRIP, **look)
        if width >= 0.05:
            look = {"ha": "center", "va": "bottom", "fontsize": SMALL, "color": INK}
            ax.text(middle, height - _STRIP + 0.008, str(row.n_clips), **look)
    ax.text(0.01, -0.012, "clips", va="top", fontsize=SMALL, color=MUTED)


def risk_coverage(result: "Result", ax: "Axes | None" = None) -> "Axes":
    """Draw a risk-coverage curve: the error among the surest clips.

    It is drawn against the share of the clips that is answered.

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
    >>> said = pd.DataFrame({"happy": [0.9, 0.2, 0.6], "sad": [0.1, 0.8, 0.4]})
    >>> said["emotion"] = ["happy", "sad", "sad"]
    >>> ax = risk_coverage(evaluation.from_predictions(said))
    >>> ax.get_ylabel()
    'error among the answers'
    """
    found = result.risk_coverage()
    ax = _style.axes(ax, 7.5, 4.8 + _style.warnings_height(result, 7.5))
    _curves(ax, found)
    _write_errors(ax, found)
    top = max(found.curve["error"].iloc[-1], found.curve["uar_error"].iloc[-1])
    ax.set(xlim=(0, 1.01), ylim=(0, min(1.02, max(2 * top, 0.1))))
    ax.set_xticks(np.linspace(0, 1, 6))
    ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    ax.set_xlabel("share of the clips that is answered, the surest first")
    ax.set_ylabel("error among the answers")
    _style.tidy(ax, grid="y")
    _style.legend_below(ax)
    note = f"{_style.describe(result)}. Area: the mean error over all shares answered"
    _style.heading(ax, "What silence buys", note, result.warnings)
    return ax


def _curves(ax: "Axes", found: "RiskCoverage") -> None:
    curve, areas = found.curve, found.areas
    word = f"silent by chance, area {areas['random']:.3f}"
    ax.axhline(areas["random"], color=INK, ls=":", lw=1.3, label=word)
    drawn = curve[curve["n_clips"] >= min(_FEWEST, len(curve))]
    x = drawn["coverage"]
    if drawn["low"].notna().any():
        look = {"color": BLUE, "alpha": 0.14, "linewidth": 0}
        ax.fill_between(x, drawn["low"], drawn["high"], label=_OVER_SPEAKERS, **look)
    word = f"error, area {areas['value']:.3f}"
    ax.plot(x, drawn["error"], color=BLUE, lw=2.4, label=word)
    look = {"color": ORANGE, "ls": (0, (5, 1.5)), "lw": 1.7}
    ax.plot(x, drawn["uar_error"], label="1 \N{MINUS SIGN} UAR", **look)
    look = {"color": MUTED, "ls": "-.", "lw": 1.4}
    word = f"oracle, area {areas['oracle']:.3f}"
    ax.plot(curve["coverage"], curve["oracle"], label=word, **look)


def _write_errors(ax: "Axes", found: "RiskCoverage") -> None:
    """Write the error where four clips in five are answered, and at the end."""
    for share, offset in ((_MARKED, (0, -26)), (1.0, (-2, 22))):
        row = found.at(share)
        point = row["coverage"], row["error"]
        ax.plot(*point, "o", color=BLUE, ms=7, mec="white")
        ax.annotate(
            f"{row['error']:.3f}",
            point,
            xytext=offset,
            textcoords="offset points",
            ha="right" if share == 1 else "center",
            fontsize=_style.TEXT,
            fontweight="bold",
            color=INK,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.8},
            arrowprops={"arrowstyle": "-", "color": MUTED, "lw": 0.7},
        )


def set_coverage(sets: "PredictionSets", ax: "Axes | None" = None) -> "Axes":
    """Draw the coverage of prediction sets by speaker, the best covered on top.

    Coverage is how often a speaker's sets hold the truth.

    Parameters
    ----------
    sets : sertools.evaluation.PredictionSets
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
    >>> from sertools import calibration, evaluation
    >>> said = pd.DataFrame({"happy": [0.9, 0.2, 0.6, 0.7], "speaker": list("abab")})
    >>> said = said.assign(sad=1 - said["happy"], emotion=["happy", "sad"] * 2)
    >>> result = evaluation.from_predictions(said)
    >>> ax = set_coverage(calibration.prediction_sets(result, level=0.5))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['a (2)', 'b (2)']
    """
    table = sets.by("speaker")[::-1]
    n = len(table)
    many = n > _style.NAMED_SPEAKERS
    ax = _style.axes(ax, 7, 6.5 if many else 0.27 * n + 2.3)
    _coverages(ax, table["coverage"].to_numpy(), sets.level, 5 if many else 7.5)
    whole = sets.coverage["value"]
    _style.upright(ax, sets.level, f"level {sets.level:g}", "--")
    _style.upright(ax, whole, f"all clips {whole:.2f}")
    label = "share of the speaker's clips whose set holds the truth"
    names = _style.speaker_rows(ax, table, label)
    if many:
        _style.beside(ax, n - 1, f"{names[-1]}: {table['coverage'].iloc[-1]:.2f}")
    else:
        for place, row in enumerate(table[["coverage", "size"]].to_numpy()):
            _style.beside(ax, place, f"{row[0]:.2f}; {row[1]:.1f} a set")
    note = (
        f"{len(sets.sets)} clips, {n} speakers, on average "
        f"{sets.sets['size'].mean():.2f} emotions of {len(sets.classes)} a set. "
        "No guarantee"
    )
    head = "Whose emotion is in the set?"
    _style.heading(ax, head, note, _style.alarms(sets.notes))
    return ax


def _coverages(ax: "Axes", shares: np.ndarray, level: float, size: float) -> None:
    """Draw a mark a speaker, and tell those that reach the level from the others."""
    reached = shares >= level - 1e-9
    kinds = (
        (reached, "o", BLUE, BLUE, "reached"),
        (~reached, "D", ORANGE, "white", "missed"),
    )
    for chosen, marker, colour, face, word in kinds:
        if chosen.any():
            label = f"level {word} ({chosen.sum()})"
            look = {"color": colour, "mfc": face, "ms": size, "label": label}
            ax.plot(shares[chosen], np.flatnonzero(chosen), marker, **look)
