import datetime
import importlib.metadata
import json

import pytest

from sertools.report._schema import read_json
from sertools.report._status import (
    Status,
    checkout,
    licences,
    packages,
    recording,
    surroundings,
)


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


OPENSMILE = "audEERING research licence"


def test_what_a_result_recorded_comes_first():
    found = licences({}, {"licenses": ["emodb: CC-BY-4.0", "opensmile: its own"]})
    assert found == ["emodb: CC-BY-4.0", "opensmile: its own"]


def test_a_run_without_a_result_is_about_what_its_parameters_name():
    run = {"notebook": "opensmile", "parameters": {"dataset": "emodb", "seed": 0}}
    found = licences(run, {})
    assert found[0] == "emodb: CC-BY-4.0"
    assert OPENSMILE in found[1]


def test_nothing_is_there_twice():
    run = {"notebook": "opensmile", "parameters": {"dataset": "ravdess"}}
    recorded = ["ravdess: CC-BY-NC-SA-4.0", f"opensmile:ComParE_2016: {OPENSMILE}"]
    found = licences(run, {"licenses": recorded})
    assert len(found) == 2


@pytest.mark.parametrize("name", ["ravdess", "tess", "savee"])
def test_no_commercial_use_is_said_in_words(name):
    (line,) = licences({"parameters": {"dataset": name}}, {})
    assert "no commercial use" in line


def test_a_report_says_licences_and_intended_use(ok_run, failed_run):
    for run, licence in ((ok_run, "openSMILE: research"), (failed_run, "demo: CC0")):
        text = (run / "report.html").read_text()
        assert "not for decisions about people" in text
        assert licence in text


def test_a_run_knows_what_it_needs_to_be_repeated(ok_run):
    import json

    run = json.loads((ok_run / "run.json").read_text())
    needed = {*surroundings(), "source_sha256", "parameters", "packages", "git_commit"}
    assert run.keys() >= needed | {"git_dirty", "corpus_sha256", "weights_sha256"}
    assert run["notebook_path"].endswith("02_toy.ipynb")
    assert run["packages"]["python"]


def test_work_without_a_notebook_is_recorded_whatever_becomes_of_it(tmp_path):
    def told():
        return read_json(tmp_path / "run.json")

    (tmp_path / "metrics.json").write_text("of an earlier run")
    with recording(tmp_path, {"seed": 1}, ["metrics.json"]) as status:
        assert told()["status"] == "running"
        assert not (tmp_path / "metrics.json").exists()
        status.metrics = {"corpus_sha256": "ab"}
    assert told()["status"] == "ok" and told()["corpus_sha256"] == "ab"
    assert told()["peak_rss_mb"] > 10 and told()["parameters"] == {"seed": 1}
    with pytest.raises(KeyError), recording(tmp_path, {}, []):
        raise KeyError("lost")
    assert told()["error"] == {"cell": None, "name": "KeyError", "message": "'lost'"}
