"""Marks for groups of clips: a shape and a colour each, so that neither is alone."""

from collections.abc import Iterable

from sertools import labels
from sertools.plots import canvas

__all__ = ["ANSWERS", "UNKNOWN", "area", "marks"]

UNKNOWN = (".", "#8A8A8A")
"""The mark of clips of which nothing is known."""

ANSWERS = {"right": ("o", canvas.BLUE), "wrong": ("X", "#D55E00")}
"""The marks of clips that were answered rightly and wrongly."""

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


def marks(names: Iterable[str], emotions: bool) -> dict[str, tuple[str, str]]:
    """Give each group a matplotlib marker and a colour of its own.

    Parameters
    ----------
    names : iterable of str
        The groups.
    emotions : bool
        Whether they are emotions, which have theirs in `sertools.labels`.

    Returns
    -------
    dict of (str, str)
        Marker and hex colour by name; a hundred groups differ.

    Examples
    --------
    >>> marks(["female", "male"], emotions=False)
    {'female': ('o', '#0072B2'), 'male': ('s', '#D55E00')}
    """
    if emotions:
        return {name: (labels.marker(name), labels.colour(name)) for name in names}
    return {
        name: (
            _MARKERS[(i + i // len(_COLOURS)) % len(_MARKERS)],
            _COLOURS[i % len(_COLOURS)],
        )
        for i, name in enumerate(names)
    }


def area(marker: str) -> float:
    """Give the factor that makes a marker look as large as the others."""
    return _AREAS.get(marker, 1)
