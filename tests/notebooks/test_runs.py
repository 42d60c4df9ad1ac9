"""Every notebook runs on the demo corpus, with nothing downloaded."""

import json

import pytest

from sertools import report


@pytest.mark.parametrize("name", sorted(report.notebooks()))
def test_it_runs(name, tmp_path):
    run = report.run(name, {"dataset": "demo"}, tmp_path, progress=False)
    status = json.loads((run / "run.json").read_text())
    assert status["error"] is None
    assert status["status"] == "ok"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["n_clips"] == 192
    assert metrics["n_speakers"] == 8
    assert metrics["synthetic"] is True
    assert metrics["uar"]["low"] < metrics["uar"]["value"] < metrics["uar"]["high"]
    page = (run / "report.html").read_text()
    assert "ynthetic" in page
    assert "<audio" in page


def test_a_parameter_changes_the_run(tmp_path):
    given = {"dataset": "demo", "emotions": "angry,sad", "head": "logistic"}
    run = report.run("quickstart", given, tmp_path, progress=False)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["emotions"] == ["angry", "sad"]
    assert metrics["head"] == "logistic"
    assert metrics["left_out"] == {"emotion not asked for": 128}
