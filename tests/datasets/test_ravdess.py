import pytest

from sertools import datasets
from sertools.metadata import ClipsMetadata


def test_a_name_is_read(plant):
    root = plant("Actor_08/03-01-08-02-02-01-08.wav")
    clip = datasets.load("ravdess", root).loc["ravdess/03-01-08-02-02-01-08"]
    expected = {
        "emotion": "surprise",
        "label": "08",
        "speaker": "ravdess/08",
        "sex": "female",
        "text": "Dogs are sitting by the door",
        "intensity": "strong",
    }
    assert clip[list(expected)].to_dict() == expected


def test_odd_actors_are_men():
    sexes = datasets.get("ravdess").sexes
    assert sorted(sexes) == [f"{number:02}" for number in range(1, 25)]
    assert all((sex == "male") == (int(who) % 2 == 1) for who, sex in sexes.items())


@pytest.mark.parametrize(
    ("stranger", "reason"),
    [
        ("03-02-03-01-01-01-01.wav", "song"),
        ("01-01-03-01-01-01-01.wav", "video"),
        ("03-01-09-01-01-01-01.wav", "not a file name of RAVDESS"),
        ("03-01-03-01-01-01-1.wav", "not a file name of RAVDESS"),
    ],
)
def test_song_video_and_strangers_are_left_out(stranger, reason, plant):
    clips = datasets.load("ravdess", plant("03-01-03-01-01-01-01.wav", stranger))
    assert clips.index.tolist() == ["ravdess/03-01-03-01-01-01-01"]
    [row] = ClipsMetadata.of(clips).excluded
    assert row["clip"] == stranger
    assert reason in row["reason"]


def test_the_zip_that_holds_everything_twice(plant):
    names = [f"Actor_01/03-01-0{e}-01-01-01-01.wav" for e in range(1, 9)]
    root = plant(*names, *(f"audio_speech_actors_01-24/{name}" for name in names))
    clips = datasets.load("ravdess", root)
    assert len(clips) == 8
    assert not clips["path"].str.contains("audio_speech").any()


def test_emobox_tests_every_actor_once():
    folds = datasets.get("ravdess").published["emobox"]
    assert list(folds) == list("123456")
    assert all(len(fold) == 4 for fold in folds.values())
    assert sorted(sum(folds.values(), ())) == sorted(datasets.get("ravdess").sexes)


def test_the_real_recordings(real_data):
    clips = datasets.load("ravdess", real_data / "ravdess")
    assert len(clips) == 240
    assert clips["speaker"].value_counts().to_dict() == {
        f"ravdess/{actor}": 60 for actor in ("01", "02", "05", "20")
    }
    counts = clips["emotion"].value_counts()
    assert counts.pop("neutral") == 16
    assert (counts == 32).all()
    assert not (
        (clips["emotion"] == "neutral") & (clips["intensity"] == "strong")
    ).any()
    assert ClipsMetadata.of(clips).excluded == []
