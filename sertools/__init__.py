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
    "training",
    "trust",
    "widgets",
)

__all__ = ["ExternalModelAdapter", *_ROOMS, "__version__"]


def __getattr__(name: str):
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "ExternalModelAdapter":
        return importlib.import_module(f"{__name__}.adapter").ExternalModelAdapter
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
