import datetime
import importlib.metadata
import json

from sertools.report.status import Status, checkout, packages, read_json


def test_a_run_begins_running_and_ends_ok(tmp_path):
    status = Status("toy", {"seed": 1}, run="toy-1")
    status.write(tmp_path)
    begun = json.loads((tmp_path / "run.json").read_text())
    assert begun["status"] == "running"
    assert begun["run"] == "toy-1"
    metrics = {"corpus_sha256": "ab", "weights_sha256": "cd", "status": "better"}
    status.end(metrics=metrics, peak_rss_mb=1.5)
    status.write(tmp_path)
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["status"] == "ok"
    assert run["parameters"] == {"seed": 1}
    assert (run["corpus_sha256"], run["weights_sha256"]) == ("ab", "cd")
    assert run["error"] is None
    assert run["seconds"] >= 0
    began = datetime.datetime.fromisoformat(run["started"])
    assert began.utcoffset() == datetime.timedelta(0)


def test_a_run_with_an_error_failed():
    error = {"cell": None, "name": "ValueError", "message": "no"}
    assert Status(None, {}).end(error=error)["status"] == "failed"


def test_versions_are_those_installed():
    found = packages()
    assert found["numpy"] == importlib.metadata.version("numpy")
    assert found["papermill"] == importlib.metadata.version("papermill")
    assert "ruff" not in found


def test_a_commit_is_a_commit_or_nothing():
    found = checkout()
    commit = found["git_commit"]
    assert commit is None or (len(commit) == 40 and int(commit, 16))
    assert (commit is None) == (found["git_dirty"] is None)


def test_what_is_no_json_object_is_none(tmp_path):
    path = tmp_path / "a.json"
    assert read_json(path) is None
    path.write_text('{"half":')
    assert read_json(path) is None
    path.write_text("[1]")
    assert read_json(path) is None
