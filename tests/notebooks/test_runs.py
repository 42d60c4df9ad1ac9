"""Every notebook runs on the demo corpus, with nothing downloaded."""

import json
import os

import pytest

from sertools import datasets, report
from sertools.extras import available

LIBRARY = {
    "yamnet": "tensorflow",
    "ravdess_cnn": "tensorflow",
    "tess_crema_ensemble": "tensorflow",
    "emotion2vec": "funasr",
    "whisper": "whisper",
    "speechbrain": "speechbrain",
}


@pytest.mark.parametrize("name", sorted(report.notebooks()))
def test_it_runs(name, tmp_path):
    given = {"dataset": "demo"}
    if "weights" in {parameter.name for parameter in report.parameters(name)}:
        if not available(LIBRARY[name]):
            pytest.skip(f"{LIBRARY[name]} is not installed")
        given |= {"weights": "tiny", "max_clips": 64}  # enough to see it run
    run = report.run(name, given, tmp_path, progress=False)
    status = json.loads((run / "run.json").read_text())
    assert status["error"] is None
    assert status["status"] == "ok"
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["n_clips"] == given.get("max_clips", 192)
    assert metrics["n_speakers"] == 8
    assert metrics["synthetic"] is True
    tiny = "weights" in given
    assert metrics["random_weights"] is tiny
    assert tiny is any(
        line.startswith("Random weights") for line in metrics["warnings"]
    )
    if not tiny:
        uar = metrics["uar"]
        assert uar["low"] < uar["value"] < uar["high"]
    page = (run / "report.html").read_text()
    assert "ynthetic" in page
    assert "<audio" in page


def test_where_weights_are_asked_for_and_absent_it_says_how_to_fetch_them(
    tmp_path, monkeypatch
):
    monkeypatch.delenv("SERTOOLS_WEIGHTS", raising=False)
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    with pytest.raises(report.PlanErrors, match=r"sertools fetch yamnet \(17 MB\)"):
        report.run("yamnet", {"dataset": "demo"}, tmp_path / "runs", progress=False)
    assert not (tmp_path / "runs").exists()


@pytest.fixture
def spoilt(tmp_path):
    """Write a table of clips, the sexes F and M, whose first file is broken."""
    clips = datasets.load("demo", merge={"calm": "neutral"})
    clips = datasets.select(clips, max_clips=48)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF and then nothing")
    rest = clips["path"].iloc[1:].map(os.path.abspath)
    clips["path"] = [str(broken), *rest]
    clips["sex"] = clips["sex"].map({"female": "F", "male": "M"})
    clips[["path", "emotion", "speaker", "sex"]].to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


@pytest.mark.parametrize("name", ["corpora", "opensmile", *sorted(LIBRARY)])
def test_a_first_file_that_is_broken_stops_nothing(name, spoilt, tmp_path):
    given = {"dataset": "folder", "root": str(spoilt)}
    if name in LIBRARY:
        if not available(LIBRARY[name]):
            pytest.skip(f"{LIBRARY[name]} is not installed")
        given["weights"] = "tiny"
    run = report.run(name, given, tmp_path / "runs", progress=False)
    assert json.loads((run / "run.json").read_text())["error"] is None
    excluded = json.loads((run / "metrics.json").read_text())["excluded"]
    assert len(excluded) == 1


def test_a_parameter_changes_the_run(tmp_path):
    given = {"dataset": "demo", "emotions": "angry,sad", "head": "logistic"}
    run = report.run("quickstart", given, tmp_path, progress=False)
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["emotions"] == ["angry", "sad"]
    assert metrics["head"] == "logistic"
    assert metrics["left_out"] == {"emotion not asked for": 128}
