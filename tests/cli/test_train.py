"""The command train: what it refuses, says and saves."""

import json
import shlex

import pytest

from sertools import datasets
from sertools.cli import main

BASE = ["train", "--dataset", "demo", "--model", "duration_loudness"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "mine"
    assert main([*BASE, "--head", "logistic", "--out", str(out)]) == 0
    return out


def test_it_says_how_well_it_does_and_how_to_use_it(capsys, tmp_path):
    out = tmp_path / "my head"
    assert main([*BASE, "--head", "logistic", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "held out: 192 clips, 8 speakers" in text
    assert "UAR  " in text and "abstains" in text and "before calibration" in text
    assert "Synthetic speech" in text
    *_, where, how = text.splitlines()
    assert where == f"Saved in {out}: card.json, head.skops"
    clip = datasets.load("demo")["path"].iloc[0]
    words = shlex.split(how.removeprefix("Use it: sertools "))
    assert main([clip if word == "FILE" else word for word in words]) == 0


def test_json_is_one_value(capsys, tmp_path):
    line = [*BASE, "--head", "svm", "--emotions", "sad,angry", "--json"]
    assert main([*line, "--no-abstain", "--out", str(tmp_path / "x")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scores"]["held out"]["chance"] == 0.5
    assert told["out"] == str(tmp_path / "x") and told["excluded"] == []


def test_the_card_keeps_the_command(tmp_path, capsys):
    out = str(tmp_path / "x")
    more = ["--merge", "calm=neutral", "--max-clips", "80", "--seed", "3"]
    line = [*BASE, "--head", "logistic", *more, "--jobs", "1", "--out", out]
    assert main(line) == 0
    card = json.loads((tmp_path / "x" / "card.json").read_text())
    asked = shlex.split(card["command"])
    assert asked[:2] == ["sertools", "train"] and "--jobs" not in asked
    assert {"--merge", "calm=neutral", "--max-clips", "80", "--seed"} <= set(asked)
    assert main([*asked[1:-1], f"{out}2"]) == 0
    again = json.loads((tmp_path / "x2" / "card.json").read_text())
    assert again["scores"] == card["scores"]


def test_another_corpus_may_be_tested(capsys, tmp_path):
    line = [*BASE, "--head", "logistic", "--emotions", "angry,sad", "--test", "demo"]
    assert main([*line, "--out", str(tmp_path / "x")]) == 0
    assert "test: demo: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "Add --head"),
        ("--head smv", "Did you mean svm?"),
        ("--head svm --emotions sadd", "mean sad"),
        ("--head svm --merge calm", "OLD=NEW"),
        ("--head svm --folds spaker", "speaker"),
        ("--head svm --test emobd=x", "Did you mean emodb?"),
        ("--head svm --model trained", "cannot be trained"),
    ],
)
def test_bad_usage_ends_with_2(capsys, tmp_path, more, said):
    assert main([*BASE, *more.split(), "--out", str(tmp_path / "x")]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and said in captured.err
    assert len(captured.err.strip().splitlines()) <= 2
    assert not (tmp_path / "x").exists()


def test_a_folder_of_other_things_is_left_alone(capsys, tmp_path):
    (tmp_path / "thesis.txt").touch()
    assert main([*BASE, "--head", "svm", "--out", str(tmp_path)]) == 2
    assert "holds other things (thesis.txt)" in capsys.readouterr().err


def test_what_was_saved_can_be_evaluated(capsys, saved):
    line = ["evaluate", "--dataset", "demo", "--model", "trained", "--weights"]
    assert main([*line, str(saved), "--max-clips", "32"]) == 0
    text = capsys.readouterr().out
    assert "trained (mine)" in text and "trained on data that includes demo" in text
