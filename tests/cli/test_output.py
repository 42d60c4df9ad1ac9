"""What is printed: nothing that a console cannot show, or that governs it."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sertools import datasets
from sertools.cli import _output, main

SERTOOLS = [sys.executable, "-m", "sertools"]


@pytest.fixture(scope="module")
def voice() -> str:
    return os.path.abspath(datasets.load("demo")["path"].iloc[0])


def console(encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding)


def test_control_characters_never_reach_the_terminal():
    told = _output.shown("a\x1b[31mred\x9b1m\u202eb\r\0\n분노 ü", console())
    assert told == "a\\x1b[31mred\\x9b1m\\u202eb\\r\\x00\n분노 ü"


def test_a_console_without_a_letter_gets_an_escape():
    assert _output.shown("분노 ü", console("cp1252")) == "\\ubd84\\ub178 ü"
    assert _output.shown("\udcff.wav", console()) == "\\xff.wav"


def test_endless_words_are_cut():
    told = _output.shown(f"{'a' * 6000} end", console())
    assert told == f"{'a' * 200}... end"
    path = "/".join(["folder"] * 100)
    assert _output.shown(path, console()) == path


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
def test_json_stays_json_and_whole(monkeypatch, encoding):
    value = {"분노": "\x1b[31m\x9b\x7f\udcff\U0001f600\u202e\x81", "long": "a" * 6000}
    out = console(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    _output.as_json(value)
    text = out.buffer.getvalue().decode(encoding)
    assert json.loads(text) == value
    assert not set("\x1b\x9b\x7f\u202e\x81") & set(text)


@pytest.mark.parametrize("name", ["a\x1b[31mred\n.wav", "\udcff\udcfe.wav", "분노.wav"])
def test_a_recording_of_any_name_is_answered(voice, tmp_path, name):
    shutil.copy(voice, tmp_path / name)
    bad = f"not{name}"
    (tmp_path / bad).write_text("no audio")
    line = [*SERTOOLS, "predict", name, bad, "--jobs", "1", "--csv", "t.csv"]
    environment = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    done = subprocess.run(line, capture_output=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    said = done.stdout + done.stderr
    assert b"\x1b" not in said and b"Traceback" not in said
    assert len(done.stdout.splitlines()) == 4 and b"not used: not" in done.stderr
    assert len(Path(tmp_path, "t.csv").read_text(encoding="utf-8").splitlines()) == 2


@pytest.mark.parametrize(
    "line",
    [
        "predict {}.wav",
        "evaluate --dataset {} --model mfcc --head svm",
        "models {}",
        "report {}",
        "{}",
        "datasets --{}",
        "evaluate --dataset demo --model mfcc --head svm --merge {}",
        "embed --dataset demo --model mfcc --out x --columns {}",
    ],
)
def test_arguments_come_back_short_and_harmless(capsys, line):
    word = "a\x1b[2J" + "b" * 6000
    assert main([part.format(word) for part in line.split()]) in (1, 2)
    said = capsys.readouterr().err
    assert "\x1b" not in said and len(said) < 2500 and len(said.splitlines()) <= 2
