"""Timelines for other programs: CSV, Audacity's labels, RTTM."""

import io
import itertools
import re

import numpy as np
import pandas as pd
import pytest

from sertools import features
from sertools.features._export import as_csv, as_labels, as_rttm, is_export, rows
from sertools.metadata import TimelineMetadata

SAID = pd.DataFrame(
    {
        "start": [0.0004, 1.4996, 7.0],
        "end": [1.4996, 3.00049, 8.25],
        "happy": [0.9, 0.55, 0.2],
        "sad": [0.1, 0.45, 0.8],
    }
)


RTTM = re.compile(r"SPEAKER \S+ 1 \d+\.\d{3} \d+\.\d{3} <NA> <NA> \S+ [01]\.\d{6} <NA>")


def read_rttm(text):
    """Read RTTM as its ten fields are described."""
    fields = [line.split(" ") for line in text.splitlines()]
    assert all(len(line) == 10 for line in fields)
    return [(f[1], float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fields]


def test_rttm_has_ten_fields_and_is_exact_to_the_millisecond():
    text = as_rttm({"a/talk.wav": SAID})
    assert all(RTTM.fullmatch(line) for line in text.splitlines())
    found = read_rttm(text)
    assert [name for name, *_ in found] == ["talk"] * 3
    assert [word for *_, word in found] == ["happy", "happy", "sad"]
    times = np.array([[start, end] for _, start, end, _ in found])
    assert np.allclose(times, [[0, 1.5], [1.5, 3], [7, 8.25]], atol=1e-9)


def test_rttm_ends_are_the_rounded_ends_whatever_the_times():
    starts = np.cumsum(np.random.default_rng(0).uniform(0.1, 3, 500))
    long = pd.DataFrame({"start": starts[:-1], "end": starts[1:], "sad": 1.0})
    found = read_rttm(as_rttm({"x": long}))
    assert np.allclose([end for *_, end, _ in found], starts[1:].round(3), atol=1e-9)
    assert all(
        a[2] == pytest.approx(b[1], abs=1e-9) for a, b in itertools.pairwise(found)
    )


@pytest.mark.parametrize(
    ("files", "ids"),
    [
        (["my  own talk.wav"], ["my_own_talk"]),
        (["a/x.wav", "b/x.wav"], ["a_x", "b_x"]),
        (["a/x.wav", "a/x.flac"], ["x.wav", "x.flac"]),
        (["a b.wav", "a_b.wav"], ["a_b.wav_1", "a_b.wav_2"]),
    ],
)
def test_file_ids_have_no_spaces_and_tell_recordings_apart(files, ids):
    found = read_rttm(as_rttm(dict.fromkeys(files, SAID[:1])))
    assert [name for name, *_ in found] == ids


def test_not_sure_is_one_word_in_rttm_and_two_in_labels():
    told = features.decisions(SAID)
    assert [word for *_, word in read_rttm(as_rttm({"x": told}))][1] == "not_sure"
    lines = as_labels({"x": told}).splitlines()
    assert lines[1] == "1.500\t3.000\tnot sure 0.55"
    assert lines[2] == "7.000\t8.250\tsad 0.80"


def test_csv_has_all_of_it():
    table = pd.read_csv(io.StringIO(as_csv({"x.wav": SAID})))
    head = ["file", "start", "end", "emotion", "probability"]
    assert list(table) == [*head, "happy", "sad"]
    assert table["emotion"].tolist() == ["happy", "happy", "sad"]
    judged = pd.read_csv(io.StringIO(as_csv({"x.wav": features.decisions(SAID)})))
    assert judged["verdict"].tolist() == ["happy", "not sure", "sad"]
    assert np.allclose(judged["margin"], [0.8, 0.1, 0.6])


def test_overlapping_windows_follow_one_another():
    windows = SAID[:2].assign(start=[0.0, 1.0], end=[2.0, 3.0])
    times = [(row["start"], row["end"]) for row in rows({"x": windows})]
    assert times == [(0, 1.5), (1.5, 3)]


def test_the_ending_says_what_it_is(tmp_path):
    TimelineMetadata(recording="my talk.wav").attach(SAID)
    texts = {
        kind: features.export(SAID, tmp_path / f"x{kind}").read_text()
        for kind in (".csv", ".TXT", ".rttm")
    }
    assert texts[".csv"] == as_csv({"my talk.wav": SAID})
    assert texts[".TXT"] == as_labels({"my talk.wav": SAID})
    assert texts[".rttm"].startswith("SPEAKER my_talk 1 0.000 1.500 ")
    named = features.export(SAID, tmp_path / "labels.dat", kind="labels")
    assert named.read_text() == texts[".TXT"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_no_speech_gives_files_without_rows(tmp_path):
    empty = SAID[:0]
    assert as_rttm({"x": empty}) == as_labels({"x": empty}) == ""
    assert as_csv({"x": empty}) == "file,start,end,emotion,probability,happy,sad\n"


def test_what_cannot_be_is_refused(tmp_path):
    with pytest.raises(ValueError, match="what should it be"):
        features.export(SAID, tmp_path / "x.docx")
    with pytest.raises(ValueError, match="one recording, not of 2"):
        features.export({"a": SAID, "b": SAID}, tmp_path / "x.txt")
    with pytest.raises(ValueError, match="no timeline"):
        features.export(pd.DataFrame({"a": [1]}), tmp_path / "x.csv")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "content", [b"RIFF", b"fLaC\n", b"ID3 a", b"\xff\xfb\x90a", b"a\0"]
)
@pytest.mark.parametrize("kind", ["csv", "labels", "rttm"])
def test_a_recording_is_never_replaced(tmp_path, content, kind):
    path = tmp_path / "talk.wav"
    path.write_bytes(content)
    said = pd.DataFrame({"start": [0.5], "end": [2.0], "happy": 0.8, "sad": 0.2})
    with pytest.raises(ValueError, match="a recording, or another file"):
        features.export({"talk.wav": said}, path, kind)
    assert path.read_bytes() == content


def test_what_was_exported_is_known_again():
    said = {"a.wav": pd.DataFrame({"start": [0.5], "end": [2.0], "happy": 0.8})}
    texts = {"csv": as_csv(said), "labels": as_labels(said), "rttm": as_rttm(said)}
    for kind, other in itertools.product(texts, repeat=2):
        assert is_export(texts[kind], other) == (kind == other)
