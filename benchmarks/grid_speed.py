"""Time eight light notebooks as one grid, beside papermill and nbconvert in turn.

Both ways execute the same notebook with eight values of a parameter and make an HTML
page of each. One way is what people do by hand or in a loop of the shell: `papermill`,
then `jupyter nbconvert`, eight times. The other is one `sertools report` with two runs
at a time. They take turns, so that whatever else the machine does hits both.

    python benchmarks/grid_speed.py
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

PARAMETERS = "seed: int = 0  # of the random numbers"
LIGHT = (
    "import numpy as np\nimport pandas as pd",
    "random = np.random.default_rng(seed)\n"
    "table = pd.DataFrame(random.normal(size=(200, 4)), columns=list('abcd'))\n"
    "table.describe()",
    "import matplotlib.pyplot as plt\ntable.plot.hist(alpha=0.5, bins=20);",
    "table.corr().round(2)",
)


def main() -> int:
    """Time both ways and say whether the grid is as quick as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=0.6)
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    seeds = range(1, options.runs + 1)
    with tempfile.TemporaryDirectory() as folder:
        notebook = write(Path(folder, "light.ipynb"))
        in_turn(notebook, Path(folder, "warm-up-1"), seeds[:1])
        as_grid(notebook, Path(folder, "warm-up-2"), seeds[:1], 1)
        times = []
        for number in range(options.rounds):
            slow = in_turn(notebook, Path(folder, f"turn-{number}"), seeds)
            quick = as_grid(
                notebook, Path(folder, f"grid-{number}"), seeds, options.jobs
            )
            times.append((quick / slow, quick, slow))
            print(f"in turn {slow:6.1f} s   grid {quick:6.1f} s   {quick / slow:.2f}")
    ratio = sorted(times)[len(times) // 2][0]
    verdict = "met" if ratio <= options.limit else "MISSED"
    print(
        f"{options.runs} notebooks, {options.jobs} at a time, {os.cpu_count()} cores:"
    )
    print(f"median {ratio:.2f} of the time (due: at most {options.limit}): {verdict}")
    return 0 if ratio <= options.limit else 1


def write(path: Path) -> Path:
    """Write the notebook."""
    cells = [nbformat.v4.new_code_cell(source) for source in (PARAMETERS, *LIGHT)]
    cells[0].metadata["tags"] = ["parameters"]
    heading = nbformat.v4.new_markdown_cell("# Light")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    about = {"kernelspec": kernel, "language_info": {"name": "python"}}
    made = nbformat.v4.new_notebook(cells=[heading, *cells], metadata=about)
    nbformat.write(made, path)
    return path


def in_turn(notebook: Path, folder: Path, seeds) -> float:
    """Run papermill and nbconvert for each seed; give the seconds."""
    folder.mkdir()
    start = time.perf_counter()
    for seed in seeds:
        made = folder / f"{seed}.ipynb"
        call("papermill", notebook, made, "-p", "seed", seed, "-k", "python3")
        call("nbconvert", "--to", "html", made)
        assert made.with_suffix(".html").exists()
    return time.perf_counter() - start


def as_grid(notebook: Path, folder: Path, seeds, jobs: int) -> float:
    """Run all seeds with one command; give the seconds."""
    start = time.perf_counter()
    grid = f"seed={','.join(map(str, seeds))}"
    call(
        "sertools", "report", notebook, "--grid", grid, "--jobs", jobs, "--out", folder
    )
    assert len(list(folder.glob("*/report.html"))) >= len(seeds)
    return time.perf_counter() - start


def call(module: str, *arguments) -> None:
    """Run a module's command in a process of its own."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    raise SystemExit(main())
