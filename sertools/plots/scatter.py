"""Clips as points: what lies near what in a table of features."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import datasets, labels
from sertools.plots import canvas
from sertools.plots.layouts import layout, standardised

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["embeddings"]

_METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}

FEWEST = 4
"""UMAP and t-SNE need so many clips; fewer are drawn by PCA."""

LEGEND = 30
"""More groups than this are drawn without a legend."""

_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#4D4D4D",
    "#882255",
)
_MARKERS = "osD^vPX*<>phd"
_AREAS = {"*": 1.8, "P": 1.5, "X": 1.3, ".": 2.2, "D": 0.8, "s": 0.9, "d": 1.1}
"""Larger or smaller areas, so that all markers look alike in size."""


def embeddings(
    X: "pd.DataFrame | np.ndarray",
    clips: pd.DataFrame,
    method: str = "umap",
    by: str = "emotion",
    ax: "Axes | None" = None,
    seed: int = 0,
) -> "Axes":
    """Draw clips as points, near each other where their features are alike.

    Columns are standardised first, so that no feature counts more for its
    unit; a column that never changes has nothing to tell and counts nothing.
    UMAP and t-SNE then see the first 50 principal components.

    Parameters
    ----------
    X : DataFrame of shape (n, d) or ndarray of shape (n, d)
        Features. The rows of a DataFrame are found in `clips` by their index,
        those of an array by their place.
    clips : DataFrame
        The clips' table.
    method : {"umap", "tsne", "pca"}, default "umap"
        How to lay out the points. Fewer than four clips are always laid out by
        PCA; the title says so.
    by : str, default "emotion"
        Column of `clips` that gives colours and markers.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.
    seed : int, default 0
        Same seed, same picture.

    Returns
    -------
    matplotlib Axes
        One point a clip. Above 30 groups there is no legend.

    Raises
    ------
    ValueError
        If `method` or `by` is unknown, rows are missing, fewer than two clips
        are given, values are not numbers, or no column changes at all.

    References
    ----------
    McInnes, Healy, Melville (2018), UMAP. https://arxiv.org/abs/1802.03426
    van der Maaten, Hinton (2008), Visualizing Data using t-SNE, JMLR 9.

    Examples
    --------
    >>> clips = pd.DataFrame({"emotion": ["sad", "sad", "happy", "happy"]})
    >>> X = pd.DataFrame({"pitch": [0.1, 0.2, 0.9, 1.0], "loudness": [1, 2, 4, 3]})
    >>> embeddings(X, clips, method="pca").get_title(loc="left")
    'PCA of 4 clips by emotion'
    """
    if method not in _METHODS:
        raise ValueError(f"Unknown method {method!r}. Known: {', '.join(_METHODS)}.")
    if by not in clips.columns:
        raise ValueError(
            f"The clips have no column {by!r}. Known: {', '.join(clips.columns)}."
        )
    clips = _rows(X, clips)
    groups = clips[by]
    scaled = standardised(X)
    few = len(scaled) < FEWEST and method != "pca"
    places, explained = layout(scaled, "pca" if few else method, seed)
    wide, high = np.ptp(places, axis=0)
    ax = canvas.axes(ax, 7.2, float(np.clip(5.4 * high / wide, 3, 5.4)) + 0.7)
    _points(ax, places, groups)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")
    canvas.tidy(ax)
    ax.spines[:].set(visible=True, color=canvas.PALE)
    if explained is not None:
        for axis, name, part in zip("xy", ("first", "second"), explained, strict=True):
            label = f"{name} component: {100 * part:.0f} % of the variance"
            ax.set(**{f"{axis}label": label})
    _heading(ax, method, few, groups, _of(X, clips))
    return ax


def _rows(X: "pd.DataFrame | np.ndarray", clips: pd.DataFrame) -> pd.DataFrame:
    """Find the clips that the rows of X are of."""
    if not isinstance(X, pd.DataFrame):
        if len(X) != len(clips):
            raise ValueError(f"X has {len(X)} rows, the table of clips {len(clips)}.")
        return clips
    if not clips.index.is_unique:
        raise ValueError("The table of clips names some clips more than once.")
    missing = X.index.difference(clips.index)
    if len(missing):
        raise ValueError(
            f"{len(missing)} rows of X are not in the table of clips, "
            f"for example {missing[0]!r}."
        )
    return clips.loc[X.index]


def _points(ax: "Axes", places: np.ndarray, groups: pd.Series) -> None:
    names = groups.astype(object).where(groups.notna(), "unknown").astype(str)
    known = sorted(set(names[groups.notna().to_numpy()]))
    values = names.to_numpy()
    marks = _marks(known, groups.name == "emotion") | {"unknown": (".", "#8A8A8A")}
    order = known + (["unknown"] if "unknown" not in known else [])
    for name in order:
        chosen = values == name
        if not chosen.any():
            continue
        marker, colour = marks[name]
        ax.scatter(
            *places[chosen].T,
            s=np.clip(12_000 / len(values), 12, 46) * _AREAS.get(marker, 1),
            marker=marker,
            color=colour,
            alpha=0.85,
            edgecolors="white",
            linewidths=0.25,
            label=f"{name} ({chosen.sum()})",
        )
    if len(order) <= LEGEND:
        _legend(ax, groups.name)


def _legend(ax: "Axes", title: str) -> None:
    handles, _ = ax.get_legend_handles_labels()
    legend = ax.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        ncols=1 if len(handles) <= 18 else 2,
        frameon=False,
        fontsize=canvas.SMALL,
        title=f"{title} (clips)",
        title_fontsize=canvas.SMALL,
        alignment="left",
        handletextpad=0.3,
    )
    for handle in legend.legend_handles:
        handle.set(sizes=[max(handle.get_sizes()[0], 34)])


def _marks(names: list[str], emotions: bool) -> dict[str, tuple[str, str]]:
    if emotions:
        return {name: (labels.marker(name), labels.colour(name)) for name in names}
    return {
        name: (
            _MARKERS[(i + i // len(_COLOURS)) % len(_MARKERS)],
            _COLOURS[i % len(_COLOURS)],
        )
        for i, name in enumerate(names)
    }


def _of(X: "pd.DataFrame | np.ndarray", clips: pd.DataFrame) -> str:
    """Name corpora and model, and say which speech is synthetic."""
    corpora = sorted(clips["dataset"].dropna().unique()) if "dataset" in clips else []
    model = getattr(X, "attrs", {}).get("model")
    parts = [f"{name} (synthetic speech)" if _made(name) else name for name in corpora]
    parts += [model] * bool(model)
    return ", ".join(parts) + ". " if parts else ""


def _made(corpus: str) -> bool:
    return corpus in datasets.names() and datasets.card(corpus)["synthetic"]


def _heading(
    ax: "Axes", method: str, few: bool, groups: pd.Series, subject: str
) -> None:
    word = _METHODS["pca" if few else method]
    note = (
        subject
        + {
            "UMAP": "A picture only: distances and sizes of groups mean little.",
            "t-SNE": "A picture only: distances and sizes of groups mean little.",
            "PCA": "A picture only: distances in the other components do not show.",
        }[word]
    )
    if few:
        note += f" {len(groups)} clips are too few for {_METHODS[method]}."
    if groups.nunique() > LEGEND:
        note += f" {groups.nunique()} groups, too many for a legend."
    canvas.heading(ax, f"{word} of {len(groups)} clips by {groups.name}", note)
