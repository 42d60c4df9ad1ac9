import io
import struct

import numpy as np
import pytest
import soundfile

from sertools import audio
from sertools.audio import _headers

TONE = 0.5 * np.sin(np.arange(16_000) / 20)
CONTAINERS = {
    "wav": ("WAV", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "w64": ("W64", "PCM_16"),
    "aiff": ("AIFF", "PCM_16"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "PCM_16"),
    "sph": ("NIST", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", None),
}


def written(ending: str) -> bytes:
    form, subtype = CONTAINERS[ending]
    if form not in soundfile.available_formats():
        pytest.skip(f"libsndfile writes no {form} here")
    file = io.BytesIO()
    soundfile.write(file, TONE, 16_000, format=form, subtype=subtype)
    return file.getvalue()


def wav(says: int, samples: int = 8000) -> bytes:
    """Make a WAV file whose header says some size."""
    content = (32_767 * TONE[:samples]).astype("<i2").tobytes()
    return b"".join(
        [
            struct.pack("<4sI4s", b"RIFF", min(says + 36, 2**32 - 1), b"WAVE"),
            struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16),
            struct.pack("<4sI", b"data", says),
            content,
        ]
    )


@pytest.mark.parametrize("ending", CONTAINERS)
def test_a_whole_file_of_any_container_is_used(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    path.write_bytes(written(ending))
    assert len(audio.load(path)) == pytest.approx(16_000, abs=1200)


@pytest.mark.parametrize("kept", [0.5, 0.9])
@pytest.mark.parametrize("ending", CONTAINERS)
def test_a_cut_file_of_any_container_is_named_as_cut(tmp_path, ending, kept):
    content = written(ending)
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(ValueError, match="cut short|not audio") as refusal:
        audio.load(path)
    assert str(refusal.value).startswith(str(path))


@pytest.mark.parametrize(
    "says",
    [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 16_008, 16_044],
    ids=hex,
)
def test_a_header_that_does_not_know_its_length_is_no_harm(tmp_path, says):
    (tmp_path / "a.wav").write_bytes(wav(says))
    heard = audio.load(tmp_path / "a.wav")
    assert len(heard) == 8000
    assert audio.duration(tmp_path / "a.wav") == 0.5
    (tmp_path / "b.wav").write_bytes(wav(16_000))
    assert np.array_equal(heard, audio.load(tmp_path / "b.wav"))


def test_a_header_that_says_far_more_is_a_cut_file(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(20_000))
    with pytest.raises(ValueError, match="cut short, 4000 bytes fewer"):
        audio.load(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\0\0\0\x20ftypM4A \0\0\0\0M4A mp42" + bytes(900), "MPEG-4.*ffmpeg -i"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\x01webm" + bytes(900), "WebM.*ffmpeg -i"),
        (b"#!AMR\n" + bytes(900), "AMR.*ffmpeg -i"),
        (b"<!DOCTYPE html><html>404" + b" " * 900, "a web page, not audio"),
    ],
)
def test_another_format_is_told_by_its_first_bytes(tmp_path, content, told):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(ValueError, match=told):
        audio.load(tmp_path / "a.wav")


def test_a_container_whose_length_nobody_checks_is_not_read(tmp_path):
    soundfile.write(tmp_path / "a.voc", TONE, 16_000, format="VOC", subtype="PCM_16")
    with pytest.raises(ValueError, match=r"a\.voc: .*is not read. Convert it: ffmpeg"):
        audio.load(tmp_path / "a.voc")


def test_what_no_header_can_say_is_refused(tmp_path):
    content = bytearray(wav(16_000))
    content[34:36] = struct.pack("<H", 7)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(ValueError, match="7 bits a sample"):
        audio.load(tmp_path / "a.wav")


def test_a_byte_that_changed_within_an_ogg_file_is_noticed(tmp_path):
    content = bytearray(written("ogg"))
    content[len(content) // 2] ^= 0xFF
    (tmp_path / "a.ogg").write_bytes(content)
    with pytest.raises(ValueError, match="cut short|not audio"):
        audio.load(tmp_path / "a.ogg")


def test_endings_of_both_kinds_are_told_apart():
    assert not set(_headers.READ) & set(_headers.UNREAD)
    assert all(
        ending == ending.lower() and ending[0] == "." for ending in _headers.READ
    )
