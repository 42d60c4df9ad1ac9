"""Clips and a model become a table of features, one row a clip."""

import importlib

_NAMES = {
    "extract": "extraction",
    "score": "extraction",
    "standardize": "scaling",
    "standardize_by_speaker": "scaling",
    "telling": "ranking",
    "timeline": "recordings",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
