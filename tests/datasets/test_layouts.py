"""However a corpus lies on a disk, it is the same clips."""

import os
import unicodedata
import zipfile
from pathlib import Path

import pytest

from sertools import datasets
from sertools.datasets.official import official

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
    assert clips.attrs["excluded"] == []
    assert all(map(os.path.isfile, clips["path"]))


def test_copies_are_counted(tmp_path):
    files = published("ravdess")
    doubled_and_nested(tmp_path / "root", "ravdess", files)
    clips = datasets.load("ravdess", tmp_path / "root")
    assert clips.attrs["repeated"] == len(files)
    assert not clips["path"].str.contains("corpus of ravdess/corpus").any()


def test_a_later_version_with_ambiguous_recordings_is_the_labelled_ones(tmp_path):
    files = [f"{clip}.wav" for clip in official("emodb")]
    touch(tmp_path, [*files, "03a01Aq.wav", "extra/16b10Wz.wav"])
    clips = datasets.load("emodb", tmp_path)
    assert len(clips) == 535
    excluded = {row["clip"]: row["reason"] for row in clips.attrs["excluded"]}
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
