"""What earlier calls left in a folder of runs: what is done, and what is half done."""

import contextlib
import os
import re
import shutil
import time
import uuid
from pathlib import Path

from sertools.locks import holding

from .execution import INTERRUPTED
from .status import read_json

__all__ = [
    "hidden_folder",
    "lock",
    "made",
    "outcome_of",
    "put",
    "settle",
    "sweep",
    "was_interrupted",
]

_HIDDEN = re.compile(r"\.(?P<run>.+-[0-9a-f]{8})\.([0-9a-f]{8}(\.old)?|lock)")
_DRAFT = re.compile(r"\.index\.[0-9a-f]{8}\.html")
_ENDED = ("ok", "failed")
_STALE = 600  # seconds after which nobody is still writing a page


def lock(final: Path, wait: bool = True):
    """Hold the lock of one run: whoever has it may make, move and remove it.

    Parameters
    ----------
    final : Path
        The run's folder.
    wait : bool, default True
        Wait for it.

    Returns
    -------
    context manager
        Gives whether the lock is held; see `sertools.locks.holding`.
    """
    return holding(final.with_name(f".{final.name}.lock"), wait)


def hidden_folder(final: Path) -> Path:
    """Make the hidden folder that a run is made in."""
    work = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}")
    work.mkdir(parents=True)
    return work


def made(final: Path) -> tuple | None:
    """Tell one making of a run from another; None where there is none."""
    try:
        about = (final / "run.json").stat()
    except OSError:
        return None
    return about.st_mtime_ns, about.st_ino


def outcome_of(final: Path) -> dict | None:
    """Give the `run.json` of a run that came to its end, with its report."""
    run = read_json(final / "run.json") or {}
    whole = run.get("status") in _ENDED and (final / "report.html").exists()
    return run if whole else None


def was_interrupted(run: dict) -> bool:
    """Say whether somebody ended this run before its end."""
    return (run.get("error") or {}).get("name") == INTERRUPTED


def put(work: Path, final: Path) -> None:
    """Give the hidden folder its name, in place of an earlier run that has it."""
    while True:
        try:
            os.rename(work, final)
            return
        except OSError:
            if not final.is_dir():
                raise
        old = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.old")
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            os.rename(final, old)
        shutil.rmtree(old, ignore_errors=True)


def settle(final: Path) -> None:
    """Clear up after whoever was killed while making a run; needs its lock.

    A run that was whole but for its name gets it; if only what it was about to
    replace is left, that comes back.

    Parameters
    ----------
    final : Path
        The run's folder.
    """
    left = [
        path
        for path in final.parent.glob(f".{final.name}.*")
        if path.is_dir() and _HIDDEN.fullmatch(path.name)
    ]
    for path in sorted(left, key=lambda path: path.name.endswith(".old")):
        if not final.exists() and outcome_of(path):
            os.rename(path, final)
        else:
            shutil.rmtree(path, ignore_errors=True)


def sweep(out: Path) -> None:
    """Clear up after all runs in a folder that nobody is making any more.

    Parameters
    ----------
    out : Path
        Folder of the runs.
    """
    found = [(path, _HIDDEN.fullmatch(path.name)) for path in out.glob(".*")]
    for run in sorted({match["run"] for _, match in found if match}):
        with lock(out / run, wait=False) as mine:
            if mine:
                settle(out / run)
    for path, _ in found:
        with contextlib.suppress(OSError):
            old = time.time() - path.stat().st_mtime > _STALE
            if _DRAFT.fullmatch(path.name) and old:
                path.unlink()
