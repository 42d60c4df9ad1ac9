"""Train a head, or a system that trains whole, and save it with its honest score."""

import importlib

_NAMES = {"check_out": "places", "facts": "places", "train": "making"}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
