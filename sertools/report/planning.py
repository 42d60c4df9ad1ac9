"""Work out which runs are asked for, and every mistake in that, before any starts."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .declared import Parameter, checked, parameters
from .execution import Limits
from .finding import find, name_of, read
from .identity import inputs, run_name
from .meaning import misunderstood

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["Mistakes", "Planned", "Request", "expand", "plan", "planned"]

_OUT = (
    "a report sets the parameter 'out' itself: say where reports go with --out "
    "(in Python: out=)"
)


class Mistakes(ValueError):
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
    """One notebook with parameters, as somebody asks for it.

    Parameters
    ----------
    notebook : str or Path
        Name or path.
    given : mapping of str to value
        Parameters to set; text is read as the declared type.
    limits : Limits
        What the run may take.
    """

    notebook: str | Path
    given: Mapping[str, object] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Planned:
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
    """List every combination of the values of a grid.

    Parameters
    ----------
    grid : mapping of str to sequence
        Parameter to values.

    Returns
    -------
    list of dict
        Parameter to value; the last parameter changes fastest. An empty grid has
        one combination, an empty one.

    Examples
    --------
    >>> expand({"head": ["svm", "logistic"], "seed": [1]})
    [{'head': 'svm', 'seed': 1}, {'head': 'logistic', 'seed': 1}]
    """
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
) -> list[Planned]:
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
    list of Planned
        For `run_all`; the same run asked for twice is there once.

    Raises
    ------
    Mistakes
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


def planned(requests: Iterable[Request], mistakes: Iterable[str] = ()) -> list[Planned]:
    """Check what is asked for, all of it, and plan the runs.

    Parameters
    ----------
    requests : iterable of Request
        What is asked for.
    mistakes : iterable of str, optional
        What is known to be wrong already.

    Returns
    -------
    list of Planned
        In the order asked for; the same run is there once.

    Raises
    ------
    Mistakes
        If there are any.
    """
    requests, found = list(requests), list(mistakes)
    notebooks: dict = {}
    wrong: dict[str, list[str]] = {}  # what is wrong: in which notebooks
    ready = []
    for request in requests:
        if request.notebook not in notebooks:
            notebooks[request.notebook] = _opened(request.notebook, found)
        if (opened := notebooks[request.notebook]) is None:
            continue
        path, declared = opened
        values, mistaken = _fitted(declared, request.given)
        for line in mistaken:
            who = wrong.setdefault(line, [])
            who += [name_of(path)] if name_of(path) not in who else []
        ready.append((path, declared, values, request.limits))
    sound = {name_of(opened[0]) for opened in notebooks.values() if opened}
    found += [_told(line, who, sound) for line, who in wrong.items()]
    if found:
        raise Mistakes(found)
    return _unique(ready)


def _opened(notebook, found: list[str]) -> tuple[Path, list[Parameter]] | None:
    """Find a notebook and what it declares, or add to what is wrong."""
    try:
        path = find(notebook)
        return path, parameters(path)
    except (ValueError, OSError) as error:
        found.append(str(error))
        return None


def _fitted(declared: list[Parameter], given: Mapping) -> tuple[dict, list[str]]:
    own = [parameter for parameter in declared if parameter.name != "out"]
    first = []
    if "out" in given:
        first = [_OUT]
        given = {name: value for name, value in given.items() if name != "out"}
    values, mistakes = checked(own, given)
    mistyped = {line.partition(" takes ")[0] for line in mistakes}
    sound = {k: v for k, v in values.items() if k in given and k not in mistyped}
    return values, [*first, *mistakes, *misunderstood(sound, values, own)]


def _told(line: str, who: list[str], all_of_them: set[str]) -> str:
    """Say in which notebooks something is wrong, unless it is so in all."""
    others = sorted(all_of_them - set(who))
    if not others or "there is no parameter" not in line:
        return f"{', '.join(who)}: {line}" if others else line
    return (
        f"{', '.join(who)}: {line}; leave it out, or run "
        f"{', '.join(others)} by {'themselves' if len(others) > 1 else 'itself'}"
    )


def _unique(ready: Iterable[tuple]) -> list[Planned]:
    """Plan each run once, and read each notebook and corpus once."""
    sources: dict = {}
    digests: dict = {}
    runs: dict[str, Planned] = {}
    for path, declared, values, limits in ready:
        if path not in sources:
            sources[path] = read(path)
        source, name = sources[path], name_of(path)
        own = [parameter for parameter in declared if parameter.name != "out"]
        reads = inputs(name, values, digests)
        run, digest = run_name(name, source, values, own, reads)
        runs.setdefault(
            run,
            Planned(
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
