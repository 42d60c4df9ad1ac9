"""Lay out clips in two dimensions: standardised columns, then PCA, t-SNE or UMAP."""

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

__all__ = ["FEWEST", "METHODS", "Layout", "laid_out", "layout", "standardised"]

METHODS = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
"""How they are written."""

FEWEST = 4
"""UMAP and t-SNE need so many clips; fewer are laid out by PCA."""

COMPONENTS = 50
"""UMAP and t-SNE see no more principal components than this."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the points of clips lie, and how far that is to be believed.

    Parameters
    ----------
    places : ndarray of shape (n, 2)
        Points, in no unit.
    name : str
        What made them, as a title says it.
    note : str
        What to beware of.
    explained : ndarray of shape (2,), optional
        Shares of variance of both axes, for PCA.
    """

    places: np.ndarray
    name: str
    note: str
    explained: np.ndarray | None = None


def laid_out(X: "pd.DataFrame | np.ndarray", method: str, seed: int) -> Layout:
    """Lay out clips by their features; too few of them by PCA, which is said.

    Raises
    ------
    ValueError
        If the method is unknown, fewer than two clips are given, values are not
        numbers, or no column changes at all.
    """
    if method not in METHODS:
        raise ValueError(f"Unknown method {method!r}. Known: {', '.join(METHODS)}.")
    scaled = standardised(X)
    few = len(scaled) < FEWEST and method != "pca"
    places, explained = layout(scaled, "pca" if few else method, seed)
    note = (
        "A picture only: distances and sizes of groups mean little."
        if explained is None
        else "A picture only: distances in the other components do not show."
    )
    if few:
        note += f" {len(scaled)} clips are too few for {METHODS[method]}."
    return Layout(places, METHODS["pca" if few else method], note, explained)


def standardised(X: "pd.DataFrame | np.ndarray") -> np.ndarray:
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


def layout(
    scaled: np.ndarray, method: str, seed: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Give points (n, 2) and, for PCA, the share of variance of both axes."""
    from sklearn.decomposition import PCA

    n = min(*scaled.shape, COMPONENTS)
    pca = PCA(n_components=n, random_state=seed)
    components = pca.fit_transform(scaled)
    if method == "pca":
        places = np.pad(components, ((0, 0), (0, max(0, 2 - n))))[:, :2]
        return places, np.pad(pca.explained_variance_ratio_, (0, max(0, 2 - n)))[:2]
    return _lying((_tsne if method == "tsne" else _umap)(components, seed)), None


def _lying(places: np.ndarray) -> np.ndarray:
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
