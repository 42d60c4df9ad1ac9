import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sertools.cli import main

FIXED = ["--model", "duration_loudness", "--head", "logistic", "--jobs", "1"]


@pytest.fixture(scope="module")
def places(tmp_path_factory) -> Path:
    """Make two tables of tones by other people; only the lab has fear."""
    parent = tmp_path_factory.mktemp("places")
    levels = {"angry": 0.5, "sad": 0.05, "fear": 0.2}
    for place, people, emotions in (
        ("lab", "abc", ("angry", "sad", "fear")),
        ("street", "xyz", ("angry", "sad")),
    ):
        folder = parent / place
        folder.mkdir()
        random = np.random.default_rng(len(place))
        lines = ["path,emotion,speaker"]
        for speaker in people:
            for emotion in emotions:
                for take in range(3):
                    name = f"{speaker}_{emotion}_{take}.wav"
                    noise = random.standard_normal(8000 + 400 * take) * levels[emotion]
                    soundfile.write(folder / name, noise.clip(-1, 1), 16000)
                    lines.append(f"{name},{emotion},{speaker}")
        (folder / "clips.csv").write_text("\n".join(lines))
    return parent


def own(places: Path, tmp_path: Path) -> list[str]:
    """Give two corpora of one's own: folders of emotions, without speakers."""
    for place in ("lab", "street"):
        for file in (places / place).glob("*.wav"):
            emotion = file.stem.split("_")[1]
            target = tmp_path / place / emotion / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return [
        "evaluate",
        f"--train=folder={tmp_path / 'lab'}",
        f"--test=folder={tmp_path / 'street'}",
        *FIXED,
    ]


def tables(places: Path) -> list[str]:
    """Give the same two corpora as tables, with speakers."""
    train, test = (f"folder={places / place}/clips.csv" for place in ("lab", "street"))
    return ["evaluate", "--train", train, "--test", test, *FIXED]


