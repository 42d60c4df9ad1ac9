import hashlib
import os
import unicodedata
import zipfile
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

from sertools import datasets
from sertools.datasets import _registry
from sertools.datasets._files import official
from sertools.datasets.base import Archive, Dataset
from sertools.metadata import ClipsMetadata


@pytest.fixture(autouse=True)
def _places(tmp_path, monkeypatch):
    """Stand in an empty folder, with an empty cache and no data folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SERTOOLS_DATA", raising=False)
    monkeypatch.delenv("SERTOOLS_MIRROR", raising=False)


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """Register a corpus of one archive, which a folder stands in for its owner."""
    owner = tmp_path / "owner" / "toy.example"
    owner.mkdir(parents=True)
    with zipfile.ZipFile(owner / "toy.zip", "w") as archive:
        archive.writestr("toy/s1_sad.wav", b"x")
    digest = hashlib.sha256((owner / "toy.zip").read_bytes()).hexdigest()

    class Toy(Dataset):
        name, title, license, reference = "toy", "Toy", "CC0-1.0", "none"
        pattern = r"(?P<speaker>s\d)_(?P<label>[a-z]+)\.wav"
        labels = MappingProxyType({"sad": "sad"})
        sources = (Archive("https://toy.example/toy.zip", sha256=digest),)

    monkeypatch.setitem(_registry._CORPORA, "toy", Toy())
    monkeypatch.setenv("SERTOOLS_MIRROR", f"{(tmp_path / 'owner').as_uri()}/{{host}}")
    return Toy


def test_the_names_are_the_files_of_the_folder():
    assert datasets.names() == sorted(datasets.names())
    assert {"demo", "emodb", "folder", "ravdess"} <= set(datasets.names())
    files = {path.stem for path in Path(_registry.__file__).parent.glob("[a-z]*.py")}
    assert files - {"base"} == set(datasets.names())


@pytest.mark.parametrize(
    "ask", [datasets.load, datasets.card, datasets.get, datasets.find]
)
def test_an_unknown_name_is_refused_with_the_known_and_the_near(ask):
    with pytest.raises(
        ValueError, match=r"Unknown dataset 'emo-db'.* emodb\?.*ravdess"
    ):
        ask("emo-db")


def test_a_corpus_that_is_nowhere_names_the_command():
    with pytest.raises(FileNotFoundError, match="sertools fetch emodb"):
        datasets.load("emodb")


def test_a_wrong_root_is_named_and_never_replaced_by_another_place(plant, tmp_path):
    plant("03a01Fa.wav", root=Path("data/emodb"))
    with pytest.raises(FileNotFoundError, match="wrong"):
        datasets.load("emodb", tmp_path / "wrong")


def test_the_places_in_their_order(plant, tmp_path, monkeypatch):
    def text():
        return datasets.load("emodb")["text"].tolist()

    plant("03a01Fa.wav", root=tmp_path / "cache" / "datasets" / "emodb")
    assert text() == ["a01"]
    plant("03a02Fa.wav", root=Path("data/emodb"))
    assert text() == ["a02"]
    monkeypatch.setenv("SERTOOLS_DATA", str(tmp_path / "lab"))
    assert text() == ["a02"]
    plant("03a04Fa.wav", root=tmp_path / "lab" / "emodb")
    assert text() == ["a04"]
    root = plant("03a05Fa.wav", root=tmp_path / "root")
    assert datasets.load("emodb", root)["text"].tolist() == ["a05"]


def test_home_is_understood(plant, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    plant("03a01Fa.wav", root=tmp_path / "emo")
    assert len(datasets.load("emodb", "~/emo")) == 1


def test_fetching_brings_a_corpus_to_where_it_is_looked_for(toy, tmp_path):
    place = datasets.fetch("toy", progress=False)
    assert place == tmp_path / "cache" / "datasets" / "toy"
    assert datasets.load("toy").index.tolist() == ["toy/s1_sad"]
    assert not list((tmp_path / "cache").rglob("*.zip"))


def test_fetching_again_leaves_it_as_it_is(toy):
    mark = datasets.fetch("toy", progress=False) / "mark"
    mark.touch()
    datasets.fetch("toy", progress=False)
    assert mark.exists()


def test_other_bytes_than_its_owners_are_refused(toy, tmp_path):
    archive = tmp_path / "owner" / "toy.example" / "toy.zip"
    archive.write_bytes(archive.read_bytes() + b"!")
    with pytest.raises((OSError, ValueError)):
        datasets.fetch("toy", progress=False)
    with pytest.raises(FileNotFoundError):
        datasets.load("toy")


def test_a_licence_without_commercial_use_is_accepted_first(toy, monkeypatch):
    monkeypatch.setattr(toy, "commercial", False)
    with pytest.raises(ValueError, match=r"CC0-1\.0.*sertools fetch toy --yes"):
        datasets.fetch("toy", progress=False)
    assert datasets.fetch("toy", yes=True, progress=False).is_dir()


def test_what_cannot_be_fetched_says_so():
    with pytest.raises(ValueError, match="folder: nothing to download"):
        datasets.fetch("folder")


EMOTIONS = ("angry", "happy", "neutral", "sad")


@pytest.fixture
def clips():
    rows = [
        {"clip": f"x/{s}{e}{n}", "emotion": e, "speaker": s, "dataset": "x"}
        for s in "abc"
        for e in EMOTIONS
        for n in range(3)
    ]
    table = pd.DataFrame(rows).set_index("clip")
    ClipsMetadata.update(table, excluded=[{"clip": "x/odd", "reason": "odd"}])
    return table


@pytest.mark.parametrize(
    "asked",
    [
        "sad,angry",
        " Angry , SADNESS,",
        ["sad", "angry"],
        ("분노", "슬픔"),
        {"sad": 1, "mad": 2},
    ],
    ids=str,
)
def test_emotions_by_any_spelling_in_the_tables_order(asked, clips):
    chosen = datasets.select(clips, asked)
    expected = clips[clips["emotion"].isin(["angry", "sad"])]
    assert chosen.index.tolist() == expected.index.tolist()
    assert ClipsMetadata.of(chosen).filtered == {"emotion not asked for": 18}
    assert ClipsMetadata.of(chosen).excluded == ClipsMetadata.of(clips).excluded


def test_emotions_may_come_as_an_array_or_a_generator(clips):
    asked = np.array(["sad"], dtype=object)
    assert set(datasets.select(clips, asked)["emotion"]) == {"sad"}
    assert len(datasets.select(clips, (word for word in asked))) == 9
    assert len(datasets.select(clips, clips["emotion"].unique())) == 36


@pytest.mark.parametrize("asked", ["", " , ", None, [], ()])
def test_nothing_asked_keeps_all(asked, clips):
    chosen = datasets.select(clips, asked)
    assert chosen.equals(clips)
    assert ClipsMetadata.of(chosen).filtered == {}


def test_an_unknown_emotion_is_refused_with_near_ones(clips):
    with pytest.raises(ValueError, match="Did you mean"):
        datasets.select(clips, "angyr")


def test_an_emotion_the_clips_lack_is_refused_with_what_is_there(clips):
    message = "No clips of fear. Here: angry, happy, neutral, sad"
    with pytest.raises(ValueError, match=message):
        datasets.select(clips, "sad,fear")


@pytest.mark.parametrize("n", [1, 5, 12, 13, 24, 35])
def test_a_smaller_sample_is_even_over_speakers_and_emotions(n, clips):
    chosen = datasets.select(clips, max_clips=n)
    assert len(chosen) == n
    cells = pd.crosstab(clips["speaker"], clips["emotion"]) * 0
    cells = cells.add(pd.crosstab(chosen["speaker"], chosen["emotion"]), fill_value=0)
    assert cells.max(axis=None) - cells.min(axis=None) <= 1
    assert chosen.index.tolist() == [c for c in clips.index if c in set(chosen.index)]
    assert ClipsMetadata.of(chosen).filtered == {"beyond max_clips": 36 - n}


def test_the_draw_follows_the_seed(clips):
    def draw(seed):
        return datasets.select(clips, max_clips=12, seed=seed).index.tolist()

    assert draw(1) == draw(1)
    assert len({tuple(draw(seed)) for seed in range(5)}) > 1


def test_unknown_speakers_are_drawn_from_too(clips):
    clips["speaker"] = None
    assert (
        datasets.select(clips, max_clips=8)["emotion"].value_counts().tolist()
        == [2] * 4
    )


@pytest.mark.parametrize("n", [0, 36, 1000])
def test_a_bound_that_does_not_bind_keeps_all(n, clips):
    assert datasets.select(clips, max_clips=n).equals(clips)


def test_a_negative_bound_is_refused(clips):
    with pytest.raises(ValueError, match=r"0 \(all\) or more, not -1"):
        datasets.select(clips, max_clips=-1)


def test_what_was_left_out_adds_up_over_two_choices(clips):
    chosen = datasets.select(datasets.select(clips, "sad,angry"), "sad", max_clips=4)
    filtered = {"emotion not asked for": 27, "beyond max_clips": 5}
    assert ClipsMetadata.of(chosen).filtered == filtered
    assert ClipsMetadata.of(datasets.select(chosen)).filtered == filtered


def test_the_given_table_stays_as_it_was(clips):
    before = clips.copy()
    chosen = datasets.select(clips, "sad", max_clips=2)
    chosen["emotion"] = "changed"
    chosen.attrs["sertools"]["excluded"].append("changed")
    assert clips.equals(before)
    assert clips.attrs == before.attrs


CORPORA = ("crema_d", "emodb", "ravdess", "savee", "tess")


KOREAN = ("감정 음성", unicodedata.normalize("NFD", "여성 화자"))


def published(name: str) -> list[str]:
    """Choose some of the published file names, of several speakers."""
    names = sorted(official(name))
    return [f"{clip}.wav" for clip in names[:: max(1, len(names) // 20)]]


def owners_folder(name: str, file: str) -> str:
    """Say where the owner's archive has a file."""
    if name == "ravdess":
        return f"Actor_{Path(file).stem[-2:]}/{file}"
    if name == "savee":
        return "AudioData/" + file.replace("_", "/", 1)
    if name == "tess":
        spoken = Path(file).stem.rpartition("_")
        words = {"ps": "Pleasant_surprise", "fear": "Fear", "sad": "Sad"}
        return f"{file[:3]}_{words.get(spoken[2], spoken[2])}/{file}"
    return f"{'AudioWAV' if name == 'crema_d' else 'wav'}/{file}"


