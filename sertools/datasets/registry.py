"""Find a corpus by its name: the folder of this file is the list."""

import difflib
import functools
import importlib
import os
import pkgutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sertools import fetching, labels
from sertools.card import Card
from sertools.datasets.base import Dataset

__all__ = ["cache", "card", "find", "get", "load", "names"]

_PLUMBING = {
    "auditing",
    "base",
    "glance",
    "inspection",
    "kaggle",
    "official",
    "piecemeal",
    "registry",
    "retrieval",
    "selection",
    "verdict",
    "votes",
    "walking",
}


@functools.cache
def _registry() -> dict[str, Dataset]:
    found = {}
    package = importlib.import_module("sertools.datasets")
    for entry in pkgutil.iter_modules(package.__path__):
        if entry.name in _PLUMBING:
            continue
        module = importlib.import_module(f"sertools.datasets.{entry.name}")
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                found[value.name] = value()
    return found


def names() -> list[str]:
    """List the corpora that can be loaded.

    Returns
    -------
    list of str
        Sorted names.

    Examples
    --------
    >>> "emodb" in names()
    True
    """
    return sorted(_registry())


def get(name: str) -> Dataset:
    """Get a corpus's facts by its name.

    Raises
    ------
    ValueError
        If there is no such corpus; the message lists them.
    """
    if name not in _registry():
        near = difflib.get_close_matches(str(name).lower(), names(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"Unknown dataset {name!r}.{hint} Known: {', '.join(names())}."
        )
    return _registry()[name]


def card(name: str) -> Card:
    """Give the facts about a corpus: size, classes, licence, reference.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Card
        A dict that shows itself as a table.

    Raises
    ------
    ValueError
        If there is no such corpus.

    Examples
    --------
    >>> card("emodb")["n_clips"]
    535
    """
    return get(name).card()


def find(name: str, root: str | os.PathLike | None = None) -> Path:
    """Find the folder of a corpus.

    Looked for in this order: `root`, ``$SERTOOLS_DATA/<name>``,
    ``data/<name>`` in the current folder, what travels with the package, the
    user cache.

    Parameters
    ----------
    name : str
        One of `names`.
    root : path-like, optional
        A folder that overrides the search; for ``folder`` also a table file.

    Returns
    -------
    Path
        The folder (or table) to load; it exists unless `root` was given.

    Raises
    ------
    FileNotFoundError
        If it is nowhere; the message is the command that fetches it.
    ValueError
        If there is no such corpus.
    """
    dataset = get(name)
    if root:
        return Path(root).expanduser()
    for place in _places(dataset):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{name}: not on this machine. {dataset.mend()}")


def _places(dataset: Dataset) -> list[Path]:
    places = [Path("data", dataset.name), *dataset.shipped(), cache(dataset.name)]
    if folder := os.environ.get("SERTOOLS_DATA"):
        places.insert(0, Path(folder).expanduser() / dataset.name)
    return places


def cache(name: str) -> Path:
    """Give the folder in the user cache that a corpus is fetched into."""
    return fetching.cache_folder() / "datasets" / name


def load(
    name: str,
    root: str | os.PathLike | None = None,
    merge: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Load a corpus's table of clips. No audio is read.

    Parameters
    ----------
    name : str
        One of `names`.
    root : path-like, optional
        Where it lies; see `find` for where it is looked for otherwise.
    merge : mapping, optional
        Emotions to fold, for example ``{"calm": "neutral"}``.

    Returns
    -------
    DataFrame
        Indexed by ``clip`` (``"emodb/03a01Fa"``), with the columns path,
        emotion, label, speaker, sex, text, intensity, dataset; unknown values
        are missing. ``attrs["excluded"]`` lists the files left out, each with
        its reason.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message is the command that fetches it.
    ValueError
        If the corpus or an emotion is unknown.

    Examples
    --------
    >>> clips = load("demo")
    >>> clips["dataset"].unique().tolist()
    ['demo']
    """
    clips = get(name).load(find(name, root))
    if merge:
        clips["emotion"] = labels.merged(clips["emotion"], merge)
    return clips
