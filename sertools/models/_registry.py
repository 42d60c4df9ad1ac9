"""Registry of systems: the folder of this file is the list."""

import difflib
import importlib
import inspect
import os
import pkgutil
from pathlib import Path

from sertools.display import Card
from sertools.models.base import Model

_NOT_SYSTEMS = {"base", "ensemble", "fusion"}
_SYSTEMS: dict[str, type[Model]] = {}


def _system(name: str) -> type[Model]:
    """Import one system's file, and give the class that bears its name."""
    if name not in _SYSTEMS:
        module = importlib.import_module(f"sertools.models.{name}")
        _SYSTEMS[name] = next(
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Model)
            and getattr(value, "name", None) == name
        )
    return _SYSTEMS[name]


def names() -> list[str]:
    """List the systems that can be loaded.

    Returns
    -------
    list of str
        Sorted names, without variants.

    Examples
    --------
    >>> "opensmile" in names()
    True
    """
    package = importlib.import_module("sertools.models")
    files = {
        entry.name
        for entry in pkgutil.iter_modules(package.__path__)
        if not entry.ispkg and not entry.name.startswith("_")
    }
    return sorted(files - _NOT_SYSTEMS)


def card(name: str) -> Card:
    """Give the facts about a system: rate, variants, licence, reference.

    Parameters
    ----------
    name : str
        One of `names`; a variant after a colon is allowed.

    Returns
    -------
    Card
        A dict that shows itself as a table.

    Raises
    ------
    ValueError
        If there is no such system.

    Examples
    --------
    >>> card("opensmile")["sampling_rate"]
    16000
    """
    return load(name).card()


def fetch(spec: str, progress: bool = True) -> Path:
    """Download a system's weights into the user cache.

    Parameters
    ----------
    spec : str
        ``"system"`` or ``"system:variant"``.
    progress : bool, default True
        Show size, speed and time left on standard error.

    Returns
    -------
    Path
        The file or folder. One that is already there is left as it is.

    Raises
    ------
    ValueError
        If there is no such system, or nothing to download for it.
    ConnectionError, OSError
        If the download fails; a second call resumes it.

    Examples
    --------
    >>> fetch("mfcc")
    Traceback (most recent call last):
    ValueError: mfcc has no weights: nothing to download.
    """
    model = load(spec)
    if not model.has_weights:
        raise ValueError(f"{spec} has no weights: nothing to download.")
    return model.fetch(progress)


def load(
    spec: str,
    weights: str | os.PathLike | None = None,
    device: str = "auto",
    trust: bool = False,
    **options,
) -> Model:
    """Make a system by name. Its weights are read at first use.

    Parameters
    ----------
    spec : str
        ``"system"``, ``"system:variant"``, or several embedders side by side:
        ``"opensmile+mfcc"``.
    weights : path-like, optional
        File or folder of parameters; for one system, not for several.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    trust : bool, default False
        Allow weights that can run code while loading.
    **options
        Further parameters of the system, such as ``layers=`` and ``padding=`` of
        ``"whisper"``.

    Returns
    -------
    Embedder or Classifier
        The system.

    Raises
    ------
    ValueError
        If the system or the variant is unknown; the message lists what is. If
        weights or options are given for several systems, or an option is unknown
        or said twice.

    Examples
    --------
    >>> load("opensmile:ComParE_2016").spec
    'opensmile:ComParE_2016'
    >>> load("whisper:base", layers="all", padding=False).spec
    'whisper:base:layers:clip'
    """
    if "+" in spec:
        from sertools.models.fusion import Fusion

        if weights:
            raise ValueError(f"weights belong to one system; {spec} is several.")
        if options:
            raise ValueError(
                f"{min(options)}= belongs to one system; {spec} is several."
            )
        return Fusion([load(part, None, device, trust) for part in spec.split("+")])
    name, _, variant = spec.strip().partition(":")
    if name not in names():
        near = difflib.get_close_matches(name.lower(), names(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"Unknown model {name!r}.{hint} Known: {', '.join(names())}.")
    system = _system(name)
    said = system.read_variant(variant)
    known = inspect.signature(system).parameters
    for option in options:
        if option not in known:
            given = f"{name} has no parameter {option!r}"
            raise ValueError(f"{given}. Parameters: {', '.join(known)}.")
        if option in said:
            raise ValueError(f"{spec} says {option} already: leave {option}= out.")
    how = {"weights": weights, "device": device, "trust": trust}
    model = system(**said, **how, **options)
    _ = model.spec  # an unknown variant is refused here, not at first use
    if weights and not model.has_weights:
        raise ValueError(f"{name} has no weights: leave weights= (--weights) out.")
    return model
