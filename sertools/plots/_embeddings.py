"""Embeddings laid out by PCA, t-SNE or UMAP: what lies near what."""

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sertools import datasets
from sertools.metadata import FeaturesMetadata
from sertools.plots import _style
from sertools.plots._style import UNKNOWN, area, marks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
"""How they are written."""
_FEWEST = 4  # clips that UMAP and t-SNE need; fewer are laid out by PCA
_COMPONENTS = 50  # UMAP and t-SNE see no more principal components than this
_LEGEND = 30  # more groups than this are drawn without a legend


@dataclass(frozen=True, eq=False)
class Layout:
    """Points of clips, in no unit; what made them, and what to beware of.

    For PCA, `explained` holds the share of variance of both axes.
    """

    places: np.ndarray
    name: str
    note: str
    explained: np.ndarray | None = None


def compute_layout(X: "pd.DataFrame | np.ndarray", method: str, seed: int) -> Layout:
    """Lay out clips by their features; too few of them by PCA, which is said."""
    _check_method(method)
    scaled = _standardize(X)
    few = len(scaled) < _FEWEST and method != "pca"
    places, explained = _project(scaled, "pca" if few else method, seed)
    note = (
        "A picture only: distances and sizes of groups mean little."
        if explained is None
        else "A picture only: distances in the other components do not show."
    )
    if few:
        note += f" {len(scaled)} clips are too few for {METHODS[method]}."
    return Layout(places, METHODS["pca" if few else method], note, explained)


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise ValueError(f"Unknown method {method!r}. Known: {', '.join(METHODS)}.")


