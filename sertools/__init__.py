"""Speech emotion recognition in notebooks, honest by default."""

import importlib

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
    "widgets",
)

__all__ = [*_ROOMS, "__version__"]


def __getattr__(name: str):
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
