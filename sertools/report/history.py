"""The history of a folder of runs: one line for each run that ended.

A run that is made again takes the place of the earlier one on disk. Here both stay.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from sertools.locks import holding

from .status import read_json

__all__ = ["NAME", "entry", "gather", "note", "read"]

NAME = "history.jsonl"
"""The file, in the folder of the runs."""

SCHEMA_VERSION = 1
"""Of a line."""

_ENDED = ("ok", "failed")
_OF_RUN = (
    *("run", "notebook", "parameters", "started", "seconds", "status", "error"),
    *("source_sha256", "git_commit", "git_dirty", "packages", "platform"),
    *("corpus_sha256", "weights_sha256"),
)
_PARTS = ("parameters", "packages", "metrics", "error")
_OF_METRICS = (
    *("dataset", "model", "head", "folds", "standardize", "seed", "n_clips"),
    *("n_speakers", "uar", "accuracy", "macro_f1", "chance"),
    *("leaking", "synthetic", "random_weights"),
)


def entry(run: Mapping, metrics: Mapping | None = None) -> dict:
    """Sum a run up in what its line of the history holds.

    Parameters
    ----------
    run : mapping
        Content of ``run.json``.
    metrics : mapping, optional
        Content of ``metrics.json``.

    Returns
    -------
    dict
        ``schema_version``, ``run``, ``notebook``, ``parameters``, ``started``,
        ``seconds``, ``status``, ``error``, digests and versions; under
        ``metrics`` what was tested and the scores, or None.

    Examples
    --------
    >>> made = entry({"run": "a-1", "status": "ok"}, {"uar": {"value": 0.5}})
    >>> made["run"], made["metrics"]["uar"]
    ('a-1', {'value': 0.5})
    """
    summed = {key: metrics.get(key) for key in _OF_METRICS} if metrics else None
    return {
        "schema_version": SCHEMA_VERSION,
        **{key: run.get(key) for key in _OF_RUN},
        "metrics": summed,
    }


def note(out: str | os.PathLike, run: Mapping, metrics: Mapping | None = None) -> None:
    """Add a run that ended to the history of a folder.

    Parameters
    ----------
    out : path-like
        Folder of the runs; it exists.
    run, metrics : mapping
        Content of ``run.json`` and ``metrics.json``.
    """
    with holding(Path(out) / f".{NAME}.lock"):
        _append(Path(out) / NAME, [entry(run, metrics)])


def read(out: str | os.PathLike) -> list[dict]:
    """Read the history of a folder, the oldest run first.

    Parameters
    ----------
    out : path-like
        Folder of the runs.

    Returns
    -------
    list of dict
        As `entry` makes them, each run once. A line that is no whole entry,
        such as one that a full disk cut off, is passed over.

    Examples
    --------
    >>> import tempfile
    >>> out = tempfile.mkdtemp()
    >>> note(out, {"run": "a-1", "status": "ok", "started": "2026-01-01"})
    >>> [line["run"] for line in read(out)]
    ['a-1']
    """
    try:
        text = (Path(out) / NAME).read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return []
    found: dict[tuple, dict] = {}
    for line in text.split("\n"):
        value = _parsed(line)
        if value is not None:
            found.setdefault(_key(value), value)
    return sorted(found.values(), key=lambda one: (one["started"], one["run"]))


def gather(out: str | os.PathLike) -> list[dict]:
    """Read the history, and add runs that lie in the folder and are not in it.

    So nothing is missing where a run was copied here, or its maker was killed
    before it could add a line.

    Parameters
    ----------
    out : path-like
        Folder of the runs.

    Returns
    -------
    list of dict
        As `read` gives them.
    """
    out = Path(out)
    if not out.is_dir():
        return []
    with holding(out / f".{NAME}.lock"):
        known = {_key(one) for one in read(out)}
        new = [one for one in _lying_there(out) if _key(one) not in known]
        if new:
            _append(out / NAME, new)
    return read(out)


def _lying_there(out: Path) -> list[dict]:
    found = []
    for path in sorted(out.glob("*/run.json")):
        run = read_json(path) or {}
        if not path.parent.name.startswith(".") and run.get("status") in _ENDED:
            run = {**run, "run": path.parent.name}
            metrics = read_json(path.with_name("metrics.json"))
            found.append(entry(run, metrics))
    return [one for one in found if isinstance(one["started"], str)]


def _key(one: Mapping) -> tuple:
    return one["run"], one["started"]


def _parsed(line: str) -> dict | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    if not isinstance(value, dict):
        return None
    sound = all(isinstance(value.get(key), str) for key in ("run", "started"))
    parts = [value.get(key) or {} for key in _PARTS]
    sound = sound and all(isinstance(part, dict) for part in parts)
    return value if sound and value.get("status") in _ENDED else None


def _append(path: Path, entries: list[dict]) -> None:
    """Add lines in one write; what an earlier one left half is closed first."""
    text = "".join(
        json.dumps(one, ensure_ascii=False, allow_nan=False) + "\n" for one in entries
    )
    with path.open("ab+") as file:
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                text = "\n" + text
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())
