"""Weights: found in the right place, fetched whole or not at all, told apart."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from sertools import models
from sertools.models import _weights
from sertools.models._weights import Source
from sertools.models.base import Embedder

BODY = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BODY).hexdigest()


class Heavy(Embedder):
    """A system with a file of weights for each variant."""

    name, title, license, reference = "heavy", "Heavy", "CC0-1.0", "none"
    variants = ("small", "large")
    has_weights = True
    sources = {
        "small": (Source("https://example.org/heavy/small.pt", 12, sha256=SHA256),),
        "large": (
            Source("https://example.org/heavy/config.yaml", 0.1, path="config.yaml"),
            Source("https://example.org/heavy/large.pt", 1200, path="sub/model.pt"),
        ),
    }

    def _load(self):
        return self.weights_path()

    def _load_random(self):
        return "random"

    def _feature_names(self):
        return ["length"]

    def _embed(self, waveforms):
        return [[len(waveform)] for waveform in waveforms]


class Packed(Heavy):
    """A system whose weights come as an archive of a folder."""

    name = "packed"
    variants = ()
    sources = {None: (Source("https://example.org/p?form=tar", 17, unpack=True),)}


class Homeless(Heavy):
    """A system whose weights nobody publishes."""

    name = "homeless"
    variants = ()
    sources = {}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("SERTOOLS_WEIGHTS", raising=False)
    return tmp_path / "cache" / "weights"


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Serve a folder on loopback in place of every host."""
    folder = tmp_path / "site"
    (folder / "heavy").mkdir(parents=True)
    quiet = type(
        "Quiet",
        (http.server.SimpleHTTPRequestHandler,),
        {"log_message": lambda *_: None},
    )
    handler = functools.partial(quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("SERTOOLS_MIRROR", f"http://127.0.0.1:{server.server_port}")
        yield folder
        server.shutdown()


def test_what_is_given_comes_first_then_the_variable_then_the_cache(
    tmp_path, cache, monkeypatch
):
    given, own = tmp_path / "given", tmp_path / "own"
    given.write_bytes(b"1")
    (cache / "heavy").mkdir(parents=True)
    (cache / "heavy" / "small").write_bytes(b"3")
    assert Heavy().weights_path() == cache / "heavy" / "small"
    (own / "heavy").mkdir(parents=True)
    (own / "heavy" / "small").write_bytes(b"2")
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(own))
    assert Heavy().weights_path() == own / "heavy" / "small"
    assert Heavy(weights=given).weights_path() == given


def test_weights_that_are_nowhere_are_asked_for_with_the_command_and_the_size():
    with pytest.raises(FileNotFoundError) as refusal:
        Heavy("large").weights_path()
    assert str(refusal.value) == (
        "heavy:large: its weights are not here. "
        "Fetch them with: sertools fetch heavy:large (1200 MB)"
    )
    with pytest.raises(FileNotFoundError, match=r"needs weights: give them with --w"):
        Homeless().weights_path()


def test_a_given_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match=r"heavy: no weights at .*x\.pt: no such"
    ):
        Heavy(weights=tmp_path / "x.pt").weights_path()


def test_one_file_is_fetched_and_found(site, cache):
    (site / "heavy" / "small.pt").write_bytes(BODY)
    path = _weights.fetch(Heavy(), progress=False)
    assert path == cache / "heavy" / "small" == Heavy().weights_path()
    assert path.read_bytes() == BODY
    assert Heavy().weights_sha256() == SHA256
    assert not any((cache / "downloads").iterdir())


def test_what_is_there_is_not_fetched_again(cache):
    (cache / "heavy").mkdir(parents=True)
    (cache / "heavy" / "small").write_bytes(b"mine")
    assert _weights.fetch(Heavy(), progress=False).read_bytes() == b"mine"


def test_a_wrong_checksum_leaves_nothing_in_place(site, cache):
    (site / "heavy" / "small.pt").write_bytes(BODY[:-1])
    with pytest.raises(ValueError, match="sha256"):
        _weights.fetch(Heavy(), progress=False)
    assert not (cache / "heavy").exists()


def test_a_folder_appears_only_once_all_its_files_are_there(site, cache):
    (site / "heavy" / "config.yaml").write_text("a: 1")
    with pytest.raises(FileNotFoundError, match=r"large\.pt"):
        _weights.fetch(Heavy("large"), progress=False)
    assert not (cache / "heavy").exists()
    (site / "heavy" / "large.pt").write_bytes(BODY)
    path = _weights.fetch(Heavy("large"), progress=False)
    assert (path / "config.yaml").read_text() == "a: 1"
    assert (path / "sub" / "model.pt").read_bytes() == BODY


