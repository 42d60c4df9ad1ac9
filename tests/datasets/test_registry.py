import hashlib
import zipfile
from pathlib import Path
from types import MappingProxyType

import pytest

from sertools import datasets
from sertools.datasets import registry
from sertools.datasets.base import Archive, Dataset


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

    monkeypatch.setitem(registry._registry(), "toy", Toy())
    monkeypatch.setenv("SERTOOLS_MIRROR", f"{(tmp_path / 'owner').as_uri()}/{{host}}")
    return Toy


def test_the_names_are_the_files_of_the_folder():
    assert datasets.names() == sorted(datasets.names())
    assert {"demo", "emodb", "folder", "ravdess"} <= set(datasets.names())
    files = {path.stem for path in Path(registry.__file__).parent.glob("[a-z]*.py")}
    assert files - registry._PLUMBING == set(datasets.names())


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
