import datetime

import pytest

from sertools.report.trends import HEIGHT, SHAPES, WIDTH, trends


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
