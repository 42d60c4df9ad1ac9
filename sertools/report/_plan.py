"""Plan runs from a grid or a YAML file; find every mistake before any starts."""

import functools
import hashlib
import itertools
import json
import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import sertools
from sertools import fetching
from sertools.metadata import ClipsMetadata
from sertools.report._kernel import Limits
from sertools.report._notebooks import find, name_of, read
from sertools.report._ours import is_ours
from sertools.report._parameters import (
    Mistake,
    Parameter,
    checked,
    invalid_values,
    parameters,
)
from sertools.report._presence import NAMING, absent

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TELLING = ("dataset", "head")  # always in a run's name
_PLACES = ("root", "weights")  # never: they say where, not what
_LONGEST = 60
_MOST = 10_000  # runs of a plan
_WORD = re.compile(r"[\w.-]+")
_OUT = (
    "a report sets the parameter 'out' itself: say where reports go with --out "
    "(in Python: out=)"
)


def run_name(
    notebook: str,
    source: "NotebookNode",
    values: Mapping[str, object],
    declared: Iterable[Parameter] = (),
    read: Mapping[str, str] | None = None,
) -> tuple[str, str]:
    """Name a run: readable words and a short hash of all it depends on.

    The digest of the notebook's source alone comes along.
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
    """Give the digests of the corpora and weights that a run's parameters name.

    `known` keeps them: what many runs read is read once. What isn't there is left out.
    """
    from sertools import datasets
    from sertools.models._weights import digest

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
    for item in ClipsMetadata.of(clips).excluded:
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


class PlanErrors(ValueError):
    """All that is wrong with what was asked for.

    Parameters
    ----------
    found : sequence of str
        One line a mistake.
    """

    def __init__(self, found: Sequence[str]):
        self.found = tuple(dict.fromkeys(found))
        lines = (f"{line}." if line[-1] not in ".?)" else line for line in self.found)
        super().__init__("\n".join(lines))


@dataclass(frozen=True)
class Request:
    """One notebook with parameters, as somebody asks for it."""

    notebook: str | Path
    given: Mapping[str, object] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class RunSpec:
    """One run, checked and ready to start.

    Parameters
    ----------
    name : str
        Of its folder.
    notebook : str
        Name of the notebook.
    source : NotebookNode
        The notebook.
    declared : tuple of Parameter
        What it declares.
    values : dict
        Every parameter but ``out``, with its value.
    source_sha256 : str
        Digest of the source.
    inputs : dict of str to str
        Digests of the corpora and weights it will read.
    limits : Limits
        What it may take.
    path : Path, optional
        The file of the notebook.
    """

    name: str
    notebook: str
    source: "NotebookNode" = field(repr=False)
    declared: tuple[Parameter, ...] = field(repr=False)
    values: dict
    source_sha256: str
    inputs: dict
    limits: Limits = field(default_factory=Limits)
    path: Path | None = None

    @property
    def settings(self) -> dict:
        """What differs from the notebook's own values."""
        default = {parameter.name: parameter.default for parameter in self.declared}
        return {k: value for k, value in self.values.items() if value != default[k]}

    @property
    def saves(self) -> bool:
        """Whether the notebook can be told where to save its result."""
        return any(parameter.name == "out" for parameter in self.declared)


def expand(grid: Mapping[str, Sequence[object]]) -> list[dict[str, object]]:
    """List every combination of the values of a grid; the last changes fastest."""
    return [
        dict(zip(grid, combination, strict=True))
        for combination in itertools.product(*grid.values())
    ]


def check_number(notebooks: int, grid: Mapping[str, Sequence], more: int = 0) -> None:
    """Refuse a grid of more runs than anybody means, before it is written out."""
    number = notebooks * math.prod(len(values) for values in grid.values()) + more
    if number > _MOST:
        told = f"that would be {number:,} runs, where a plan may have {_MOST:,}"
        raise PlanErrors([f"{told}: take values out of the grid"])


