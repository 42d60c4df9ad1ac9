import json

import pytest

from sertools import report
from sertools.report._schema import is_sound, read_if_there, read_json, read_run_file

STARTED = "2026-01-01T02:00:00+00:00"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"status": "done"}, "status should be"),
        ({"parameters": [1]}, "parameters should be a valid dictionary, not [1]"),
        ({"packages": {"numpy": 1}}, "packages.numpy should be a valid string"),
        ({"error": "boom"}, "error should be"),
        ({"error": {"name": "x"}}, "error.message is missing"),
        ({"error": {"name": "x", "message": "y", "cell": 3}}, "error.cell"),
        ({"started": "yesterday"}, "started should be a moment such as"),
        ({"started": "0001-01-01T00:00:00+23:00"}, "started should be a moment"),
        ({"seconds": -1}, "seconds should be greater than or equal to 0"),
        ({"limits": {"memory": "much"}}, "limits.memory should be a valid number"),
        ({"schema_version": 2}, "schema_version"),
        ({"platform": "x" * 5000, "git_commit": 3}, "git_commit"),
    ],
)
def test_a_wrong_field_is_named_with_its_file(tmp_path, fields, said):
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"status": "ok", "started": STARTED, **fields}))
    with pytest.raises(ValueError) as caught:
        read_run_file(path)
    told = str(caught.value)
    assert told.startswith(f"{path}: {said}")
    assert len(told) < len(str(path)) + 250 and "\n" not in told
    assert read_json(path) is None
    assert read_if_there(path) == ({}, told)


def test_what_is_right_is_given_as_it_is(ok_run, failed_run, dead_run):
    for run in (ok_run, failed_run, dead_run):
        about = json.loads((run / "run.json").read_text())
        assert read_run_file(run / "run.json") == about
    assert read_if_there(ok_run / "gone.json") == ({}, "")


def test_a_line_of_the_history_needs_its_run_and_moment():
    assert is_sound({"run": "a", "status": "ok", "started": STARTED})
    assert not is_sound({"run": "a", "status": "ok", "started": "x"})
    assert not is_sound({"run": "a", "status": "running", "started": STARTED})


DAMAGE = (
    "{",
    "",
    "[]",
    '{"status": "ok", "started": 3}',
    '{"status": "ok", "error": [1]}',
    '{"status": "ok", "packages": "all"}',
    '{"status": "ok", "seconds": 1e999}',
    '{"status": "ok", "notebook": "\\ud800"}',
    "[" * 100_000,
)


@pytest.mark.parametrize("text", DAMAGE, ids=range(len(DAMAGE)))
@pytest.mark.parametrize("name", ["run.json", "metrics.json"])
def test_one_damaged_file_stops_neither_index_nor_comparison(
    write_run, tmp_path, text, name
):
    for side in ("old", "new"):
        write_run(tmp_path / side, "toy-demo-svm-00000000")
        write_run(tmp_path / side, "toy-demo-svm-00000001", seed=1)
    bad = tmp_path / "new" / "toy-demo-svm-00000001"
    if name == "metrics.json":
        text = text.replace('"status": "ok"', '"uar": "high"')
    (bad / name).write_text(text)
    page = report.write_index(tmp_path / "new").read_text()
    assert "toy-demo-svm-00000000" in page
    assert f"{name}: " in page
    found = report.check_regressions(tmp_path / "old", tmp_path / "new")
    assert len(found.verdicts) == 1
    assert any(str(bad / name) in note for note in found.notes)
    assert "toy-demo-svm-00000001 (damaged)" in found.only_new
    with pytest.raises(ValueError, match=name):
        report.check_regressions(tmp_path / "old" / bad.name, bad)


def test_a_result_of_ones_own_that_is_damaged_fails_the_run(notebook, tmp_path):
    path = notebook(
        "import pathlib\npathlib.Path(out, 'metrics.json').write_text('{\"uar\": 7}')"
    )
    run = report.run(path, out=tmp_path / "runs", progress=False)
    about = json.loads((run / "run.json").read_text())
    assert about["status"] == "failed"
    assert "metrics.json: uar" in about["error"]["message"]
