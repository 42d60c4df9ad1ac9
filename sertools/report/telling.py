"""Tell how far a grid is: live in a terminal, in plain lines in a log."""

import datetime
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TextIO

from .frame import number, span

if TYPE_CHECKING:
    from .planning import Planned
    from .running import Finished

__all__ = ["Board", "Quiet", "board", "cause", "sum_up"]

_SIGNS = {"ok": "✓", "failed": "✕", "skipped": "·"}
_COLOURS = {"ok": 32, "failed": 31, "skipped": 2}
_BAR = 16


def cause(error: Mapping) -> str:
    """Say in one line where and why a run failed.

    Parameters
    ----------
    error : mapping
        ``error`` of a `run.json`.

    Returns
    -------
    str
        One line.

    Examples
    --------
    >>> cell = {"index": 4, "tag": None, "line": "model.load()"}
    >>> cause({"cell": cell, "name": "ValueError", "message": "no such file"})
    'cell 5 (model.load()) failed: ValueError: no such file'
    """
    cell = error.get("cell") or {}
    where = f"cell {cell['index'] + 1}" if cell.get("index") is not None else "the run"
    line = f" ({cell['line']})" if cell.get("line") else ""
    message = " ".join(str(error.get("message")).split())
    return f"{where}{line} failed: {error.get('name')}: {message}"


def sum_up(finished: Iterable["Finished"]) -> str:
    """Count what became of the runs, in a line.

    Parameters
    ----------
    finished : iterable of Finished
        All that ended.

    Returns
    -------
    str
        Such as ``"12 runs: 9 ok (2 of them before), 3 failed"``.
    """
    finished = list(finished)
    ok = [one for one in finished if one.ok]
    earlier = sum(one.how == "skipped" for one in ok)
    failed = len(finished) - len(ok)
    text = f"{len(finished)} {'run' if len(finished) == 1 else 'runs'}: {len(ok)} ok"
    text += f" ({earlier} of them before)" if earlier else ""
    return text + (f", {failed} failed" if failed else "")


class Quiet:
    """Keep count of a grid, and say nothing.

    Parameters
    ----------
    planned : iterable of Planned
        All runs.
    jobs : int, default 1
        How many go at once.
    """

    def __init__(self, planned: Iterable["Planned"], jobs: int = 1):
        self.planned = {run.name: run for run in planned}
        self.jobs = jobs
        self.ended: dict[str, Finished] = {}
        self.going: dict[str, tuple[float, int, int]] = {}
        self._lock = threading.RLock()

    def __enter__(self) -> "Quiet":
        return self

    def __exit__(self, *exception) -> None:
        """End the telling."""

    def cell(self, name: str, done: int, cells: int) -> None:
        """Hear that a run has come to its next cell."""
        with self._lock:
            began = self.going.get(name, (time.monotonic(),))[0]
            new = name not in self.going
            self.going[name] = (began, done, cells)
            if new:
                self._on_start(name)

    def end(self, finished: "Finished") -> None:
        """Hear that a run has ended."""
        with self._lock:
            self.going.pop(finished.name, None)
            self.ended[finished.name] = finished
            self._on_end(finished)

    def draw(self) -> None:
        """Show how things stand, if this is shown at all."""

    def seconds_left(self) -> float | None:
        """Estimate the time left from what ended; None where nothing has yet."""
        took: dict[str, list[float]] = {}
        for one in self.ended.values():
            if one.how == "ran" and one.run.get("seconds"):
                took.setdefault(one.run["notebook"], []).append(one.run["seconds"])
        if not took:
            return None
        every = [seconds for some in took.values() for seconds in some]
        mean = {name: sum(some) / len(some) for name, some in took.items()}
        left = 0.0
        for name, run in self.planned.items():
            if name not in self.ended:
                due = mean.get(run.notebook, sum(every) / len(every))
                began = self.going.get(name, (time.monotonic(),))[0]
                left += max(due - (time.monotonic() - began), 0.05 * due)
        return left / max(min(self.jobs, len(self.planned) - len(self.ended)), 1)

    def _on_start(self, name: str) -> None:
        """React to the start of a run."""

    def _on_end(self, finished: "Finished") -> None:
        """React to the end of a run."""

    def _place(self) -> str:
        width = len(str(len(self.planned)))
        return f"[{len(self.ended):{width}}/{len(self.planned)}]"


