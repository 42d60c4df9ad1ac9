"""What a model listens to in one clip, over its spectrogram."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas
from sertools.plots.sound import spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Occlusion

__all__ = ["occlusion"]

_FOR, _AGAINST = "#B34700", "#0072B2"


def occlusion(found: "Occlusion", ax: "Axes | None" = None) -> "Axes":
    """Draw what the answer loses without each stretch and each band of a clip.

    Parameters
    ----------
    found : sertools.evaluation.Occlusion
        As `sertools.evaluation.occlusion` gives.
    ax : matplotlib Axes, optional
        Where to draw the spectrogram; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        The spectrogram. Bars over it stand for stretches, bars beside it for
        bands: down or left and orange, where the emotion loses probability
        without them; up or right and blue, where it gains.

    Examples
    --------
    >>> from sertools import evaluation, models
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 16_000)
    >>> found = evaluation.occlusion(models.load("trained"), hiss, bands=4)
    >>> ax = occlusion(found)
    >>> len(ax.child_axes[1].patches)
    4
    """
    ax = canvas.axes(ax, 8, 4.6)
    spectrogram(found.waveform, found.sampling_rate, ax=ax)
    ax.collections[0].colorbar.remove()
    over = ax.inset_axes([0, 1.03, 1, 0.3], sharex=ax)
    beside = ax.inset_axes([1.015, 0, 0.2, 1], sharey=ax)
    limit = 1.1 * max(
        float(table["drop"].abs().max()) for table in (found.seconds, found.bands)
    )
    limit = max(limit, 0.05)
    times, spans = found.seconds, found.bands
    middles = (times["start"] + times["end"]) / 2
    step = np.diff(middles).min() if len(times) > 1 else times["end"].iloc[0]
    over.bar(middles, -times["drop"], 0.9 * step, color=_colours(times["drop"]))
    beside.barh(
        spans["low"],
        -spans["drop"],
        spans["high"] - spans["low"],
        align="edge",
        color=_colours(spans["drop"]),
        edgecolor="white",
        linewidth=0.8,
    )
    _strip(over, "x", limit)
    _strip(beside, "y", limit)
    _words(ax, over, beside, found)
    return ax


def _colours(drops) -> list[str]:
    return [_FOR if drop >= 0 else _AGAINST for drop in drops]


def _strip(ax: "Axes", shared: str, limit: float) -> None:
    """Make a strip of bars plain: its zero, its limits, no ticks that are shared."""
    canvas.tidy(ax)
    line = ax.axhline if shared == "x" else ax.axvline
    line(0, color=canvas.MUTED, linewidth=0.8)
    ticks = [-limit / 1.1, 0, limit / 1.1]
    names = [f"{tick:+.2f}" if tick else "0" for tick in ticks]
    names = [name.replace("-", "\N{MINUS SIGN}") for name in names]
    if shared == "x":
        ax.set(ylim=(-limit, limit))
        ax.set_yticks(ticks, names)
        ax.tick_params(axis="x", labelbottom=False)
    else:
        ax.set(xlim=(-limit, limit))
        ax.set_xticks(ticks, names, rotation=90)
        ax.tick_params(axis="y", labelleft=False)
        ax.minorticks_off()


def _words(ax, over, beside, found: "Occlusion") -> None:
    width = (found.seconds["end"] - found.seconds["start"]).iloc[0]
    note = (
        f"how this probability changes when {width:.1f} s are turned down by "
        f"{found.depth:g} dB (above), or a band is (right); orange: it falls, so the "
        "answer hung on this"
    )
    head = f"{found.model}: {found.emotion} {found.probability:.2f}"
    canvas.heading(over, head, note, [n for n in found.notes if "Random" in n])
    if ax.figure.get_layout_engine() is not None:  # strips move what they stand on
        ax.figure.get_layout_engine().execute(ax.figure)
