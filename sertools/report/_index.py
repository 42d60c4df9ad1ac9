"""The page of all runs in a folder: what became of them, what changed, trends."""

import contextlib
import datetime
import math
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sertools.files import write_text
from sertools.report._history import before, changes, everywhere, gather, identity
from sertools.report._page import (
    INTENDED_USE,
    TEMPLATES,
    moment,
    notices,
    number,
    render,
    scores,
)
from sertools.report._schema import read_if_there

WIDTH, HEIGHT = 340, 210
"""Of a picture, in its own units."""


SHAPES = ("circle", "square", "triangle", "diamond")
"""Marks of the series in a picture; a fifth series gets a picture of its own."""


_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 14, 12, 30


_DODGE = 5.0  # between the marks of series that were run at one time
_STEPS = (0.1, 0.2, 0.25)  # of the scale
_HARMLESS = ("dataset", "model", "variant")  # a picture's title says them
_SAME = 5e-4  # a difference of the UAR that three decimals do not show
_SCRIPTS = ("sort.js", "trends.js")


@dataclass(frozen=True)
class Point:
    """One run in a picture."""

    x: float
    y: float
    low: float | None
    high: float | None
    said: str  # the same in words
    run: Mapping  # its line of the history


@dataclass(frozen=True)
class Series:
    """The runs of one experiment, the oldest first."""

    label: str
    shape: str
    points: tuple[Point, ...]

    @property
    def line(self) -> str:
        """The points of the line through its marks, for SVG."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True)
class Panel:
    """A picture: one corpus, one model, time to the right, the UAR upwards."""

    dataset: str
    model: str
    part: str  # "1 of 2" where one picture is not enough
    series: tuple[Series, ...]
    scale: tuple[tuple[str, float], ...]  # marks of the y axis
    days: tuple[tuple[str, float, str], ...]  # of the x axis, and how they are anchored
    chance: float | None  # None where the runs differ in it
    notes: tuple[str, ...] = ()

    @property
    def runs(self) -> int:
        """How many runs are drawn."""
        return sum(len(series.points) for series in self.series)


def trends(history: Iterable[Mapping]) -> list[Panel]:
    """Place the scores of a history in pictures that share one scale.

    matplotlib does not do here: a mark is a link with words of its own that keys
    walk along, in the page's colours, and a picture takes 3 kB, not 11 to 18.
    """
    scored = [run for run in history if _uar(run)]
    if not scored:
        return []
    bottom, top, step = _range(scored)
    groups: dict[tuple[str, str], list] = {}
    for run in scored:
        groups.setdefault(_subject(run), []).append(run)
    panels = []
    for (dataset, model), runs in sorted(groups.items()):
        chosen = _experiments(runs)
        size = len(SHAPES)
        parts = [chosen[i : i + size] for i in range(0, len(chosen), size)]
        for number_, part in enumerate(parts, 1):
            said = f"{number_} of {len(parts)}" if len(parts) > 1 else ""
            panels.append(_panel(dataset, model, said, part, (bottom, top, step)))
    return panels


def _panel(dataset, model, part, experiments, span) -> Panel:
    bottom, top, step = span
    runs = [run for _, some in experiments for run in some]
    times = [_time(run) for run in runs]
    first, last = min(times), max(times)
    reach = WIDTH - _LEFT - _RIGHT - _DODGE * len(experiments) - 8

    def across(run, place: int) -> float:
        share = (_time(run) - first) / (last - first) if last > first else 0.5
        start = _LEFT + 4 + _DODGE / 2
        return round(start + reach * share + _DODGE * place, 1)

    def up(value: float) -> float:
        share = (value - bottom) / (top - bottom)
        return round(HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share, 1)

    series = tuple(
        Series(
            label,
            SHAPES[place],
            tuple(_point(run, label, across(run, place), up) for run in some),
        )
        for place, (label, some) in enumerate(experiments)
    )
    ticks = round((top - bottom) / step)
    scale = tuple(
        (_plain(bottom + i * step), up(bottom + i * step)) for i in range(ticks + 1)
    )
    chances = {run["metrics"].get("chance") for run in runs}
    (chance,) = chances if len(chances) == 1 else (None,)
    return Panel(
        dataset,
        model,
        part,
        series,
        scale,
        _days(first, last),
        None if chance is None else up(chance),
        _notes(runs),
    )


def _point(run: Mapping, label: str, x: float, up) -> Point:
    uar = _uar(run)
    low, high = uar.get("low"), uar.get("high")
    known = low is not None and high is not None
    told = f" [{number(low)}, {number(high)}]" if known else " (no interval)"
    return Point(
        x,
        up(uar["value"]),
        up(low) if known else None,
        up(high) if known else None,
        f"{moment(run['started'])}, {label}: UAR {number(uar['value'])}{told}",
        run,
    )


def _experiments(runs: list[Mapping]) -> list[tuple[str, list[Mapping]]]:
    """Sort runs into experiments, each with a label that tells it from the others."""
    found: dict[tuple, list[Mapping]] = {}
    for run in runs:
        found.setdefault(identity(run), []).append(run)
    lasts = [some[-1] for some in found.values()]
    labels = _labels([_facts(run) for run in lasts])
    return list(zip(labels, found.values(), strict=True))


def _facts(run: Mapping) -> dict[str, object]:
    metrics = run["metrics"]
    given = run.get("parameters") or {}
    kept = {name: value for name, value in given.items() if name not in _HARMLESS}
    told = {name: metrics.get(name) for name in ("head", "folds", "standardize")}
    return {"notebook": run.get("notebook"), **kept, **told}


def _labels(facts: list[dict]) -> list[str]:
    """Name each by its head, and by whatever else is not the same for all."""
    names = dict.fromkeys(name for fact in facts for name in fact)
    apart = [n for n in names if len({repr(fact.get(n)) for fact in facts}) > 1]
    telling = [n for n in apart if n not in ("root", "out")]
    shown = ["head", *(name for name in telling if name != "head")]
    made = []
    for fact in facts:
        words = [_word(name, fact[name]) for name in shown if fact.get(name)]
        made.append(", ".join(words) or str(fact.get("notebook")))
    return made


def _word(name: str, value: object) -> str:
    plain = name in ("head", "notebook", "emotions")
    return str(value) if plain else f"{name} {value}"


def _notes(runs: list[Mapping]) -> tuple[str, ...]:
    known = (
        ("random_weights", "random weights: the scores mean nothing"),
        ("synthetic", "synthetic speech"),
        ("leaking", "leaking folds"),
    )
    facts = [run["metrics"] for run in runs]
    return tuple(said for name, said in known if any(one.get(name) for one in facts))


def _range(runs: list[Mapping]) -> tuple[float, float, float]:
    """Choose a scale that holds every interval and chance, and no more."""
    values = [_uar(run).get(key) for run in runs for key in ("low", "value", "high")]
    values += [run["metrics"].get("chance") for run in runs]
    known = [value for value in values if value is not None]
    step = next((s for s in _STEPS if (max(known) - min(known)) / s <= 6), _STEPS[-1])
    bottom = max(math.floor(round(min(known) / step, 6)) * step, 0.0)
    top = min(math.ceil(round(max(known) / step, 6)) * step, 1.0)
    top = top if top > bottom else bottom + step
    return bottom, bottom + step * math.ceil(round((top - bottom) / step, 6)), step


def _days(first: float, last: float) -> tuple[tuple[str, float, str], ...]:
    left, right = _LEFT + 4.0, WIDTH - _RIGHT - 4.0
    a, b = (datetime.datetime.fromtimestamp(t, datetime.UTC) for t in (first, last))
    if a.date() != b.date():
        form = "%-d %b" if a.year == b.year else "%-d %b %Y"
        return (a.strftime(form), left, "start"), (b.strftime(form), right, "end")
    day = f"{a:%-d %b} {a:%H:%M}"
    if f"{a:%H:%M}" == f"{b:%H:%M}":
        return ((day, (left + right) / 2, "middle"),)
    return (day, left, "start"), (f"{b:%H:%M} UTC", right, "end")


def _subject(run: Mapping) -> tuple[str, str]:
    metrics = run["metrics"]
    model = metrics.get("model") or (run.get("parameters") or {}).get("model")
    return str(metrics.get("dataset") or "unknown"), str(model or run.get("notebook"))


def _uar(run: Mapping) -> Mapping | None:
    uar = (run.get("metrics") or {}).get("uar")
    if not isinstance(uar, Mapping) or not isinstance(uar.get("value"), int | float):
        return None
    ends = (uar.get("low"), uar.get("high"))
    return uar if all(isinstance(end, int | float | None) for end in ends) else None


def _time(run: Mapping) -> float:
    try:
        when = datetime.datetime.fromisoformat(run["started"])
    except ValueError:
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return when.timestamp()


def _plain(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") or "0"


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
    run, wrong = read_if_there(folder / "run.json")
    metrics, damage = read_if_there(folder / "metrics.json")
    given = run.get("parameters") or {}
    described = {
        key: metrics.get(key) or given.get(key) or ""
        for key in ("dataset", "model", "head", "folds")
    }
    if wrong:
        run = {"status": "unreadable"}
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
        "wrong": _inside(folder, wrong),
        "scores": scores(metrics),
        "notices": [*notices(run, metrics), *filter(None, [_inside(folder, damage)])],
        "page": "report.html" if (folder / "report.html").exists() else "run.json",
        "since": _since(lines.get(key), history),
        "identity": identity(run),
    }


def _inside(folder: Path, told: str) -> str:
    """Name a file as it is called in its folder."""
    return told.replace(f"{folder}{os.sep}", "")


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
    common = everywhere([row["since"]["changes"] for row in told])
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


def _model(experiment: tuple, history: list) -> str:
    """Give the model of an experiment as an earlier run of it named it."""
    for line in reversed(history):
        if identity(line) == experiment and line.get("metrics"):
            return line["metrics"].get("model") or ""
    return ""


def _value(line: Mapping) -> float | None:
    uar = scores(line.get("metrics") or {})["uar"]
    return uar["value"] if uar else None
