"""Systems that hear a waveform: one file each; the folder is the registry."""

import importlib

_NAMES = {
    "Classifier": "base",
    "Embedder": "base",
    "Ensemble": "ensemble",
    "Fusion": "fusion",
    "card": "registry",
    "fetch": "registry",
    "heads": "heads",
    "load": "registry",
    "names": "registry",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        module = importlib.import_module(f"{__name__}.{_NAMES[name]}")
        return module if name == _NAMES[name] else getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
