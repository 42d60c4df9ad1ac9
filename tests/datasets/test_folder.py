import time
import unicodedata

import pandas as pd
import pytest

from sertools import audio, datasets, features, models
from sertools.metadata import ClipsMetadata, FeaturesMetadata

EVIL = "<img src=x onerror=alert(1)>"


def reasons(clips) -> dict[str, str]:
    return {row["clip"]: row["reason"] for row in ClipsMetadata.of(clips).excluded}


@pytest.fixture
def tabled(plant):
    """Write a table beside some recordings and load it."""

    def load(text, name="clips.csv", encoding="utf-8"):
        root = plant("a.wav", "b.wav", "sub/c.wav")
        (root / name).write_text(text, encoding=encoding)
        return datasets.load("folder", root / name)

    return load


# A folder per emotion


def test_a_folder_per_emotion_in_any_known_word(plant):
    root = plant("angry/1.wav", "Happiness/2.flac", "슬픔/3.wav", "FEAR/4.WAV")
    clips = datasets.load("folder", root)
    assert clips["emotion"].to_dict() == {
        "folder/FEAR/4.WAV": "fear",
        "folder/Happiness/2.flac": "happy",
        "folder/angry/1.wav": "angry",
        "folder/슬픔/3.wav": "sad",
    }
    assert clips["label"].tolist() == ["FEAR", "Happiness", "angry", "슬픔"]
    assert clips["speaker"].isna().all()
    assert clips["sex"].isna().all()


def test_korean_folder_names_as_macos_writes_them(plant):
    parts = unicodedata.normalize("NFD", "슬픔")
    assert parts != "슬픔"
    clips = datasets.load("folder", plant(f"{parts}/1.wav"))
    assert clips["emotion"].tolist() == ["sad"]


def test_the_nearest_emotion_counts_and_the_root_does_not(plant, tmp_path):
    root = plant(
        "sad/session 1/1.wav", "sad/happy/2.wav", "3.wav", root=tmp_path / "sad"
    )
    clips = datasets.load("folder", root)
    assert clips["emotion"].to_dict() == {
        "folder/sad/happy/2.wav": "happy",
        "folder/sad/session 1/1.wav": "sad",
    }
    assert reasons(clips) == {"3.wav": "no folder above it is named like an emotion"}


def test_same_names_in_two_folders_are_two_clips(plant):
    assert len(datasets.load("folder", plant("sad/1.wav", "happy/1.wav"))) == 2


def test_odd_names_go_all_the_way(plant):
    names = [f"sad/한 번 {EVIL}.wav", "sad/a, b; c.wav", 'sad/"x".wav', "sad/a\tb.wav"]
    clips = datasets.load("folder", plant(*names))
    assert set(clips.index) == {f"folder/{name}" for name in names}
    model = models.load("duration_loudness")
    X = features.extract(model, clips, store=False, jobs=1, strict=True)
    assert len(X) == 4
    assert EVIL not in clips._repr_html_()


def test_folders_without_an_emotion_are_refused_with_the_known_ones(plant):
    with pytest.raises(ValueError, match=r"named like an emotion .*angry, boredom"):
        datasets.load("folder", plant("one/1.wav", "two/2.wav"))


def test_it_has_to_be_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="--root"):
        datasets.load("folder")


# A table


@pytest.mark.parametrize(("name", "mark"), [("t.csv", ","), ("t.TSV", "\t")])
def test_a_table_of_text(name, mark, tabled):
    rows = [
        "path,emotion,speaker,sex,text,intensity,remark",
        "a.wav,Anger,kim,female,hello,strong,!",
        "sub/c.wav,슬픔,lee,,,,!",
    ]
    clips = tabled("\n".join(rows).replace(",", mark), name)
    assert clips.index.tolist() == ["folder/a.wav", "folder/sub/c.wav"]
    assert clips["emotion"].tolist() == ["angry", "sad"]
    assert clips["speaker"].tolist() == ["folder/kim", "folder/lee"]
    first = clips.loc["folder/a.wav"]
    assert first[["sex", "text", "intensity"]].tolist() == ["female", "hello", "strong"]
    assert clips.loc["folder/sub/c.wav"].isna()[["sex", "text", "intensity"]].all()
    model = models.load("duration_loudness")
    assert len(features.extract(model, clips, store=False, jobs=1, strict=True)) == 2


def test_a_table_without_speakers(tabled):
    clips = tabled("path,emotion\na.wav,sad\nb.wav,happy\n")
    assert clips["speaker"].isna().all()


def test_a_parquet_table_with_more_than_is_needed(plant):
    root = plant("a.wav", "b.wav")
    given = pd.DataFrame({"path": ["a.wav", "b.wav"], "emotion": ["sad", "기쁨"]})
    given["speaker"] = [1, 2]
    given["vector"] = [[0.1, 0.2], [0.3, 0.4]]
    given["emotion"] = given["emotion"].astype("category")
    given.to_parquet(root / "t.parquet")
    clips = datasets.load("folder", root / "t.parquet")
    assert clips["emotion"].tolist() == ["sad", "happy"]
    assert clips["speaker"].tolist() == ["folder/1", "folder/2"]


