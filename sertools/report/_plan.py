"""Plan runs from a grid or a YAML file; find every mistake before any starts."""

import difflib
import functools
import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import sertools
from sertools import fetching
from sertools.report._kernel import Limits
from sertools.report._notebooks import find, name_of, read
from sertools.report._parameters import (
    Mistake,
    Parameter,
    checked,
    invalid_values,
    parameters,
)

if TYPE_CHECKING:
    from nbformat import NotebookNode

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


_OUT = (
    "a report sets the parameter 'out' itself: say where reports go with --out "
    "(in Python: out=)"
)


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
    given, grid = dict(given or {}), dict(grid or {})
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
    ready = []
    for request in requests:
        if request.notebook not in notebooks:
            notebooks[request.notebook] = _opened(request.notebook, found)
        if (opened := notebooks[request.notebook]) is None:
            continue
        path, declared = opened
        values, mistaken = _fitted(declared, request.given)
        for mistake in mistaken:
            who = wrong.setdefault(mistake, [])
            who += [name_of(path)] if name_of(path) not in who else []
        ready.append((path, declared, values, request.limits))
    sound = {name_of(opened[0]) for opened in notebooks.values() if opened}
    found += [_told(mistake, who, sound) for mistake, who in wrong.items()]
    if found:
        raise PlanErrors(found)
    return _unique(ready)


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
        own = [parameter for parameter in declared if parameter.name != "out"]
        reads = inputs(name, values, digests)
        run, digest = run_name(name, source, values, own, reads)
        runs.setdefault(
            run,
            RunSpec(
                run,
                name,
                source,
                tuple(declared),
                values,
                digest,
                reads,
                limits,
                path,
            ),
        )
    return list(runs.values())


_OF_A_RUN = ("notebook", "parameters", "timeout", "memory")
_OF_A_PLAN = ("notebooks", "parameters", "grid", "runs", "out", "jobs")
_OF_A_PLAN += ("timeout", "memory")


@dataclass(frozen=True)
class Plan:
    """What a plan file asks for, checked.

    Parameters
    ----------
    runs : list of RunSpec
        Each run once.
    out : str or None
        Where reports go.
    jobs : int or None
        How many runs at once.
    """

    runs: list[RunSpec]
    out: str | None = None
    jobs: int | None = None


def read_plan(
    path: str | os.PathLike,
    given: dict | None = None,
    *,
    timeout: float | None = None,
    memory: float | None = None,
) -> Plan:
    """Read a plan and check it against the parameters of its notebooks.

    The keys are ``notebooks`` (names or paths), ``parameters`` (for all runs),
    ``grid`` (parameter to list of values, all combinations), ``runs`` (single
    runs, each with ``notebook``, ``parameters``, ``timeout``, ``memory``),
    ``out``, ``jobs``, ``timeout`` (seconds a run) and ``memory`` (megabytes a
    run). Paths are relative to the current folder.

    Parameters
    ----------
    path : path-like
        The file.
    given : dict, optional
        Parameters that go before those of the plan.
    timeout, memory : float, optional
        Limits that go before those of the plan.

    Returns
    -------
    Plan
        Nothing has started.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    PlanErrors
        If anything in it is wrong: a ValueError with one line each.
    """
    content, found = _content(path)
    shape, mistakes = _shaped(content)
    found += mistakes
    fixed = {**shape.get("parameters", {}), **(given or {})}
    grid = {k: v for k, v in shape.get("grid", {}).items() if k not in (given or {})}
    both = sorted(shape.get("parameters", {}).keys() & grid.keys())
    found += [f"{name} is both in parameters and in the grid" for name in both]
    limits = Limits(timeout or shape.get("timeout"), memory or shape.get("memory"))
    requests = [
        Request(notebook, {**fixed, **some}, limits)
        for notebook in shape.get("notebooks", [])
        for some in expand(grid)
    ]
    requests += [
        _single(run, fixed, given or {}, limits) for run in shape.get("runs", [])
    ]
    if not requests and not found:
        found.append("the plan names no notebook: add notebooks, or runs")
    runs = planned(requests, found)
    return Plan(runs, shape.get("out"), shape.get("jobs"))


def _single(run: dict, fixed: dict, given: dict, limits: Limits) -> Request:
    return Request(
        run["notebook"],
        {**fixed, **run.get("parameters", {}), **given},
        Limits(
            run.get("timeout") or limits.timeout, run.get("memory") or limits.memory
        ),
    )


