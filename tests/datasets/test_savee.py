import pytest

from sertools import datasets
from sertools.metadata import ClipsMetadata


@pytest.mark.parametrize(
    "file", ["DC/sa01.wav", "ALL/DC_sa01.wav", "AudioData/dc/SA01.WAV", "dc_SA01.wav"]
)
def test_a_name_is_read_with_the_speaker_before_it_or_above_it(file, plant):
    clips = datasets.load("savee", plant(file))
    clip = clips.loc["savee/DC_sa01"]
    expected = {"emotion": "sad", "label": "sa", "speaker": "savee/DC"}
    expected |= {"sex": "male", "text": "01"}
    assert clip[list(expected)].to_dict() == expected


def test_the_same_name_of_two_speakers_is_two_clips(plant):
    clips = datasets.load("savee", plant("DC/a01.wav", "JE/a01.wav"))
    assert clips.index.tolist() == ["savee/DC_a01", "savee/JE_a01"]


def test_a_clip_of_nobody_is_left_out(plant):
    clips = datasets.load("savee", plant("DC/a01.wav", "wav/a01.wav", "XX_a02.wav"))
    assert clips.index.tolist() == ["savee/DC_a01"]
    excluded = {row["clip"]: row["reason"] for row in ClipsMetadata.of(clips).excluded}
    assert "no speaker" in excluded["wav/a01.wav"]
    assert excluded["XX_a02.wav"] == "not a file name of SAVEE"


def test_surprise_is_not_sadness_nor_the_number(plant):
    clips = datasets.load("savee", plant("KL/su15.wav", "KL/sa15.wav", "KL/d15.wav"))
    assert clips["emotion"].tolist() == ["disgust", "sad", "surprise"]


def test_it_says_where_to_ask_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match=r"Register .*kahlan\.eps\.surrey\.ac\.uk"):
        datasets.fetch("savee", yes=True)
    with pytest.raises(FileNotFoundError, match="Register with the University"):
        datasets.load("savee", tmp_path / "nowhere")
