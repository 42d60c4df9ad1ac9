"""A timeline as a picture, with a player: what stays of it in a report."""

from typing import TYPE_CHECKING

import numpy as np

from sertools import features
from sertools.plots import canvas, emotion_timeline
from sertools.widgets import sounds
from sertools.widgets.live import figure_html
from sertools.widgets.reel import BANDS, RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.widgets.along import Timeline

__all__ = ["still"]

PLAYED = 60.0
"""Seconds of sound that a page carries at most: 2.6 MB."""

COLUMNS = 1500


def still(shown: "Timeline", players: bool) -> str:
    """Give a timeline as a picture in HTML, with a player if asked."""
    picture = figure_html(_figure(shown), _about(shown))
    return picture + (_player(shown) if players else "")


def _figure(shown: "Timeline"):
    from matplotlib.figure import Figure

    tables = list(shown.tables.values())
    heights = [0.9, 1.3, *(0.33 * table.shape[1] + 1.5 for table in tables)]
    figure = Figure(figsize=(10, sum(heights)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.06)
    wave, bands, *rest = figure.subplots(len(heights), height_ratios=heights)
    _pictures(shown, wave, bands)
    for ax, (name, table) in zip(rest, shown.tables.items(), strict=True):
        if table.empty:
            ax.set_axis_off()
            canvas.heading(ax, f"{name}: no speech was heard")
        else:
            table = table.copy()
            table.attrs = {**table.attrs, "model": name, "recording": ""}
            part = (0.0, shown.reel.seconds)
            emotion_timeline(table, margin=shown.margin, part=part, ax=ax)
    if shown.reel.name:
        canvas.heading(wave, shown.reel.name)
    return figure


def _pictures(shown: "Timeline", wave: "Axes", bands: "Axes") -> None:
    seconds = shown.reel.seconds
    shades, low, high = shown.reel.picture(0, seconds, COLUMNS)
    middles = (np.arange(len(low)) + 0.5) * seconds / len(low)
    wave.fill_between(middles, low, high, color=canvas.BLUE, linewidth=0.6)
    bands.imshow(
        shades,
        cmap="magma",
        aspect="auto",
        origin="lower",
        extent=(0, seconds, 0, BANDS),
    )
    ticks = shown.hertz
    bands.set_yticks([BANDS * share for _, share in ticks], [word for word, _ in ticks])
    bands.set_ylabel("Hz")
    peak = 1.08 * max(np.abs(low).max(), np.abs(high).max(), 1)
    wave.set(ylim=(-peak, peak), yticks=[], ylabel="waveform")
    for ax in (wave, bands):
        ax.set(xlim=(0, seconds), xticks=[])
        canvas.tidy(ax)
        if shown.selection:
            ax.axvspan(*shown.selection, facecolor="none", edgecolor=canvas.ORANGE)


def _player(shown: "Timeline") -> str:
    """Play what is selected, or the recording, or as much as a page can carry."""
    start, end = shown.selection or (0.0, shown.reel.seconds)
    stop = min(end, start + PLAYED)
    what = "The selection" if shown.selection else "The recording"
    if stop < end:
        what += f", its first {PLAYED:.0f} s of {end - start:.0f}"
    if shown.selection:
        what += f" (from {start:.1f} s)"
    wav = sounds.as_wav(shown.reel.stretch(start, stop), RATE)
    return f"<p>{what}:<br>{sounds.player(wav, what, 'width:100%;max-width:720px')}</p>"


def _about(shown: "Timeline") -> str:
    """Tell the picture in words."""
    told = [f"{shown.reel.name or 'A recording'}, {shown.reel.seconds:.1f} s"]
    for name, table in shown.tables.items():
        table = features.verdicts(table, shown.margin)
        seconds = (table["end"] - table["start"]).groupby(table["verdict"]).sum()
        shares = (seconds / seconds.sum()).sort_values(ascending=False)
        words = ", ".join(f"{word} {share:.0%}" for word, share in shares.items())
        told.append(f"{name} heard {words} of the speech")
    return "; ".join(told)
