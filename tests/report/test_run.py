import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from sertools import report
from sertools.report._run import lock, made, outcome_of, publish, recover, recover_all


def load(folder):
    return json.loads((folder / "run.json").read_text())


def outputs(folder):
    cells = nbformat.read(folder / "notebook.ipynb", as_version=4).cells
    return "\n".join(
        output.get("text", "") for cell in cells for output in cell.get("outputs", [])
    )


def hidden(folder):
    return [path for path in folder.iterdir() if path.name.startswith(".")]


def test_a_run_leaves_all_its_files(ok_run):
    files = {path.name for path in ok_run.iterdir()}
    assert files == {
        "run.json",
        "metrics.json",
        "predictions.parquet",
        "notebook.ipynb",
        "report.html",
    }
    assert (ok_run.parent / "index.html").exists()
    assert hidden(ok_run.parent) == []


def test_run_json_says_what_ran(ok_run):
    run = load(ok_run)
    assert run["schema_version"] == 1
    assert run["status"] == "ok"
    assert run["error"] is None
    assert run["notebook"] == "toy"
    assert run["run"] == ok_run.name
    assert run["parameters"] == {
        "dataset": "demo",
        "root": "",
        "head": "svm",
        "seed": 3,
    }
    assert run["corpus_sha256"] == "ab" * 32
    assert run["seconds"] > 0
    assert run["peak_rss_mb"] > 20
    assert run["packages"]["python"] == ".".join(map(str, sys.version_info[:3]))


def test_the_name_says_what_was_changed(ok_run):
    assert ok_run.name.startswith("toy-demo-svm-seed-3-")


def test_the_notebook_ran_here_and_its_chatter_is_gone(ok_run):
    text = outputs(ok_run)
    assert sys.executable in text
    assert os.getcwd() in text
    stored = (ok_run / "notebook.ipynb").read_text()
    assert "widget-view" not in stored
    assert f"/.{ok_run.name}" not in stored, "the hidden folder's name is left"
    assert ok_run.name in stored


def test_an_earlier_run_is_replaced(notebook, tmp_path):
    path = notebook("print('hello')")
    folder = report.run(path, {}, tmp_path / "runs")
    (folder / "left.txt").write_text("from before")
    assert report.run(path, {}, tmp_path / "runs") == folder
    assert not (folder / "left.txt").exists()
    assert not (folder / "metrics.json").exists()
    assert load(folder)["status"] == "ok"
    assert hidden(tmp_path / "runs") == []


def test_a_cell_that_raises_is_named(failed_run):
    run = load(failed_run)
    assert run["status"] == "failed"
    assert run["error"] == {
        "cell": {
            "index": 3,
            "tag": "load",
            "line": "raise ValueError('no corpus <b>here</b>')",
        },
        "name": "ValueError",
        "message": "no corpus <b>here</b>",
    }
    assert "never reached" not in outputs(failed_run)
    assert (failed_run / "report.html").exists()
    assert hidden(failed_run.parent) == []


def test_a_kernel_that_dies_is_told(dead_run):
    run = load(dead_run)
    assert run["status"] == "failed"
    assert run["error"] == {
        "cell": {"index": 3, "tag": None, "line": "import os"},
        "name": "DeadKernelError",
        "message": "The kernel died (exit status 3).",
    }
    assert "so far so good" in outputs(dead_run)
    cells = nbformat.read(dead_run / "notebook.ipynb", as_version=4).cells
    died = next(cell for cell in cells if "_exit" in cell.source)
    assert died.outputs[-1].ename == "DeadKernelError"
    assert hidden(dead_run.parent) == []


def test_a_crash_in_native_code_leaves_its_last_words(notebook, tmp_path):
    path = notebook("import ctypes\nctypes.string_at(0)")
    folder = report.run(path, {}, tmp_path / "runs")
    error = load(folder)["error"]
    assert error["message"] == "The kernel died (killed by SIGSEGV)."
    assert "Segmentation fault" in (folder / "report.html").read_text()


