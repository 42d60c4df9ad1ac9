"""The command that shows what a score by speaker presumes."""

import json

import pandas as pd
import pytest

from sertools.cli import main

SMALL = ["enrol", "--dataset", "demo", "--model", "duration_loudness"]
SMALL += ["--head", "logistic", "--counts", "0,1,5", "--draws", "2", "--jobs", "1"]


def test_the_curves_are_told_and_saved(tmp_path, capsys):
    assert main([*SMALL, "--out", str(tmp_path / "curves")]) == 0
    told = capsys.readouterr().out
    for part in ("speaker_shrunk: ", "80 % angry", "Synthetic speech", "never ranked"):
        assert part in told
    table = pd.read_csv(tmp_path / "curves" / "enrolment.csv")
    assert set(table["count"]) == {"0", "1", "5", "all"}
    assert (tmp_path / "curves" / "enrolment.png").stat().st_size > 20_000


def test_json_is_one_value_and_the_same_each_time(capsys):
    more = ["--mixes", "sad:60", "--standardize", "speaker_explained", "--json"]
    assert main([*SMALL, *more]) == 0
    first = capsys.readouterr().out
    assert main([*SMALL, *more]) == 0
    assert capsys.readouterr().out == first
    told = json.loads(first)
    assert told["presumes_speaker"] is True
    assert {row["mix"] for row in told["curves"]} == {"sad:60"}
    assert [row["count"] for row in told["curves"]] == [0, 1, 5, "all"]


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["--counts", "0,few"], "--counts takes numbers such as 0,5,20, not 'few'."),
        (
            ["--merge", "calm"],
            "--merge takes OLD=NEW, such as calm=neutral, not 'calm'",
        ),
        (["--mixes", "angry"], "Unknown mix 'angry'"),
        (["--standardize", "corpus"], "Unknown way to standardise a speaker 'corpus'"),
        (["--head", "svn"], "Did you mean svm?"),
        (["--model", "trained:emodb_egemaps"], "classifies by itself"),
        (["--emotions", "sadd"], "sad"),
    ],
)
def test_what_cannot_be_asked_ends_with_2(given, line, capsys):
    assert main([*SMALL, *given]) == 2
    assert line in capsys.readouterr().err
