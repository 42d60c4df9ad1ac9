"""The list of all runs in a folder, as one page that stands alone."""

import contextlib
import os
from pathlib import Path

from sertools.atomic import write_text

from .frame import TEMPLATES, render
from .page import INTENDED_USE, notices, scores
from .status import read_json

__all__ = ["write_index"]


def write_index(out: str | os.PathLike) -> Path:
    """Write `index.html` from what lies on disk, newest run first.

    Parameters
    ----------
    out : path-like
        Folder of the runs.

    Returns
    -------
    Path
        The page.

    Examples
    --------
    >>> import tempfile
    >>> write_index(tempfile.mkdtemp()).name
    'index.html'
    """
    out = Path(out)
    shown = None
    while (found := _state(out)) != shown:  # a run may end while this is written
        shown = found
        runs = [_row(path.parent) for path in found]
        runs.sort(key=lambda row: (row["started"] or "", row["name"]), reverse=True)
        text = render(
            "runs.html.j2",
            script=(TEMPLATES / "sort.js").read_text(encoding="utf-8"),
            runs=runs,
            failed=sum(row["status"] != "ok" for row in runs),
            place=out.resolve().name,
            intended_use=INTENDED_USE,
        )
        write_text(out / "index.html", text)
    return out / "index.html"


def _state(out: Path) -> dict[Path, float]:
    """List the runs that are there, and when each was written."""
    found = {}
    for path in out.glob("*/run.json"):
        with contextlib.suppress(FileNotFoundError):
            if not path.parent.name.startswith("."):
                found[path] = path.stat().st_mtime
    return found


def _row(folder: Path) -> dict:
    run = read_json(folder / "run.json")
    metrics = read_json(folder / "metrics.json") or {}
    given = (run or {}).get("parameters") or {}
    described = {
        key: metrics.get(key) or given.get(key) or ""
        for key in ("dataset", "model", "head", "folds")
    }
    run = run or {"status": "unreadable"}
    return {
        **described,
        "name": folder.name,
        "status": run.get("status") or "unreadable",
        "notebook": run.get("notebook") or "",
        "started": run.get("started"),
        "seconds": run.get("seconds"),
        "error": run.get("error"),
        "scores": scores(metrics),
        "notices": notices(run, metrics),
        "page": "report.html" if (folder / "report.html").exists() else "run.json",
    }
