"""Corpora: one file of facts each; the folder is the registry."""

import importlib

_NAMES = {
    "Archive": "base",
    "Audit": "verdict",
    "Dataset": "base",
    "audit": "auditing",
    "card": "registry",
    "fetch": "retrieval",
    "find": "registry",
    "get": "registry",
    "load": "registry",
    "names": "registry",
    "select": "selection",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