def _standardize(X: "pd.DataFrame | np.ndarray") -> np.ndarray:
    """Bring columns to mean 0 and variance 1; leave out those that never change."""
    values = np.asarray(X, dtype=np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(
            f"A picture of clips needs at least two rows of features, "
            f"not shape {values.shape}."
        )
    unfit = ~np.isfinite(values)
    if unfit.any():
        names = list(X.columns) if isinstance(X, pd.DataFrame) else range(len(values.T))
        columns = [str(names[i]) for i in np.flatnonzero(unfit.any(axis=0))]
        raise ValueError(
            f"{unfit.any(axis=1).sum()} rows of X hold values that are no numbers "
            f"(NaN or infinity), in {len(columns)} columns, for example {columns[0]}."
        )
    centred = values - values.mean(axis=0)
    spread = values.std(axis=0)
    changing = spread > 1e-12 * np.maximum(np.abs(values).max(axis=0), 1e-300)
    if not changing.any():
        raise ValueError("All clips have the same features: there is nothing to draw.")
    return centred[:, changing] / spread[changing]


def _project(
    scaled: np.ndarray, method: str, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Give points (n, 2) and, for PCA, the share of variance of both axes."""
    from sklearn.decomposition import PCA

    n = min(*scaled.shape, _COMPONENTS)
    pca = PCA(n_components=n, random_state=seed)
    components = pca.fit_transform(scaled)
    if method == "pca":
        places = np.pad(components, ((0, 0), (0, max(0, 2 - n))))[:, :2]
        return places, np.pad(pca.explained_variance_ratio_, (0, max(0, 2 - n)))[:2]
    places = (_tsne if method == "tsne" else _umap)(components, seed)
    return _widest_across(places), None


def _widest_across(places: np.ndarray) -> np.ndarray:
    """Turn a layout so that it is widest from left to right; its turn says nothing."""
    from sklearn.decomposition import PCA

    return PCA(n_components=2).fit_transform(places)


def _tsne(components: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    tsne = TSNE(
        perplexity=min(30, (len(components) - 1) / 3),
        init="pca" if components.shape[1] > 1 else "random",
        random_state=seed,
    )
    with threadpool_limits(1):  # on busy cores its threads wait for each other
        return tsne.fit_transform(components)


def _umap(components: np.ndarray, seed: int) -> np.ndarray:
    UMAP = _umap_class()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that a seed means one thread
        return UMAP(
            n_neighbors=min(15, len(components) - 1),
            init="spectral" if len(components) > 15 else "random",
            random_state=seed,
            n_jobs=1,
        ).fit_transform(components)


def _umap_class() -> type:
    """Import UMAP without its parametric form, which would import TensorFlow."""
    import sys

    if "umap" in sys.modules:
        return sys.modules["umap"].UMAP
    sys.modules["umap.parametric_umap"] = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that TensorFlow is missing
            from umap import UMAP
    finally:
        del sys.modules["umap.parametric_umap"]
    return UMAP


def embeddings(
    X: "pd.DataFrame | np.ndarray",
    clips: pd.DataFrame,
    method: str = "umap",
    by: str = "emotion",
    ax: "Axes | None" = None,
    seed: int = 0,
) -> "Axes":
    """Draw embeddings in two dimensions, by UMAP, t-SNE or PCA.

    Clips are points, near each other where their features are alike. Columns
    are standardised first, so that no feature counts more for its unit; a
    column that never changes has nothing to tell and counts nothing.
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
    _check_method(method)
    if by not in clips.columns:
        raise ValueError(
            f"The clips have no column {by!r}. Known: {', '.join(clips.columns)}."
        )
    clips = matching_clips(X, clips)
    layout = compute_layout(X, method, seed)
    return draw_layout(layout, clips[by], describe_source(X, clips), ax)


def matching_clips(X: "pd.DataFrame | np.ndarray", clips: pd.DataFrame) -> pd.DataFrame:
    """Find the clips that the rows of X are of; refuse rows that are of none."""
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


def describe_source(X: "pd.DataFrame | np.ndarray", clips: pd.DataFrame) -> str:
    """Name corpora and model, and say which speech is synthetic."""
    corpora = sorted(clips["dataset"].dropna().unique()) if "dataset" in clips else []
    model = FeaturesMetadata.of(X).model
    parts = [
        f"{name} (synthetic speech)" if _is_synthetic(name) else name
        for name in corpora
    ]
    parts += [model] * bool(model)
    return ", ".join(parts) + ". " if parts else ""


def _is_synthetic(corpus: str) -> bool:
    return corpus in datasets.names() and datasets.card(corpus)["synthetic"]


def figure_size(layout: Layout, width: float, margin: float) -> tuple[float, float]:
    """Give the size of a figure, in inches, as high as the points ask for."""
    wide, high = np.ptp(layout.places, axis=0)
    flat = high / wide if wide else 1
    return width, float(np.clip(5.4 * flat, 3, 5.4)) + margin


def draw_layout(
    layout: Layout, groups: pd.Series, of: str = "", ax: "Axes | None" = None
) -> "Axes":
    """Draw clips at their places, marked by group; `of` begins the note.

    `groups` has the order of the places; its name titles the legend.
    """
    ax = _style.axes(ax, *figure_size(layout, 7.2, 0.7))
    _points(ax, layout.places, groups)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal", adjustable="datalim")
    _style.tidy(ax)
    ax.spines[:].set(visible=True, color=_style.PALE)
    if layout.explained is not None:
        shares = zip("xy", ("first", "second"), layout.explained, strict=True)
        for axis, name, part in shares:
            label = f"{name} component: {100 * part:.0f} % of the variance"
            ax.set(**{f"{axis}label": label})
    note = of + layout.note
    if groups.nunique() > _LEGEND:
        note += f" {groups.nunique()} groups, too many for a legend."
    head = f"{layout.name} of {len(groups)} clips by {groups.name}"
    _style.heading(ax, head, note)
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
    if len(order) <= _LEGEND:
        _legend(ax, groups.name)


def _legend(ax: "Axes", title: str) -> None:
    handles, _ = ax.get_legend_handles_labels()
    legend = ax.legend(
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        ncols=1 if len(handles) <= 18 else 2,
        frameon=False,
        fontsize=_style.SMALL,
        title=f"{title} (clips)",
        title_fontsize=_style.SMALL,
        alignment="left",
        handletextpad=0.3,
    )
    for handle in legend.legend_handles:
        handle.set(sizes=[max(handle.get_sizes()[0], 34)])
