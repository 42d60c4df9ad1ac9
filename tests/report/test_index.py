import datetime
import json
import shutil

import pytest

from sertools import report
from sertools.report._index import HEIGHT, SHAPES, WIDTH, trends


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


def line(day, value, low=None, high=None, **more):
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    metrics = {
        "dataset": more.pop("dataset", "emodb"),
        "model": more.pop("model", "opensmile"),
        "head": more.get("head", "svm"),
        "uar": {"value": value, "low": low, "high": high},
        "chance": 0.25,
        "synthetic": more.pop("synthetic", False),
    }
    return {
        "run": f"toy-{day}",
        "started": (when + datetime.timedelta(days=day)).isoformat(),
        "status": "ok",
        "notebook": "toy",
        "parameters": {"head": "svm", **more},
        "metrics": metrics,
    }


def test_one_picture_a_corpus_and_model():
    history = [
        line(0, 0.5),
        line(1, 0.6, dataset="demo"),
        line(2, 0.7, model="yamnet"),
        line(3, 0.7),
    ]
    found = [(panel.dataset, panel.model, panel.runs) for panel in trends(history)]
    assert found == [
        ("demo", "opensmile", 1),
        ("emodb", "opensmile", 2),
        ("emodb", "yamnet", 1),
    ]


def test_time_goes_right_and_scores_go_up():
    (panel,) = trends([line(0, 0.4, 0.3, 0.5), line(9, 0.8, 0.7, 0.9)])
    first, last = panel.series[0].points
    assert first.x < last.x
    assert first.y > last.y
    assert last.high < last.y < last.low
    assert [text for text, *_ in panel.days] == ["1 Jan", "10 Jan"]
    for point in (first, last):
        assert 0 < point.x < WIDTH
        assert 0 < point.high < point.low < HEIGHT


def test_a_day_apart_is_a_ninth_of_the_way():
    (panel,) = trends([line(day, 0.5) for day in (0, 1, 9)])
    a, b, c = (point.x for point in panel.series[0].points)
    assert (b - a) / (c - a) == pytest.approx(1 / 9, abs=0.01)


def test_all_pictures_share_a_scale_that_holds_everything():
    history = [line(0, 0.3, 0.22, 0.4), line(1, 0.9, 0.8, 0.97, model="yamnet")]
    one, two = trends(history)
    assert one.scale == two.scale
    heights = [y for _, y in one.scale]
    for panel in (one, two):
        assert panel.chance < max(heights) + 0.1
        for point in panel.series[0].points:
            assert min(heights) <= point.high <= point.low <= max(heights)


def test_experiments_are_told_apart_by_shape_and_label():
    history = [line(0, 0.5), line(0, 0.6, head="logistic"), line(1, 0.5)]
    (panel,) = trends(history)
    assert [series.label for series in panel.series] == ["svm", "logistic"]
    assert len({series.shape for series in panel.series}) == 2
    a, b = (series.points[0] for series in panel.series)
    assert a.x != b.x  # one does not hide the other


def test_what_differs_stands_in_the_label():
    history = [line(0, 0.5, seed=0, max_clips=9), line(1, 0.5, seed=1, max_clips=9)]
    (panel,) = trends(history)
    assert [series.label for series in panel.series] == ["svm", "svm, seed 1"]


def test_a_fifth_experiment_gets_a_picture_of_its_own():
    history = [line(0, 0.5, seed=seed) for seed in range(len(SHAPES) + 1)]
    assert [panel.part for panel in trends(history)] == ["1 of 2", "2 of 2"]


def test_what_has_no_score_is_left_out_and_what_has_no_interval_is_drawn():
    failed = {**line(0, 0.5), "metrics": None, "status": "failed"}
    (panel,) = trends([failed, line(1, 0.5)])
    (point,) = panel.series[0].points
    assert point.low is None
    assert "no interval" in point.said
    assert trends([failed]) == []


def test_synthetic_speech_is_said():
    (panel,) = trends([line(0, 0.5, synthetic=True)])
    assert panel.notes == ("synthetic speech",)


def test_runs_of_one_moment_have_one_date():
    (panel,) = trends([line(0, 0.5)])
    assert [text for text, *_ in panel.days] == ["1 Jan 00:00"]