def test_two_tables_of_ones_own(capsys, places):
    assert main([*tables(places), "--standardize", "speaker", "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["folds"] == "train folder:lab/clips -> test folder:street/clips"
    assert metrics["leaking"] is False
    assert metrics["train"]["n_speakers"] == metrics["n_speakers"] == 3
    assert metrics["uar"]["low"] is not None
    assert main([*tables(places)[:-2], "--test", f"folder={places}/lab/clips.csv"]) == 2
    assert "one corpus at a time" in capsys.readouterr().err


def test_one_table_on_both_sides_is_refused(capsys, places):
    line = tables(places)
    line[4] = line[2]
    assert main(line) == 2
    assert "Two folders of one name (lab/clips)" in capsys.readouterr().err


def test_trained_on_one_folder_tested_on_another(capsys, places, tmp_path):
    out = tmp_path / "out"
    assert main([*own(places, tmp_path), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "trained on folder:lab (18 clips, speakers unknown)" in text
    assert "9 clips left out: fear of folder:lab, not in every corpus." in text
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["dataset"] == "folder:street"
    assert metrics["folds"] == "train folder:lab -> test folder:street"
    assert metrics["train"]["datasets"] == ["folder:lab"]
    assert metrics["train"]["n_clips"] == metrics["test"]["n_clips"] == 18
    assert metrics["leaking"] is None
    assert metrics["uar"] == {"value": 1.0, "low": None, "high": None}
    assert metrics["baseline"]["uar"]["value"] == 1.0
    status = json.loads((out / "run.json").read_text())
    assert status["status"] == "ok"
    assert status["parameters"]["train"] == f"folder={tmp_path / 'lab'}"
    assert status["parameters"]["root"] is None


def test_the_same_files_on_both_sides_are_told(capsys, places, tmp_path):
    line = own(places, tmp_path)
    copied = tmp_path / "street" / "sad" / "x_sad_0.wav"
    copied.write_bytes((tmp_path / "lab" / "sad" / "a_sad_0.wav").read_bytes())
    assert main([*line, "--json"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["leaking"] is True
    named = "folder:lab/sad/a_sad_0.wav = folder:street/sad/x_sad_0.wav"
    assert any(named in line for line in metrics["warnings"])


@pytest.fixture
def corpora(places, tmp_path) -> Path:
    """Lay a table called folder and a link to the demo corpus side by side."""
    from sertools import datasets

    (tmp_path / "DEMO").symlink_to(datasets.find("demo").resolve())
    (tmp_path / "folder").mkdir()
    for file in (places / "street").glob("*.wav"):
        emotion = file.stem.split("_")[1]
        (tmp_path / "folder" / emotion).mkdir(exist_ok=True)
        (tmp_path / "folder" / emotion / file.name).write_bytes(file.read_bytes())
    return tmp_path


def test_roots_can_be_named_or_lie_side_by_side(capsys, corpora):
    line = ["evaluate", "--train", "demo", "--test", "folder", *FIXED, "--json"]
    assert main([*line, "--root", str(corpora)]) == 0
    beside = json.loads(capsys.readouterr().out)
    named = ["--root", f"demo={corpora / 'DEMO'}"]
    named += ["--root", f"folder={corpora / 'folder'}"]
    assert main([*line, *named]) == 0
    assert json.loads(capsys.readouterr().out) == beside
    assert beside["synthetic"] is True
    assert "Trained on synthetic speech (demo)." in beside["warnings"]
    assert beside["n_clips"] == 18 and beside["train"]["n_speakers"] == 8


def test_several_are_trained_on_and_each_may_be_cut(capsys, corpora, places):
    line = ["evaluate", "--train", f"folder={corpora / 'folder'}", "--train", "demo"]
    line += ["--test", f"folder={places / 'lab'}/clips.csv", *FIXED, "--json"]
    assert main([*line, "--max-clips", "12", "--emotions", "angry,sad"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["train"]["datasets"] == ["folder:folder", "demo"]
    assert metrics["train"]["n_clips"] == 24 and metrics["n_clips"] == 12
    assert metrics["folds"] == "train folder:folder+demo -> test folder:clips"


def test_calm_can_be_folded_on_both_sides(capsys, corpora):
    line = ["evaluate", "--train", "demo", "--test", "folder", *FIXED, "--json"]
    assert main([*line, "--root", str(corpora), "--merge", "sad=neutral"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["classes"] == ["angry", "neutral"]
    assert metrics["left_out"]["fear of demo, not in every corpus"] == 32


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--dataset demo --train emodb --test demo", "Give one or the other"),
        ("--train demo", "--train NAME --test NAME"),
        ("--test demo", "--train NAME --test NAME"),
        ("", "Name a corpus"),
        ("--train demo --test demo", "demo is there twice"),
        ("--train demo --test emodb,tess", "one corpus at a time, not on 2"),
        ("--train demo --test emobd", "Did you mean emodb?"),
        ("--train demo --test emodb --folds speaker", "leave --folds out"),
        ("--train demo --test emodb --root tess=x", "tess is not asked for"),
        ("--train demo --test emodb --root x --root y", "whose folders x and y"),
        ("--train demo --test emodb=x --root emodb=y", "Two folders for emodb"),
        ("--train demo --test emodb --root tests", "no folder demo or emodb in it"),
        ("--dataset demo --standardize speker", "none, corpus, speaker"),
        ("--dataset demo --root emodb=x", "emodb is not asked for"),
    ],
)
def test_bad_usage(capsys, line, said):
    assert main(["evaluate", *line.split(), *FIXED]) == 2
    captured = capsys.readouterr()
    assert said in captured.err and captured.out == ""
    assert len(captured.err.strip().splitlines()) == 1


def test_a_root_that_is_not_there_ends_with_1(capsys, tmp_path):
    line = ["evaluate", "--train", "demo", "--test", "emodb", *FIXED]
    assert main([*line, "--root", str(tmp_path / "gone")]) == 1
    assert "no such folder" in capsys.readouterr().err


def test_by_speaker_takes_known_speakers(capsys, places, tmp_path):
    line = [*own(places, tmp_path), "--standardize", "speaker"]
    assert main(line) == 2
    assert "of 36 of 36 clips is unknown" in capsys.readouterr().err


def test_a_model_that_needs_no_training_takes_a_dataset(capsys):
    line = ["evaluate", "--train", "demo", "--test", "emodb", "--model", "trained"]
    assert main(line) == 2
    assert "nothing is trained, so take --dataset" in capsys.readouterr().err
