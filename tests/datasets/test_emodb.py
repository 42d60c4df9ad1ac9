import pytest

from sertools import datasets
from sertools.metadata import ClipsMetadata


def test_a_name_is_read(plant):
    clip = datasets.load("emodb", plant("wav/16b10Td.wav")).loc["emodb/16b10Td"]
    expected = {"emotion": "sad", "label": "T", "speaker": "emodb/16"}
    expected |= {"sex": "female", "text": "b10", "dataset": "emodb"}
    assert clip[list(expected)].to_dict() == expected
    assert clip.isna()["intensity"]


@pytest.mark.parametrize(
    ("letter", "emotion"),
    [
        ("W", "angry"),
        ("L", "boredom"),
        ("E", "disgust"),
        ("A", "fear"),
        ("F", "happy"),
        ("T", "sad"),
        ("N", "neutral"),
    ],
)
def test_german_letters_are_not_english_ones(letter, emotion, plant):
    clips = datasets.load("emodb", plant(f"03a01{letter}a.wav"))
    assert clips["emotion"].tolist() == [emotion]


def test_five_women_and_five_men():
    sexes = datasets.get("emodb").sexes
    assert {s for s in sexes if sexes[s] == "female"} == {"08", "09", "13", "14", "16"}
    assert {s for s in sexes if sexes[s] == "male"} == {"03", "10", "11", "12", "15"}


@pytest.mark.parametrize(
    "stranger", ["03a01Fa.flac", "03a01F.wav", "03a01Ka.wav", "copy of 03a01Fa.wav"]
)
def test_other_names_are_left_out(stranger, plant):
    clips = datasets.load("emodb", plant("03a01Fa.wav", stranger))
    assert clips.index.tolist() == ["emodb/03a01Fa"]
    reason = "not a file name of EmoDB"
    assert ClipsMetadata.of(clips).excluded == [{"clip": stranger, "reason": reason}]


def test_the_real_recordings(real_data):
    clips = datasets.load("emodb", real_data / "emodb")
    assert len(clips) == 362
    assert clips["speaker"].nunique() == 10
    four = datasets.select(clips, "angry,happy,neutral,sad")
    assert len(four) == 339
    assert four["speaker"].nunique() == 10
    assert clips["sex"].notna().all()
    assert ClipsMetadata.of(clips).excluded == []
