import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from sertools import report
from sertools.report._kernel import Place, Watch, connection_file, manager_class
from sertools.report._run import _check_disk


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """Stand in a folder whose modules leave a mark when they are imported."""
    folder, mark = tmp_path / "corpus", tmp_path / "imported"
    folder.mkdir()
    for name in ("json", "random", "queue", "secrets", "numbers", "sertools"):
        text = f"open({str(mark)!r}, 'w').close()\nraise ImportError('trap')\n"
        (folder / f"{name}.py").write_text(text)
    (folder / "helper.py").write_text("open('helped', 'w').close()")
    monkeypatch.chdir(folder)
    return mark


def test_our_notebooks_run_no_python_of_the_current_folder(trap, tmp_path):
    given = {"max_clips": 48, "head": "logistic"}
    run = report.run("quickstart", given, tmp_path / "runs", progress=False)
    assert json.loads((run / "run.json").read_text())["error"] is None
    assert not trap.exists()


def test_a_notebook_of_ones_own_keeps_its_folder(tmp_path, notebook, monkeypatch):
    (tmp_path / "helper.py").write_text("x = 1")
    monkeypatch.chdir(tmp_path)
    run = report.run(notebook("import helper"), None, tmp_path / "runs", progress=False)
    assert json.loads((run / "run.json").read_text())["error"] is None


def test_the_way_of_a_safe_kernel_is_said_to_all_that_it_starts():
    for safe in (True, False):
        spec = manager_class(Watch(), 2, "kernel.json", Place(safe=safe)).kernel_spec
        assert bool(spec.env["PYTHONSAFEPATH"]) is safe


def test_a_connection_file_is_gone_at_the_end():
    with connection_file() as path:
        Path(path).write_text("{}")
    assert not Path(path).parent.exists()


def test_a_connection_file_is_gone_when_its_maker_is_killed(tmp_path):
    code = (
        "import sys, time\nfrom sertools.report._kernel import connection_file\n"
        "with connection_file() as path:\n open(path, 'w').close()\n"
        " print(path, flush=True)\n time.sleep(60)"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    maker = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment, text=True
    )
    path = Path(maker.stdout.readline().strip())
    assert path.exists() and path.is_relative_to(tmp_path)
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    end = time.monotonic() + 10
    while path.parent.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not path.parent.exists()


def test_a_run_leaves_no_connection_file_anywhere(tmp_path, notebook, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    before = set(Path(tempfile.gettempdir()).glob("sertools-kernel-*"))
    path = notebook("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    report.run(path, None, tmp_path / "runs", progress=False)
    assert not list((tmp_path / "runtime").rglob("kernel*.json"))
    assert set(Path(tempfile.gettempdir()).glob("sertools-kernel-*")) <= before


def test_a_full_disk_is_called_one(tmp_path):
    failure = None
    try:
        with open("/dev/full", "w") as file:
            file.write("a notebook")
    except OSError as full:
        failure = RuntimeError("papermill could not")
        failure.__cause__ = full
    with pytest.raises(OSError, match="The disk is full"):
        _check_disk(failure, tmp_path / "run" / "notebook.ipynb")
    _check_disk(RuntimeError("something else"), tmp_path / "a" / "b.ipynb")
    _check_disk(None, tmp_path / "a" / "b.ipynb")
