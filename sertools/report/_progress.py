"""Tell how far a grid of runs is: live in a terminal, in lines for a log, or not."""

import datetime
import itertools
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TextIO

from sertools.report._page import number, span
from sertools.report._plan import RunSpec
from sertools.report._run import RunResult
from sertools.report._schema import read_json

_SIGNS = {"ok": "✓", "failed": "✕", "skipped": "·"}
_COLOURS = {"ok": 32, "failed": 31, "skipped": 2}
_BAR = 16


def cause(error: Mapping) -> str:
    """Say in one line where and why a run failed."""
    cell = error.get("cell") or {}
    where = f"cell {cell['index'] + 1}" if cell.get("index") is not None else "the run"
    line = f" ({cell['line']})" if cell.get("line") else ""
    message = " ".join(str(error.get("message")).split())
    return f"{where}{line} failed: {error.get('name')}: {message}"


def sum_up(finished: Iterable[RunResult]) -> str:
    """Count what became of the runs: ``12 runs: 9 ok (2 of them before), 3 failed``."""
    finished = list(finished)
    ok = [one for one in finished if one.ok]
    earlier = sum(one.how == "skipped" for one in ok)
    failed = len(finished) - len(ok)
    text = f"{len(finished)} {'run' if len(finished) == 1 else 'runs'}: {len(ok)} ok"
    text += f" ({earlier} of them before)" if earlier else ""
    return text + (f", {failed} failed" if failed else "")


class Progress:
    """Keep count of a grid, and say nothing.

    tqdm does not do here: bars come and go in any order, and the time left comes
    from how long each notebook took, not from how many bars are full.
    """

    def __init__(self, planned: Iterable[RunSpec], jobs: int = 1, stream=None):
        self.planned = {run.name: run for run in planned}
        self.jobs = jobs
        self.ended: dict[str, RunResult] = {}
        self.going: dict[str, tuple[float, int, int]] = {}  # since when, cells
        self._stream: TextIO = stream or sys.stderr
        self._lock = threading.RLock()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception) -> None:
        """End the telling."""

    def cell(self, name: str, done: int, cells: int) -> None:
        """Hear that a run has come to its next cell."""
        with self._lock:
            if name not in self.going:
                self._on_start(name)
            began = self.going.get(name, (time.monotonic(),))[0]
            self.going[name] = (began, done, cells)

    def end(self, finished: RunResult) -> None:
        """Hear that a run has ended."""
        with self._lock:
            self.going.pop(finished.name, None)
            self.ended[finished.name] = finished
            self._on_end(finished)

    def draw(self) -> None:
        """Show how things stand, if this is shown at all."""

    def left(self) -> str:
        """Say how much time is left; nothing where nobody can say, or none is."""
        seconds = self.seconds_left() if len(self.ended) < len(self.planned) else None
        return "" if seconds is None else f"about {_rounded(max(seconds, 1))} left"

    def seconds_left(self) -> float | None:
        """Estimate the time left from what ended; None where nothing has yet."""
        took: dict[str, list[float]] = {}
        for one in self.ended.values():
            if one.how == "ran" and one.run.get("seconds"):
                took.setdefault(one.run["notebook"], []).append(one.run["seconds"])
        if not took:
            return None
        every, now = [*itertools.chain(*took.values())], time.monotonic()
        waiting = self.planned.keys() - self.ended.keys()
        left = 0.0
        for name in waiting:
            due = statistics.fmean(took.get(self.planned[name].notebook, every))
            began = self.going.get(name, (now,))[0]
            left += max(due - (now - began), 0.05 * due)
        return left / max(min(self.jobs, len(waiting)), 1)

    def _on_start(self, name: str) -> None:
        """React to the start of a run."""

    def _on_end(self, finished: RunResult) -> None:
        """React to the end of a run."""


