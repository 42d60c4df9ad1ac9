"""Clips as points: what lies near what in a table of features."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import datasets
from sertools.plots import canvas
from sertools.plots.layouts import METHODS, Layout, laid_out
from sertools.plots.marks import UNKNOWN, area, marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw", "embeddings", "rows", "subject"]

LEGEND = 30
"""More groups than this are drawn without a legend."""


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
    if method not in METHODS:
        raise ValueError(f"Unknown method {method!r}. Known: {', '.join(METHODS)}.")
    if by not in clips.columns:
        raise ValueError(
            f"The clips have no column {by!r}. Known: {', '.join(clips.columns)}."
        )
    clips = rows(X, clips)
    return draw(laid_out(X, method, seed), clips[by], subject(X, clips), ax)


def rows(X: "pd.DataFrame | np.ndarray", clips: pd.DataFrame) -> pd.DataFrame:
    """Find the clips that the rows of X are of.

    Raises
    ------
    ValueError
        If some are not in the table, or there twice.
    """
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


def subject(X: "pd.DataFrame | np.ndarray", clips: pd.DataFrame) -> str:
    """Name corpora and model, and say which speech is synthetic."""
    corpora = sorted(clips["dataset"].dropna().unique()) if "dataset" in clips else []
    model = getattr(X, "attrs", {}).get("model")
    parts = [f"{name} (synthetic speech)" if _made(name) else name for name in corpora]
    parts += [model] * bool(model)
    return ", ".join(parts) + ". " if parts else ""


def _made(corpus: str) -> bool:
    return corpus in datasets.names() and datasets.card(corpus)["synthetic"]


def draw(
    laid: Layout, groups: pd.Series, of: str = "", ax: "Axes | None" = None
) -> "Axes":
    """Draw clips at their places, marked by group.

    Parameters
    ----------
    laid : Layout
        Where they lie.
    groups : Series
        The group of each clip, in the same order; its name titles the legend.
    of : str
        What the clips and features are, for the note.
    ax : matplotlib Axes, optional
        Where to draw; a figure of its own if not given.
    """
    wide, high = np.ptp(laid.places, axis=0)
    flat = high / wide if wide else 1
    ax = canvas.axes(ax, 7.2, float(np.clip(5.4 * flat, 3, 5.4)) + 0.7)
    _points(ax, laid.places, groups)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")
    canvas.tidy(ax)
    ax.spines[:].set(visible=True, color=canvas.PALE)
    if laid.explained is not None:
        shares = zip("xy", ("first", "second"), laid.explained, strict=True)
        for axis, name, part in shares:
            label = f"{name} component: {100 * part:.0f} % of the variance"
            ax.set(**{f"{axis}label": label})
    note = of + laid.note
    if groups.nunique() > LEGEND:
        note += f" {groups.nunique()} groups, too many for a legend."
    head = f"{laid.name} of {len(groups)} clips by {groups.name}"
    canvas.heading(ax, head, note)
    return ax


def _points(ax: "Axes", places: np.ndarray, groups: pd.Series) -> None:
    names = groups.astype(object).where(groups.notna(), "unknown").astype(str)
    known = sorted(set(names[groups.notna().to_numpy()]))
    values = names.to_numpy()
    emotions = groups.name in ("emotion", "predicted")
    marked = marks(known, emotions) | {"unknown": UNKNOWN}
    order = known + (["unknown"] if "unknown" not in known else [])
    for name in order:
        chosen = values == name
        if not chosen.any():
            continue
        marker, colour = marked[name]
        ax.scatter(
            *places[chosen].T,
            s=np.clip(12_000 / len(values), 12, 46) * area(marker),
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
