"""Write a result to a folder, and read it back."""

import json
import os
from pathlib import Path

import pandas as pd

from sertools import atomic
from sertools.evaluation.result import INFO, Result

__all__ = ["load", "save"]

_PROVENANCE = ("corpus_sha256", "weights_sha256", "licenses")


def save(result: Result, folder: str | os.PathLike) -> Path:
    """Write ``metrics.json`` and ``predictions.parquet``; see `Result.save`."""
    folder = Path(folder)
    with atomic.replacing(folder / "predictions.parquet") as draft:
        result.predictions.to_parquet(draft, index=False)
        atomic.write_json(folder / "metrics.json", result.metrics())
    return folder


def load(folder: str | os.PathLike) -> Result:
    """Read a result that was saved.

    Parameters
    ----------
    folder : path-like
        With ``metrics.json`` and ``predictions.parquet`` in it.

    Returns
    -------
    Result
        As it was.

    Raises
    ------
    FileNotFoundError
        If one of the files is not there.
    """
    folder = Path(folder)
    for name in ("metrics.json", "predictions.parquet"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder}: no {name}, so no saved result.")
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    info = {key: metrics.get(key) for key in INFO}
    return Result(
        pd.read_parquet(folder / "predictions.parquet"),
        info={**info, **metrics.get("more", {})},
        excluded=metrics["excluded"],
        left_out=metrics.get("left_out", {}),
        warnings=metrics["warnings"],
        baseline=metrics["baseline"],
        provenance={key: metrics.get(key) for key in _PROVENANCE},
    )
