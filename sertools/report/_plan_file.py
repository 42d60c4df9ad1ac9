"""Read a plan: a YAML file of notebooks and a grid, every mistake in it at once."""

import difflib
import functools
import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sertools import trust
from sertools.evaluation._schema import field_path, said, shown
from sertools.report._kernel import Limits
from sertools.report._plan import (
    PlanErrors,
    Request,
    RunSpec,
    check_number,
    expand,
    planned,
)

_OF_A_RUN = ("notebook", "parameters", "timeout", "memory")
_OF_A_PLAN = ("notebooks", "parameters", "grid", "runs", "out", "jobs")
_OF_A_PLAN += ("timeout", "memory")
_LARGEST = 2**20  # bytes
_ALIASES = 8  # a few save typing; more than a few unfold to what nobody wrote


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
    named = shape.get("notebooks", [])
    check_number(len(named), grid, len(shape.get("runs", [])))
    limits = Limits(timeout or shape.get("timeout"), memory or shape.get("memory"))
    requests = [
        Request(notebook, {**fixed, **some}, limits)
        for notebook in named
        for some in expand(grid)
    ]
    for run in shape.get("runs", []):
        values = {**fixed, **run.get("parameters", {}), **(given or {})}
        own = (run.get(name) or getattr(limits, name) for name in ("timeout", "memory"))
        requests.append(Request(run["notebook"], values, Limits(*own)))
    if not requests and not found:
        found.append("the plan names no notebook: add notebooks, or runs")
    runs = planned(requests, found)
    return Plan(runs, shape.get("out"), shape.get("jobs"))


def _content(path: str | os.PathLike) -> tuple[dict, list[str]]:
    """Read the file; keys that are there twice are mistakes."""
    import yaml

    text, twice = _text(Path(path)), []
    try:
        content = yaml.load(text, _loader(twice))  # a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise PlanErrors([f"{path} is not YAML{where}: {problem}"]) from None
    except RecursionError:
        raise PlanErrors([f"{path} is nested too deeply for a plan"]) from None
    except Exception as error:  # a date of the 99th of May, a number of no digits
        raise PlanErrors([f"{path} is not YAML: {error}"]) from None
    if not isinstance(content, dict):
        raise PlanErrors([f"{path} is no plan: it should hold keys such as notebooks"])
    return content, twice


def _loader(twice: list[str]) -> type:
    """Make a loader of YAML that notes repeated keys, and bounds aliases."""
    import yaml

    class Loader(yaml.SafeLoader):
        aliases = 0

        def compose_node(self, parent, index):
            if self.check_event(yaml.AliasEvent):
                self.aliases += 1
                if self.aliases > _ALIASES:
                    told = f"more than {_ALIASES} aliases (*name): write them out"
                    mark = self.peek_event().start_mark
                    raise yaml.MarkedYAMLError(problem=told, problem_mark=mark)
            return super().compose_node(parent, index)

    def mapping(loader, node):
        keys = Counter(k.value for k, _ in node.value if isinstance(k.value, str))
        for key in sorted(key for key, number in keys.items() if number > 1):
            line = node.start_mark.line + 1
            twice.append(f"{shown(key)[1:-1]} is there twice (line {line} on)")
        return yaml.SafeLoader.construct_mapping(loader, node, deep=True)

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    return Loader


def _text(path: Path) -> str:
    try:
        return trust.read(path, _LARGEST).decode("utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"There is no plan at {path}.") from None
    except UnicodeDecodeError:
        raise PlanErrors([f"{path} is not text in UTF-8, so no plan"]) from None
    except IsADirectoryError:
        raise PlanErrors([f"{path} is a folder, not a plan"]) from None
    except ValueError as error:  # too large, or a pipe
        raise PlanErrors([str(error)]) from None


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
        name, where = shown(fault["input"]), field_path(place[:-1])
        return f"{where}: the name {name} is no text; put it in quotes"
    if fault["type"] == "extra_forbidden":
        known = list(_OF_A_RUN if place else _OF_A_PLAN)
        near = difflib.get_close_matches(str(last)[:60], known, n=1, cutoff=0.6)
        hint = f" (did you mean {near[0]}?)" if near else ""
        inside = f" in {field_path(place)}" if place else ""
        return f"there is no key {shown(last)}{inside}{hint}; known: {', '.join(known)}"
    return said(fault)


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
