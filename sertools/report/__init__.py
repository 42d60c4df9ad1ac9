"""Executed, self-contained reports from parameterised notebooks."""

import importlib

_HOMES = {
    "Closing": "closing",
    "Parameter": "declared",
    "check": "declared",
    "notebooks": "finding",
    "parameters": "declared",
    "record": "closing",
    "run": "running",
    "write_index": "index",
}

__all__ = list(_HOMES)


def __getattr__(name: str):
    if name in _HOMES:
        home = importlib.import_module(f"{__name__}.{_HOMES[name]}")
        return getattr(home, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
