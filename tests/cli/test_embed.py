"""The command embed: two tables, what they are made of, and what is refused."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import features, models
from sertools.cli import main

LINE = "embed --dataset demo --model mfcc --emotions angry,sad --max-clips 6".split()
NAMES = ("features", "clips")


@pytest.fixture
def corpus(tmp_path):
    """Write recordings of one's own, of which one is no audio."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("a_happy", "b_sad"):
        wave = np.random.default_rng(0).normal(0, 0.1, 16_000)
        soundfile.write(folder / f"{name}.wav", wave, 16_000)
    (folder / "c_sad.wav").write_text("no audio")
    rows = "path,emotion\na_happy.wav,happy\nb_sad.wav,sad\nc_sad.wav,sad\n"
    (folder / "table.csv").write_text(rows)
    return folder / "table.csv"


def test_features_and_clips_are_saved_side_by_side(tmp_path, capsys):
    out = tmp_path / "features"
    assert main([*LINE, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("6 clips, ") and f"Saved in {out}" in said
    X, clips = (pd.read_parquet(out / f"{name}.parquet") for name in NAMES)
    assert X.index.equals(clips.index) and X.index.name == "clip"
    assert set(clips["emotion"]) == {"angry", "sad"}
    again = features.extract(models.load("mfcc"), clips, store=False, jobs=1)
    pd.testing.assert_frame_equal(X, again, check_exact=False, rtol=1e-4)
    run = json.loads((out / "run.json").read_text())
    assert run["status"] == "ok" and run["parameters"]["model"] == "mfcc"
    assert run["n_clips"] == 6 and run["corpus_sha256"]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        ["run.json", *(f"{name}.parquet" for name in NAMES)]
    )


def test_what_cannot_be_used_is_named_with_its_reason(corpus, tmp_path, capsys):
    line = ["embed", "--dataset", "folder", "--root", str(corpus), "--model", "mfcc"]
    line += ["--out", str(tmp_path / "features")]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert "2 clips, " in said and "1 clip could not be used:" in said
    assert "c_sad" in said and "not audio" in said
    assert main([*line, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_clips"] == 2 and len(told["excluded"]) == 1
    assert main([*line, "--strict"]) == 1
    run = json.loads((tmp_path / "features" / "run.json").read_text())
    assert run["status"] == "failed" and "strict" in run["error"]["message"]
    assert not (tmp_path / "features" / "features.parquet").exists()


def test_a_cluster_gives_the_same_tables(cluster, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    assert main([*LINE, "--out", str(here)]) == 0
    assert main([*LINE, "--out", str(there), "--scheduler", cluster]) == 0
    for name in NAMES:
        file = f"{name}.parquet"
        assert pd.read_parquet(here / file).equals(pd.read_parquet(there / file))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--dataset emobd --model mfcc", "emodb"),
        ("--dataset demo --model mfc", "mfcc"),
        ("--dataset demo --model trained", "classifies by itself"),
        ("--dataset demo --model mfcc --emotions sadd", "sad"),
        ("--dataset demo --model mfcc --emotions other", "other"),
        ("--dataset demo --model mfcc --sheduler x", "--scheduler"),
        ("--dataset demo", "--model"),
    ],
)
def test_bad_usage_ends_with_2_and_nothing_is_written(line, said, tmp_path, capsys):
    out = tmp_path / "features"
    assert main(["embed", *line.split(), "--out", str(out)]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and captured.out == ""
    assert not out.exists()
