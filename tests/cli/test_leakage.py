"""The command that looks through anyone's split."""

import json
import shutil

import pandas as pd
import pytest

from sertools import datasets
from sertools.cli import main


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Write a split file with one shared speaker and one duplicate."""
    folder = tmp_path_factory.mktemp("split")
    clips = datasets.select(datasets.load("demo"), max_clips=48)
    rows = []
    for number, (path, speaker) in enumerate(
        zip(clips["path"], clips["speaker"], strict=True)
    ):
        shutil.copy(path, folder / f"{number:02}.flac")
        side = "test" if speaker == clips["speaker"].iloc[0] else "train"
        rows.append({"path": f"{number:02}.flac", "speaker": speaker, "split": side})
    last = rows[-1] | {"split": "test"}
    shutil.copy(folder / rows[20]["path"], folder / "twin.flac")
    rows[-1] = last
    rows.append({"path": "twin.flac", "speaker": "", "split": "test"})
    pd.DataFrame(rows).to_csv(folder / "split.csv", index=False)
    return folder / "split.csv"


def test_a_split_file_is_looked_through(split, capsys):
    assert main(["leakage", str(split), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["leaking"] is True
    assert told["counts"]["speaker"] >= 1
    assert told["counts"]["bytes"] == 1
    assert any("twin.flac" in row["what"] for row in told["found"])
    assert main(["leakage", str(split), "--strict"]) == 1
    assert capsys.readouterr().out.startswith("LEAKING: 49 clips, 2 folds")


def test_speakers_held_out_do_not_leak(capsys):
    assert main(["leakage", "demo", "--strict"]) == 0
    assert "no leak found: 192 clips, 8 folds" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["nowhere.csv"], "nowhere.csv: no such file"),
        (["demos"], "Did you mean demo?"),
        (["demo", "--folds", "spekers"], "Unknown folds 'spekers'"),
    ],
)
def test_what_is_not_there_is_named(given, line, capsys):
    assert main(["leakage", *given]) in (1, 2)
    assert line in capsys.readouterr().err


def test_a_table_without_the_split_says_what_it_has(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("path,fold\na.wav,1\n")
    assert main(["leakage", str(tmp_path / "a.csv")]) == 2
    assert "no column split. It has: path, fold" in capsys.readouterr().err


def test_a_system_is_asked_whether_it_had_heard_the_clips(capsys):
    given = ["leakage", "demo", "--emotions", "angry,sad", "--model", "whisper"]
    assert main([*given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["pretraining"]
    assert told["answer"] == "unknown"
    assert main(["leakage", "demo", "--model", "whispr"]) == 2
    assert "Did you mean whisper?" in capsys.readouterr().err


def test_several_corpora_are_looked_through_as_one(tmp_path, capsys):
    from sertools.files import folder

    (tmp_path / "demo").symlink_to(folder("data/demo"))
    mine = tmp_path / "folder" / "angry"
    mine.mkdir(parents=True)
    clips = datasets.load("demo")
    shutil.copy(clips.loc["demo/f1_angry_s1", "path"], mine / "mine.flac")
    given = ["leakage", "demo,folder", "--root", str(tmp_path), "--folds", "dataset"]
    assert main([*given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["n_clips"] == 193
    assert told["counts"]["bytes"] == 1


def test_a_table_is_read_as_everywhere(split, capsys, tmp_path):
    table = pd.read_csv(split, dtype=str)
    table["split"] += [" " * (number % 2) for number in range(len(table))]
    table["speaker"] = [
        f"{who} " if n % 2 and isinstance(who, str) else who
        for n, who in enumerate(table["speaker"])
    ]
    odd = split.with_name("odd.csv")
    odd.write_bytes(table.to_csv(index=False, sep=";").encode("utf-16"))
    found = []
    for path in (split, odd):
        assert main(["leakage", str(path), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["n_folds"] == found[1]["n_folds"] == 2
    assert found[0]["counts"] == found[1]["counts"]
