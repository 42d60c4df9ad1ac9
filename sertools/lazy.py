"""Packages that load what they hand on at first use (PEP 562)."""

import importlib
from collections.abc import Callable, Mapping

__all__ = ["attach"]


def attach(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable, Callable, list[str]]:
    """Make what a package needs to hand names on without loading anything yet.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    homes : mapping of str to str
        The module, below the package, in which each public name lives; a name
        that is its own home is that module.

    Returns
    -------
    tuple
        ``__getattr__``, ``__dir__`` and ``__all__``.

    Examples
    --------
    >>> get, listed, names = attach("sertools", {"lazy": "lazy", "canonical": "labels"})
    >>> get("canonical")("Fearful"), listed()
    ('fear', ['canonical', 'lazy'])
    """

    def get(name: str):
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = importlib.import_module(f"{package}.{homes[name]}")
        return module if name == homes[name] else getattr(module, name)

    return get, lambda: sorted(homes), list(homes)
