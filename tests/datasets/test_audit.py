import hashlib
import io
import json
import shutil
import struct

import numpy as np
import pandas as pd
import pytest
import soundfile
import soxr

from sertools import datasets
from sertools.datasets._audit import Fault, inspect

EVIL = "<img src=x onerror=alert(1)>"


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 72862\n"


def tone(seconds=0.3, rate=16_000, hertz=220.0):
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def write(path, samples, rate=16_000, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        soundfile.write(file, samples, rate, **{"format": "WAV", **how})


def audited(name, root):
    return datasets.audit(datasets.load(name, root), progress=False)


def found(audit) -> dict[tuple[str, str], int]:
    """Give how many clips have each fault, here and in the originals."""
    rows = audit.findings()
    return {(row.where, row.fault): row.clips for row in rows.itertuples()}


HERE, ORIGINAL = "in this copy", "in the originals, too"


# What was published, with all its faults


@pytest.fixture
def tess(tmp_path, publish):
    """Make a small TESS with the faults of the true one, and declare it published."""
    root = tmp_path / "tess"
    for number, word in enumerate(("back", "bar", "food", "germ", "neat")):
        for who in ("OAF", "YAF"):
            for how in ("angry", "fear", "neutral"):
                hertz = 150 + 20 * number + (who == "YAF") * 7 + len(how)
                samples = tone(rate=24_414, hertz=hertz)
                write(root / f"{who}_{how}" / f"{who}_{word}_{how}.wav", samples, 24414)
    write(root / "OAF_neutral/OA_bite_neutral.wav", tone(rate=24_414), 24_414)
    write(root / "OAF_fear/OAF_food_fear.wav", tone(rate=96_000), 96_000)
    for name in ("YAF_angry/YAF_germ_angry.wav", "YAF_fear/YAF_neat_fear.wav"):
        how = {"format": "AIFF"}
        write(root / name, tone(rate=24_414, hertz=len(name) * 9), 24_414, **how)
    publish("tess", root)
    return root


def test_faults_of_the_originals_are_named_and_no_reason_to_fail(tess):
    audit = audited("tess", tess)
    assert audit.passed
    assert (audit.table["status"] == "official").all()
    assert found(audit) == {
        (ORIGINAL, "odd name"): 1,
        (ORIGINAL, "odd rate"): 1,
        (ORIGINAL, "wrong format"): 2,
    }
    text = " ".join(repr(audit).split())
    assert "31 of 31 published clips are here, every byte as published" in text
    assert "OA_bite_neutral (named OA, taken as OAF)" in text
    assert "96000 Hz, the others 24414 Hz; resampled when loaded: OAF_food_fear" in text
    assert "AIFF named .wav, not WAV" in text
    assert "YAF_germ_angry, YAF_neat_fear" in text
    assert "sertools fetch" not in text


def test_copies_in_a_nested_folder_are_counted_not_judged(tess):
    shutil.copytree(tess, tess / "TESS Toronto emotional speech set data")
    audit = audited("tess", tess)
    assert audit.passed
    assert "Further files of the same names, not used: 31." in repr(audit)


def test_a_rate_that_was_mended_is_an_alteration_and_no_cut(tess):
    write(tess / "OAF_fear/OAF_food_fear.wav", tone(rate=24_414), 24_414)
    audit = audited("tess", tess)
    assert not audit.passed
    faults = audit.faults[audit.faults["status"] == "altered"]
    assert faults["fault"].tolist() == ["resampled"]
    assert faults["detail"].tolist() == ["to 24414 Hz from 96000 Hz"]


@pytest.fixture
def crema_d(tmp_path, publish):
    """Make a small CREMA-D with its three pairs and its silent clip."""
    root = tmp_path / "crema_d" / "AudioWAV"
    names = ("1006_TIE_HAP", "1013_WSI_SAD", "1017_IWW_ANG", "1001_DFA_ANG")
    for number, name in enumerate(names):
        write(root / f"{name}_XX.wav", tone(hertz=200 + number))
    for one, other in (
        ("1006_TIE_HAP", "1006_TIE_NEU"),
        ("1013_WSI_SAD", "1013_WSI_DIS"),
        ("1017_IWW_ANG", "1017_IWW_FEA"),
    ):
        shutil.copy(root / f"{one}_XX.wav", root / f"{other}_XX.wav")
    write(root / "1076_MTI_SAD_XX.wav", np.zeros(8000))
    write(root / "1040_ITH_SAD_XX.wav", tone(hertz=300))
    publish("crema_d", root)
    return root


def test_same_bytes_under_different_emotions_are_paired(crema_d):
    audit = audited("crema_d", crema_d)
    assert audit.passed
    assert found(audit) == {(ORIGINAL, "silent"): 1}
    assert {tuple(sorted(pair.values())) for pair in audit.duplicates} == {
        ("happy", "neutral"),
        ("disgust", "sad"),
        ("angry", "fear"),
    }
    text = " ".join(repr(audit).split())
    assert "nothing is heard: 1076_MTI_SAD_XX" in text
    assert "Same bytes, different emotions: 1006_TIE_HAP_XX (happy) = " in text
    assert "1017_IWW_ANG_XX (angry) = 1017_IWW_FEA_XX (fear)." in text


def test_an_older_name_is_matched_with_the_published_clip(crema_d):
    (crema_d / "1040_ITH_SAD_XX.wav").rename(crema_d / "1040_ITH_SAD_X.wav")
    audit = audited("crema_d", crema_d)
    assert audit.passed
    told = "1040_ITH_SAD_XX (named 1040_ITH_SAD_X, published as 1040_ITH_SAD_XX)"
    assert told in " ".join(repr(audit).split())


def test_pointers_of_a_git_zip_are_explained_in_one_finding(crema_d):
    for path in crema_d.iterdir():
        path.write_text(POINTER.format(path.name))
    audit = audited("crema_d", crema_d)
    assert not audit.passed
    assert (audit.table["status"] == "unreadable").all()
    assert found(audit) == {(HERE, "Git LFS pointer"): 9}
    text = " ".join(repr(audit).split())
    assert "9 of 9 published clips are here: none as published (sha256), 9 unr" in text
    assert "not audio. Fetch it with: git lfs pull: 1001_DFA_ANG_XX" in text
    assert "and 4 more" in text


def test_the_same_emotion_twice_is_a_finding_too(tmp_path, publish):
    root = tmp_path / "ravdess"
    for number in ("01", "02"):
        write(root / f"03-01-03-01-02-{number}-07.wav", tone(rate=48_000), 48_000)
    publish("ravdess", root)
    text = " ".join(repr(audited("ravdess", root)).split())
    assert "Same bytes: 03-01-03-01-02-01-07 = 03-01-03-01-02-02-07." in text


# Copies that are not what was published


@pytest.fixture
def emodb(tmp_path, publish):
    """Publish 36 clips of 1 to 4.5 s."""
    root = tmp_path / "emodb"
    names = [f"{who:02}a0{text}{how}a" for who in (3, 8) for text in (1, 2, 4)
             for how in "WLEAFT"]  # fmt: skip
    for number, name in enumerate(names):
        write(root / f"{name}.wav", tone(1 + number / 10, hertz=200 + number))
    publish("emodb", root)
    return root


def changed(root, change, rate=16_000, **how):
    """Write a copy of a folder with each clip changed."""
    copy = root.parent / "copy"
    for path in root.iterdir():
        write(copy / path.name, change(soundfile.read(path)[0]), rate, **how)
    return copy


def test_a_re_upload_cut_and_resampled_is_told_in_few_lines(emodb):
    copy = changed(
        emodb, lambda x: soxr.resample(x, 16_000, 22_050)[: 2 * 22_050], 22_050
    )
    audit = audited("emodb", copy)
    assert not audit.passed
    assert found(audit) == {(HERE, "resampled"): 36, (HERE, "cut"): 25}
    text = repr(audit)
    assert len(text.splitlines()) < 12
    text = " ".join(text.split())
    assert "36 of 36 published clips are here: none as published (sha256), 36 alt" in (
        text
    )
    assert "resampled 36 to 22050 Hz from 16000 Hz: 03a01Aa" in text
    assert "cut 25 to 2.00 s: " in text
    assert "and 20 more" in text
    assert "cannot be compared with published ones" in text
    assert "The published files: sertools fetch emodb" in text


def test_padding_is_told_from_cutting(emodb):
    copy = changed(emodb, lambda x: np.pad(x, (0, 80_000))[:80_000])
    assert found(audited("emodb", copy)) == {(HERE, "made longer"): 36}


def test_a_clip_cut_anywhere_is_named(emodb):
    whole = soundfile.read(emodb / "03a01Fa.wav")[0]
    write(emodb / "03a01Fa.wav", whole[:8000])
    audit = audited("emodb", emodb)
    assert audit.table["status"].value_counts()["altered"] == 1
    assert "03a01Fa (from about 1.4 s)" in repr(audit)
    assert "cannot be compared" not in repr(audit)


@pytest.mark.parametrize(
    ("change", "how", "fault"),
    [
        (lambda x: x * 0.9, {}, "other bytes"),
        (lambda x: np.stack([x, x], axis=1), {}, "remixed"),
        (lambda x: x, {"format": "FLAC"}, "converted"),
    ],
)
def test_other_alterations_have_a_name(change, how, fault, emodb):
    audit = audited("emodb", changed(emodb, change, **how))
    assert (HERE, fault) in found(audit)
    assert (audit.table["status"] == "altered").all()


def test_what_is_missing_is_counted_by_emotion(emodb):
    for path in [*emodb.glob("*La.wav"), emodb / "03a01Fa.wav"]:
        path.unlink()
    audit = audited("emodb", emodb)
    assert not audit.passed
    assert len(audit.missing) == 7
    assert audit.emotions["happy"] == (5, 6)
    assert audit.emotions["boredom"] == (0, 6)
    text = " ".join(repr(audit).split())
    assert "29 of 36 published clips are here, every byte as published" in text
    assert "Incomplete: boredom 0 of 6, happy 5 of 6." in text
    assert "Complete: angry, disgust, fear, sad." in text


def test_clips_that_were_never_published_are_named(emodb):
    write(emodb / "16b10Wz.wav", tone(hertz=99))
    audit = audited("emodb", emodb)
    assert audit.passed
    assert "Not among the published: 1 (16b10Wz)." in repr(audit)


def test_folded_emotions_are_still_counted_as_published(emodb):
    clips = datasets.load("emodb", emodb, merge={"boredom": "neutral"})
    assert datasets.audit(clips, progress=False).emotions["boredom"] == (6, 6)


def test_files_that_are_not_the_corpus_are_counted_by_reason(emodb):
    for name in ("x.wav", "y.wav"):
        write(emodb / name, tone())
    text = " ".join(repr(audited("emodb", emodb)).split())
    assert "Not used, not a file name of EmoDB: 2 (x.wav, y.wav)." in text


# Recordings of one's own


@pytest.fixture
def own(tmp_path):
    """Mix good clips with bad ones, under names that people give."""
    root = tmp_path / "own"
    for number in range(20):
        write(root / f"sad/{number}.wav", tone(hertz=200 + number))
    write(root / "sad/empty.wav", tone())
    (root / "sad/empty.wav").write_bytes(b"")
    (root / "sad/text.wav").write_text("I am text")
    whole = (root / "sad/0.wav").read_bytes()
    (root / "sad/torn.wav").write_bytes(whole[: len(whole) // 2])
    (root / "sad/pointer.wav").write_text(POINTER.format(0))
    write(root / "sad/nan.wav", tone() * np.nan, subtype="FLOAT")
    write(root / "sad/silence.wav", np.zeros(8000))
    write(root / "sad/short.wav", tone(0.01))
    write(root / "sad/aiff.wav", tone(hertz=400), format="AIFF")
    write(root / "sad/fast.wav", tone(rate=96_000), 96_000)
    write(root / "sad/stereo.wav", np.stack([tone(hertz=500)] * 2, axis=1))
    write(root / "sad/old.wav", tone(hertz=600), subtype="PCM_U8")
    write(root / f"sad/안녕 하세요 {EVIL}.wav", tone(hertz=700))
    return root


def test_each_odd_file_is_named_with_its_reason(own):
    audit = audited("folder", own)
    assert audit.table["status"].value_counts().to_dict() == {
        "unlisted": 26,
        "unreadable": 6,
    }
    by_clip = dict(zip(audit.faults["clip"], audit.faults["fault"], strict=True))
    assert by_clip == {
        "folder/sad/empty.wav": "empty",
        "folder/sad/text.wav": "not audio",
        "folder/sad/torn.wav": "cut short",
        "folder/sad/pointer.wav": "Git LFS pointer",
        "folder/sad/nan.wav": "not numbers",
        "folder/sad/silence.wav": "silent",
        "folder/sad/short.wav": "too short",
        "folder/sad/aiff.wav": "wrong format",
        "folder/sad/fast.wav": "odd rate",
        "folder/sad/stereo.wav": "stereo",
    }
    text = repr(audit)
    assert "folder: 32 clips, of which 6 cannot be read." in text
    assert all(clip.removeprefix("folder/") in text for clip in by_clip)
    assert not audit.passed


def test_it_shows_itself_in_a_notebook_and_runs_nothing(own):
    (own / "sad/2.wav").rename(own / f"{EVIL}.wav")
    write(own / f"sad/{EVIL}.wav", np.zeros(8000))
    shown = audited("folder", own)._repr_html_()
    assert "onerror" in shown
    assert "<img" not in shown
    assert "too short" in shown


def test_a_name_cannot_command_a_terminal(own):
    write(own / "sad/\x1b[2J\n.wav", np.zeros(8000))
    text = repr(audited("folder", own))
    assert "\x1b" not in text
    assert r"\x1b[2J\n.wav" in text


def test_everything_is_in_the_json(own):
    audit = audited("folder", own)
    summary = json.loads(json.dumps(audit.summary()))
    assert summary["n_clips"] == 32
    assert summary["status"] == {"unlisted": 26, "unreadable": 6, "missing": 0}
    assert len(summary["faults"]) == 10
    assert summary["faults"][0].keys() == {"clip", "fault", "detail", "note", "status"}


def test_the_table_has_a_row_a_clip(own):
    clips = datasets.load("folder", own)
    table = datasets.audit(clips, progress=False).table
    assert table.index.equals(clips.index)
    fast = table.loc["folder/sad/fast.wav"]
    assert fast["sampling_rate"] == 96_000
    assert fast["seconds"] == pytest.approx(0.3)
    assert fast["peak"] == pytest.approx(0.3, abs=1e-3)
    assert len(fast["sha256"]) == 64


def test_it_is_of_one_corpus(own):
    clips = datasets.load("folder", own)
    other = clips.assign(dataset="emodb")
    with pytest.raises(ValueError, match="of one corpus, not of folder, emodb"):
        datasets.audit(pd.concat([clips, other]))
    with pytest.raises(ValueError, match="of one corpus, not of none"):
        datasets.audit(clips.iloc[:0])


# Real recordings


def test_real_emodb(real_data):
    audit = audited("emodb", real_data / "emodb")
    assert (audit.table["status"] == "official").all()
    assert (len(audit.table), audit.n_official, len(audit.missing)) == (362, 535, 173)
    assert found(audit) == {}
    assert not audit.passed
    text = " ".join(repr(audit).split())
    assert "362 of 535 published clips are here, every byte as published" in text
    assert "Incomplete: boredom 9 of 81, disgust 9 of 46, fear 5 of 69." in text


def test_real_ravdess(real_data):
    audit = audited("ravdess", real_data / "ravdess")
    assert (audit.table["status"] == "official").all()
    assert (len(audit.table), audit.n_official) == (240, 1440)
    stereo = audit.faults.loc[audit.faults["fault"] == "stereo", "clip"]
    assert set(stereo.str.removeprefix("ravdess/")) == {
        "03-01-02-01-01-02-01",
        "03-01-08-01-02-02-01",
        "03-01-02-01-02-02-05",
        "03-01-03-01-02-01-20",
        "03-01-06-01-01-02-20",
    }
    assert all(clip.removeprefix("ravdess/") in repr(audit) for clip in stereo)


def test_real_clips_that_were_only_resampled_are_not_called_cut(real_data, tmp_path):
    for path in sorted((real_data / "ravdess").rglob("*.wav"))[::8]:
        samples, rate = soundfile.read(path)
        write(tmp_path / path.name, soxr.resample(samples, rate, 16_000))
    kinds = set(audited("ravdess", tmp_path).faults["fault"])
    assert kinds <= {"resampled", "clipped"}


def test_real_clips_that_were_cut_are_counted(real_data, tmp_path):
    longer = 0
    for path in sorted((real_data / "emodb").rglob("*.wav"))[::3]:
        samples, rate = soundfile.read(path)
        longer += len(samples) > 2.03 * rate
        samples = soxr.resample(samples, rate, 22_050)[: 2 * 22_050]
        write(tmp_path / path.name, samples, 22_050)
    assert found(audited("emodb", tmp_path))[HERE, "cut"] == longer


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