def _content(path: str | os.PathLike) -> tuple[dict, list[str]]:
    """Read the file; keys that are there twice are mistakes."""
    import yaml

    text, twice = _text(Path(path)), []

    class Loader(yaml.SafeLoader):
        pass

    def mapping(loader, node):
        keys = [key.value for key, _ in node.value]
        for key in sorted({key for key in keys if keys.count(key) > 1}):
            twice.append(f"{key} is there twice (line {node.start_mark.line + 1} on)")
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        content = yaml.load(text, Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise PlanErrors([f"{path} is not YAML{where}: {problem}"]) from None
    if not isinstance(content, dict):
        raise PlanErrors([f"{path} is no plan: it should hold keys such as notebooks"])
    return content, twice


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no plan at {path}.") from None
    except UnicodeDecodeError:
        raise PlanErrors([f"{path} is not text in UTF-8, so no plan"]) from None
    except IsADirectoryError:
        raise PlanErrors([f"{path} is a folder, not a plan"]) from None


def _shaped(content: dict) -> tuple[dict, list[str]]:
    """Check the keys and their types; go on with what is right."""
    from pydantic import ValidationError

    model = _model()
    try:
        return model.model_validate(content).model_dump(exclude_none=True), []
    except ValidationError as error:
        faults = error.errors(include_url=False)
    mistakes = [_said(fault) for fault in faults]
    sound = _without(content, [fault["loc"] for fault in faults])
    try:
        return model.model_validate(sound).model_dump(exclude_none=True), mistakes
    except ValidationError:
        return {}, mistakes


def _without(content: dict, places: list[tuple]) -> dict:
    """Take out what is wrong: a value of the grid, a run, or a whole key."""
    sound = {k: v for k, v in content.items() if (k,) not in places}
    for key in {place[0] for place in places if len(place) > 1}:
        inside = {place[1] for place in places if place[0] == key and len(place) > 1}
        value = sound.get(key)
        if isinstance(value, dict):
            sound[key] = {k: v for k, v in value.items() if k not in inside}
        elif isinstance(value, list):
            sound[key] = [v for i, v in enumerate(value) if i not in inside]
        else:
            sound.pop(key, None)
    return sound


def _said(fault: dict) -> str:
    """Say a mistake of pydantic's in the words of this package."""
    *place, last = fault["loc"]
    if last == "[key]":
        name = fault["input"]
        return f"{_path(place[:-1])}: the name {name!r} is no text; put it in quotes"
    where = _path((*place, last))
    if fault["type"] == "extra_forbidden":
        known = list(_OF_A_RUN if place else _OF_A_PLAN)
        near = difflib.get_close_matches(str(last), known, n=1, cutoff=0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        inside = f" in {_path(place)}" if place else ""
        return f"there is no key {last!r}{inside}{hint}; known: {', '.join(known)}"
    if fault["type"] == "missing":
        return f"{where} is missing"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where} {message}, not {fault['input']!r}"


def _path(place) -> str:
    """Write where in the file something is; people count from one."""
    words = [f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in place]
    return "".join(words).removeprefix(".")


@functools.cache
def _model():
    """Make pydantic's model of a plan; importing pydantic takes a moment."""
    from typing import Annotated, Any

    from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

    one = Annotated[Any, AfterValidator(_single_value)]
    several = Annotated[list[one], AfterValidator(_some)]
    positive = Annotated[float, Field(gt=0, allow_inf_nan=False)] | None

    class Strict(BaseModel):
        model_config = ConfigDict(extra="forbid", strict=True)
        parameters: dict[str, one] = Field({})
        timeout: positive = None
        memory: positive = None

    class Run(Strict):
        notebook: str

    class PlanFile(Strict):
        notebooks: Annotated[list[str], BeforeValidator(_listed)] = Field([])
        grid: dict[str, several] = Field({})
        runs: list[Run] = Field([])
        out: str | None = None
        jobs: Annotated[int, Field(ge=1)] | None = None

    return PlanFile


def _single_value(value: object) -> object:
    if not isinstance(value, bool | int | float | str):
        raise ValueError("takes one value: text, a number, true or false")
    return value


def _some(values: list) -> list:
    if not values:
        raise ValueError("needs at least one value")
    return values


def _listed(value: object) -> object:
    """Take one name for a list of one."""
    return [value] if isinstance(value, str) else value