def flat(root, name, files):
    touch(root, files)


def as_its_owner_has_it(root, name, files):
    touch(root, [owners_folder(name, file) for file in files])


def doubled_and_nested(root, name, files):
    paths = [owners_folder(name, file) for file in files]
    touch(root, [f"corpus of {name}/{path}" for path in paths])
    touch(root, [f"corpus of {name}/corpus of {name}/{path}" for path in paths])


def upper_case(root, name, files):
    touch(root, [file.upper() for file in files])


def upper_case_in_folders(root, name, files):
    touch(root, [owners_folder(name, file).upper() for file in files])


def upper_case_endings(root, name, files):
    touch(root, [f"{Path(file).stem}.Wav" for file in files])


def korean_folders(root, name, files):
    for number, file in enumerate(files):
        touch(root, [f"{KOREAN[number % 2]}/{owners_folder(name, file)}"])


def links_to_files(root, name, files):
    touch(root.parent / "store", files)
    root.mkdir()
    for file in files:
        (root / file).symlink_to(root.parent / "store" / file)


def a_link_to_the_folder(root, name, files):
    touch(root.parent / "store" / "deep", files)
    root.mkdir()
    (root / "here").symlink_to(root.parent / "store", target_is_directory=True)
    (root / "again").symlink_to(root.parent / "store", target_is_directory=True)


