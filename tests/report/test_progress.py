import io
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from sertools.report._progress import (
    LiveProgress,
    LogProgress,
    Progress,
    cause,
    sum_up,
)
from sertools.report._run import RunResult

PLANNED = [SimpleNamespace(name=f"toy-{n}", notebook="toy") for n in range(4)]


CELL = {"index": 4, "tag": None, "line": "load()"}


ERROR = {"cell": CELL, "name": "ValueError", "message": "no <such>\nfile"}


def ended(n, status="ok", how="ran", seconds=10.0):
    run = {"status": status, "notebook": "toy", "seconds": seconds}
    run |= {"started": "2026-03-01T02:03:04+00:00", "error": ERROR}
    return RunResult(f"toy-{n}", Path(f"runs/toy-{n}"), run, how)


def test_a_log_says_when_each_run_starts_and_how_it_ends():
    told = LogProgress(PLANNED, jobs=2, stream=io.StringIO())
    told.end(ended(3, how="skipped"))
    told.cell("toy-0", 0, 9)
    told.cell("toy-0", 1, 9)
    told.end(ended(0))
    told.end(ended(1, "failed"))
    text = told._stream.getvalue()
    lines = [
        re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  ", "", x) for x in text.splitlines()
    ]
    assert "\x1b" not in text
    assert lines == [
        "[1/4] skipped  toy-3  ok since 2026-03-01 02:03 UTC (--force runs it again)",
        "[1/4] started  toy-0",
        "[2/4] ok       toy-0  10 s; about 10 s left",
        "[3/4] failed   toy-1  cell 5 (load()) failed: ValueError: no <such> file; "
        "about 10 s left",
    ]


def test_the_time_left_comes_from_what_ended():
    told = Progress(PLANNED, jobs=2)
    assert told.seconds_left() is None
    told.end(ended(0, how="skipped"))
    assert told.seconds_left() is None
    told.end(ended(1, seconds=30.0))
    assert told.seconds_left() == pytest.approx(30)  # two runs of 30 s, two at a time
    told.cell("toy-2", 0, 5)
    told.going["toy-2"] = (told.going["toy-2"][0] - 20, 0, 5)
    assert told.seconds_left() == pytest.approx(20, abs=0.5)  # 10 s and 30 s


def test_a_terminal_shows_runs_and_the_whole_and_cleans_up(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    screen = io.StringIO()
    with LiveProgress(PLANNED, jobs=2, stream=screen) as told:
        told.cell("toy-0", 4, 8)
        told.cell("toy-1", 0, 8)
        told.draw()
        first = screen.getvalue()
        assert "━━━━━━━━╌╌╌╌╌╌╌╌ cell  5 of  8" in first
        assert "0 of 4 runs" in first
        told.end(ended(0))
        told.end(ended(1, "failed"))
        told.draw()
        second = screen.getvalue().removeprefix(first)
        assert second.startswith("\x1b[3F\x1b[J")
        assert "✓\x1b[0m toy-0  10 s" in second
        assert "✕\x1b[0m toy-1  cell 5 (load()) failed" in second
        assert "2 of 4 runs, 1 failed" in second
    assert screen.getvalue().endswith("\x1b[1F\x1b[J")
    assert all(len(re.sub(r"\x1b\[\w+", "", x)) < 100 for x in second.splitlines())


def test_the_sum_is_plain():
    runs = [ended(0), ended(1, how="skipped"), ended(2, "failed")]
    assert sum_up(runs) == "3 runs: 2 ok (1 of them before), 1 failed"
    assert sum_up(runs[:1]) == "1 run: 1 ok"


def test_a_failure_is_a_line():
    assert cause(ERROR) == "cell 5 (load()) failed: ValueError: no <such> file"
