"""How well a model recognises emotion in speakers it has not heard."""

import importlib

_NAMES = {
    "Comparison": "comparison",
    "Leakage": "overlap",
    "Result": "result",
    "compare": "comparison",
    "cross_validate": "validation",
    "folds": "folds",
    "from_predictions": "predictions",
    "intervals": "intervals",
    "leakage": "overlap",
    "load": "saving",
    "predict": "validation",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        module = importlib.import_module(f"{__name__}.{_NAMES[name]}")
        return module if name == _NAMES[name] else getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
