"""Explanations: permutation importance, occlusion in time and frequency, probes."""

from typing import TYPE_CHECKING

import numpy as np

from sertools import display
from sertools.plots import _style
from sertools.plots._audio import spectrogram
from sertools.plots._style import BLUE, INK, MUTED, ORANGE, SMALL, VERMILION

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from sertools.inspection._occlusion import Occlusion
    from sertools.inspection._permutation_importance import PermutationImportance
    from sertools.inspection._probing import Probes


def permutation_importance(
    found: "PermutationImportance", ax: "Axes | None" = None
) -> "Axes":
    """Draw permutation importance: the UAR with each family of features shuffled.

    Beside it stands the UAR of a head trained on that family alone.

    Parameters
    ----------
    found : sertools.inspection.PermutationImportance
        As `sertools.inspection.permutation_importance` gives.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        Two dots a family, each with its 95 % interval over speakers: with the
        family shuffled, and of a head trained on it alone. Lines mark the
        UAR of all families, and chance.

    Examples
    --------
    >>> from sertools import datasets, features, inspection, models
    >>> clips = datasets.load("demo")
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False, progress=False)
    >>> names = {name: name for name in X}
    >>> found = inspection.permutation_importance(
    ...     "logistic", X, clips, names, repeats=2
    ... )
    >>> labels = permutation_importance(found).get_yticklabels()
    >>> sorted(text.get_text() for text in labels)
    ['level_db (1)', 'log_seconds (1)']
    """
    table = found.table
    ax = _style.axes(ax, 8, 0.6 * len(table) + 2.1)
    without = found.uar - table[["drop", "high", "low"]].to_numpy()
    alone = table[["alone", "alone_low", "alone_high"]].to_numpy()
    for place in range(len(table)):
        first = place == 0  # the legend names each kind once
        word = "family shuffled" if first else None
        _dot(ax, place - 0.16, without[place], BLUE, "o", word)
        word = "trained on it alone" if first else None
        _dot(ax, place + 0.16, alone[place], ORANGE, "D", word)
    _style.upright(ax, found.uar, f"all {found.uar:.2f}", "--", MUTED)
    _style.upright(ax, found.chance, f"chance {found.chance:.2f}")
    names = [f"{name} ({n})" for name, n in table["n_features"].items()]
    ax.set_yticks(range(len(table)), names)
    _style.score_rows(ax, (len(table) - 0.5, -0.5), _style.OVER_SPEAKERS)
    who = display.speakers(found.n_speakers or None)
    note = (
        f"{_style.made_by(found.info)}, {found.n_clips} clips, {who}; how many "
        "features in brackets; a family is shuffled among the clips of each held-out "
        "speaker"
    )
    _style.heading(ax, "What does it rely on?", note, _style.alarms(found.notes))
    return ax


def _dot(ax, place: float, score, colour: str, marker: str, word: str | None) -> None:
    value, low, high = score
    if not np.isnan(low):
        ax.plot([low, high], [place] * 2, color=colour, linewidth=2.2, alpha=0.55)
    ax.plot(value, place, marker, color=colour, markersize=7, ls="none", label=word)
    _style.beside(ax, place, f"{value:.2f}", color=colour)


def occlusion(found: "Occlusion", ax: "Axes | None" = None) -> "Axes":
    """Draw occlusion: what the answer loses without each stretch and band of a clip.

    Parameters
    ----------
    found : sertools.inspection.Occlusion
        As `sertools.inspection.occlusion` gives.
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
    >>> from sertools import inspection, models
    >>> hiss = np.random.default_rng(0).normal(0, 0.1, 16_000)
    >>> found = inspection.occlusion(models.load("trained"), hiss, bands=4)
    >>> ax = occlusion(found)
    >>> len(ax.child_axes[1].patches)
    4
    """
    ax = _style.axes(ax, 8, 4.6)
    spectrogram(found.waveform, found.sampling_rate, ax=ax)
    ax.collections[0].colorbar.remove()
    over = ax.inset_axes([0, 1.03, 1, 0.3], sharex=ax)
    beside = ax.inset_axes([1.015, 0, 0.2, 1], sharey=ax)
    times, bands = found.seconds, found.bands
    largest = max(float(table["drop"].abs().max()) for table in (times, bands))
    limit = max(1.1 * largest, 0.05)
    middles = (times["start"] + times["end"]) / 2
    step = np.diff(middles).min() if len(times) > 1 else times["end"].iloc[0]
    over.bar(middles, -times["drop"], 0.9 * step, color=_colours(times["drop"]))
    look = {"align": "edge", "edgecolor": "white", "linewidth": 0.8}
    height = bands["high"] - bands["low"]
    look["color"] = _colours(bands["drop"])
    beside.barh(bands["low"], -bands["drop"], height, **look)
    _strip(over, "x", limit)
    _strip(beside, "y", limit)
    width = (times["end"] - times["start"]).iloc[0]
    note = (
        f"how this probability changes when {width:.1f} s are turned down by "
        f"{found.depth:g} dB (above), or a band is (right); orange: it falls, so the "
        "answer hung on this"
    )
    head = f"{found.model}: {found.emotion} {found.probability:.2f}"
    _style.heading(over, head, note, _style.alarms(found.notes))
    if ax.figure.get_layout_engine() is not None:  # strips move what they stand on
        ax.figure.get_layout_engine().execute(ax.figure)
    return ax


