"""Embedding map: clips as points, near each other where alike, to hear and pick."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import traitlets

from sertools.plots import _embeddings
from sertools.plots._style import ANSWERS, UNKNOWN, marks
from sertools.widgets._base import figure_html
from sertools.widgets._clip_table import ClipTable
from sertools.widgets._players import players
from sertools.widgets._scripts import script, style

if TYPE_CHECKING:
    from sertools.evaluation import Result

_BY = ("emotion", "predicted", "speaker", "sex", "dataset")  # columns for colours
_NEAR = 10  # neighbours whose emotions tell how well a picture parts them


class EmbeddingMap(ClipTable):
    """Clips as points that one can hear and pick; see `embedding_map`."""

    _esm = script("embedding_map.js")
    _css = style("embedding_map")
    _places = traitlets.Bytes().tag(sync=True)
    _marks = traitlets.Dict().tag(sync=True)
    _about = traitlets.Dict().tag(sync=True)
    noun = "embedding map"

    def __init__(
        self,
        laid: _embeddings.Layout,
        clips: pd.DataFrame,
        result: "Result | None" = None,
        of: str = "",
    ):
        self._laid, self._of = laid, of
        super().__init__(clips, result, _places=laid.places.astype("<f4").tobytes())
        self.positions = pd.DataFrame(
            laid.places, index=self.table.index, columns=["x", "y"]
        )
        self._marks = _marked(self.table)
        self._about = {
            "name": laid.name,
            "note": of + laid.note,
            "words": _words(laid.places, self.table),
            "heard": bool(self.table.get("path", pd.Series(dtype=str)).notna().any()),
        }

    def _static_html(self, sounds: bool) -> str:
        from matplotlib.figure import Figure

        by = next((name for name in _BY if name in self.table), None)
        groups = (
            pd.Series("clip", self.table.index, name="clip")
            if by is None
            else self.table[by]
        )
        size = _embeddings.figure_size(self._laid, 8.6, 0.9)
        figure = Figure(figsize=size, layout="constrained")
        _embeddings.draw_layout(self._laid, groups, self._of, figure.subplots())
        about = f"{self._laid.name} of {len(groups)} clips. {self._about['words']}"
        picture = figure_html(figure, about.strip())
        if not sounds or not self._about["heard"] or "emotion" not in self.table:
            return picture
        middle = players(self.table.loc[_middle(self._laid.places, self.table)])
        return (
            f"{picture}<p>One clip of each emotion, the nearest to its middle:</p>"
            f"{middle._repr_html_()}"
        )


def embedding_map(
    X: "pd.DataFrame | np.ndarray",
    clips: pd.DataFrame,
    result: "Result | None" = None,
    method: "str | np.ndarray | pd.DataFrame" = "umap",
    seed: int = 0,
) -> EmbeddingMap:
    """Show an embedding map: clips as points to hear and to pick.

    Hover over a point to hear it, draw around some to list them. The picture is the
    one that `plots.embeddings` draws. By keyboard: arrows go to the nearest point
    that way, Space plays it, Enter picks it, N picks the ten nearest, too, A all of
    its group; Escape clears.

    Parameters
    ----------
    X : DataFrame of shape (n, d) or ndarray of shape (n, d)
        Features. The rows of a DataFrame are found in `clips` by their index,
        those of an array by their place.
    clips : DataFrame
        The clips' table; heard if it has a ``path``.
    result : Result, optional
        What a model answered, to colour by. Its other widgets then show the clips
        picked here, and clips that they filter out are faint here.
    method : {"umap", "tsne", "pca"} or array of shape (n, 2), default "umap"
        How to lay out the points, or where they lie: an array by place, a
        DataFrame by its index, such as ``positions`` of another map.
    seed : int, default 0
        Same seed, same picture.

    Returns
    -------
    EmbeddingMap
        ``selection`` holds the clips picked, ``selected`` their rows,
        ``positions`` where each clip lies (x, y). In a report: the picture, and a
        clip of each emotion to listen to.

    Raises
    ------
    ValueError
        If `method` is unknown, a clip of `X` or of `method` is missing, or the
        features cannot be laid out, as `plots.embeddings` says.

    Examples
    --------
    >>> clips = pd.DataFrame({"emotion": ["sad", "sad", "happy"]}, list("abc"))
    >>> X = pd.DataFrame({"pitch": [0.1, 0.2, 0.9], "loudness": [1, 2, 4]}, list("abc"))
    >>> points = embedding_map(X, clips, method="pca")
    >>> points.selection = points.positions.query("x < 0").index.tolist()
    >>> points.selected["emotion"].tolist()
    ['sad', 'sad']
    """
    rows = _embeddings.matching_clips(X, clips)
    if isinstance(method, str):
        laid = _embeddings.compute_layout(X, method, seed)
    else:
        laid = _embeddings.Layout(_given(method, rows.index), "Map", "Places as given.")
    return EmbeddingMap(laid, rows, result, _embeddings.describe_source(X, rows))


def _given(places: "np.ndarray | pd.DataFrame", clips: pd.Index) -> np.ndarray:
    """Check places that somebody else reckoned."""
    if isinstance(places, pd.DataFrame):
        named = places.set_axis(places.index.map(str))
        missing = clips[~clips.map(str).isin(named.index)]
        if len(missing):
            raise ValueError(f"method gives no place for clip {missing[0]!r}.")
        places = named.loc[clips.map(str)]
    found = np.asarray(places, dtype=np.float64)
    if found.shape != (len(clips), 2):
        raise ValueError(
            f"method gives places of shape {found.shape}; X has {len(clips)} rows, so "
            f"({len(clips)}, 2) is needed."
        )
    if not np.isfinite(found).all():
        at = np.flatnonzero(~np.isfinite(found).all(axis=1))[0]
        raise ValueError(f"method gives no finite place for clip {clips[at]!r}.")
    return found


def _marked(table: pd.DataFrame) -> dict[str, dict]:
    """Give marks by column and group, of the columns that there are."""
    found = {}
    for name in _BY:
        if name in table and table[name].notna().any():
            groups = sorted(map(str, table[name].dropna().unique()))
            emotions = name in ("emotion", "predicted")
            found[name] = {**marks(groups, emotions), "unknown": UNKNOWN}
    if {"emotion", "predicted"} <= set(found):
        found["answer"] = {**ANSWERS, "unknown": UNKNOWN}
    return found


def _middle(places: np.ndarray, table: pd.DataFrame) -> list[str]:
    """List the clip of each emotion that is nearest to the middle of its points."""
    frame = pd.DataFrame(places, table.index)
    found = []
    for _, group in frame.groupby(table["emotion"]):
        apart = ((group - group.median()) ** 2).sum(axis=1)
        found.append(apart.idxmin())
    return found


def _words(places: np.ndarray, table: pd.DataFrame) -> str:
    """Say how far a picture parts the emotions, to those who do not see it."""
    if "emotion" not in table or len(table) <= _NEAR:
        return ""
    from scipy.spatial import KDTree

    emotions = table["emotion"].fillna("unknown").to_numpy()
    near = KDTree(places).query(places, _NEAR + 1)[1]
    others = near != np.arange(len(near))[:, None]
    same = (emotions[near] == emotions[:, None]) & others
    shares = pd.Series(same.sum(axis=1) / others.sum(axis=1)).groupby(emotions).mean()
    shares = shares.sort_values(ascending=False)
    parts = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return f"Of a clip's {_NEAR} nearest, so many share its emotion: {parts}."
