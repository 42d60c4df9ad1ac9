"""What it takes to repeat a run, and under which licences it may be used."""

import os
import platform
import re
from collections.abc import Iterable, Mapping

__all__ = ["licences", "surroundings"]

_WORD = re.compile(r"[\w.-]+")


def surroundings(notebook_path: str | os.PathLike | None = None) -> dict:
    """Describe where a run takes place, as far as numbers may depend on it.

    Parameters
    ----------
    notebook_path : path-like, optional
        The file of the notebook.

    Returns
    -------
    dict
        ``notebook_path``, ``folder`` (what relative paths start from),
        ``platform``, ``processors``.

    Examples
    --------
    >>> surroundings()["folder"] == os.getcwd()
    True
    """
    return {
        "notebook_path": str(notebook_path) if notebook_path else None,
        "folder": os.getcwd(),
        "platform": platform.platform(terse=True) + f" {platform.machine()}",
        "processors": os.cpu_count(),
    }


def licences(run: Mapping, metrics: Mapping) -> list[str]:
    """List the licences of the corpora and systems of a run.

    Parameters
    ----------
    run, metrics : mapping
        Content of ``run.json`` and ``metrics.json``. Where a run came to no
        result, its notebook and parameters say what it was about.

    Returns
    -------
    list of str
        Such as ``"emodb: CC-BY-4.0"``; where commercial use is excluded, it
        says so.

    Examples
    --------
    >>> licences({"notebook": "opensmile", "parameters": {"dataset": "demo"}}, {})
    ['demo: CC0-1.0', 'opensmile: audEERING research licence: research and...']
    """
    found = _recorded(metrics)
    known = {line.partition(": ")[0].partition(":")[0] for line in found}
    texts = [value for value in (run.get("parameters") or {}).values()]
    words = {w for text in texts if isinstance(text, str) for w in _WORD.findall(text)}
    found += [
        line
        for name, line in _known({*words, run.get("notebook")})
        if name not in known
    ]
    return [_plainly(line) for line in found]


def _recorded(metrics: Mapping) -> list[str]:
    found = metrics.get("licenses") or []
    if isinstance(found, Mapping):
        return [f"{name}: {text}" for name, text in found.items()]
    return [str(line) for line in ([found] if isinstance(found, str) else found)]


def _known(words: Iterable[str | None]) -> list[tuple[str, str]]:
    """Give the licences of the corpora and systems among some words."""
    from sertools import datasets, models

    words = set(words)
    rooms = ((datasets.names(), datasets.card), (models.names(), models.card))
    return [
        (name, f"{name}: {card(name)['license']}")
        for names, card in rooms
        for name in sorted(words & set(names))
    ]


def _plainly(line: str) -> str:
    """Say that a corpus is not for commercial use, where its licence excludes it."""
    from sertools import datasets

    name = line.partition(": ")[0]
    if name not in datasets.names() or datasets.card(name)["commercial_use"]:
        return line
    return line if "commercial" in line.lower() else f"{line} (no commercial use)"
