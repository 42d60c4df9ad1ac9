"""The `run.json` of a run: what ran, when, with what, and how it ended."""

import contextlib
import datetime
import importlib.metadata
import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import sertools
from sertools import extras
from sertools.files import write_json

_WORD = re.compile(r"[\w.-]+")
SCHEMA_VERSION = 1
"""Of the fields in `run.json`."""
_FOR_WORK = re.compile(r"extra == ['\"](dev|test)['\"]")


def surroundings(notebook_path: str | os.PathLike | None = None) -> dict:
    """Describe where a run takes place, as far as numbers may depend on it."""
    return {
        "notebook_path": str(notebook_path) if notebook_path else None,
        "folder": os.getcwd(),
        "platform": platform.platform(terse=True) + f" {platform.machine()}",
        "processors": os.cpu_count(),
    }


def licences(run: Mapping, metrics: Mapping) -> list[str]:
    """List the licences of a run's corpora and systems; say what excludes commerce."""
    found = list(metrics.get("licenses") or [])
    known = {line.partition(": ")[0].partition(":")[0] for line in found}
    texts = [value for value in (run.get("parameters") or {}).values()]
    words = {w for text in texts if isinstance(text, str) for w in _WORD.findall(text)}
    found += [
        line
        for name, line in _known({*words, run.get("notebook")})
        if name not in known
    ]
    return [_plainly(line) for line in found]


def _known(words: Iterable[str | None]) -> list[tuple[str, str]]:
    """Give the licences of the corpora and systems among some words."""
    from sertools import datasets, models

    words = set(words)
    rooms = ((datasets.names(), datasets.card), (models.names(), models.card))
    return [
        (name, f"{name}: {card(name)['license']}")
        for names, card in rooms
        for name in sorted(words & set(names))
    ]


def _plainly(line: str) -> str:
    """Say that a corpus is not for commercial use, where its licence excludes it."""
    from sertools import datasets

    name = line.partition(": ")[0]
    free = name not in datasets.names() or datasets.card(name)["commercial_use"]
    return line if free else f"{line} (no commercial use)"


class Status:
    """Keep the `run.json` of one run, from its start to its end."""

    def __init__(self, notebook: str | None, parameters: Mapping, **more):
        self._began = time.monotonic()
        self.metrics: Mapping | None = None
        self.fields = {
            "schema_version": SCHEMA_VERSION,
            "status": "running",
            **surroundings(),
            **more,
            "notebook": notebook,
            "parameters": dict(parameters),
            "started": _now(),
            "seconds": None,
            "peak_rss_mb": None,
            "packages": packages(),
            **checkout(),
            "corpus_sha256": None,
            "weights_sha256": None,
            "error": None,
        }

    def end(
        self,
        error: Mapping | None = None,
        metrics: Mapping | None = None,
        peak_rss_mb: float | None = None,
    ) -> dict:
        """Close the run: failed with an error, else ok; digests are the metrics'."""
        metrics = metrics or {}
        self.fields.update(
            status="failed" if error else "ok",
            seconds=round(time.monotonic() - self._began, 2),
            peak_rss_mb=peak_rss_mb,
            corpus_sha256=metrics.get("corpus_sha256"),
            weights_sha256=metrics.get("weights_sha256"),
            error=dict(error) if error else None,
        )
        return self.fields

    def write(self, folder: str | os.PathLike) -> None:
        """Write `run.json` into a folder, whole."""
        write_json(Path(folder) / "run.json", self.fields)


@contextlib.contextmanager
def recording(
    folder: str | os.PathLike, parameters: Mapping, results: Iterable[str]
) -> Iterator[Status]:
    """Keep `run.json` about work without a notebook; results of an earlier run go.

    Whoever does the work says in ``metrics`` what came of it.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name in results:  # of an earlier run: they would belie run.json
        (folder / name).unlink(missing_ok=True)
    status = Status(None, parameters)
    status.write(folder)
    error = None
    try:
        yield status
    except BaseException as wrong:
        error = {"cell": None, "name": type(wrong).__name__, "message": str(wrong)}
        raise
    finally:
        status.end(error, None if error else status.metrics, _peak())
        status.write(folder)


def _peak() -> float:
    """Give the most memory this process held at once, in megabytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3 / 1.024), 1)


def packages() -> dict[str, str]:
    """List the versions of Python, sertools and what it builds on."""
    try:
        lines = importlib.metadata.requires(extras.DISTRIBUTION) or []
    except importlib.metadata.PackageNotFoundError:  # used without being installed
        lines = []
    used = [line for line in lines if not _FOR_WORK.search(line)]
    found = {}
    for name in sorted({re.match(r"[\w.-]+", line).group().lower() for line in used}):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    python = ".".join(str(part) for part in sys.version_info[:3])
    return {"python": python, **found, "sertools": sertools.__version__}


def checkout() -> dict[str, str | bool | None]:
    """Say which commit of sertools is running, and whether tracked files differ."""
    root = Path(sertools.__file__).resolve().parent.parent
    none = {"git_commit": None, "git_dirty": None}
    if not (root / ".git").exists():
        return none
    head = _git(root, "rev-parse", "HEAD")
    changes = _git(root, "status", "--porcelain", "--untracked-files=no")
    if not head or changes is None:
        return none
    return {"git_commit": head, "git_dirty": bool(changes)}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
