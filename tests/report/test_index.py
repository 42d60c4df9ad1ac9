import json
import shutil

import pytest

from sertools import report


@pytest.fixture
def runs(ok_run, failed_run, dead_run, tmp_path):
    """Gather runs in one folder, with one whose run.json cannot be read."""
    for run in (ok_run, failed_run, dead_run):
        shutil.copytree(run, tmp_path / run.name)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "run.json").write_text('{"status":')
    shutil.copytree(ok_run, tmp_path / ".toy-half-made")
    return tmp_path


def test_every_run_is_listed_with_its_scores(runs, ok_run, failed_run):
    text = report.write_index(runs).read_text(encoding="utf-8")
    assert "4 runs" in text
    assert f'href="{ok_run.name}/report.html"' in text
    assert "[0.702, 0.845]" in text
    assert "cell 4 (load)" in text
    assert "no corpus &lt;b&gt;here&lt;/b&gt;" in text
    assert "The kernel died (exit status 3)." in text
    assert "unreadable" in text
    assert ".toy-half-made" not in text


def test_the_newest_run_comes_first(runs, ok_run, failed_run):
    for run, started in ((ok_run, "2020-01-01"), (failed_run, "2021-01-01")):
        path = runs / run.name / "run.json"
        fields = json.loads(path.read_text())
        fields["started"] = f"{started}T00:00:00+00:00"
        path.write_text(json.dumps(fields))
    text = report.write_index(runs).read_text(encoding="utf-8")
    assert text.index(failed_run.name) < text.index(ok_run.name)


def test_an_empty_folder_has_a_page_too(tmp_path):
    text = report.write_index(tmp_path / "new").read_text(encoding="utf-8")
    assert "No run here yet" in text


def test_names_are_escaped(runs, ok_run):
    evil = runs / "a&b<i>"
    shutil.copytree(ok_run, evil)
    text = report.write_index(runs).read_text(encoding="utf-8")
    assert "a%26b%3Ci%3E/report.html" in text
    assert "a&b<i>" not in text


def test_a_run_writes_the_index(ok_run):
    text = (ok_run.parent / "index.html").read_text(encoding="utf-8")
    assert ok_run.name in text


def test_what_failed_before_is_not_called_new(tmp_path, write_run):
    error = {"cell": None, "name": "OSError", "message": "no space left"}
    for name, started in (("1", "2026-01-01T02:00:00"), ("2", "2026-01-02T02:00:00")):
        write_run(tmp_path, f"toy-a-0000000{name}", started=started)
        wrong = {"started": started, "error": error, "dataset": "emodb"}
        write_run(tmp_path, f"toy-b-0000000{name}", **wrong)
    text = report.write_index(tmp_path).read_text(encoding="utf-8")
    assert "1 has no earlier result to compare with." in text