def _colours(drops: "pd.Series") -> list[str]:
    return [ORANGE if drop >= 0 else BLUE for drop in drops]


def _strip(ax: "Axes", shared: str, limit: float) -> None:
    """Make a strip of bars plain: its zero, its limits, no ticks that are shared."""
    _style.tidy(ax)
    ticks = [-limit / 1.1, 0, limit / 1.1]
    names = [f"{tick:+.2f}" if tick else "0" for tick in ticks]
    names = [name.replace("-", "\N{MINUS SIGN}") for name in names]
    if shared == "x":
        ax.axhline(0, color=MUTED, linewidth=0.8)
        ax.set(ylim=(-limit, limit))
        ax.set_yticks(ticks, names)
        ax.tick_params(axis="x", labelbottom=False)
    else:
        ax.axvline(0, color=MUTED, linewidth=0.8)
        ax.set(xlim=(-limit, limit))
        ax.set_xticks(ticks, names, rotation=90)
        ax.tick_params(axis="y", labelleft=False)
        ax.minorticks_off()


_MODEL_MARKS = (
    *(("o", BLUE), ("s", VERMILION), ("^", "#009E73")),
    *(("D", "#CC79A7"), ("v", "#4D4D4D"), ("P", "#E69F00")),
)
_PROPERTIES = {
    "emotion": "emotion, of new speakers",
    "speaker": "speaker, from new texts",
    "sex": "sex, of new speakers",
    "text": "text, from new speakers",
    "intensity": "intensity, of new speakers",
}
_COLUMNS = {"UAR": 1.03, "share": 1.12, "silhouette": 1.21}  # widths of the Axes


def probes(probes: "Probes", ax: "Axes | None" = None) -> "Axes":
    """Draw linear probes: how well emotion, speaker, sex can be read out of features.

    Parameters
    ----------
    probes : sertools.inspection.Probes
        As `sertools.inspection.probes` gives.
    ax : matplotlib Axes, optional
        Where to draw; a figure of fitting size if not given.

    Returns
    -------
    matplotlib Axes
        One mark a model and property: the UAR of a linear probe, with its 95 %
        interval over what was held out, and a line at chance. At the right,
        the share of the variance and the silhouette.

    Examples
    --------
    >>> from sertools import datasets, features, inspection, models
    >>> clips = datasets.select(datasets.load("demo"), max_clips=48)
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False, jobs=1)
    >>> ax = probes(inspection.probes(X, clips, by=["emotion", "sex"]))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['emotion, of new speakers', 'sex, of new speakers']
    """
    table = probes.table
    models, asked = list(table["model"].unique()), list(table["property"].unique())
    block = len(models) + 0.8
    ax = _style.axes(ax, 9, 0.3 * block * len(asked) + 2.0)
    for row in table.itertuples():
        model = models.index(row.model)
        _probe(ax, row, block * asked.index(row.property) + model, _look(model))
    for number, name in enumerate(asked):
        places = number * block + np.array([-0.5, len(models) - 0.5])
        chance = table.loc[table["property"] == name, "chance"].iloc[0]
        word = "chance" if number == 0 else None
        ax.plot([chance] * 2, places, ":", color=INK, lw=1.5, label=word)
    for word, across in _COLUMNS.items():
        _style.beside(ax, -0.95, word, across, color=MUTED)
    for number, name in enumerate(models):
        ax.plot([], [], ls="", label=name, **_look(number))
    middles = np.arange(len(asked)) * block + (len(models) - 1) / 2
    ax.set_yticks(middles, [_PROPERTIES.get(name, name) for name in asked])
    label = "UAR of a linear probe (bar: 95 % interval over what is held out)"
    _style.score_rows(ax, (block * len(asked) - 1, -1.3), label, SMALL)
    note = f"{table['n_clips'].max()} clips. Silhouette: in brackets, by luck."
    head = "What do the features know?"
    _style.heading(ax, head, note, _style.alarms(probes.notes))
    return ax


def _look(model: int) -> dict:
    marker, colour = _MODEL_MARKS[model % len(_MODEL_MARKS)]
    return {"marker": marker, "color": colour, "markersize": 7.5}


def _probe(ax: "Axes", row, place: float, look: dict) -> None:
    if not np.isnan(row.low):
        ax.plot([row.low, row.high], [place] * 2, color=look["color"], lw=2)
    ax.plot(row.uar, place, ls="", **look)
    silhouette = f"{row.silhouette:z.2f} ({row.silhouette_luck:z.2f})"
    texts = (f"{row.uar:.2f}", f"{max(row.share, 0):.0%}", silhouette)
    for across, text in zip(_COLUMNS.values(), texts, strict=True):
        _style.beside(ax, place, text.replace("-", "\N{MINUS SIGN}"), across)
