import json
import signal
import subprocess
import sys
import time

import psutil
import pytest

from sertools import report
from sertools.report._status import read_json

distributed = pytest.importorskip("distributed")
SAVES = """
import json, pathlib
folder = pathlib.Path(out)
folder.mkdir(parents=True, exist_ok=True)
(folder / "metrics.json").write_text(json.dumps({"seed": seed, "here": os.getcwd()}))
"""


@pytest.fixture(scope="module")
def cluster():
    """Start a scheduler and two workers, each a process with one thread."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as started:
        yield started.scheduler_address


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
    from sertools.report import _cluster as room

    monkeypatch.setattr(room.sertools, "__version__", "0.0.0")
    with pytest.raises(ValueError, match="has sertools .*, not 0.0.0"):
        report.run_all([], tmp_path / "runs", scheduler=cluster, progress=False)


def test_a_scheduler_that_is_not_there_is_told(tmp_path, monkeypatch):
    from sertools.report import _cluster as room

    monkeypatch.setattr(room, "_ANSWER", 0.5)
    with pytest.raises(ConnectionError, match="tcp://127.0.0.1:9"):
        report.run_all([], tmp_path, scheduler="tcp://127.0.0.1:9", progress=False)
