"""The files of a run are checked against their schema as they are read."""

import datetime
import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.evaluation._schema import check, metrics_schema, read_object

if TYPE_CHECKING:
    from pydantic import BaseModel

_YEARS = range(1971, 9999)  # of a start, in which every system can count


def read_run_file(path: str | os.PathLike) -> dict:
    """Read `run.json` or `metrics.json`; name the field that is wrong, if one is."""
    value, name = read_object(path), Path(path).name
    if name == "run.json":
        return check(path, value, _schemas()[0])
    return check(path, value, metrics_schema()) if name == "metrics.json" else value


def read_json(path: str | os.PathLike) -> dict | None:
    """Read `run.json` or `metrics.json`; None where it is missing or damaged."""
    try:
        return read_run_file(path)
    except (OSError, ValueError):
        return None


def read_if_there(path: str | os.PathLike) -> tuple[dict, str]:
    """Read it likewise; an empty one where there is none, and what is wrong with it."""
    try:
        return read_run_file(path), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        return {}, str(error)


def is_sound(line: Mapping) -> bool:
    """Say whether a line of the history has all that is drawn from it."""
    try:
        check("history", line, _schemas()[1])
    except ValueError:
        return False
    return True


@functools.cache
def _schemas() -> "tuple[type[BaseModel], type[BaseModel]]":
    """Make pydantic's models; importing pydantic takes a moment."""
    from typing import Annotated, Any, Literal

    from pydantic import AfterValidator, BaseModel, ConfigDict, Field

    moment = Annotated[str, AfterValidator(_moment)]
    amount = Annotated[float, Field(ge=0, le=1e12)]
    positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

    class Loose(BaseModel):
        model_config = ConfigDict(extra="allow", strict=True)

    class Cell(Loose):
        index: Annotated[int, Field(ge=0)] | None = None
        tag: str | None = None
        line: str = ""

    class Error(Loose):
        cell: Cell | None = None
        name: str
        message: str

    class Limits(Loose):
        timeout: positive | None = None
        memory: positive | None = None

    class Ran(Loose):
        schema_version: Annotated[int, Field(ge=1, le=1)] = 1
        notebook: str | None = None
        parameters: dict[str, Any] = Field({})
        seconds: amount | None = None
        error: Error | None = None
        source_sha256: str | None = None
        git_commit: str | None = None
        git_dirty: bool | None = None
        packages: dict[str, str] | None = None
        platform: str | None = None
        corpus_sha256: str | None = None
        weights_sha256: str | None = None

    class Run(Ran):
        status: Literal["running", "ok", "failed"]
        run: str | None = None
        started: moment | None = None
        notebook_path: str | None = None
        folder: str | None = None
        peak_rss_mb: amount | None = None
        limits: Limits | None = None
        inputs: dict[str, str] | None = None

    class Line(Ran):
        status: Literal["ok", "failed"]
        run: str
        started: moment
        parameters: dict[str, Any] | None = None
        metrics: metrics_schema() | None = None

    return Run, Line


def _moment(text: str) -> str:
    try:
        known = datetime.datetime.fromisoformat(text).year in _YEARS
    except ValueError:
        known = False
    if not known:
        raise ValueError("should be a moment such as 2026-01-31T02:00:00+00:00")
    return text
