import pandas as pd
import soundfile

from sertools import datasets
from sertools.metadata import ClipsMetadata


def test_it_travels_with_the_package_and_is_as_its_card_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # not the data/demo of the current folder
    monkeypatch.delenv("SERTOOLS_DATA", raising=False)
    clips, card = datasets.load("demo"), datasets.card("demo")
    assert len(clips) == card["n_clips"]
    assert clips["speaker"].nunique() == card["n_speakers"]
    assert sorted(set(clips["emotion"])) == card["emotions"]
    assert ClipsMetadata.of(clips).excluded == []


def test_it_is_balanced():
    clips = datasets.load("demo")
    table = pd.crosstab(clips["speaker"], clips["emotion"])
    assert (table == table.iloc[0, 0]).all(axis=None)
    voices = clips.groupby("sex")["speaker"].nunique()
    assert voices.to_dict() == {"female": 4, "male": 4}


def test_it_is_small_and_of_one_form():
    paths = datasets.load("demo")["path"]
    forms = {(i.samplerate, i.channels) for i in map(soundfile.info, paths)}
    assert len(forms) == 1
    assert sum(map(_bytes, paths)) < 6_000_000


def test_it_is_called_synthetic():
    card = datasets.card("demo")
    assert card["synthetic"] is True
    assert "synthetic" in card["title"]


def test_a_name_with_an_emotion_it_lacks_is_left_out(plant):
    clips = datasets.load("demo", plant("f1_angry_s1.flac", "f1_boredom_s1.flac"))
    assert clips.index.tolist() == ["demo/f1_angry_s1"]
    [row] = ClipsMetadata.of(clips).excluded
    assert row["clip"] == "f1_boredom_s1.flac"
    assert "boredom" in row["reason"]


def _bytes(path: str) -> int:
    with open(path, "rb") as file:
        return file.seek(0, 2)
