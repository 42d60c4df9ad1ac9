"""Speech emotion recognition in notebooks, honest by default."""

from sertools.lazy import attach

__version__ = "0.1.0"

_ROOMS = (
    "audio",
    "datasets",
    "evaluation",
    "extras",
    "features",
    "fetching",
    "labels",
    "models",
    "plots",
    "report",
    "store",
    "training",
    "trust",
    "widgets",
)

_HOMES = {"ExternalModelAdapter": "adapter", **{room: room for room in _ROOMS}}

__getattr__, __dir__, __all__ = attach(__name__, _HOMES)