class Lines(Quiet):
    """Write a line when a run starts and when it ends, for a log.

    Parameters
    ----------
    planned, jobs
        As for `Quiet`.
    stream : text file, optional
        Standard error if not given.
    """

    def __init__(self, planned, jobs: int = 1, stream: TextIO | None = None):
        super().__init__(planned, jobs)
        self._stream = stream or sys.stderr

    def _on_start(self, name: str) -> None:
        self._say(f"{self._place()} started  {name}")

    def _on_end(self, finished: "Finished") -> None:
        word, said = _ending(finished)
        line = f"{self._place()} {word:8} {finished.name}  {said}"
        left = self.seconds_left() if len(self.ended) < len(self.planned) else None
        self._say(line + (f"; {_about(left)}" if left is not None else ""))

    def _say(self, text: str) -> None:
        now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")[:19]
        self._stream.write(f"{now}  {text}\n")
        self._stream.flush()


class Board(Quiet):
    """Keep the last lines of a terminal up to date.

    Runs that have ended scroll away above; below stand those that are going on
    and, in the last line, the whole.

    Parameters
    ----------
    planned, jobs
        As for `Quiet`.
    stream : text file, optional
        Standard error if not given.
    """

    def __init__(self, planned, jobs: int = 1, stream: TextIO | None = None):
        super().__init__(planned, jobs)
        self._stream = stream or sys.stderr
        self._shown = 0  # lines that the next drawing overwrites
        self._news: list[Finished] = []
        self._began = time.monotonic()

    def __exit__(self, *exception) -> None:
        """Take the live lines away; what ended stays."""
        self._write([])

    def draw(self) -> None:
        """Draw the live lines anew."""
        with self._lock:
            lines = [self._run(name, *how) for name, how in self.going.items()]
            if len(self.planned) > 1:
                lines.append(self._whole())
            self._write(lines)

    def _on_end(self, finished: "Finished") -> None:
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
        parts = [f"{len(self.ended)} of {len(self.planned)} runs"]
        failed = sum(not one.ok for one in self.ended.values())
        parts += [f"{failed} failed"] if failed else []
        parts.append(_rounded(time.monotonic() - self._began))
        left = self.seconds_left()
        if left is not None and len(self.ended) < len(self.planned):
            parts.append(_about(left))
        return ", ".join(parts)


def board(planned: Iterable["Planned"], jobs: int, shown: bool = True) -> Quiet:
    """Choose how to tell: a live board in a terminal, lines in a log, or not at all.

    Parameters
    ----------
    planned : iterable of Planned
        All runs.
    jobs : int
        How many go at once.
    shown : bool, default True
        False: say nothing.

    Returns
    -------
    Quiet
        Or a `Board`, or `Lines`; a context manager.
    """
    if not shown:
        return Quiet(planned, jobs)
    return (Board if sys.stderr.isatty() else Lines)(planned, jobs)


def _rounded(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 9.5 else span(round(seconds))


def _about(left: float) -> str:
    return f"about {_rounded(max(left, 1))} left"


def _headline(finished: "Finished", width: int) -> str:
    word, said = _ending(finished)
    line = f"{_SIGNS[word]} {finished.name}  {said}"[:width]
    return f"\x1b[{_COLOURS[word]}m{line[0]}\x1b[0m{line[1:]}"


def _ending(finished: "Finished") -> tuple[str, str]:
    """Say in a word and a line how a run ended."""
    run = finished.run
    if finished.how == "skipped":
        since = (run.get("started") or "")[:16].replace("T", " ")
        return "skipped", f"ok since {since} UTC (--force runs it again)"
    also = " (run by another call)" if finished.how == "taken" else ""
    if not finished.ok:
        return "failed", cause(run.get("error") or {}) + also
    return "ok", f"{span(run.get('seconds'))}{_score(finished)}{also}"


def _score(finished: "Finished") -> str:
    from .status import read_json

    uar = (read_json(finished.folder / "metrics.json") or {}).get("uar")
    value = uar.get("value") if isinstance(uar, dict) else None
    return f", UAR {number(value)}" if value is not None else ""
