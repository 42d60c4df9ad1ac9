"""What spaces of features know, model by model."""

from typing import TYPE_CHECKING

import numpy as np

from sertools.plots import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sertools.evaluation import Probes

__all__ = ["probes"]

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
        As `sertools.evaluation.probes` gives.
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
    >>> ax = probes(evaluation.probes(X, clips, by=["emotion", "sex"]))
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['emotion, of new speakers', 'sex, of new speakers']
    """
    table = probes.table
    models = list(table["model"].unique())
    asked = list(table["property"].unique())
    block = len(models) + 0.8
    ax = canvas.axes(ax, 9, 0.3 * block * len(asked) + 2.0)
    for row in table.itertuples():
        first = block * asked.index(row.property)
        _mark(ax, row, first + models.index(row.model), models.index(row.model))
    middle = (len(models) - 1) / 2
    for number, name in enumerate(asked):
        places = number * block + np.array([-0.5, len(models) - 0.5])
        chance = table.loc[table["property"] == name, "chance"].iloc[0]
        word = "chance" if number == 0 else None
        ax.plot([chance] * 2, places, ":", color=canvas.INK, lw=1.5, label=word)
    _head(ax)
    ax.set_yticks(
        [number * block + middle for number in range(len(asked))],
        [_WORDS.get(name, name) for name in asked],
    )
    ax.set(xlim=(0, 1), xticks=np.linspace(0, 1, 6))
    ax.set_ylim(block * len(asked) - 1, -1.3)
    ax.set_xlabel("UAR of a linear probe (bar: 95 % interval over what is held out)")
    canvas.tidy(ax, grid="x")
    ax.tick_params(axis="y", length=0)
    _key(ax, models)
    alarms = [n for n in probes.notes if n.startswith(("Random w", "Synthetic"))]
    note = f"{table['n_clips'].max()} clips. Silhouette: in brackets, by luck."
    canvas.heading(ax, "What do the features know?", note, alarms)
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
        _write(ax, across, -0.95, text, canvas.MUTED)


def _write(ax, across: float, place: float, text: str, colour: str = canvas.INK):
    ax.text(
        across,
        place,
        text.replace("-", "\N{MINUS SIGN}"),
        transform=ax.get_yaxis_transform(),
        va="center",
        fontsize=canvas.SMALL,
        color=colour,
    )


def _key(ax: "Axes", models: list[str]) -> None:
    for number, name in enumerate(models):
        marker, colour = _MARKS[number % len(_MARKS)]
        ax.plot([], [], marker, color=colour, ls="", markersize=7.5, label=name)
    canvas.legend_below(ax)
