"""The history of a folder of runs: one line for each run that ended.

A run that is made again takes the place of the earlier one on disk. Here both stay.
"""

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from sertools import trust
from sertools.files import holding
from sertools.report._schema import is_sound, read_json

NAME = "history.jsonl"
"""The file, in the folder of the runs."""


SCHEMA_VERSION = 1
"""Of a line."""


_LARGEST = 2**28  # bytes: about a hundred thousand runs
_ENDED = ("ok", "failed")
_OF_RUN = (
    *("run", "notebook", "parameters", "started", "seconds", "status", "error"),
    *("source_sha256", "git_commit", "git_dirty", "packages", "platform"),
    *("corpus_sha256", "weights_sha256"),
)


_OF_METRICS = (
    *("dataset", "model", "head", "folds", "standardize", "seed", "n_clips"),
    *("n_speakers", "uar", "accuracy", "macro_f1", "chance"),
    *("leaking", "synthetic", "random_weights"),
)
_PLACES = ("root", "out")  # they say where, not what
_SHORT = 8  # characters of a digest that a person compares
_DIGESTS = {
    "source_sha256": ("notebook", "source"),
    "git_commit": ("version", "commit of sertools"),
    "corpus_sha256": ("data", "corpus"),
    "weights_sha256": ("data", "weights"),
}


def entry(run: Mapping, metrics: Mapping | None = None) -> dict:
    """Sum a run up in what its line of the history holds."""
    summed = {key: metrics.get(key) for key in _OF_METRICS} if metrics else None
    return {
        "schema_version": SCHEMA_VERSION,
        **{key: run.get(key) for key in _OF_RUN},
        "metrics": summed,
    }


def note(out: str | os.PathLike, run: Mapping, metrics: Mapping | None = None) -> None:
    """Add a run that ended to the history of a folder."""
    with holding(Path(out) / f".{NAME}.lock"):
        _append(Path(out) / NAME, [entry(run, metrics)])


def read(out: str | os.PathLike) -> list[dict]:
    """Read the history of a folder, the oldest run first; pass over broken lines."""
    try:
        text = trust.read(Path(out) / NAME, _LARGEST).decode("utf-8", errors="replace")
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

    They were copied here, or their maker was killed before it could add a line.
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
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and is_sound(value) else None


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


class Change(NamedTuple):
    """One thing that is not as it was."""

    kind: str  # parameter, version, data or notebook
    name: str
    before: str  # "none" where there is none
    after: str

    def __str__(self) -> str:
        return f"{self.name} {self.before} → {self.after}"


def identity(run: Mapping) -> tuple:
    """Give what makes two runs one experiment: notebook and parameters, not places."""
    given = _telling(run)
    return run.get("notebook"), tuple((k, repr(v)) for k, v in sorted(given.items()))


def changes(old: Mapping, new: Mapping) -> list[Change]:
    """List what is different in a run from an earlier one, scores aside."""
    found = [
        Change("parameter", *what) for what in _differ(_telling(old), _telling(new))
    ]
    if old.get("notebook") != new.get("notebook"):
        names = (str(old.get("notebook")), str(new.get("notebook")))
        found.append(Change("notebook", "notebook", *names))
    for key, (kind, name) in _DIGESTS.items():
        a, b = old.get(key), new.get(key)
        if a and b and a != b:
            found.append(Change(kind, name, a[:_SHORT], b[:_SHORT]))
    packages = old.get("packages") or {}, new.get("packages") or {}
    found += [Change("version", *what) for what in _differ(*packages)]
    if old.get("platform") and new.get("platform"):
        same = old["platform"] == new["platform"]
        what = ("platform", old["platform"], new["platform"])
        found += [] if same else [Change("version", *what)]
    order = ("parameter", "notebook", "data", "version")
    return sorted(found, key=lambda change: order.index(change.kind))


def everywhere(lists: Sequence[Sequence]) -> list:
    """Take what all of several lists have in common; nothing where there is one."""
    if len(lists) < 2:
        return []
    return [one for one in lists[0] if all(one in some for some in lists)]


def before(run: Mapping, history: Iterable[Mapping]) -> Mapping | None:
    """Find the last ok run of the same experiment, else of the one nearest to it."""
    near = [
        one
        for one in itertools.takewhile(lambda one: one is not run, history)
        if one["status"] == "ok"
        and one["started"] < run["started"]
        and one.get("notebook") == run.get("notebook")
        and _heard(one) == _heard(run)
    ]
    mine = _telling(run)
    return min(
        reversed(near),
        key=lambda one: sum(1 for _ in _differ(_telling(one), mine)),
        default=None,
    )


def _heard(run: Mapping) -> object:
    """Give the corpus, which a run without a result has as a parameter."""
    metrics, given = run.get("metrics") or {}, run.get("parameters") or {}
    return given.get("dataset") or metrics.get("dataset")


def _telling(run: Mapping) -> dict:
    """Take the parameters that say what is done; weights only if they are random."""
    given = run.get("parameters") or {}
    kept = {name: value for name, value in given.items() if name not in _PLACES}
    if kept.get("weights") != "tiny":
        kept.pop("weights", None)
    return kept


def _differ(old: Mapping, new: Mapping) -> Iterator[tuple[str, str, str]]:
    for name in {**old, **new}:
        a, b = (_said(values.get(name)) for values in (old, new))
        if a != b:
            yield name, a, b


def _said(value: object) -> str:
    return "none" if value is None or value == "" else str(value)
