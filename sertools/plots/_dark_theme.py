"""Dark theme: a figure that a notebook shows light or dark, as its page is."""

import base64
import functools
import html
import io
import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.figure import Figure

ON_COLOUR = "on colour"
"""The gid of text on a ground that stays as it is, and so stays as it is, too."""
_LEAST = 0.51  # of the brightness of lines and letters in colour
_STYLE = """<style>
.sertools-figure img {max-width: 100%}
.sertools-figure .dark, [data-jp-theme-light="false"] .sertools-figure .light,
.vscode-dark .sertools-figure .light {display: none}
[data-jp-theme-light="false"] .sertools-figure .dark,
.vscode-dark .sertools-figure .dark {display: inline}
</style>"""


@functools.cache
def figure_class() -> "type[Figure]":
    """Give the class of figures that show themselves light and dark in notebooks."""
    from matplotlib.figure import Figure

    class ThemedFigure(Figure):
        """A figure with a dark form for dark pages; in reports it is a picture."""

        def _repr_html_(self) -> str | None:
            if os.environ.get("SERTOOLS_STATIC"):
                return None
            light = _picture(self, "light")
            undo = darken(self)
            try:
                dark = _picture(self, "dark")
            finally:
                for set_back, value in reversed(undo):
                    set_back(value)
            return f'<div class="sertools-figure">{_STYLE}{light}{dark}</div>'

    return ThemedFigure


def _picture(figure: "Figure", name: str) -> str:
    """Give a figure as a picture in HTML, described by its headings."""
    file = io.BytesIO()
    look = {"facecolor": figure.get_facecolor(), "bbox_inches": "tight"}
    figure.savefig(file, format="png", dpi=figure.dpi, **look)
    data = base64.b64encode(file.getvalue()).decode()
    heads = [ax.get_title(loc="left") for ax in figure.axes]
    about = html.escape(". ".join(filter(None, heads)) or "Figure")
    return f'<img class="{name}" alt="{about}" src="data:image/png;base64,{data}">'


_COLOURS = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def darken(figure: "Figure") -> list:
    """Recolour a figure for a dark page; give what sets it back, in this order."""
    undo = []
    for artist in figure.findobj():
        if artist.get_gid() == ON_COLOUR or _is_mapped(artist):
            continue
        for name in _COLOURS:
            undo += _recoloured(artist, name)
        box = getattr(artist, "get_bbox_patch", lambda: None)()
        undo += [] if box is None else _recoloured(box, "facecolor")
        undo += _without_halo(artist)
    for ground in (figure.patch, *(ax.patch for ax in figure.axes)):
        undo.append((ground.set_facecolor, ground.get_facecolor()))
        ground.set_facecolor("none")
    return undo


def _is_mapped(artist: "Artist") -> bool:
    """Tell whether colours stand for values; these are the same on every page."""
    return getattr(artist, "get_array", lambda: None)() is not None


def _recoloured(artist: "Artist", name: str) -> list:
    from matplotlib.colors import to_rgba_array

    get = getattr(artist, f"get_{name}", None)
    if get is None or (name == "color" and hasattr(artist, "get_facecolor")):
        return []
    before = get()
    if isinstance(before, str) and before in ("none", "auto"):
        return []
    drawn = to_rgba_array(before)
    after = np.array([(*on_dark(*colour[:3]), colour[3]) for colour in drawn])
    if not len(drawn) or np.allclose(after, drawn):
        return []
    change = getattr(artist, f"set_{name}")
    change(after[0] if len(after) == 1 else after)
    return [(change, before)]


def _without_halo(artist: "Artist") -> list:
    """Take away strokes around letters: they are white, as paper is."""
    effects = artist.get_path_effects()
    if not effects:
        return []
    artist.set_path_effects([])
    return [(artist.set_path_effects, effects)]


def on_dark(red: float, green: float, blue: float) -> tuple[float, float, float]:
    """Give a colour's counterpart on dark pages: greys turn round, others lighten.

    Examples
    --------
    >>> [round(part, 2) for part in on_dark(1, 1, 1)]
    [0.07, 0.07, 0.07]
    """
    if max(red, green, blue) - min(red, green, blue) < 0.04:
        return (0.07 + 0.86 * (1 - red),) * 3
    brightness = 0.3 * red + 0.59 * green + 0.11 * blue
    share = max(_LEAST - brightness, 0) / (1 - brightness)
    return tuple(part + (1 - part) * share for part in (red, green, blue))
