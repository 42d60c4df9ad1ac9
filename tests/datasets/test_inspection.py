import hashlib
import io
import struct

import numpy as np
import pytest
import soundfile

from sertools.datasets.inspection import Fault, inspect

RATE = 16_000
TONE = 0.3 * np.sin(2 * np.pi * 220 * np.arange(RATE // 2) / RATE)


def encoded(samples=TONE, rate=RATE, **how) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **{"format": "WAV", **how})
    return file.getvalue()


@pytest.fixture
def look(tmp_path):
    def inspected(content: bytes, name="clip.wav"):
        (tmp_path / name).write_bytes(content)
        return inspect(tmp_path / name)

    return inspected


def kinds(found) -> list[str]:
    return [fault.kind for fault in found.faults]


def test_a_good_clip_has_its_facts_and_no_fault(look):
    content = encoded()
    found = look(content)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.bytes == len(content)
    assert (found.format, found.sampling_rate, found.channels) == ("WAV", RATE, 1)
    assert found.seconds == 0.5
    assert found.peak == pytest.approx(0.3, abs=1e-3)
    assert found.usable
    assert found.faults == ()


@pytest.mark.parametrize(
    "how",
    [
        {"subtype": "PCM_U8"},
        {"subtype": "PCM_24"},
        {"subtype": "FLOAT"},
        {"subtype": "ULAW"},
        {"format": "WAVEX"},
        {"format": "FLAC", "name": "clip.flac"},
        {"format": "OGG", "name": "clip.OGG"},
        {"format": "AIFF", "name": "clip.aiff"},
    ],
    ids=str,
)
def test_other_forms_are_read_alike(how, look):
    name = how.pop("name", "clip.wav")
    found = look(encoded(**how), name)
    assert found.faults == ()
    assert found.seconds == 0.5
    assert found.peak == pytest.approx(0.3, abs=0.02)


def test_the_format_is_told_by_the_content(look):
    found = look(encoded(format="AIFF"))
    assert found.faults == (Fault("wrong format", "AIFF named .wav, not WAV"),)
    assert found.usable


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_silence_is_named_with_or_without_an_offset(value, look):
    assert kinds(look(encoded(np.full(RATE, value)))) == ["silent"]


def test_clipping_is_three_samples_at_full_scale_not_one(look):
    once = TONE.copy()
    once[100] = 1.0
    assert kinds(look(encoded(once))) == []
    assert kinds(look(encoded((5 * TONE).clip(-1, 1)))) == ["clipped"]
    assert kinds(look(encoded((5 * TONE).clip(-1, 1), subtype="FLOAT"))) == ["clipped"]


def test_stereo_is_read_by_channel(look):
    found = look(encoded(np.stack([TONE, 0.5 * TONE], axis=1)))
    assert (found.channels, found.seconds) == (2, 0.5)


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (b"", "empty", "an empty file (0 bytes)"),
        (b"this is text, not sound " * 20, "not audio", "not audio"),
        (encoded()[:-4000], "cut short", "4000 bytes fewer than its header says"),
        (encoded(subtype="PCM_24")[:-300], "cut short", "300 bytes fewer"),
        (encoded()[:30], "cut short", "bytes fewer"),
        (encoded(TONE[:160]), "too short", "10 ms"),
        (encoded(TONE[:160], subtype="FLOAT"), "too short", "10 ms"),
        (encoded(TONE * np.nan, subtype="FLOAT"), "not numbers", "NaN"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "Git LFS pointer",
            "git lfs pull",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_used_is_named_with_its_reason(content, kind, told, look):
    found = look(content)
    assert kinds(found) == [kind]
    assert told in str(found.faults[0])
    assert not found.usable
    assert found.seconds is None
    assert found.sha256 == hashlib.sha256(content).hexdigest()


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path):
    assert kinds(inspect(tmp_path / "gone.wav")) == ["gone"]
    (tmp_path / "folder.wav").mkdir()
    assert kinds(inspect(tmp_path / "folder.wav")) == ["unreadable"]


@pytest.mark.parametrize("seed", range(40))
def test_no_bytes_make_it_raise(seed, look):
    random = np.random.default_rng(seed)
    content = bytearray(encoded(np.stack([TONE, TONE], axis=1)))
    for place in random.integers(0, 60, 6):
        content[place] = random.integers(256)
    found = look(bytes(content[: random.integers(20, len(content))]))
    assert found.bytes <= len(content)


def test_a_header_with_a_wild_chunk_does_not_make_it_raise(look):
    content = b"RIFF" + struct.pack("<I", 50) + b"WAVEfmt " + struct.pack("<I", 4)
    assert not look(content).usable
    assert not look(content + b"\1\0\1\0data\xff\xff\xff\xff").usable