def test_a_table_may_name_files_anywhere(plant, tmp_path):
    far = plant("x.wav", root=tmp_path / "far") / "x.wav"
    (tmp_path / "t.csv").write_text(f"path,emotion\n{far},sad\n")
    clips = datasets.load("folder", tmp_path / "t.csv")
    assert clips["path"].tolist() == [str(far)]


def test_a_table_as_excel_writes_it(tabled):
    clips = tabled("path,emotion\na.wav,슬픔\n", encoding="utf-8-sig")
    assert clips["emotion"].tolist() == ["sad"]


def test_speakers_may_be_called_na_and_numbers_stay_as_written(tabled):
    clips = tabled("path,emotion,speaker\na.wav,sad,NA\nb.wav,sad,007\n")
    assert clips["speaker"].tolist() == ["folder/NA", "folder/007"]


def test_rows_that_cannot_be_used_are_named_with_the_reason(tabled):
    text = "path,emotion\na.wav,sad\nb.wav,joyfull\nsub/c.wav,\n,happy\n"
    clips = tabled(text)
    assert clips.index.tolist() == ["folder/a.wav"]
    assert reasons(clips) == {
        "b.wav": "unknown emotion 'joyfull'",
        "sub/c.wav": "no emotion given",
        "row 4": "no path given",
    }


def test_a_file_that_is_listed_twice_counts_once(tabled):
    text = (
        "path,emotion,speaker\na.wav,sad,1\nb.wav,sad,1\na.wav,happy,2\na.wav,sad,1\n"
    )
    clips = tabled(text)
    assert clips.index.is_unique
    assert clips["emotion"].tolist() == ["sad", "sad"]
    assert clips["speaker"].tolist() == ["folder/1", "folder/1"]
    reason = "listed before, as sad"
    assert ClipsMetadata.of(clips).excluded == 2 * [{"clip": "a.wav", "reason": reason}]


def test_a_missing_file_is_left_to_the_extraction(tabled):
    clips = tabled("path,emotion\na.wav,sad\ngone.wav,happy\n")
    assert len(clips) == 2
    X = features.extract(models.load("duration_loudness"), clips, store=False, jobs=1)
    assert FeaturesMetadata.of(X).excluded == [
        {"clip": "folder/gone.wav", "reason": "no such file"}
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "song,tune\na.wav,sad\n",
            r"no column path and no column emotion. It has: song, tune. .*columns=",
        ),
        ("path,emotoin\na.wav,sad\n", r"columns=\{'emotoin': 'emotion'\}"),
        (
            "path,emotion\na.wav,joyfull\n",
            "no row names a file and a known emotion.*joyfull.*--labels joyfull=happy",
        ),
        (
            "path,emotion\nx/a.wav,sad\n",
            "none of its 1 files is there.*x/a.wav: paths are relative to the table",
        ),
        (
            'path,emotion,text\na.wav,sad,"oh\nb.wav,sad,hm\nsub/c.wav,sad,"no\nx\n',
            "a quotation mark opens at line 2 and swallows",
        ),
        ("path,emotion\n", "no row names"),
        ("", "not a table that can be read"),
        ('path,emotion\n"a.wav,sad\n', "not a table that can be read"),
    ],
    ids=[
        *("columns", "near", "emotions", "places", "stray", "no rows", "empty", "quote")
    ],
)
def test_a_table_that_will_not_do_is_refused_in_one_line(text, reason, tabled):
    with pytest.raises(
        (ValueError, OSError), match=rf"clips\.csv: .*{reason}"
    ) as refusal:
        tabled(text)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("encoding", "label"),
    [
        *((name, "슬픔") for name in ("utf-8", "utf-8-sig", "utf-16", "cp949")),
        ("cp1252", "Trübsal"),
    ],
)
@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_table_is_read_whatever_encodes_and_separates_it(
    plant, encoding, label, mark
):
    root = plant("a.wav", "b.wav")
    lines = ["path,emotion,speaker", f"a.wav,{label},1", f"b.wav,{label},2"]
    text = "\n".join(lines).replace(",", mark)
    (root / "t.csv").write_text(text, encoding=encoding)
    clips = datasets.load("folder", root / "t.csv", labels={"Trübsal": "sad"})
    assert clips["emotion"].tolist() == ["sad", "sad"]
    assert clips["label"].tolist() == [label, label]
    told = " ".join(ClipsMetadata.of(clips).notes)
    assert ("read as" in told) == (encoding in ("cp949", "cp1252"))
    assert ("separated" in told) == (mark != ",")


def test_the_same_speaker_is_one_however_the_name_is_typed(plant):
    names = [
        "Ána Berg",
        unicodedata.normalize("NFD", "Ána Berg"),
        "Ána Berg ",
        "ána berg",
    ]
    rows = [f"{i}.wav,sad,{name}" for i, name in enumerate(names)]
    root = plant(*(f"{i}.wav" for i in range(4)))
    (root / "t.csv").write_text("path,emotion,speaker\n" + "\n".join(rows))
    clips = datasets.load("folder", root / "t.csv")
    assert clips["speaker"].nunique() == 2
    assert (
        "differ in capitals only: Ána Berg and ána berg"
        in ClipsMetadata.of(clips).notes[0]
    )


