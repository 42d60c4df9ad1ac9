"""The one gate before anything that can run code while loading.

A pickle is a program: reading it runs what it says. So do some files of torch
and Keras. None of them is read before a person has said ``trust=True``
(``--trust``), and what a refusal names was found without running any of it.
"""

import importlib

_NAMES = {
    "gate": "refusal",
    "load_head": "heads",
    "load_pickle": "pickles",
    "load_torch": "pickles",
    "save_head": "heads",
}

__all__ = list(_NAMES)


def __getattr__(name: str):
    if name in _NAMES:
        return getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
