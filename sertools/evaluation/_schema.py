"""Saved results are checked against their schema as they are read; faults are named."""

import functools
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

from sertools import trust
from sertools.evaluation.intervals import FIELDS

if TYPE_CHECKING:
    import pandas as pd
    from pydantic import BaseModel

_LARGEST = 2**26  # bytes of a JSON file: a corpus of which no clip can be used
_SHOWN = 60  # characters of a wrong value
_ROUNDING = 1e-9
_TOLD = ("clip", "emotion", "predicted")  # of every clip


def read_object(path: str | os.PathLike) -> dict:
    """Read a JSON object; a ValueError names the file and what is wrong with it."""
    try:
        text = trust.read(path, _LARGEST).decode("utf-8")
        if not text.strip():
            told = "empty: it was cut off, by a kill or a full disk for instance."
            raise ValueError(f"{path}: {told}")
        value = json.loads(text, parse_constant=_finite, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # half a letter is none
    except IsADirectoryError:
        raise ValueError(f"{path}: a folder, not a file of JSON.") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}: {error.msg}"
        raise ValueError(f"{path}: not JSON, {where}.") from None
    except UnicodeError:
        raise ValueError(f"{path}: not text in UTF-8, so not JSON.") from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deeply.") from None
    except ValueError as error:
        if str(error).startswith(str(path)):
            raise
        raise ValueError(f"{path}: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: not an object of JSON, {{...}}.")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is no number of JSON.")
    return value


def check(path: str | os.PathLike, value: dict, schema: "type[BaseModel]") -> dict:
    """Give the value as it is, or name the first field that does not fit."""
    from pydantic import ValidationError

    try:
        schema.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        more = f" ({len(faults) - 1} more)" if len(faults) > 1 else ""
        raise ValueError(f"{path}: {said(faults[0])}{more}.") from None
    return value


def said(fault: dict) -> str:
    """Say in a line which field is wrong, how, and what stands there."""
    where = field_path(fault["loc"])
    if fault["type"] == "missing":
        return f"{where} is missing"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{where} {message}, not {shown(fault['input'])}"


def shown(value: object) -> str:
    """Write a value that may be of any length."""
    text = value if isinstance(value, str) else repr(value)
    text = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return repr(text) if isinstance(value, str) else text


def field_path(place) -> str:
    """Write where in a file something is; people count from one."""
    words = [f"[{p + 1}]" if isinstance(p, int) else f".{p}" for p in place]
    return "".join(words).removeprefix(".")


def read_metrics(folder: Path) -> dict:
    """Read the `metrics.json` of a saved result, with all that a result needs."""
    path = folder / "metrics.json"
    return check(path, read_object(path), _schemas()[1])


def metrics_schema() -> "type[BaseModel]":
    """Give the schema of what is shown of a `metrics.json`, whoever wrote it."""
    return _schemas()[0]


@functools.cache
def _schemas() -> tuple:
    """Make pydantic's models; importing pydantic takes a moment."""
    from typing import Annotated, Any

    from pydantic import BaseModel, ConfigDict, Field

    share = Annotated[float, Field(ge=-_ROUNDING, le=1 + _ROUNDING)]
    count = Annotated[int, Field(ge=0)]

    class Loose(BaseModel):
        model_config = ConfigDict(extra="allow", strict=True)

    class Score(Loose):
        value: share | None = None
        low: share | None = None
        high: share | None = None

    class Excluded(Loose):
        clip: str
        reason: str

    class Recall(Loose):
        n_clips: count | None = None
        recall: share | None = None

    class Baseline(Loose):
        uar: Score | None = None

    class Metrics(Loose):
        schema_version: Annotated[int, Field(ge=1, le=1)] = 1
        dataset: str | None = None
        model: str | None = None
        head: str | None = None
        folds: str | None = None
        standardize: str | None = None
        seed: int | None = None
        n_clips: count | None = None
        n_speakers: count | None = None
        classes: list[str] = Field([])
        emotions: list[str] = Field([])
        uar: Score | share | None = None
        accuracy: Score | share | None = None
        macro_f1: Score | share | None = None
        chance: share | None = None
        baseline: Baseline | None = None
        per_class: dict[str, Recall] | None = None
        excluded: list[Excluded] = Field([])
        left_out: dict[str, count] = Field({})
        warnings: list[str] = Field([])
        licenses: list[str] | None = None
        leaking: bool | None = None
        synthetic: bool | None = None
        random_weights: bool | None = None
        more: dict[str, Any] = Field({})
        corpus_sha256: str | None = None
        weights_sha256: str | None = None

    class Whole(Metrics):
        excluded: list[Excluded]
        warnings: list[str]
        baseline: Baseline | None

    return Metrics, Whole


def read_predictions(path: Path) -> "pd.DataFrame":
    """Read a `predictions.parquet`; a ValueError names what is wrong with it."""
    import pandas as pd

    try:
        with trust.opened(path) as file:
            table = pd.read_parquet(file)
    except FileNotFoundError:
        raise
    except Exception as error:  # of pyarrow, which has many kinds
        first = (str(error).splitlines() or [type(error).__name__])[0]
        told = first.removeprefix(f"{path}: ").rstrip(".")
        raise ValueError(f"{path}: not a table of predictions: {told}.") from None
    if wrong := _wrong(table):
        raise ValueError(f"{path}: {wrong}.")
    return table


def _wrong(table: "pd.DataFrame") -> str:
    """Say what no table of predictions has."""
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if missing := [name for name in FIELDS if name not in table.columns]:
        return f"it has no column {missing[0]}"
    if not len(table):
        return "it has no row"
    for name in _TOLD:
        if not table[name].map(lambda value: isinstance(value, str)).all():
            return f"in the column {name} something is no text"
    for name in table.columns.difference(list(FIELDS)):
        kind = table[name].dtype
        if not is_numeric_dtype(kind) or is_bool_dtype(kind):
            return f"the column {shown(name)} holds no numbers"
        if np.isinf(table[name].to_numpy(float, na_value=np.nan)).any():
            return f"in the column {shown(name)} something is not finite"
    return ""
