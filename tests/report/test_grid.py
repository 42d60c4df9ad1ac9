import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

import sertools
from sertools import report
from sertools.cli import main
from sertools.features import _cluster
from sertools.report._schema import read_json

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


SERTOOLS = [sys.executable, "-m", "sertools"]


FAILS = "raise ValueError('no such weights')"


HANGS = "import time\ntime.sleep(600)"


DIES = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"


EVALUATES = """
from sertools import datasets, evaluation, features, models, report
clips = datasets.select(datasets.load(dataset), "angry,sad", 40, seed)
X = features.extract(models.load("duration_loudness"), clips, jobs=1)
report.record(evaluation.cross_validate(head, X, clips, seed=seed), out=out)
"""


@pytest.fixture
def counted(tmp_path):
    """Give a cell that notes which seed it was run with, and what was noted."""
    place = tmp_path / "count"
    cell = f"with open({str(place)!r}, 'a') as f: f.write(f'{{seed}} ')"
    return cell, lambda: sorted(place.read_text().split())


def statuses(out):
    return {path.parent.name: read_json(path) for path in out.glob("[!.]*/run.json")}


def hidden(out):
    return [path.name for path in out.iterdir() if path.name.startswith(".")]


def test_a_second_call_runs_only_what_failed(notebook, counted, tmp_path, capsys):
    cell, seen = counted
    path = notebook(cell, "if seed == 2: " + FAILS)
    out = tmp_path / "runs"
    line = ["report", str(path), "--grid", "seed=1,2,3", "--out", str(out)]
    assert main([*line, "--jobs", "2"]) == 1
    said = capsys.readouterr()
    assert said.out.splitlines() == ["3 runs: 2 ok, 1 failed.", str(out / "index.html")]
    assert "cell 4 (if seed == 2: raise ValueError" in said.err
    assert main(line) == 1
    said = capsys.readouterr()
    assert seen() == ["1", "2", "2", "3"]
    assert said.err.count("ok since") == 2
    assert "3 runs: 2 ok (2 of them before), 1 failed." in said.out
    assert main([*line[:3], "seed=1", *line[4:], "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"]["seed"] == 1
    assert seen() == ["1", "1", "2", "2", "3"]
    assert hidden(out) == []


def test_json_lists_every_run(notebook, tmp_path, capsys):
    path = notebook("x = 1")
    line = ["report", str(path), "--grid", "seed=1,2", "--json"]
    assert main([*line, "--out", str(tmp_path / "runs")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Path(told["index"]).exists()
    assert [run["parameters"]["seed"] for run in told["runs"]] == [1, 2]
    assert {run["how"] for run in told["runs"]} == {"ran"}


def test_two_calls_at_once_share_the_runs_out(notebook, counted, tmp_path):
    cell, seen = counted
    path = notebook(cell, "import time\ntime.sleep(0.3)", "if seed == 2: " + FAILS)
    out = tmp_path / "runs"
    line = [*SERTOOLS, "report", str(path), "--grid", "seed=1,2,3", "--json"]
    both = [
        subprocess.Popen([*line, "--out", str(out)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [json.loads(one.communicate(timeout=120)[0])["runs"] for one in both]
    assert [one.returncode for one in both] == [1, 1]
    assert seen() == ["1", "2", "3"]
    results = [[(run["run"], run["status"]) for run in runs] for runs in told]
    assert results[0] == results[1]
    assert [status for _, status in results[0]] == ["ok", "failed", "ok"]
    assert {run["how"] for runs in told for run in runs} >= {"ran"}
    assert hidden(out) == []
    index = (out / "index.html").read_text()
    assert all(name in index for name, _ in results[0])


def test_trouble_with_the_disk_is_one_runs_trouble(notebook, tmp_path):
    out = tmp_path / "runs"
    out.mkdir()
    planned = report.plan([notebook("x = 1")], grid={"seed": [1, 2]})
    (out / planned[0].name).write_text("a file where the folder should be")
    first, second = report.run_all(planned, out, progress=False)
    assert not first.ok
    assert first.run["error"]["name"] == "NotADirectoryError"
    assert second.ok
    assert hidden(out) == []


def test_where_nothing_can_be_written_nothing_starts(notebook, counted, tmp_path):
    planned = report.plan([notebook(counted[0])], grid={"seed": [1, 2]})
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "runs", "/proc/self"):
        with pytest.raises(OSError, match="choose another folder with --out"):
            report.run_all(planned, out)
    assert not (tmp_path / "count").exists()


def test_a_plan_with_mistakes_starts_nothing(notebook, counted, tmp_path, capsys):
    path = tmp_path / "plan.yaml"
    path.write_text(
        f"notebooks: {notebook(counted[0])}\nparameters: {{sed: 1}}\n"
        f"grid: {{dataset: [demo, emobd]}}\nout: {tmp_path / 'runs'}\njbos: 2\n"
    )
    assert main(["report", str(path)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == f"sertools: 3 mistakes in {path}:"
    assert len(said) == 5
    assert said[-1] == "Nothing was started."
    assert not (tmp_path / "runs").exists()
    assert not (tmp_path / "count").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--grid", "seed"], "NAME=A,B"),
        (["--grid", "seed=1", "--grid", "seed=2"], "twice"),
        (["--jobs", "0"], "less than 1"),
        (["--jobs", "two"], "two is no whole number"),
        (["--timeout", "soon"], "soon is no number"),
        (["--grid", "head=svm,,"], "Unknown head ''"),
        (["--repeat", "x"], "from the run itself"),
        (["--timeout", "-3"], "not more than 0"),
        (["--jbos", "2"], "Did you mean --jobs"),
    ],
)
def test_bad_usage_is_refused(notebook, tmp_path, capsys, options, said):
    line = ["report", str(notebook("x = 1")), "--out", str(tmp_path / "runs")]
    assert main([*line, *options]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_values_may_hold_commas(notebook, tmp_path, capsys):
    path = notebook("x = 1", parameters='emotions: str = ""')
    line = ["report", str(path), "--grid", "emotions=angry,sad;happy,sad", "--json"]
    assert main([*line, "--out", str(tmp_path / "runs")]) == 0
    runs = json.loads(capsys.readouterr().out)["runs"]
    given = [run["parameters"]["emotions"] for run in runs]
    assert given == ["angry,sad", "happy,sad"]


@pytest.mark.slow
def test_twelve_runs_of_which_three_go_wrong(notebook, tmp_path, capsys):
    good = notebook(EVALUATES, name="good.ipynb")
    bad = {
        name: notebook("x = 1", source, name=f"{name}.ipynb")
        for name, source in (("fails", FAILS), ("hangs", HANGS), ("dies", DIES))
    }
    plan, out = tmp_path / "plan.yaml", tmp_path / "runs"
    single = "".join(f"  - {{notebook: {path}}}\n" for path in bad.values())
    single = single.replace("hangs.ipynb", "hangs.ipynb, timeout: 6")
    plan.write_text(
        f"notebooks: {good}\ngrid:\n  head: [svm, logistic, random_forest]\n"
        f"  seed: [1, 2, 3]\nruns:\n{single}jobs: 2\nout: {out}\n"
    )
    assert main(["report", str(plan)]) == 1
    assert "12 runs: 9 ok, 3 failed." in capsys.readouterr().out
    found = statuses(out)
    assert len(found) == 12
    assert sum(run["status"] == "ok" for run in found.values()) == 9
    errors = {run["notebook"]: run["error"] for run in found.values() if run["error"]}
    assert {name: error["name"] for name, error in errors.items()} == {
        "fails": "ValueError",
        "hangs": "TimeoutError",
        "dies": "DeadKernelError",
    }
    assert {error["cell"]["index"] for error in errors.values()} == {3}
    index = (out / "index.html").read_text()
    assert all(name in index for name in found)
    written = {name: (out / name / "run.json").stat().st_mtime_ns for name in found}
    assert main(["report", str(plan)]) == 1
    assert "12 runs: 9 ok (9 of them before), 3 failed." in capsys.readouterr().out
    again = {
        found[name]["notebook"]
        for name, moment in written.items()
        if (out / name / "run.json").stat().st_mtime_ns != moment
    }
    assert again == {"fails", "hangs", "dies"}


@pytest.mark.slow
def test_a_grid_that_was_killed_goes_on():
    command = [sys.executable, str(BENCHMARKS / "kill_grid.py"), "--moments", "3"]
    done = subprocess.run(
        [*command, "--runs", "4"], capture_output=True, text=True, timeout=300
    )
    assert "3 kills, 0 faults" in done.stdout, done.stdout + done.stderr


SAVES = """
import json, pathlib
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
(folder / "metrics.json").write_text(json.dumps({"seed": seed, "here": os.getcwd()}))
"""


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))


def test_a_cluster_makes_the_same_files(cluster, notebook, tmp_path):
    path = notebook("import os\nif seed == 2: raise ValueError('no')", SAVES)
    planned = report.plan([path], grid={"seed": [1, 2, 3]})
    here, there = tmp_path / "here", tmp_path / "there"
    one = report.run_all(planned, here, jobs=2, progress=False)
    other = report.run_all(planned, there, scheduler=cluster, progress=False)
    assert [run.ok for run in other] == [run.ok for run in one] == [True, False, True]
    assert files(here) == files(there)
    for run in one:
        metrics = read_json(run.folder / "metrics.json")
        assert read_json(there / run.name / "metrics.json") == metrics
        fields = read_json(there / run.name / "run.json")
        assert fields["error"] == run.run["error"]
    again = report.run_all(planned, there, scheduler=cluster, progress=False)
    assert [run.how for run in again] == ["skipped", "ran", "skipped"]


def test_stopping_ends_the_kernels_of_the_workers(cluster, notebook, tmp_path):
    mark = tmp_path / "pid"
    path = notebook(
        f"import os\nopen({str(mark)!r}, 'w').write(str(os.getpid()))",
        "import time\ntime.sleep(600)",
    )
    out = tmp_path / "runs"
    command = [sys.executable, "-m", "sertools", "report", str(path), "--out", str(out)]
    process = subprocess.Popen([*command, "--scheduler", cluster])
    while not (mark.exists() and mark.read_text()):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 143
    assert not psutil.pid_exists(int(mark.read_text()))
    (run,) = [json.loads(path.read_text()) for path in out.glob("[!.]*/run.json")]
    assert run["error"]["name"] == "Interrupted"
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def test_a_worker_that_sees_other_files_is_refused(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(sertools, "__version__", "0.0.0")
    with pytest.raises(ValueError, match="has sertools .*, not 0.0.0"):
        report.run_all([], tmp_path / "runs", scheduler=cluster, progress=False)


def test_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(_cluster, "_ANSWER", 0.5)
    with pytest.raises(ConnectionError, match="tcp://127.0.0.1:9"):
        report.run_all([], tmp_path, scheduler="tcp://127.0.0.1:9", progress=False)
