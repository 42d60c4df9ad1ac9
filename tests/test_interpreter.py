"""Every process that is started keeps its hands off the current folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sertools import _interpreter

NAMES = ("json", "random", "queue", "pickle", "tempfile", "numpy", "pathlib", "mine")
SERTOOLS = [str(Path(sys.executable).with_name("sertools"))]


@pytest.fixture
def trap(tmp_path, monkeypatch) -> Path:
    """Go to a folder of modules that leave a mark when they are run."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(
            f"open({str(tmp_path / 'mark')!r}, 'a').write('{name} ')\n"
        )
    monkeypatch.chdir(folder)
    return tmp_path / "mark"


def python(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        words, env=_interpreter.environment(), capture_output=True, text=True
    )


def test_without_the_helper_the_trap_works(trap):
    bare = {name: v for name, v in os.environ.items() if name != "PYTHONSAFEPATH"}
    subprocess.run([sys.executable, "-c", "import random"], env=bare)
    assert "random" in trap.read_text()


@pytest.mark.parametrize("chosen", [False, True])
def test_a_module_of_the_folder_takes_no_others_place(trap, monkeypatch, chosen):
    path = [place for place in sys.path if os.path.isabs(place)]
    monkeypatch.setattr(sys, "path", ["", *path] if chosen else path)
    done = python(*_interpreter.command("-c", "import random, json, numpy, sertools"))
    assert done.returncode == 0, done.stderr
    assert not trap.exists()
    done = python(*_interpreter.command("-c", "import mine"))
    assert (done.returncode == 0) == trap.exists() == chosen


def test_leaving_the_folder_keeps_what_was_named(monkeypatch, tmp_path):
    here, named = tmp_path / "here", tmp_path / "named"
    for folder in (here, named):
        folder.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", str(named))
    monkeypatch.setattr(sys, "path", ["", str(here), ".", str(named), "/lib"])
    _interpreter.leave_folder()
    assert sys.path == [str(named), "/lib"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [
        ["predict", "recordings", "--jobs", "2"],
        ["doctor"],
        ["report", "quickstart", "-p", "dataset", "demo", "--out", "runs"],
    ],
    ids=lambda line: line[0],
)
def test_no_command_runs_what_lies_in_the_folder(trap, line):
    from sertools import datasets

    Path("recordings").mkdir()
    for path in map(Path, datasets.load("demo")["path"].iloc[:9]):
        os.symlink(path, Path("recordings", path.name))
    bare = {name: v for name, v in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run([*SERTOOLS, *line], env=bare, capture_output=True, text=True)
    assert done.returncode == 0 or line == ["doctor"], done.stderr
    assert not trap.exists(), trap.read_text()
