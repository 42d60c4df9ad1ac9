"""`sertools audit`, and a folder that holds what folders hold."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sertools.cli import main

EVIL = "<img src=x onerror=alert(1)>"


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9000\n"


UNUSABLE = {
    "empty.wav": "an empty file",
    "text.wav": "not audio",
    "torn.wav": "cut short",
    "pointer.wav": "a Git LFS pointer",
    "nan.wav": "not numbers",
    "short.wav": "10 ms of audio",
}


ODD = {
    "silence.wav": "silent",
    "aiff.wav": "wrong format",
    "fast.wav": "odd rate",
    "stereo.wav": "stereo",
}


UNREMARKABLE = ("old.wav", f"안녕 하세요 {EVIL}.wav")


def write(path: Path, samples, rate=16_000, **how) -> None:
    with path.open("wb") as file:
        soundfile.write(file, samples, rate, **{"format": "WAV", **how})


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> Path:
    """Make a table of 20 good clips of 5 speakers, and 12 files that are odd."""
    root = tmp_path_factory.mktemp("mixed")
    random = np.random.default_rng(0)

    def noise(level=0.3, seconds=0.5, rate=16_000):
        return (random.standard_normal(round(seconds * rate)) * level).clip(-0.99, 0.99)

    lines = ["path,emotion,speaker"]
    for speaker in "abcde":
        for emotion, level in (("angry", 0.3), ("sad", 0.02)):
            for take in (1, 2):
                name = f"{speaker}_{emotion}_{take}.wav"
                write(root / name, noise(level))
                lines.append(f"{name},{emotion},{speaker}")
    (root / "empty.wav").touch()
    (root / "text.wav").write_text("I am text")
    whole = (root / "a_sad_1.wav").read_bytes()
    (root / "torn.wav").write_bytes(whole[: len(whole) // 2])
    (root / "pointer.wav").write_text(POINTER)
    write(root / "nan.wav", noise() * np.nan, subtype="FLOAT")
    write(root / "short.wav", noise(seconds=0.01))
    write(root / "silence.wav", np.zeros(8000))
    write(root / "aiff.wav", noise(), format="AIFF")
    write(root / "fast.wav", noise(rate=96_000), 96_000)
    write(root / "stereo.wav", np.stack([noise(), noise()], axis=1))
    write(root / "old.wav", noise(), subtype="PCM_U8")
    write(root / UNREMARKABLE[1], noise())
    odd = (*UNUSABLE, *ODD, *UNREMARKABLE)
    lines += [f'"{name}",angry,{"abcde"[n % 5]}' for n, name in enumerate(odd)]
    (root / "clips.csv").write_text("\n".join(lines), encoding="utf-8")
    return root


def evaluate(root: Path, *more) -> int:
    fixed = ["--dataset", "folder", "--root", str(root / "clips.csv"), "--jobs", "1"]
    fixed += ["--model", "duration_loudness", "--head", "logistic"]
    return main(["evaluate", *fixed, *map(str, more)])


# The command


def test_a_corpus_that_is_whole_passes_even_strictly(capsys):
    assert main(["audit", "demo", "--strict"]) == 0
    assert "demo: 192 clips. There is no published list." in capsys.readouterr().out


def test_strict_fails_where_clips_are_missing_or_altered(tmp_path, capsys):
    write(tmp_path / "03a01Fa.wav", np.full(8000, 0.1) * np.sin(np.arange(8000)))
    given = ["audit", "emodb", "--root", str(tmp_path)]
    assert main(given) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 of 535 published clips are here: none as published" in said
    assert "1 altered" in said
    assert "Missing: 534" in said
    assert main([*given, "--strict"]) == 1


def test_json_is_one_value_with_every_fault(tmp_path, capsys):
    for number in range(1, 9):
        write(tmp_path / f"03a0{number}Fa.wav", np.zeros(8000))
    assert main(["audit", "emodb", "--root", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["passed"] is False
    silent = [row["clip"] for row in found["faults"] if row["fault"] == "silent"]
    assert len(silent) == 8
    assert len(found["missing"]) == found["status"]["missing"]


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("audit emobd", 2, "Did you mean emodb?"),
        ("audit", 2, "NAME"),
        ("audit emodb --strickt", 2, "Did you mean --strict"),
        ("audit emodb --root nowhere", 1, "no folder nowhere"),
        ("audit folder", 1, "Name a folder"),
    ],
)
def test_what_cannot_be_audited_is_told(
    line, code, said, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path))
    monkeypatch.delenv("SERTOOLS_DATA", raising=False)
    assert main(line.split()) == code
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""


def test_real_ravdess_has_its_stereo_files_named(real_data, capsys):
    assert main(["audit", "ravdess", "--root", str(real_data / "ravdess")]) == 0
    said = capsys.readouterr().out
    assert "240 of 1440 published clips are here, every byte as published" in said
    assert len(re.findall(r"03-01-\S+", said.partition("stereo")[2])) == 5


# Among 20 good clips


def test_audit_names_what_is_odd_and_why(mixed, capsys):
    assert main(["audit", "folder", "--root", str(mixed / "clips.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n_clips"] == 32
    assert found["status"]["unreadable"] == len(UNUSABLE)
    faults = {row["clip"].removeprefix("folder/"): row for row in found["faults"]}
    assert set(faults) == {*UNUSABLE, *ODD}
    for name, reason in UNUSABLE.items():
        row = faults[name]
        assert reason in f"{row['detail']} {row['note']} {row['fault']}"
    assert {name: faults[name]["fault"] for name in ODD} == ODD


def test_a_folder_per_emotion_is_audited_alike(mixed, tmp_path, capsys):
    shutil.copytree(mixed, tmp_path / "angry", ignore=shutil.ignore_patterns("*.csv"))
    assert main(["audit", "folder", "--root", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "folder: 32 clips, of which 6 cannot be read." in said
    assert all(name in said for name in (*UNUSABLE, *ODD))


def test_evaluate_counts_what_it_used_and_names_the_rest(mixed, tmp_path, capsys):
    assert evaluate(mixed, "--out", tmp_path) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["n_clips"] == 26
    excluded = {row["clip"]: row["reason"] for row in metrics["excluded"]}
    assert set(excluded) == {f"folder/{name}" for name in UNUSABLE}
    for name, reason in UNUSABLE.items():
        assert reason in excluded[f"folder/{name}"]
    said = " ".join(capsys.readouterr().out.split())
    assert all(f"folder/{name}" in said for name in UNUSABLE)
    assert "silence.wav" in json.dumps(metrics["warnings"])


def test_strict_stops_before_any_training(mixed, tmp_path, capsys):
    assert evaluate(mixed, "--out", tmp_path, "--strict") == 1
    said = capsys.readouterr()
    assert "cannot be used" in said.err
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.slow
def test_nothing_in_a_name_is_executed_in_the_report(mixed, tmp_path, request):
    given = ["-p", "dataset", "folder", "-p", "root", str(mixed / "clips.csv")]
    assert main(["report", "quickstart", *given, "--out", str(tmp_path)]) == 0
    [page] = tmp_path.glob("*/report.html")
    assert "onerror" in (text := page.read_text(encoding="utf-8"))
    assert "<img src=x" not in text
    browser = request.getfixturevalue("browser")  # skips where there is none
    with browser.new_context(offline=True) as context:
        dialogs, tab = [], context.new_page()
        tab.on("dialog", lambda dialog: (dialogs.append(dialog), dialog.dismiss()))
        tab.goto(page.as_uri())
        tab.wait_for_timeout(300)
        assert tab.locator("img[onerror]").count() == 0
        assert dialogs == []
