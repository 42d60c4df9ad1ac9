"""Kill a grid with kill -9 at random moments, and see whether a second call mends it.

Each time a grid of light notebooks starts in a new folder, and its process is killed
at a moment drawn from the time that the whole takes. Then it is looked at what lies
there: kernels must be gone, and whatever has its final name must be whole (JSON
parses, tables open, pages end). The same call once more must bring every run to ok
and leave alone what was finished.

    python benchmarks/kill_grid.py --moments 20
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil

PARAMETERS = 'seed: int = 0  # which of them\nout: str = ""  # where to save'
WORK = """
import os, pathlib, subprocess, time
child = subprocess.Popen(["sleep", "600"])
with open({log!r}, "a") as log:
    log.write(f"{{os.getpid()}} {{child.pid}}\\n")
time.sleep(0.5)
"""
SAVE = """
import json, pandas
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
pandas.DataFrame({"clip": ["a"] * 1000}).to_parquet(folder / "predictions.parquet")
(folder / "metrics.json").write_text(json.dumps({"schema_version": 1}))
"""


def main() -> int:
    """Kill, look, go on, and count what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--runs", type=int, default=6, help="in each grid")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    draw, faults = random.Random(options.seed), []
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        begin(Path(folder, "whole"), options).wait()
        longest = time.perf_counter() - start
        print(f"{options.runs} runs, {options.jobs} at a time: {longest:.1f} s")
        for number in range(options.moments):
            moment = draw.uniform(0.1, longest)
            place = Path(folder, f"killed-{number}")
            finished, found = one_kill(place, moment, options)
            faults += found
            said = "; ".join(found) or "all well"
            print(f"killed after {moment:5.2f} s with {finished} finished: {said}")
    verdict = "met" if not faults else "MISSED"
    print(f"{options.moments} kills, {len(faults)} faults (due: 0): {verdict}")
    return 1 if faults else 0


def begin(place: Path, options) -> subprocess.Popen:
    """Start the grid."""
    place.mkdir(exist_ok=True)
    path = place / "light.ipynb"
    if not path.exists():
        cells = [PARAMETERS, WORK.format(log=str(place / "log")), SAVE]
        made = [nbformat.v4.new_code_cell(source) for source in cells]
        made[0].metadata["tags"] = ["parameters"]
        nbformat.write(nbformat.v4.new_notebook(cells=made), path)
    grid = f"seed={','.join(str(n) for n in range(1, options.runs + 1))}"
    command = [sys.executable, "-m", "sertools", "report", str(path), "--grid", grid]
    command += ["--jobs", str(options.jobs), "--out", str(place / "runs")]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=nothing, stderr=nothing)


def one_kill(place: Path, moment: float, options) -> tuple[int, list[str]]:
    """Kill one grid and go on with it; count what was finished, list what is wrong."""
    process = begin(place, options)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    time.sleep(0.5)
    left = living(place)
    found = [f"{len(left)} processes outlived it"] if left else []
    runs = whole(place / "runs", found)
    before = {run.name: (run / "run.json").stat() for run in runs}
    if code := begin(place, options).wait():
        found.append(f"the second call ended with {code}")
    after = whole(place / "runs", found)
    if len(after) != options.runs:
        found.append(f"{len(after)} runs of {options.runs}")
    for run in after:
        now = (run / "run.json").stat()
        if run.name in before and not same(before[run.name], now):
            found.append(f"{run.name} was run twice")
    hidden = [p.name for p in (place / "runs").iterdir() if p.name.startswith(".")]
    found += [f"left over: {name}" for name in hidden]
    index = (place / "runs" / "index.html").read_text(encoding="utf-8")
    found += [f"not in the index: {r.name}" for r in after if r.name not in index]
    return len(before), found


def whole(runs: Path, found: list[str]) -> list[Path]:
    """List the runs that are there, and note whatever of them is not whole and ok."""
    there = [path for path in runs.glob("[!.]*") if path.is_dir()]
    for run in there:
        try:
            for path in run.rglob("*.json"):
                json.loads(path.read_text(encoding="utf-8"))
            status = json.loads((run / "run.json").read_text(encoding="utf-8"))
            if status["status"] != "ok":
                found.append(f"{run.name} is {status['status']}: {status['error']}")
                continue
            rows = len(pd.read_parquet(run / "predictions.parquet"))
            page = (run / "report.html").read_text(encoding="utf-8")
            nbformat.read(run / "notebook.ipynb", as_version=4)
            if rows != 1000 or not page.rstrip().endswith("</html>"):
                found.append(f"{run.name} is not whole")
        except (OSError, ValueError) as error:
            found.append(f"{run.name}: {error}")
    return there


def living(place: Path) -> list[int]:
    """List the kernels, and what they started, that are still alive."""
    log = place / "log"
    pids = [int(pid) for pid in log.read_text().split()] if log.exists() else []
    return [pid for pid in pids if alive(pid)]


def alive(pid: int) -> bool:
    """Say whether a process still runs."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def same(one: os.stat_result, other: os.stat_result) -> bool:
    """Say whether a file is the very same, unwritten since."""
    return (one.st_ino, one.st_mtime_ns) == (other.st_ino, other.st_mtime_ns)


if __name__ == "__main__":
    raise SystemExit(main())