class LogProgress(Progress):
    """Write a line when a run starts and when it ends, for a log."""

    def _on_start(self, name: str) -> None:
        self._say(f"started  {name}")

    def _on_end(self, finished: RunResult) -> None:
        word, said = _ending(finished)
        left = f"; {self.left()}" if self.left() else ""
        self._say(f"{word:8} {finished.name}  {said}{left}")

    def _say(self, text: str) -> None:
        now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")[:19]
        n, width = len(self.planned), len(str(len(self.planned)))
        self._stream.write(f"{now}  [{len(self.ended):{width}}/{n}] {text}\n")
        self._stream.flush()


class LiveProgress(Progress):
    """Keep the last lines of a terminal up to date: what goes on, and the whole."""

    def __init__(self, planned, jobs: int = 1, stream=None):
        super().__init__(planned, jobs, stream)
        self._shown = 0  # lines that the next drawing overwrites
        self._news: list[RunResult] = []
        self._began = time.monotonic()

    def __exit__(self, *exception) -> None:
        """Take the live lines away; what ended stays."""
        self._write([])

    def draw(self) -> None:
        """Draw the live lines anew."""
        with self._lock:
            lines = [self._run(name, *how) for name, how in self.going.items()]
            self._write(lines + [self._whole()] * (len(self.planned) > 1))

    def _on_end(self, finished: RunResult) -> None:
        self._news.append(finished)

    def _write(self, lines: list[str]) -> None:
        with self._lock:
            width = shutil.get_terminal_size().columns - 1
            text = f"\x1b[{self._shown}F\x1b[J" if self._shown else "\r\x1b[J"
            text += "".join(f"{_headline(one, width)}\n" for one in self._news)
            text += "".join(f"{line[:width]}\n" for line in lines)
            self._news, self._shown = [], len(lines)
            self._stream.write(text)
            self._stream.flush()

    def _run(self, name: str, began: float, done: int, cells: int) -> str:
        full = round(_BAR * done / cells) if cells else 0
        bar = "━" * full + "╌" * (_BAR - full)
        took = _rounded(time.monotonic() - began)
        return f"  {bar} cell {done + 1:2} of {cells:2}  {took:>7}  {name}"

    def _whole(self) -> str:
        failed = sum(not one.ok for one in self.ended.values())
        parts = (
            f"{len(self.ended)} of {len(self.planned)} runs",
            f"{failed} failed" if failed else "",
            _rounded(time.monotonic() - self._began),
            self.left(),
        )
        return ", ".join(filter(None, parts))


def progress_of(planned: Iterable[RunSpec], jobs: int, shown: bool = True) -> Progress:
    """Choose how to tell: live lines in a terminal, lines in a log, or not at all."""
    if not shown:
        return Progress(planned, jobs)
    return (LiveProgress if sys.stderr.isatty() else LogProgress)(planned, jobs)


def _rounded(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 9.5 else span(round(seconds))


def _headline(finished: RunResult, width: int) -> str:
    word, said = _ending(finished)
    line = f"{_SIGNS[word]} {finished.name}  {said}"[:width]
    return f"\x1b[{_COLOURS[word]}m{line[0]}\x1b[0m{line[1:]}"


def _ending(finished: RunResult) -> tuple[str, str]:
    """Say in a word and a line how a run ended."""
    run = finished.run
    if finished.how == "skipped":
        since = (run.get("started") or "")[:16].replace("T", " ")
        return "skipped", f"ok since {since} UTC (--force runs it again)"
    also = " (run by another call)" if finished.how == "taken" else ""
    if not finished.ok:
        return "failed", cause(run.get("error") or {}) + also
    return "ok", f"{span(run.get('seconds'))}{_score(finished)}{also}"


def _score(finished: RunResult) -> str:
    uar = (read_json(finished.folder / "metrics.json") or {}).get("uar")
    value = uar.get("value") if isinstance(uar, dict) else None
    return f", UAR {number(value)}" if value is not None else ""
