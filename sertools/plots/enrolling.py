"""What is recognised of a speaker of whom so many clips are known."""

from typing import TYPE_CHECKING

import numpy as np

from sertools import labels
from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Enrolment

__all__ = ["enrolment"]

_PLAIN = {"balanced": (canvas.INK, "o"), "random": ("#882255", "s")}
_APART = 0.09  # steps between the lines, so that whiskers don't cover each other


def enrolment(
    found: "Enrolment", standardize: str | None = None, ax: "Axes | None" = None
) -> "Axes":
    """Draw UAR over the number of enrolment clips, a line for each mix of them.

    Parameters
    ----------
    found : sertools.evaluation.Enrolment
        As `sertools.evaluation.enrolment` gives.
    standardize : str, optional
        Which way to standardise; the first, if not given. Draw several on Axes
        that share y.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        Points with whiskers: nine draws of ten; hollow where an emotion ran out,
        so that fewer clips were drawn than asked for. Diamonds: every clip is known
        but the one that is scored, with a 95 % interval over speakers; hollow
        where that one is known too. A line and a grey band: what is reached
        without standardising by speaker, and its 95 % interval over speakers.

    Examples
    --------
    >>> from sertools import datasets, evaluation, features, models
    >>> clips = datasets.load("demo")
    >>> hum = models.load("duration_loudness")
    >>> X = features.extract(hum, clips, store=False, progress=False)
    >>> found = evaluation.enrolment(
    ...     X, clips, "logistic", ["speaker_shrunk"], [0, 5], draws=2
    ... )
    >>> [label.get_text() for label in enrolment(found).get_xticklabels()]
    ['0', '5', 'all']
    """
    ax = canvas.axes(ax, 7.5, 5)
    way = standardize or found.ways[0]
    if way not in found.ways:
        raise ValueError(f"No {way!r} in these curves: {', '.join(found.ways)}.")
    _nothing(ax, found)
    steps = list(found.curve(way, found.mixes[0]).index)
    for place, mix in enumerate(found.mixes):
        curve = found.curve(way, mix)
        _line(ax, curve, mix, (place - (len(found.mixes) - 1) / 2) * _APART)
    _every(ax, curve)
    for place in np.flatnonzero(curve["uar"].isna()):
        _refused(ax, place)
    ax.set_xticks(range(len(steps)), [str(step) for step in steps])
    ax.set(ylim=(0, 1), yticks=np.linspace(0, 1, 6), xlim=(-0.4, len(steps) - 0.6))
    ax.set_xlabel("clips known of the tested speaker")
    ax.set_ylabel("UAR (whisker: nine draws of ten)")
    canvas.tidy(ax, grid="y")
    canvas.legend_below(ax)
    alarms = [n for n in found.notes if n.startswith(("Random w", "Synthetic"))]
    canvas.heading(ax, f"Standardised by {way}", _about(found), alarms)
    return ax


def _about(found: "Enrolment") -> str:
    info = found.info
    return (
        f"{info['dataset']}, {info['model']}, {info['head']}; {found.n_clips} clips, "
        f"{found.n_speakers} speakers held out in turn; {info['draws']} draws; "
        "clips known are not scored; grey band: 95 % over speakers; hollow: an "
        "emotion ran out, so that fewer are known"
    )


def _nothing(ax: "Axes", found: "Enrolment") -> None:
    """Draw what is reached without knowing the speaker, and by guessing."""
    value, low, high = (found.nothing[name] for name in ("value", "low", "high"))
    if low is not None:
        ax.axhspan(low, high, color=canvas.INK, alpha=0.08, linewidth=0, zorder=0)
    words = f"not standardised {value:.2f}"
    ax.axhline(value, color=canvas.INK, linewidth=1.3, zorder=1, label=words)
    chance = found.chance
    ax.axhline(chance, color=canvas.INK, ls=":", zorder=1, label=f"chance {chance:.2f}")


def _line(ax: "Axes", curve, mix: str, aside: float) -> None:
    """Draw one mix of enrolment clips."""
    emotion, _, share = mix.partition(":")
    colour, marker = _PLAIN.get(mix, (None, None))
    if share:
        colour, marker = labels.colour(emotion), labels.marker(emotion)
        mix = f"{emotion} only" if share == "100" else f"{share} % {emotion}"
    curve = curve[curve.index != "all"]
    places = np.arange(len(curve)) + aside
    look = {"color": colour, "marker": marker, "markersize": 6, "linewidth": 1.8}
    ax.plot(places, curve["uar"], **look, label=mix, zorder=3)
    few = (curve["drawn"] < 0.9 * curve.index.to_numpy(float)).to_numpy()
    look |= {"linestyle": "none", "markerfacecolor": "white", "zorder": 4}
    ax.plot(places[few], curve["uar"][few], **look)
    ends = curve["draw_low"], curve["draw_high"]
    ax.vlines(places, *ends, color=colour, linewidth=1.2, zorder=2)


def _every(ax: "Axes", curve) -> None:
    """Draw what is reached where every clip is known, the scored one or not."""
    every, last = curve.loc["all"], len(curve) - 1
    ax.vlines(last, every["low"], every["high"], color=canvas.INK, linewidth=1.2)
    look = {"marker": "D", "markersize": 7, "color": canvas.INK, "ls": "none"}
    ax.plot(last, every["uar"], **look, label="every other clip")
    ax.plot(last, every["uar_all"], **look, mfc="none", label="every clip")
    values = sorted({round(every["uar"], 2), round(every["uar_all"], 2)})
    sides = ["center"] if len(values) == 1 else ["top", "bottom"]
    for value, side in zip(values, sides, strict=True):
        ax.annotate(
            f"{value:.2f}",
            (last, value),
            xytext=(-8, 0),
            textcoords="offset points",
            ha="right",
            va=side,
            fontsize=canvas.SMALL,
            color=canvas.INK,
        )


def _refused(ax: "Axes", place: int) -> None:
    ax.text(
        place,
        0.5,
        "refused",
        ha="center",
        va="center",
        fontsize=canvas.SMALL,
        color=canvas.MUTED,
        rotation=90,
    )
