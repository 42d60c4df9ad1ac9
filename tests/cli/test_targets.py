"""Where commands write: never over an input, a recording or what is not ours."""

import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from sertools import datasets
from sertools.cli import main


@pytest.fixture(scope="module")
def clips():
    return [os.path.abspath(path) for path in datasets.load("demo")["path"][:2]]


@pytest.fixture
def voice(clips, tmp_path, monkeypatch) -> Path:
    """Go to a folder with two recordings; give one of them."""
    monkeypatch.chdir(tmp_path)
    for name, path in zip(("a.wav", "b.wav"), clips, strict=True):
        shutil.copy(path, tmp_path / name)
    return tmp_path / "a.wav"


def everything(folder: Path) -> dict[str, str]:
    """Give a digest of every file under a folder."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("option", ["--csv", "--rttm", "--labels"])
@pytest.mark.parametrize(
    "target", ["a.wav", "b.wav", "link.wav", "notes.txt", "folder", "b.wav/x", "pipe"]
)
def test_predict_touches_nothing_that_it_did_not_write(
    voice, capsys, tmp_path, option, target
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "mine.txt").write_text("my own")
    (tmp_path / "notes.txt").write_text("my own notes")
    (tmp_path / "link.wav").symlink_to(voice)
    os.mkfifo(tmp_path / "pipe")
    before = everything(tmp_path)
    assert main(["predict", "a.wav", option, target]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1
    assert target.partition("/")[0] in captured.err and option in captured.err
    assert everything(tmp_path) == before


def test_predict_replaces_what_it_wrote_itself(voice, capsys, tmp_path):
    line = ["predict", "a.wav", "--csv", "t", "--rttm", "r", "--labels", "l"]
    (tmp_path / "t").touch()
    assert main(line) == 0 and main(line) == 0
    assert capsys.readouterr().out.count("Saved: ") == 6
    several = ["predict", "a.wav", "b.wav", "--labels", "tracks"]
    assert main(several) == 0 and main(several) == 0


def test_a_folder_for_several_tracks_holds_nothing_else(voice, capsys, tmp_path):
    (tmp_path / "file").touch()
    for place in ("file", "."):
        assert main(["predict", "a.wav", "b.wav", "--labels", place]) == 2
        assert capsys.readouterr().out == ""


def test_two_outputs_in_one_file_are_refused(voice, capsys):
    assert main(["predict", "a.wav", "--csv", "x", "--rttm", "./x"]) == 2
    assert "a place of their own" in capsys.readouterr().err


def test_answers_are_shown_whatever_becomes_of_the_file(voice, capsys, monkeypatch):
    def full(path, text):
        raise OSError(28, "No space left on device")

    from sertools import files

    monkeypatch.setattr(files, "write_text", full)
    assert main(["predict", "a.wav", "--csv", "x.csv"]) == 1
    captured = capsys.readouterr()
    assert "a.wav" in captured.out and "Saved" not in captured.out
    assert "x.csv was not saved: No space left on device." in captured.err


EMBED = "embed --dataset demo --model duration_loudness --max-clips 12 --jobs 1"
EVALUATE = "evaluate --dataset demo --model duration_loudness --head logistic --jobs 1"
TRAIN = "train --dataset demo --model duration_loudness --head logistic --jobs 1"


@pytest.mark.parametrize("line", [EMBED, EVALUATE, TRAIN])
@pytest.mark.parametrize("target", [".", "a.wav", "a.wav/x"])
def test_out_is_no_folder_of_others(voice, capsys, tmp_path, line, target):
    before = everything(tmp_path)
    assert main([*line.split(), "--out", target]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and len(captured.err.splitlines()) == 1
    assert everything(tmp_path) == before


def test_out_is_no_input(voice, capsys, tmp_path):
    assert main([*EMBED.split(), "--out", "features"]) == 0
    assert main([*EMBED.split(), "--out", "features"]) == 0  # ours, so replaced
    before = everything(tmp_path / "features")
    table = "features/clips.parquet"
    line = "embed --dataset folder --root {} --model duration_loudness --out features"
    assert main(line.format(table).split()) == 2
    assert main(line.format("features").split()) == 2
    assert capsys.readouterr().err.count(": the input features") == 2
    assert everything(tmp_path / "features") == before


def test_a_score_is_shown_though_it_cannot_be_saved(voice, capsys, monkeypatch):
    from sertools.evaluation import Result

    def full(self, out):
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr(Result, "save", full)
    assert main([*EVALUATE.split(), "--json", "--out", "o"]) == 1
    captured = capsys.readouterr()
    assert "uar" in json.loads(captured.out)
    assert "o: No space left on device" in captured.err
    assert json.loads(Path("o/run.json").read_text())["status"] == "failed"


def test_a_report_replaces_no_page_and_no_folder_of_others(voice, capsys, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<h1>My home page</h1>")
    before = everything(tmp_path)
    line = ["report", "quickstart", "-p", "dataset", "demo", "--out"]
    for place in ("site", "a.wav"):
        assert main([*line, place]) == 2
        assert place in capsys.readouterr().err
    assert everything(tmp_path) == before