def plan(
    notebooks: Iterable[str | Path],
    given: Mapping[str, object] | None = None,
    grid: Mapping[str, Sequence[object]] | None = None,
    *,
    timeout: float | None = None,
    memory: float | None = None,
) -> list[RunSpec]:
    """Plan the runs of notebooks over a grid of parameters.

    Parameters
    ----------
    notebooks : iterable of str or Path
        Names or paths.
    given : mapping of str to value, optional
        Parameters that are the same in every run.
    grid : mapping of str to sequence, optional
        Parameters to try with several values, in all combinations.
    timeout : float, optional
        Seconds that each run may take.
    memory : float, optional
        Megabytes that each run may hold.

    Returns
    -------
    list of RunSpec
        For `run_all`; the same run asked for twice is there once.

    Raises
    ------
    PlanErrors
        If anything does not fit a notebook: a ValueError with one line each.

    Examples
    --------
    >>> runs = plan(["opensmile"], grid={"head": ["svm", "logistic"]})
    >>> [run.values["head"] for run in runs]
    ['svm', 'logistic']
    """
    given, grid, notebooks = dict(given or {}), dict(grid or {}), list(notebooks)
    check_number(len(notebooks), grid)
    both = sorted(given.keys() & grid.keys())
    mistakes = [f"{name} is both fixed and in the grid" for name in both]
    mistakes += [f"the grid gives {name} no value" for name in grid if not grid[name]]
    requests = [
        Request(notebook, {**given, **some}, Limits(timeout, memory))
        for notebook in notebooks
        for some in expand({name: values or [""] for name, values in grid.items()})
    ]
    return planned(requests, mistakes)


def planned(requests: Iterable[Request], mistakes: Iterable[str] = ()) -> list[RunSpec]:
    """Check what is asked for, all of it, and plan each run once."""
    requests, found = list(requests), list(mistakes)
    notebooks: dict = {}
    wrong: dict[Mistake, list[str]] = {}  # what is wrong: in which notebooks
    ready, lacking = [], _Lacking()
    for request in requests:
        if request.notebook not in notebooks:
            notebooks[request.notebook] = _opened(request.notebook, found)
        if (opened := notebooks[request.notebook]) is None:
            continue
        path, declared = opened
        values, mistaken = _fitted(declared, request.given)
        if not mistaken:
            found += lacking(path, values)
        for mistake in mistaken:
            who = wrong.setdefault(mistake, [])
            who += [name_of(path)] if name_of(path) not in who else []
        ready.append((path, declared, values, request.limits))
    sound = {name_of(opened[0]) for opened in notebooks.values() if opened}
    found += [_told(mistake, who, sound) for mistake, who in wrong.items()]
    if found:
        raise PlanErrors(found)
    return _unique(ready)


class _Lacking:
    """Find what is not here, each corpus and system once for all runs."""

    def __init__(self):
        self._ours: dict[Path, bool] = {}
        self._found: dict[tuple, list[str]] = {}

    def __call__(self, path: Path, values: Mapping) -> list[str]:
        if path not in self._ours:
            self._ours[path] = is_ours(read(path))
        places = tuple((name, values[name]) for name in NAMING if name in values)
        key = (path, places)
        if key not in self._found:
            about = (name_of(path), dict(places), self._ours[path])
            self._found[key] = absent(*about)
        return self._found[key]


def _opened(notebook, found: list[str]) -> tuple[Path, list[Parameter]] | None:
    """Find a notebook and what it declares, or add to what is wrong."""
    try:
        path = find(notebook)
        return path, parameters(path)
    except (ValueError, OSError) as error:
        found.append(str(error))
        return None


def _fitted(declared: list[Parameter], given: Mapping) -> tuple[dict, list[Mistake]]:
    own = [parameter for parameter in declared if parameter.name != "out"]
    first = [Mistake("out", _OUT)] * ("out" in given)
    given = {name: value for name, value in given.items() if name != "out"}
    values, mistakes = checked(own, given)
    wrong = {mistake.parameter for mistake in mistakes}
    sound = {k: v for k, v in values.items() if k in given and k not in wrong}
    return values, [*first, *mistakes, *invalid_values(sound, values, own)]


def _told(mistake: Mistake, who: list[str], all_of_them: set[str]) -> str:
    """Say in which notebooks something is wrong, unless it is so in all."""
    others = sorted(all_of_them - set(who))
    if not others or not mistake.unknown:
        return f"{', '.join(who)}: {mistake.text}" if others else mistake.text
    return (
        f"{', '.join(who)}: {mistake.text}; leave it out, or run "
        f"{', '.join(others)} by {'themselves' if len(others) > 1 else 'itself'}"
    )


def _unique(ready: Iterable[tuple]) -> list[RunSpec]:
    """Plan each run once, and read each notebook and corpus once."""
    sources: dict = {}
    digests: dict = {}
    runs: dict[str, RunSpec] = {}
    for path, declared, values, limits in ready:
        if path not in sources:
            sources[path] = read(path)
        source, name = sources[path], name_of(path)
        reads = inputs(name, values, digests)
        run, digest = run_name(name, source, values, declared, reads)
        about = (tuple(declared), values, digest, reads, limits, path)
        runs.setdefault(run, RunSpec(run, name, source, *about))
    return list(runs.values())
