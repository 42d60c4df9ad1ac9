"""Write a result to a folder, and read it back."""

import json
import os
from pathlib import Path

import pandas as pd

from sertools import atomic
from sertools.evaluation.calibration import proper
from sertools.evaluation.result import INFO, Result

__all__ = ["load", "metrics", "save"]

_KEYS = INFO[:6]
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


def metrics(result: Result) -> dict:
    """Give everything that ``metrics.json`` holds; see `Result.metrics`."""
    info = result.info
    return {
        "schema_version": 1,
        **{key: info.get(key) for key in _KEYS},
        "n_clips": len(result.predictions),
        "n_speakers": result.n_speakers,
        "classes": result.classes,
        "emotions": result.emotions,
        **result.scores(),
        **_losses(result),
        "chance": result.chance,
        "baseline": result.baseline,
        "per_class": {
            name: {key: None if pd.isna(value) else value for key, value in row.items()}
            for name, row in result.per_class().to_dict("index").items()
        },
        "per_speaker": _per_speaker(result),
        "confusion": {
            "rows": result.emotions,
            "columns": result.classes,
            "counts": result.confusion().to_numpy().tolist(),
        },
        "excluded": result.excluded,
        "left_out": result.left_out,
        "warnings": result.warnings,
        "leaking": info.get("leaking"),
        "synthetic": bool(info.get("synthetic")),
        "random_weights": bool(info.get("random_weights")),
        "more": {key: value for key, value in info.items() if key not in INFO},
        "corpus_sha256": result.provenance.get("corpus_sha256"),
        "weights_sha256": result.provenance.get("weights_sha256"),
        "licenses": result.provenance.get("licenses", []),
    }


def _losses(result: Result) -> dict[str, dict | None]:
    """Score the probabilities; ``None`` where the answers come without."""
    said = proper.answers(result)
    if proper.certain(said.probabilities):
        return dict.fromkeys(proper.LOSSES)
    return {
        name: proper.mean(loss(*said[:2]), said.speakers, scale)
        for name, (loss, scale) in proper.LOSSES.items()
    }


def _per_speaker(result: Result) -> dict | None:
    if result.n_speakers is None:
        return None
    return {
        speaker: {"n_clips": int(row["n_clips"]), "uar": float(row["uar"])}
        for speaker, row in result.by("speaker").iterrows()
    }
