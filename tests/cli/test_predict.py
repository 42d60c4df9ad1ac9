"""The command predict: files, folders, long recordings, and what cannot be used."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import datasets, files
from sertools.cli import main

RATE = 16_000


@pytest.fixture(scope="module")
def clips():
    return datasets.load("demo")


@pytest.fixture(scope="module")
def clip(clips):
    return clips["path"].iloc[0]


@pytest.fixture(scope="module")
def long(clips, tmp_path_factory):
    """Glue six clips with two seconds of near silence between them."""
    rng = np.random.default_rng(0)
    parts = []
    for path in clips["path"].iloc[::30][:6]:
        wave, rate = soundfile.read(path, dtype="float32")
        parts += [wave, 1e-5 * rng.normal(size=2 * rate)]
    parts.append(1e-5 * rng.normal(size=6 * rate))
    path = tmp_path_factory.mktemp("long") / "long.wav"
    soundfile.write(path, np.concatenate(parts), rate)
    return path


@pytest.fixture
def bad(tmp_path):
    """Make one file of each kind that cannot be used."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("no audio")
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    (folder / "pointer.wav").write_text(pointer)
    soundfile.write(folder / "silent.wav", np.zeros(RATE), RATE)
    soundfile.write(folder / "cut.wav", np.ones(RATE) / 2, RATE)
    whole = (folder / "cut.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    return folder


def test_one_file_is_one_row_and_the_line_on_its_use(capsys, clip):
    assert main(["predict", clip]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""  # no word about CUDA, which it does not use
    head, row, use = captured.out.splitlines()
    assert head.split() == ["file", "emotion", "others"]
    assert row.startswith(clip)
    assert "agreement with what an actor meant" in use and "--intended-use" in use


def test_json_is_one_value_with_everything(capsys, clip, bad):
    assert main(["predict", clip, str(bad), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "trained:emodb_egemaps"
    ((file,),) = [told["files"]]
    (segment,) = file["segments"]
    assert file["file"] == clip and segment["start"] == 0
    assert sum(segment["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    best = max(segment["probabilities"], key=segment["probabilities"].get)
    assert segment["emotion"] == best
    assert len(told["not_used"]) == 5


def test_a_long_recording_is_cut(capsys, long, tmp_path):
    table, track = tmp_path / "x.csv", tmp_path / "x.txt"
    line = ["predict", str(long), "--csv", str(table), "--labels", str(track)]
    assert main(line) == 0
    text = capsys.readouterr().out
    rows = pd.read_csv(table)
    assert len(rows) >= 5 and rows["end"].max() < soundfile.info(long).duration - 5
    assert re.search(r"0:00\.\d-", text) and f"Saved: {table}" in text
    labels = [line.split("\t") for line in track.read_text().splitlines()]
    assert [float(start) for start, _, _ in labels] == rows["start"].tolist()
    assert labels[0][2].split()[0] == rows["emotion"].iloc[0]
    assert list(rows.columns[:5]) == "file start end emotion probability".split()
    emotions = rows[rows.columns[5:]]
    assert np.allclose(emotions.sum(axis=1), 1, atol=1e-4)
    assert (emotions.idxmax(axis=1) == rows["emotion"]).all()


def test_rttm_is_one_file_for_all_recordings(capsys, long, clip, tmp_path):
    track = tmp_path / "x.rttm"
    assert main(["predict", str(long), clip, "--rttm", str(track)]) == 0
    assert f"Saved: {track}" in capsys.readouterr().out
    fields = [line.split(" ") for line in track.read_text().splitlines()]
    assert all(len(line) == 10 and line[0] == "SPEAKER" for line in fields)
    assert {line[1] for line in fields} == {"long", "f1_angry_s1"}
    assert fields[-1][3] == "0.000"
    assert float(fields[-1][4]) == pytest.approx(
        soundfile.info(clip).duration, abs=1e-3
    )


def test_a_folder_is_searched_for_audio_and_bad_files_are_named(capsys, bad, clip):
    deeper = bad / "a" / "b"
    deeper.mkdir(parents=True)
    shutil.copy(clip, deeper / "good.wav")
    (bad / "notes.txt").write_text("not looked at")
    (bad / ".hidden.wav").touch()
    assert main(["predict", str(bad)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    said = captured.err.splitlines()
    reasons = ["cut short", "empty file", "Git LFS pointer", "silent", "not audio"]
    assert len(said) == 5
    assert all(why in line for why, line in zip(reasons, said, strict=True))
    assert main(["predict", str(bad), "--strict"]) == 1


def test_nothing_usable_ends_with_1(capsys, bad, tmp_path):
    assert main(["predict", str(bad), "--csv", str(tmp_path / "x.csv")]) == 1
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 5
    assert not (tmp_path / "x.csv").exists()
    assert main(["predict", str(tmp_path / "nowhere.wav")]) == 1
    assert "no such file" in capsys.readouterr().err
    (tmp_path / "bare").mkdir()
    assert main(["predict", str(tmp_path / "bare")]) == 1
    assert "without audio files" in capsys.readouterr().err


def test_many_files_go_to_workers_and_stay_in_order(capsys, clips):
    paths = list(clips["path"].iloc[:10])
    assert main(["predict", *paths, "--jobs", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [file["file"] for file in told["files"]] == paths
    assert main(["predict", *paths, "--jobs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == told


def test_labels_of_several_are_a_folder(capsys, clips, tmp_path):
    names = ["a/x.wav", "b/x.wav"]
    for name, path in zip(names, clips["path"], strict=False):
        (tmp_path / name).parent.mkdir()
        shutil.copy(path, tmp_path / name)
    out = tmp_path / "labels"
    files = [str(tmp_path / name) for name in names]
    assert main(["predict", *files, "--labels", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["a_x.wav.txt", "b_x.wav.txt"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("predict", "Which recordings?"),
        ("predict x.wav --model opensmile", "gives features"),
        ("predict x.wav --model tarined", "Did you mean trained?"),
        ("predict x.wav --model trained:emodb", "emodb_egemaps"),
    ],
)
def test_bad_usage_ends_with_2(capsys, line, said):
    assert main(line.split()) == 2
    captured = capsys.readouterr()
    assert said in captured.err and captured.out == ""


def test_a_bad_model_is_no_files_fault(capsys, clip, tmp_path):
    assert main(["predict", clip, "--weights", str(tmp_path)]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and "no card.json" in said[0]


def test_random_weights_are_named(capsys, clip):
    assert main(["predict", clip, "--weights", "tiny"]) == 0
    assert "Random weights" in capsys.readouterr().out


def test_the_page_on_intended_use(capsys):
    assert main(["predict", "--intended-use"]) == 0
    text = capsys.readouterr().out
    page = (files.folder("docs") / "intended_use.md").read_text(encoding="utf-8")
    assert text.strip() == page.strip()
    for said in (
        "40.0 %",
        "Article\n  5(1)(f)",
        "50(3)",
        "Annex III",
        "AI\n  Basic Act",
    ):
        assert said in text
    assert "not legal advice" in text
    assert len(text.splitlines()) <= 60


def test_it_loads_no_framework(clip):
    # skops looks through all of scikit-learn, which takes torch along where it is
    code = (
        "import sys; from sertools.cli import main; code = main(['predict', "
        f"{clip!r}]); heavy = [m for m in ('tensorflow', 'librosa', "
        "'matplotlib', 'IPython') if m in sys.modules]; sys.exit(code or bool(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True)
    assert done.returncode == 0, done.stderr
