"""The history of a folder of runs: one line for each run that ended.

A run that is made again takes the place of the earlier one on disk. Here both stay.
"""

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from sertools.locks import holding
from sertools.report._status import read_json

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


_PLACES = ("root", "out")  # they say where, not what


_SHORT = 8  # characters of a digest that a person compares


_DIGESTS = {
    "source_sha256": ("notebook", "source"),
    "git_commit": ("version", "commit of sertools"),
    "corpus_sha256": ("data", "corpus"),
    "weights_sha256": ("data", "weights"),
}


class Change(NamedTuple):
    """One thing that is not as it was.

    Parameters
    ----------
    kind : {"parameter", "version", "data", "notebook"}
        What sort of thing.
    name : str
        Which one.
    before, after : str
        What it was and what it is; ``"none"`` where there is none.
    """

    kind: str
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name} {self.before} → {self.after}"


def identity(run: Mapping) -> tuple:
    """Give what makes two runs the same experiment: notebook and parameters.

    Where files lie is no part of it, and neither are versions and data: they
    are what may have changed meanwhile.

    Parameters
    ----------
    run : mapping
        Content of ``run.json``, or a line of the history.

    Returns
    -------
    tuple
        Hashable.

    Examples
    --------
    >>> one = {"notebook": "a", "parameters": {"head": "svm", "root": "x"}}
    >>> identity(one) == identity({**one, "parameters": {"head": "svm"}})
    True
    """
    given = _telling(run)
    return run.get("notebook"), tuple((k, repr(v)) for k, v in sorted(given.items()))


def changes(old: Mapping, new: Mapping) -> list[Change]:
    """List what is different in a run from an earlier one, scores aside.

    Parameters
    ----------
    old, new : mapping
        Content of ``run.json``, or lines of the history.

    Returns
    -------
    list of Change
        Parameters first, then notebook, data and versions.

    Examples
    --------
    >>> old = {"parameters": {"head": "svm"}, "packages": {"numpy": "2.4"}}
    >>> new = {"parameters": {"head": "svm"}, "packages": {"numpy": "2.5"}}
    >>> print(*changes(old, new))
    numpy 2.4 → 2.5
    """
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


def before(run: Mapping, history: Iterable[Mapping]) -> Mapping | None:
    """Find the run to hold another against: the last ok one of the same experiment.

    If there is none, the ok one of the same notebook, corpus and model that
    differs in the fewest parameters.

    Parameters
    ----------
    run : mapping
        A line of the history.
    history : iterable of mapping
        All lines, the oldest first.

    Returns
    -------
    mapping or None
        The earlier line.
    """
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