def test_columns_have_their_usual_names_and_further_ones_are_kept(plant):
    root = plant("a.wav", "b.wav")
    table = "Filename,Label,Speaker ID,gender,session,age\na.wav,sad,x,w,1,31\n"
    (root / "t.csv").write_text(table + " b.wav ,happy,y,남성,2,40\n")
    clips = datasets.load("folder", root / "t.csv")
    assert clips["speaker"].tolist() == ["folder/x", "folder/y"]
    assert clips["sex"].tolist() == ["female", "male"]
    assert clips["session"].tolist() == ["1", "2"]
    assert clips["age"].tolist() == ["31", "40"]
    (note,) = ClipsMetadata.of(clips).notes
    assert "Filename is taken for path" in note and "gender is taken for sex" in note


def test_a_dataframe_is_a_table_and_columns_and_labels_can_be_said(plant):
    root = plant("a.wav", "b.wav", "sub/c.wav")
    table = pd.DataFrame(
        {
            "where": [
                str(root / "a.wav"),
                str(root / "b.wav"),
                str(root / "sub/c.wav"),
            ],
            "feels": ["Cheerful", "0", "anxiety"],
        }
    )
    clips = datasets.load(
        "folder",
        table,
        columns={"where": "path", "feels": "emotion"},
        labels={"cheerful": "happy", "0": "angry", "anxiety": None},
    )
    assert sorted(clips["emotion"]) == ["angry", "happy"]
    assert list(reasons(clips).values()) == ["anxiety is left out by choice"]
    with pytest.raises(ValueError, match=r"no column 'file'\. It has: where, feels"):
        datasets.load("folder", table, columns={"file": "path"})
    with pytest.raises(ValueError, match="for tables of your own"):
        datasets.load("demo", columns={"file": "path"})


def test_every_row_is_used_or_named(plant):
    root = plant("a.wav", "b.wav")
    rows = ["a.wav,sad,Oh", "b.wav,sad,Oh,more", ",sad,x", "b.wav,,x", "c\0.wav,sad,x"]
    (root / "t.csv").write_text("path,emotion,text\n" + "\n".join(rows) + "\n")
    clips = datasets.load("folder", root / "t.csv")
    assert len(clips) + len(ClipsMetadata.of(clips).excluded) == 5
    assert set(reasons(clips).values()) == {
        "line 3 has 4 fields, the first line 3",
        "no path given",
        "no emotion given",
        "its path holds a NUL character",
    }


def test_stray_quotation_marks_swallow_no_rows(plant):
    root = plant(*(f"{i}.wav" for i in range(20)))
    rows = [f"{i}.wav\tsad\t{chr(34) * (i in (3, 15))}Oh my!" for i in range(20)]
    (root / "t.tsv").write_text("path\temotion\ttext\n" + "\n".join(rows) + "\n")
    clips = datasets.load("folder", root / "t.tsv")
    assert len(clips) == 20
    assert "quotation marks are taken as text" in ClipsMetadata.of(clips).notes[0]


def test_two_hundred_thousand_rows_take_seconds(tmp_path):
    rows = [f"{i}.wav,sad,s{i % 99},{i % 7}" for i in range(200_000)]
    (tmp_path / "0.wav").touch()
    (tmp_path / "t.csv").write_text("path,emotion,speaker,session\n" + "\n".join(rows))
    start = time.process_time()
    assert len(datasets.load("folder", tmp_path / "t.csv")) == 200_000
    assert time.process_time() - start < 6


@pytest.mark.parametrize("name", ["t.xlsx", "t.txt", "t"])
def test_other_tables_are_refused_with_the_known_endings(name, tabled):
    with pytest.raises(ValueError, match=r"tables end in \.csv, \.tsv, \.parquet"):
        tabled("path,emotion\na.wav,sad\n", name)


def test_text_named_parquet_is_refused_by_name(tabled):
    with pytest.raises(ValueError, match=r"t\.parquet: not a table"):
        tabled("path,emotion\na.wav,sad\n", "t.parquet")


def test_a_telephones_recordings_are_named_with_what_mends_them(tmp_path):
    (tmp_path / "sad").mkdir()
    (tmp_path / "sad" / "my voice.m4a").write_bytes(b"\0\0\0\x20ftypM4A ")
    with pytest.raises(FileNotFoundError, match="m4a is not read; convert it to wav"):
        datasets.load("folder", root=tmp_path)
    with pytest.raises(ValueError, match="ffmpeg -i 'my voice.m4a' 'my voice.wav'"):
        audio.load(tmp_path / "sad" / "my voice.m4a")
    (tmp_path / "sad" / "a.wav").touch()
    clips = datasets.load("folder", root=tmp_path)
    assert list(clips.index) == ["folder/sad/a.wav"]
    (filtered,) = ClipsMetadata.of(clips).excluded
    assert filtered["clip"] == "sad/my voice.m4a"
