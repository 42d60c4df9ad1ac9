"""Options that commands share: what one's own tables and labels mean."""

import json
import os

import pandas as pd
import pytest

from sertools import datasets
from sertools.cli import main


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Write a table with columns and labels of one's own."""
    clips = datasets.select(datasets.load("demo"), max_clips=48)
    words = {"fear": "anxiety", "neutral": "other"}
    emotions = clips["emotion"].replace(words)
    paths = [os.path.abspath(path) for path in clips["path"]]
    given = {"datei": paths, "was": emotions, "wer": clips["speaker"]}
    path = tmp_path_factory.mktemp("own") / "mine.csv"
    pd.DataFrame(given).to_csv(path, index=False)
    return path


COLUMNS = ["--columns", "datei=path,was=emotion", "--columns", "wer=speaker"]
LABELS = ["--labels", "anxiety=fear,other="]
MODEL = ["--model", "duration_loudness", "--jobs", "1", "--json"]


def lines(table, out):
    root = ["--dataset", "folder", "--root", str(table)]
    return {
        "evaluate": ["evaluate", *root, *MODEL, "--head", "logistic"],
        "embed": ["embed", *root, *MODEL, "--out", out],
        "train": ["train", *root, *MODEL, "--head", "logistic", "--out", out],
        "audit": ["audit", "folder", "--root", str(table), "--json"],
        "leakage": ["leakage", str(table), "--folds", "speaker", "--json"],
    }


@pytest.mark.parametrize("command", ["evaluate", "embed", "train", "audit", "leakage"])
def test_columns_and_labels_are_said_once_for_every_command(
    table, tmp_path, capsys, command
):
    line = lines(table, str(tmp_path / "out"))[command]
    assert main(line) != 0
    capsys.readouterr()
    assert main([*line, *COLUMNS, *LABELS]) == 0
    told = json.loads(capsys.readouterr().out)
    if command == "evaluate":
        assert "fear" in told["classes"] and "neutral" not in told["classes"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--columns", "datei"], "THEIRS=OURS"),
        (["--columns", "datei="], "which column"),
        (["--labels", "=fear"], "WORD=EMOTION"),
        (["--labels", "anxiety=faer"], "Did you mean"),
    ],
)
def test_what_cannot_be_read_is_bad_usage(table, capsys, more, said):
    assert main([*lines(table, "x")["evaluate"], *more]) == 2
    assert said in capsys.readouterr().err


def test_a_published_corpus_has_its_own(capsys):
    line = ["evaluate", "--dataset", "demo", *MODEL, "--head", "svm", *LABELS]
    assert main(line) == 2
    assert "of your own" in capsys.readouterr().err


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "many"])
def test_minutes_are_more_than_none(capsys, minutes):
    assert main(["predict", "x.wav", "--max-minutes", minutes]) == 2
    assert "--max-minutes" in capsys.readouterr().err