def a_zip_left_beside(root, name, files):
    touch(root, [owners_folder(name, file) for file in files])
    with zipfile.ZipFile(root / f"{name}.zip", "w") as archive:
        archive.writestr(owners_folder(name, files[0]), b"")
    (root / "readme.txt").write_text("hello")


def touched_by_macos_and_git(root, name, files):
    touch(root, [owners_folder(name, file) for file in files])
    touch(root, [f"__MACOSX/._{file}" for file in files])
    touch(root, [f".git/lfs/{file}" for file in files])
    touch(root, ["Thumbs.db", "desktop.ini"])


LAYOUTS = (
    *(flat, as_its_owner_has_it, doubled_and_nested),
    *(upper_case, upper_case_in_folders, upper_case_endings),
    *(korean_folders, links_to_files, a_link_to_the_folder),
    *(a_zip_left_beside, touched_by_macos_and_git),
)


def touch(root: Path, files: list[str]) -> None:
    for file in files:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
@pytest.mark.parametrize("name", CORPORA)
def test_every_layout_holds_the_same_clips(name, layout, tmp_path):
    files = published(name)
    flat(tmp_path / "plain", name, files)
    layout(tmp_path / "root", name, files)
    plain = datasets.load(name, tmp_path / "plain")
    clips = datasets.load(name, tmp_path / "root")
    assert set(clips.index) == {f"{name}/{Path(file).stem}" for file in files}
    assert clips.drop(columns="path").equals(plain.drop(columns="path"))
    assert ClipsMetadata.of(clips).excluded == []
    assert all(map(os.path.isfile, clips["path"]))


def test_copies_are_counted(tmp_path):
    files = published("ravdess")
    doubled_and_nested(tmp_path / "root", "ravdess", files)
    clips = datasets.load("ravdess", tmp_path / "root")
    assert ClipsMetadata.of(clips).repeated == len(files)
    assert not clips["path"].str.contains("corpus of ravdess/corpus").any()


def test_a_later_version_with_ambiguous_recordings_is_the_labelled_ones(tmp_path):
    files = [f"{clip}.wav" for clip in official("emodb")]
    touch(tmp_path, [*files, "03a01Aq.wav", "extra/16b10Wz.wav"])
    clips = datasets.load("emodb", tmp_path)
    assert len(clips) == 535
    excluded = {row["clip"]: row["reason"] for row in ClipsMetadata.of(clips).excluded}
    assert set(excluded) == {"03a01Aq.wav", "extra/16b10Wz.wav"}
    assert "ambiguous" in excluded["03a01Aq.wav"]


def test_7442_clips_load_within_a_second(tmp_path):
    import time

    touch(tmp_path, [f"AudioWAV/{clip}.wav" for clip in official("crema_d")])
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        clips = datasets.load("crema_d", tmp_path)
        seconds.append(time.perf_counter() - start)
    assert len(clips) == 7442
    assert min(seconds) < 1