def test_an_archive_is_unpacked(site, cache):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("./variables/index")
        member.size = len(BODY)
        tar.addfile(member, io.BytesIO(BODY))
    (site / "p").write_bytes(packed.getvalue())
    path = _weights.fetch(Packed(), progress=False)
    assert (path / "variables" / "index").read_bytes() == BODY


def test_a_system_without_an_address_says_how_weights_can_be_had():
    with pytest.raises(ValueError, match=r"homeless: nothing to download. give them"):
        _weights.fetch(Homeless())


def test_a_folder_is_known_by_its_files_and_their_names(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"1")
    first = _weights.digest(tmp_path)
    (tmp_path / ".hidden").write_bytes(b"2")
    assert _weights.digest(tmp_path) == first
    (tmp_path / "a" / "x").rename(tmp_path / "a" / "y")
    second = _weights.digest(tmp_path)
    assert second != first
    (tmp_path / "a" / "y").write_bytes(b"22")
    assert _weights.digest(tmp_path) not in (first, second)


def test_other_weights_have_another_signature_and_random_ones_say_so(tmp_path):
    signatures = []
    for content in (b"1", b"2"):
        path = tmp_path / content.decode()
        path.write_bytes(content)
        signatures.append(Heavy(weights=path).signature())
    assert signatures[0] != signatures[1]
    assert Heavy(weights="tiny").signature()["weights"] == "tiny"
    assert Heavy(weights="tiny").label == "heavy (random weights)"
    assert Heavy(weights="tiny").backend == "random"


def test_weights_for_a_system_that_has_none_are_refused():
    with pytest.raises(ValueError, match=r"mfcc has no weights: leave weights="):
        models.load("mfcc", weights="tiny")
    with pytest.raises(ValueError, match=r"mfcc has no weights: nothing to download"):
        models.fetch("mfcc")


def test_the_card_says_what_to_fetch():
    assert Heavy().card()["weights"] == "sertools fetch heavy (12 MB)"
    assert models.card("mfcc")["weights"] == "none needed"
    assert models.card("mfcc")["answers"] == ["features"]


def test_the_command_fetches_corpora_and_weights_by_name(site, cache, capsys):
    from sertools.cli import main

    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("./saved_model.pb")
        member.size = len(BODY)
        tar.addfile(member, io.BytesIO(BODY))
    (site / "google" / "yamnet").mkdir(parents=True)
    (site / "google" / "yamnet" / "1").write_bytes(packed.getvalue())
    assert main(["fetch", "yamnet"]) == 0
    assert capsys.readouterr().out == f"yamnet: {cache / 'yamnet'}\n"
    assert models.load("yamnet").weights_path() == cache / "yamnet"
    assert main(["fetch", "yamnett"]) == 2
    assert "Did you mean yamnet?" in capsys.readouterr().err
    assert main(["fetch", "ravdess_cnn"]) == 1
    assert "nothing to download" in capsys.readouterr().err


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


@pytest.mark.parametrize(
    "system",
    [
        *("ravdess_cnn", "tess_crema_ensemble", "whisper", "emotion2vec"),
        *("yamnet", "speechbrain", "huggingface", "trained"),
    ],
)
@pytest.mark.parametrize("inside", ["", "model.h5", "variables/variables.data"])
def test_a_pointer_of_git_lfs_is_no_weights_in_any_system(tmp_path, system, inside):
    place = tmp_path / "weights.skops"
    file = place / inside if inside else place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(POINTER)
    with pytest.raises(ValueError) as refusal:
        _ = models.load(system, weights=place).weights_sha256()
    assert str(refusal.value) == (
        f"{file}: a Git LFS pointer, not weights. Fetch them with: git lfs pull"
    )


def test_pointers_to_what_is_not_read_do_not_matter(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(BODY)
    for name in ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"):
        (tmp_path / name).write_bytes(POINTER)
    assert models.load(f"huggingface:{tmp_path}").weights_path() == tmp_path
    (tmp_path / "model.safetensors").write_bytes(POINTER)
    with pytest.raises(ValueError, match="model.safetensors: a Git LFS pointer"):
        models.load(f"huggingface:{tmp_path}").weights_path()


def test_a_folder_of_all_there_is_is_no_folder_of_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(_weights, "_MOST", 3)
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"")
    with pytest.raises(ValueError, match="no folder of weights: too many files"):
        Heavy(weights=tmp_path).weights_sha256()
