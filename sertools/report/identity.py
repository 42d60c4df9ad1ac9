"""What identifies a run: the notebook, its parameters, and what it reads."""

import functools
import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import sertools
from sertools import fetching

from .declared import Parameter

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["inputs", "run_name"]

_TELLING = ("dataset", "head")  # always in a run's name
_PLACES = ("root", "weights")  # never: they say where, not what
_LONGEST = 60
_WORD = re.compile(r"[\w.-]+")


def run_name(
    notebook: str,
    source: "NotebookNode",
    values: Mapping[str, object],
    declared: Iterable[Parameter] = (),
    read: Mapping[str, str] | None = None,
) -> tuple[str, str]:
    """Name a run by what identifies it.

    Parameters
    ----------
    notebook : str
        Name of the notebook.
    source : NotebookNode
        The notebook; its outputs don't matter.
    values : mapping of str to value
        Every parameter.
    declared : iterable of Parameter, optional
        With their defaults, so that the name tells what was changed.
    read : mapping of str to str, optional
        What the run reads, as `inputs` gives it.

    Returns
    -------
    name : str
        A readable part, and a short hash of the notebook's source, its
        parameters, corpora and weights, and the version of sertools: its
        number, and its code as it lies here.
    digest : str
        Hash of the source alone (sha256, hex).
    """
    cells = [[cell.cell_type, cell.source] for cell in source.cells]
    digest = hashlib.sha256(json.dumps(cells).encode()).hexdigest()
    version = [sertools.__version__, _code()]
    identity = [digest, sorted(values.items()), version, sorted((read or {}).items())]
    short = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]
    defaults = {parameter.name: parameter.default for parameter in declared}
    words = [notebook]
    for key, value in values.items():
        changed = value != defaults.get(key)
        if key in _TELLING or (changed and key not in _PLACES):
            words.append(value if isinstance(value, str) else f"{key}-{value}")
    slug = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower())[:_LONGEST]
    return f"{slug.strip('-')}-{short}", digest


@functools.cache
def _code() -> str:
    """Sum up sertools' own source, so that a changed line makes runs new."""
    total, house = hashlib.sha256(), Path(sertools.__file__).parent
    for file in sorted(house.rglob("*.py")):
        total.update(f"{file.relative_to(house)}\0".encode() + file.read_bytes())
    return total.hexdigest()


def inputs(
    notebook: str, values: Mapping[str, object], known: dict | None = None
) -> dict[str, str]:
    """Give the digests of the corpora and weights that a run will read.

    They are found by the parameters: a word that names a corpus (its files are
    under the parameter ``root`` or where corpora are looked for), the parameter
    ``weights``, and weights on this machine of the systems that the notebook or
    a parameter names. What isn't there counts as nothing: the run itself will
    complain.

    Parameters
    ----------
    notebook : str
        Name of the notebook.
    values : mapping of str to value
        Every parameter.
    known : dict, optional
        Keeps the digests, so that a corpus that many runs read is read once.

    Returns
    -------
    dict of str to str
        What it is (``"corpus emodb"``, ``"weights yamnet"``) to its sha256.
    """
    from sertools import datasets
    from sertools.models.weights import digest

    text = {name: value for name, value in values.items() if isinstance(value, str)}
    words = {word for value in text.values() for word in _WORD.findall(value)}
    root, weights = text.get("root", ""), text.get("weights", "")
    sought = [
        (f"corpus {name}", _corpus, (name, root))
        for name in sorted(words & set(datasets.names()))
    ]
    if weights and os.path.exists(place := os.path.expanduser(weights)):
        sought.append(("weights", digest, (Path(place),)))
    elif not weights:
        for system in sorted({notebook, *words}):
            for part, place in _weights_of(system, words):
                sought.append((f"weights {part}", digest, (place,)))
    known = {} if known is None else known
    for _, sum_up, place in sought:
        if place not in known:
            known[place] = sum_up(*place)
    return {name: known[place] for name, _, place in sought if known[place]}


def _corpus(name: str, root: str) -> str | None:
    """Sum up a corpus: every clip with what its table says and its audio."""
    from sertools import datasets

    try:
        clips = datasets.load(name, root=root or None)
    except (OSError, ValueError):
        return None
    total = hashlib.sha256()
    columns = [c for c in ("emotion", "speaker") if c in clips]
    with ThreadPoolExecutor() as threads:
        audio = threads.map(_sha256, clips["path"])
        about = clips[columns].fillna("").astype(str).itertuples(name=None)
        for row, of_audio in zip(about, audio, strict=True):
            total.update("\t".join([*row, of_audio, "\n"]).encode())
    for item in clips.attrs.get("excluded", []):
        total.update(f"{item['clip']}\t{item['reason']}\n".encode())
    return total.hexdigest()


def _sha256(path: str) -> str:
    try:
        return fetching.sha256(path)
    except OSError:
        return "unreadable"


def _weights_of(system: str, words: Iterable[str]) -> list[tuple[str, Path]]:
    """Find weights of a system that lie here: its variants that are named, or all."""
    chosen = os.environ.get("SERTOOLS_WEIGHTS")
    places = [Path(chosen).expanduser()] if chosen else []
    for place in [*places, fetching.cache_folder() / "weights"]:
        folder = place / system
        if not system.strip(".") or not folder.exists():
            continue
        named = sorted(word for word in words if (folder / word).exists())
        named = [word for word in named if word.strip(".")]
        parts = [(f"{system}/{word}", folder / word) for word in named]
        return parts or [(system, folder)]
    return []
