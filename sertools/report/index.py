"""The list of all runs in a folder, and what became of them, as one page."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from sertools.atomic import write_text

from .changes import before, changes, identity
from .frame import TEMPLATES, render
from .history import gather
from .page import INTENDED_USE, notices, scores
from .status import read_json
from .trends import HEIGHT, WIDTH, trends

__all__ = ["write_index"]

_SAME = 5e-4  # a difference of the UAR that three decimals do not show
_SCRIPTS = ("sort.js", "trends.js")


def write_index(out: str | os.PathLike) -> Path:
    """Write `index.html` from what lies on disk and from the history.

    The page needs nothing but itself: it lists the runs, newest first, shows
    the failed ones with cell and message, what is not as it was the last time,
    and the scores over time.

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
        write_text(out / "index.html", _page(out, [path.parent for path in found]))
    return out / "index.html"


def _page(out: Path, folders: Iterable[Path]) -> str:
    history = gather(out)
    lines = {(line["run"], line["started"]): line for line in history}
    rows = [_row(folder, lines, history) for folder in folders]
    rows.sort(key=lambda row: (row["started"] or "", row["name"]), reverse=True)
    return render(
        "runs.html.j2",
        script="".join((TEMPLATES / name).read_text("utf-8") for name in _SCRIPTS),
        runs=rows,
        failed=[row for row in rows if row["status"] != "ok"],
        news=_news(rows),
        panels=trends(history),
        size=(WIDTH, HEIGHT),
        pages={row["key"]: f"{row['name']}/{row['page']}" for row in rows},
        earlier=len(history) - sum(row["key"] in lines for row in rows),
        place=out.resolve().name,
        intended_use=INTENDED_USE,
    )


def _state(out: Path) -> dict[Path, float]:
    """List the runs that are there, and when each was written."""
    found = {}
    for path in out.glob("*/run.json"):
        with contextlib.suppress(FileNotFoundError):
            if not path.parent.name.startswith("."):
                found[path] = path.stat().st_mtime
    return found


def _row(folder: Path, lines: Mapping, history: list) -> dict:
    run = read_json(folder / "run.json")
    metrics = read_json(folder / "metrics.json") or {}
    given = (run or {}).get("parameters") or {}
    described = {
        key: metrics.get(key) or given.get(key) or ""
        for key in ("dataset", "model", "head", "folds")
    }
    run = run or {"status": "unreadable"}
    if not described["model"]:  # it failed before it could say
        described["model"] = _model(identity(run), history)
    key = (folder.name, run.get("started"))
    return {
        **described,
        "key": key,
        "name": folder.name,
        "status": run.get("status") or "unreadable",
        "notebook": run.get("notebook") or "",
        "started": run.get("started"),
        "seconds": run.get("seconds"),
        "error": run.get("error"),
        "scores": scores(metrics),
        "notices": notices(run, metrics),
        "page": "report.html" if (folder / "report.html").exists() else "run.json",
        "since": _since(lines.get(key), history),
        "identity": identity(run),
    }


def _since(line: Mapping | None, history: list) -> dict | None:
    """Say what is different from the run before, if there was one."""
    earlier = before(line, history) if line else None
    if earlier is None:
        return None
    old, new = (_value(one) for one in (earlier, line))
    known = old is not None and new is not None
    return {
        "started": earlier["started"],
        "same": identity(earlier) == identity(line),
        "before": old,
        "difference": new - old if known else None,
        "changes": changes(earlier, line),
    }


def _news(rows: Iterable[Mapping]) -> dict:
    """Gather what is not as it was: the newest run of each experiment."""
    newest: dict = {}
    for row in rows:
        newest.setdefault(row["identity"], row)
    told = [row for row in newest.values() if row["since"] and row["since"]["same"]]
    common = _common([row["since"]["changes"] for row in told])
    moved = []
    for row in told:
        own = [change for change in row["since"]["changes"] if change not in common]
        difference = row["since"]["difference"] or 0
        if own or row["status"] != "ok" or abs(difference) >= _SAME:
            moved.append({**row, "own": own})
    moved.sort(
        key=lambda row: (
            row["status"] == "ok",
            row["since"]["difference"] or 0,
            row["name"],
        )
    )
    return {
        "moved": moved,
        "common": common,
        "still": len(told) - len(moved),
        "new": len(newest) - len(told),
    }


def _common(lists: list[list]) -> list:
    """Take what changed in all runs, where there are several."""
    if len(lists) < 2:
        return []
    return [change for change in lists[0] if all(change in some for some in lists)]


def _model(experiment: tuple, history: list) -> str:
    """Give the model of an experiment as an earlier run of it named it."""
    for line in reversed(history):
        if identity(line) == experiment and line.get("metrics"):
            return line["metrics"].get("model") or ""
    return ""


def _value(line: Mapping) -> float | None:
    uar = scores(line.get("metrics") or {})["uar"]
    return uar["value"] if uar else None
