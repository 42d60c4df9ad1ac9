"""What stands on both sides of a split is found and named."""

import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import datasets, models
from sertools.evaluation import contamination, leakage
from sertools.evaluation._leakage import overlap


@pytest.fixture(scope="module")
def demo():
    return datasets.select(datasets.load("demo"), max_clips=48)


def split_by_speaker(clips):
    first = clips["speaker"] == clips["speaker"].iloc[0]
    return clips.assign(split=np.where(first, "test", "train"))


def kinds(found):
    return found.found.set_index("kind")["what"]


def test_a_clean_split_is_clean_and_says_that_texts_are_shared(demo):
    found = leakage(split_by_speaker(demo), "split", progress=False)
    assert not found.leaking
    assert set(found.found["kind"]) <= {"text"}
    assert repr(found).startswith("no leak found: 48 clips, 2 folds")


def test_a_shared_speaker_a_duplicate_and_a_re_encoded_copy_are_all_named(
    demo, tmp_path
):
    clips = split_by_speaker(demo)
    train = clips[clips["split"] == "train"]
    moved = train.index[train["speaker"] == train["speaker"].iloc[0]][0]
    clips.loc[moved, "split"] = "test"  # one clip of a speaker who is trained on
    strangers = train.index[train["speaker"] != train["speaker"].iloc[0]]
    twin, echo = strangers[0], strangers[1]
    shutil.copy(clips.at[twin, "path"], tmp_path / "another_name.flac")
    samples, rate = soundfile.read(clips.at[echo, "path"])
    soundfile.write(tmp_path / "echo.mp3", 0.5 * samples, rate, format="MP3")
    added = clips.loc[[twin, echo]].assign(split="test", speaker=None, text=None)
    added["path"] = [str(tmp_path / "another_name.flac"), str(tmp_path / "echo.mp3")]
    added.index = pd.Index(["x/another_name", "x/echo"], name="clip")
    found = leakage(pd.concat([clips, added]), "split", progress=False)
    assert found.leaking
    named = kinds(found)
    assert named["speaker"] == train["speaker"].iloc[0]
    assert named["bytes"] == f"{twin} = x/another_name"
    assert named["recording"] == f"{echo} = x/echo"
    counts = found.counts()
    assert {kind: counts[kind] for kind in counts if kind != "text"} == {
        "speaker": 1,
        "bytes": 1,
        "recording": 1,
        "twice": 0,
        "published": 0,
    }
    text = repr(found)
    assert text.startswith("LEAKING: 50 clips, 2 folds")
    assert f"{echo} = x/echo (in test, train)" in text
    assert "The speaker of 2 clips is unknown" in text
    assert "<table" in found._repr_html_()


def test_random_folds_share_every_speaker(demo):
    found = leakage(demo, "random", progress=False)
    assert found.counts()["speaker"] == demo["speaker"].nunique()


def test_files_that_cannot_be_read_are_counted(demo, tmp_path):
    clips = split_by_speaker(demo).iloc[[0, 1, -1]].copy()
    clips["split"] = ["test", "train", "train"]
    clips.loc[clips.index[1], "path"] = str(tmp_path / "nowhere.wav")
    found = leakage(clips, "split", progress=False)
    assert any(note.startswith("1 files cannot be read") for note in found.notes)


def test_copies_within_one_fold_count_double_and_do_not_leak(demo, tmp_path):
    clips = split_by_speaker(demo)
    first = clips.index[0]
    twin = clips.loc[[first]].set_axis(["x/twin"])
    found = leakage(pd.concat([clips, twin]), "split", progress=False)
    assert found.counts()["twice"] == 1
    assert kinds(found)["twice"] == f"{first} = x/twin"
    assert not found.leaking


def test_the_answer_about_pretraining_is_part_of_it(demo):
    clips = split_by_speaker(demo)
    assert leakage(clips, "split", progress=False).pretraining is None
    clean = leakage(clips, "split", progress=False, model="opensmile")
    assert clean.pretraining.answer == "no"
    assert not clean.leaking
    clips["dataset"] = "emodb"
    heard = leakage(clips, "split", progress=False, model="trained:emodb_egemaps")
    assert heard.leaking
    assert "Pretraining overlap: yes" in repr(heard)
    assert "Pretraining overlap: yes" in heard._repr_html_()


def test_published_recordings_are_known_under_any_name(real_data, tmp_path):
    corpus = datasets.load("emodb", root=real_data / "emodb")
    names = ["emodb/03a01Wa", "emodb/03a02Wb", "emodb/08a01Wa"]
    mine = corpus.loc[names].assign(dataset="folder", speaker=["me", None, "you"])
    for number, path in enumerate(mine["path"]):
        shutil.copy(path, tmp_path / f"{number}.wav")
    mine["path"] = [str(tmp_path / f"{number}.wav") for number in range(3)]
    mine.index = [f"folder/{number}" for number in range(3)]
    mine["split"], mine["emotion"] = ["train", "test", "test"], ["sad", None, "angry"]
    found = leakage(mine, "split", progress=False, model="trained:emodb_egemaps")
    named = kinds(found)
    assert named["speaker"] == "emodb/03"  # though the names differ
    assert named["published"] == "folder/0 = emodb/03a01Wa and 2 more"
    assert found.pretraining.answer == "yes"
    assert any("folder/0 is sad here, angry there" in note for note in found.notes)


def test_one_recording_in_two_merged_corpora_is_found(real_data, tmp_path):
    corpus = datasets.load("emodb", root=real_data / "emodb").head(40)
    copy = corpus.head(1).assign(dataset="folder", speaker="folder/x")
    samples, rate = soundfile.read(copy["path"].iloc[0])
    soundfile.write(tmp_path / "a.ogg", 0.3 * samples, rate, format="OGG")
    copy = copy.assign(path=str(tmp_path / "a.ogg")).set_axis(["folder/a"])
    merged = pd.concat([corpus, copy])
    found = leakage(merged, "dataset", progress=False)
    assert kinds(found)["recording"] == f"{corpus.index[0]} = folder/a"


@pytest.mark.parametrize(
    ("trained", "tested", "answer"),
    [
        (None, {"emodb"}, "unknown"),
        ((), {"emodb"}, "no"),
        ((), {"folder"}, "no"),
        (("emodb",), {"ravdess"}, "no"),
        (("emodb",), {"ravdess", "emodb"}, "yes"),
        (("emodb",), {"folder"}, "unknown"),
    ],
)
def test_the_answer_is_yes_no_or_unknown(trained, tested, answer):
    found = overlap("m", trained, tested)
    assert found.answer == answer
    assert str(found).startswith(f"Pretraining overlap: {answer}. ")
    assert found.corpora == (("emodb",) if answer == "yes" else ())


def test_systems_are_asked_by_name_or_as_they_are():
    clips = datasets.load("demo").assign(dataset="emodb")
    assert contamination("trained:emodb_egemaps", clips).answer == "yes"
    assert contamination(models.load("opensmile"), clips).answer == "no"
    assert contamination("whisper", clips).answer == "unknown"
    assert contamination("opensmile", clips, {"ravdess"}).answer == "no"