def test_a_kernel_that_cannot_start_says_why(notebook, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ipykernel.py").write_text("raise SystemExit('not today')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    folder = report.run(notebook("x = 1"), {}, tmp_path / "runs")
    error = load(folder)["error"]
    assert error["cell"] is None
    assert error["message"].endswith("not today")
    assert "before the first cell" in (tmp_path / "runs" / "index.html").read_text()


def test_mistakes_are_refused_before_anything_starts(notebook, tmp_path):
    path = notebook("x = 1")
    with pytest.raises(ValueError, match=r"sed.*seed"):
        report.run(path, {"sed": 1}, tmp_path / "runs")
    with pytest.raises(ValueError, match="--out"):
        report.run(path, {"out": "elsewhere"}, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_relative_paths_mean_the_callers_folder(notebook, tmp_path, monkeypatch):
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text("found it")
    monkeypatch.chdir(tmp_path)
    path = notebook("import pathlib\nprint(pathlib.Path(root, 'a.txt').read_text())")
    folder = report.run(path, {"root": "corpus"}, "runs in {braces}")
    assert folder.parent == tmp_path / "runs in {braces}"
    assert load(folder)["status"] == "ok"
    assert "found it" in outputs(folder)


def test_a_foreign_python3_kernel_is_not_used(notebook, tmp_path, monkeypatch):
    spec = tmp_path / "jupyter" / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = {"argv": ["/bin/false"], "display_name": "no", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(argv))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    folder = report.run(notebook("import sys; sys.executable"), {}, tmp_path / "runs")
    assert load(folder)["status"] == "ok"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sockets of Linux")
def test_a_kernel_takes_no_port_that_another_process_could_want(notebook, tmp_path):
    path = notebook(
        "import json\nfrom ipykernel.connect import get_connection_info\n"
        "print(json.loads(get_connection_info())['transport'])"
    )
    assert "ipc" in outputs(report.run(path, {}, tmp_path / "runs"))


def test_pictures_are_drawn_whatever_backend_the_caller_has(
    notebook, tmp_path, monkeypatch
):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    path = notebook("import matplotlib.pyplot as plt\nplt.plot([1, 2]);")
    folder = report.run(path, {}, tmp_path / "runs")
    assert "image/png" in (folder / "notebook.ipynb").read_text()


def test_a_run_that_takes_too_long_is_stopped_with_its_children(notebook, tmp_path):
    mark = tmp_path / "pid"
    path = notebook(
        "import subprocess, time, pathlib\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"pathlib.Path({str(mark)!r}).write_text(str(child.pid))\n"
        "time.sleep(600)"
    )
    began = time.monotonic()
    folder = report.run(path, {}, tmp_path / "runs", timeout=6)
    assert time.monotonic() - began < 60
    error = load(folder)["error"]
    assert error["name"] == "TimeoutError"
    assert error["message"] == "The run took longer than 6 s and was stopped."
    assert error["cell"]["index"] == 2
    assert not alive(int(mark.read_text()))


def test_a_run_that_holds_too_much_is_stopped(notebook, tmp_path):
    path = notebook("x = b'1' * 500_000_000\nimport time\ntime.sleep(600)")
    folder = report.run(path, {}, tmp_path / "runs", memory=400)
    error = load(folder)["error"]
    assert error["name"] == "MemoryError"
    assert "more than the 400 MB that it may" in error["message"]
    assert error["cell"]["index"] == 2
    assert load(folder)["limits"] == {"timeout": None, "memory": 400}


BUSY = """
import os, pathlib, subprocess
child = subprocess.Popen(["sleep", "600"])
pathlib.Path({mark!r}).write_text(f"{{os.getpid()}} {{child.pid}}")
sum(range(10**12))
"""


def begin(notebook, tmp_path, *options):
    """Start a run that computes without end; give its process and its children."""
    mark = tmp_path / "pids"
    path = notebook(BUSY.format(mark=str(mark)))
    command = [sys.executable, "-m", "sertools", "report", str(path), *options]
    process = subprocess.Popen([*command, "--out", str(tmp_path / "runs")])
    until(lambda: mark.exists() and mark.read_text())
    return process, [int(pid) for pid in mark.read_text().split()]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_a_signal_ends_it_cleanly(notebook, tmp_path, number, code):
    process, pids = begin(notebook, tmp_path)
    process.send_signal(number)
    assert process.wait(timeout=30) == code
    assert not any(map(alive, pids))
    (folder,) = (tmp_path / "runs").glob("toy-*")
    run = load(folder)
    assert (run["status"], run["error"]["name"]) == ("failed", "Interrupted")
    assert run["error"]["cell"]["index"] == 2
    assert "Interrupted" in (tmp_path / "runs" / "index.html").read_text()
    assert hidden(tmp_path / "runs") == []


def test_nothing_outlives_a_parent_that_is_killed(notebook, tmp_path):
    process, pids = begin(notebook, tmp_path)
    process.kill()
    process.wait()
    until(lambda: not any(map(alive, pids)), seconds=1.5)
    assert list((tmp_path / "runs").glob("toy-*")) == []


def until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_notebook_that_records_nothing_still_reports(notebook, tmp_path):
    path = notebook("1 + 1", parameters="seed: int = 0")
    folder = report.run(path, {"seed": 1}, tmp_path / "runs")
    assert load(folder)["status"] == "ok"
    assert "recorded no result" in Path(folder, "report.html").read_text()


NAME = "toy-demo-0123abcd"


@pytest.fixture
def final(tmp_path):
    return tmp_path / NAME


def folder(path, status="ok", report=True, note=""):
    path.mkdir()
    (path / "run.json").write_text(json.dumps({"status": status, "note": note}))
    if report:
        (path / "report.html").write_text("a page")
    return path


def note(final):
    return outcome_of(final)["note"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_a_whole_run_counts(tmp_path):
    assert outcome_of(folder(tmp_path / "a")) is not None
    assert outcome_of(folder(tmp_path / "b", "failed")) is not None
    assert outcome_of(folder(tmp_path / "c", "running")) is None
    assert outcome_of(folder(tmp_path / "d", report=False)) is None
    assert outcome_of(tmp_path / "e") is None


def test_a_second_making_is_told_from_the_first(tmp_path, final):
    assert made(final) is None
    publish(folder(tmp_path / "w1"), final)
    first = made(final)
    publish(folder(tmp_path / "w2", note="new"), final)
    assert made(final) not in (None, first)
    assert note(final) == "new"
    assert names(tmp_path) == [NAME]


def test_what_was_whole_but_for_its_name_gets_it(tmp_path, final):
    folder(tmp_path / f".{NAME}.00000001", "running")
    folder(tmp_path / f".{NAME}.00000002", note="whole")
    recover(final)
    assert note(final) == "whole"
    assert names(tmp_path) == [NAME]


def test_what_was_to_be_replaced_comes_back(tmp_path, final):
    folder(tmp_path / f".{NAME}.00000001", "running")
    folder(tmp_path / f".{NAME}.00000002.old", note="old")
    recover(final)
    assert note(final) == "old"
    assert names(tmp_path) == [NAME]


def test_the_new_goes_before_the_old(tmp_path, final):
    folder(tmp_path / f".{NAME}.00000001.old", note="old")
    folder(tmp_path / f".{NAME}.00000002", note="new")
    recover(final)
    assert note(final) == "new"


def test_sweeping_leaves_alone_what_somebody_is_making(tmp_path, final):
    busy = folder(tmp_path / f".{NAME}.00000001", "running")
    dead = folder(tmp_path / ".other-99999999.00000001", "running")
    (tmp_path / ".other-99999999.lock").touch()
    (tmp_path / ".git").mkdir()
    with lock(final):
        recover_all(tmp_path)
        assert busy.exists()
    assert not dead.exists()
    assert (tmp_path / ".git").exists()
    recover_all(tmp_path)
    assert names(tmp_path) == [".git"]
