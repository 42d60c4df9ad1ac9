"""What a head loses without each family of features, and what each knows alone."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.evaluation._notes import MADE_UP, of_kind
from sertools.plots import _style
from sertools.plots._audio import spectrogram
from sertools.plots._style import BLUE, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.inspection._occlusion import Occlusion
    from sertools.inspection._permutation_importance import PermutationImportance
    from sertools.inspection._probing import Probes


def permutation_importance(
    found: "PermutationImportance", ax: "Axes | None" = None
) -> "Axes":
    """Draw the UAR with each family of features shuffled, and of it alone.

    Parameters
    ----------
    found : sertools.evaluation.Reliance
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
    >>> import pandas as pd
    >>> from sertools import evaluation, features, models
    >>> from sertools import datasets
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
        _dot(ax, place - 0.16, without[place], BLUE, "o", "family shuffled", place)
        _dot(
            ax,
            place + 0.16,
            alone[place],
            ORANGE,
            "D",
            "trained on it alone",
            place,
        )
    ax.axvline(
        found.uar, color=_style.MUTED, ls="--", zorder=1, label=f"all {found.uar:.2f}"
    )
    chance = found.chance
    ax.axvline(chance, color=_style.INK, ls=":", zorder=1, label=f"chance {chance:.2f}")
    names = [f"{name} ({n})" for name, n in table["n_features"].items()]
    ax.set_yticks(range(len(table)), names)
    ax.set(xlim=(0, 1), ylim=(len(table) - 0.5, -0.5), xticks=np.linspace(0, 1, 6))
    ax.set_xlabel("UAR (bar: 95 % interval over speakers)")
    _style.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0, labelsize=_style.TEXT)
    _style.legend_below(ax)
    alarms = of_kind(found.notes, *MADE_UP)
    _style.heading(ax, "What does it rely on?", _about(found), alarms)
    return ax


def _dot(ax, place: float, score, colour: str, marker: str, word: str, row: int):
    value, low, high = score
    if not np.isnan(low):
        ax.plot([low, high], [place] * 2, color=colour, linewidth=2.2, alpha=0.55)
    label = word if row == 0 else None
    ax.plot(value, place, marker, color=colour, markersize=7, ls="none", label=label)
    ax.annotate(
        f"{value:.2f}",
        (1.02, place),
        xycoords=ax.get_yaxis_transform(),
        va="center",
        fontsize=_style.SMALL,
        color=colour,
    )


def _about(found: "PermutationImportance") -> str:
    info = found.info
    who = ", ".join(str(info[k]) for k in ("dataset", "model", "head") if info.get(k))
    n = found.n_speakers
    speakers = f"{n} speakers" if n else "speakers unknown"
    return (
        f"{who}, {found.n_clips} clips, {speakers}; how many features in brackets; a "
        "family is shuffled among the clips of each held-out speaker"
    )


_FOR, _AGAINST = "#B34700", "#0072B2"


def occlusion(found: "Occlusion", ax: "Axes | None" = None) -> "Axes":
    """Draw what the answer loses without each stretch and each band of a clip.

    Parameters
    ----------
    found : sertools.evaluation.Occlusion
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
    >>> from sertools import evaluation, models
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
    _style.tidy(ax)
    line = ax.axhline if shared == "x" else ax.axvline
    line(0, color=_style.MUTED, linewidth=0.8)
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
    _style.heading(over, head, note, [n for n in found.notes if "Random" in n])
    if ax.figure.get_layout_engine() is not None:  # strips move what they stand on
        ax.figure.get_layout_engine().execute(ax.figure)


_MARKS = (
    ("o", "#0072B2"),
    ("s", "#D55E00"),
    ("^", "#009E73"),
    ("D", "#CC79A7"),
    ("v", "#4D4D4D"),
    ("P", "#E69F00"),
)


_WORDS = {
    "emotion": "emotion, of new speakers",
    "speaker": "speaker, from new texts",
    "sex": "sex, of new speakers",
    "text": "text, from new speakers",
    "intensity": "intensity, of new speakers",
}


def probes(probes: "Probes", ax: "Axes | None" = None) -> "Axes":
    """Draw how well emotion, speaker, sex and text can be read out of features.

    Parameters
    ----------
    probes : sertools.evaluation.Probes
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
    >>> from sertools import datasets, evaluation, features, models
    >>> clips = datasets.select(datasets.load("demo"), max_clips=48)
    >>> model = models.load("duration_loudness")
    >>> X = features.extract(model, clips, store=False, jobs=1)
    >>> ax = probes(inspection.probes(X, clips, by=["emotion", "sex"]))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['emotion, of new speakers', 'sex, of new speakers']
    """
    table = probes.table
    models = list(table["model"].unique())
    asked = list(table["property"].unique())
    block = len(models) + 0.8
    ax = _style.axes(ax, 9, 0.3 * block * len(asked) + 2.0)
    for row in table.itertuples():
        first = block * asked.index(row.property)
        _mark(ax, row, first + models.index(row.model), models.index(row.model))
    middle = (len(models) - 1) / 2
    for number, name in enumerate(asked):
        places = number * block + np.array([-0.5, len(models) - 0.5])
        chance = table.loc[table["property"] == name, "chance"].iloc[0]
        word = "chance" if number == 0 else None
        ax.plot([chance] * 2, places, ":", color=_style.INK, lw=1.5, label=word)
    _head(ax)
    ax.set_yticks(
        [number * block + middle for number in range(len(asked))],
        [_WORDS.get(name, name) for name in asked],
    )
    ax.set(xlim=(0, 1), xticks=np.linspace(0, 1, 6))
    ax.set_ylim(block * len(asked) - 1, -1.3)
    ax.set_xlabel("UAR of a linear probe (bar: 95 % interval over what is held out)")
    _style.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    _key(ax, models)
    alarms = of_kind(probes.notes, *MADE_UP)
    note = f"{table['n_clips'].max()} clips. Silhouette: in brackets, by luck."
    _style.heading(ax, "What do the features know?", note, alarms)
    return ax


def _mark(ax: "Axes", row, place: float, model: int) -> None:
    marker, colour = _MARKS[model % len(_MARKS)]
    if not np.isnan(row.low):
        ax.plot([row.low, row.high], [place] * 2, color=colour, lw=2)
    ax.plot(row.uar, place, marker, color=colour, markersize=7.5)
    numbers = (
        (1.03, f"{row.uar:.2f}"),
        (1.12, f"{max(row.share, 0):.0%}"),
        (1.21, f"{row.silhouette:z.2f} ({row.silhouette_luck:z.2f})"),
    )
    for across, text in numbers:
        _write(ax, across, place, text)


def _head(ax: "Axes") -> None:
    for across, text in ((1.03, "UAR"), (1.12, "share"), (1.21, "silhouette")):
        _write(ax, across, -0.95, text, _style.MUTED)


def _write(ax, across: float, place: float, text: str, colour: str = _style.INK):
    ax.text(
        across,
        place,
        text.replace("-", "\N{MINUS SIGN}"),
        transform=ax.get_yaxis_transform(),
        va="center",
        fontsize=_style.SMALL,
        color=colour,
    )


def _key(ax: "Axes", models: list[str]) -> None:
    for number, name in enumerate(models):
        marker, colour = _MARKS[number % len(_MARKS)]
        ax.plot([], [], marker, color=colour, ls="", markersize=7.5, label=name)
    _style.legend_below(ax)
