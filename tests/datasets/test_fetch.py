"""Fetching corpora from a real server on loopback."""

import hashlib
import http.server
import io
import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import warnings
import zipfile
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import soundfile

from sertools import datasets, extras, fetching
from sertools.datasets import _fetch, _registry
from sertools.datasets.base import Archive, Dataset
from sertools.metadata import ClipsMetadata

SERVER = runpy.run_path(str(Path(__file__).parents[1] / "test_fetching.py"))


ARCHIVE = "/toy.example/files/toy.zip"


CLIPS = "/clips.example/main/AudioWAV/{}.wav"


COPY = "/www.kaggle.com/api/v1/datasets/download/someone/toy"


@pytest.fixture(autouse=True)
def _surroundings(tmp_path, monkeypatch):
    """Keep the pauses short, and the user's proxies, mirror and cache out."""
    monkeypatch.setattr(fetching, "_BACKOFF", 0.01)
    monkeypatch.setattr(_fetch, "PAUSES", (0.01, 0.01, 0.01))
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for name in ("SERTOOLS_DATA", "SERTOOLS_MIRROR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server(monkeypatch):
    """Serve in place of every owner."""
    with SERVER["FlakyServer"]() as server:
        monkeypatch.setenv("SERTOOLS_MIRROR", f"{server.base}/{{host}}")
        yield server


@pytest.fixture
def originals(tmp_path):
    """Write 24 clips of noise, each 20 kB."""
    folder = tmp_path / "originals"
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(12):
        for how in ("sad", "joy"):
            noise = random.standard_normal(10_000) * 0.1
            soundfile.write(folder / f"s{number}_{how}.wav", noise.clip(-1, 1), 16_000)
    return folder


def zipped(folder: Path, prefix="toy/") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(folder.glob("*.wav")):
            archive.write(path, prefix + path.name)
    return file.getvalue()


class Toy(Dataset):
    name, title, license, reference = "toy", "Toy", "CC-BY-4.0", "doi:10.1/toy"
    citation = "Nobody (2020), Toys"
    pattern = r"(?P<speaker>s\d+)_(?P<label>[a-z]+)\.wav"
    labels = MappingProxyType({"sad": "sad", "joy": "happy"})


@pytest.fixture
def register(monkeypatch):
    """Put a corpus with some facts of its own into the list."""

    def put(**facts):
        toy = type("Toy", (Toy,), facts)()
        monkeypatch.setitem(_registry._CORPORA, "toy", toy)
        return toy

    return put


@pytest.fixture
def archived(register, originals, server):
    """Offer the corpus as an archive."""
    content = zipped(originals)
    md5 = hashlib.md5(content).hexdigest()
    url = "https:/" + ARCHIVE
    register(sources=(Archive(url, bytes=len(content), md5=md5),))
    return server.put(ARCHIVE, content)


@pytest.fixture
def offered(register, originals, server, publish):
    """Offer the corpus clip by clip."""
    publish("toy", originals)
    register(clip_url="https:/" + CLIPS.format("{clip}"))
    return {
        path.stem: server.put(CLIPS.format(path.stem), path.read_bytes())
        for path in originals.iterdir()
    }


def fetch(**how) -> Path:
    return datasets.fetch("toy", **{"progress": False, **how})


def in_place(tmp_path) -> bool:
    return (tmp_path / "cache" / "datasets" / "toy").exists()


# Archives


def test_an_archive_arrives_and_nothing_else_stays(archived, tmp_path):
    place = fetch()
    assert place == tmp_path / "cache" / "datasets" / "toy"
    assert len(datasets.load("toy")) == 24
    assert not list((tmp_path / "cache").rglob("*.zip*"))
    assert not list((tmp_path / "cache").rglob("downloads/*"))


@pytest.mark.parametrize(
    "trouble",
    [
        {"cut": 200_000},
        {"reset": 200_000},
        503,
        (429, {"Retry-After": "1"}),
        (302, {"Location": ARCHIVE}),
    ],
    ids=str,
)
def test_trouble_on_the_way_is_overcome(trouble, archived, server):
    archived.script = [trouble]
    fetch()
    assert len(datasets.load("toy")) == 24
    if isinstance(trouble, dict):
        assert server.log[1].range.startswith("bytes=")
        assert server.sent <= len(archived.body) + 150_000  # a reset loses some


def test_a_second_call_goes_on_where_the_first_was_left(
    archived, server, tmp_path, monkeypatch
):
    archived.script = [{"cut": 300_000}, *[503] * 6]
    with pytest.raises(ConnectionError, match="run the same again to go on"):
        fetch()
    assert not in_place(tmp_path)
    fetch()
    assert server.log[-1].range.startswith("bytes=300000-")
    assert server.sent == len(archived.body)


@pytest.mark.parametrize(
    ("script", "kind", "told"),
    [
        ([404], FileNotFoundError, "404"),
        ([403], PermissionError, "403"),
        ([(429, {"Retry-After": "4000"})], ConnectionError, "wait 4000 s"),
    ],
)
def test_what_cannot_be_overcome_is_told_in_one_line(
    script, kind, told, archived, tmp_path
):
    archived.script = script
    with pytest.raises(kind, match=told) as failure:
        fetch()
    assert "\n" not in str(failure.value)
    assert not in_place(tmp_path)


def test_other_bytes_are_refused(archived, tmp_path):
    archived.body = archived.body[:-1] + b"!"
    with pytest.raises(ValueError, match="its md5 is"):
        fetch()
    assert not in_place(tmp_path)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", ["../s1_sad.wav", "/tmp/s1_sad.wav"])
def test_an_archive_that_leads_elsewhere_is_refused(name, register, server, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("s0_sad.wav", b"good")
        archive.writestr(zipfile.ZipInfo(name), b"bad")
    register(sources=(Archive("https:/" + ARCHIVE),))
    server.put(ARCHIVE, file.getvalue())
    with pytest.raises(ValueError, match=r"leads out|absolute"):
        fetch()
    assert not in_place(tmp_path)
    assert not list((tmp_path / "cache").rglob("*.wav"))


def test_an_archive_of_something_else_is_refused(register, server, tmp_path):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "moved elsewhere")
    register(sources=(Archive("https:/" + ARCHIVE),))
    server.put(ARCHIVE, file.getvalue())
    with pytest.raises(ValueError, match="holds no clips of Toy"):
        fetch()
    assert not in_place(tmp_path)


def test_several_archives_lie_side_by_side(register, server, originals):
    server.put("/toy.example/one.zip", zipped(originals, "a/"))
    server.put("/toy.example/two.zip", zipped(originals, "b/"))
    urls = [f"https://toy.example/{name}.zip" for name in ("one", "two")]
    register(sources=tuple(map(Archive, urls)))
    place = fetch()
    assert {path.name for path in place.iterdir()} == {"one", "two"}
    assert ClipsMetadata.of(datasets.load("toy")).repeated == 24


# Clip by clip


def test_clips_arrive_one_by_one_and_checked(offered, server, tmp_path):
    place = fetch()
    assert {path.parent for path in place.rglob("*.wav")} == {place / "AudioWAV"}
    assert datasets.audit(datasets.load("toy"), progress=False).passed
    assert len(server.log) == 24
    assert not list((tmp_path / "cache").rglob("downloads/*"))


def test_trouble_with_some_clips_is_overcome(offered, server):
    offered["s1_sad"].script = [{"cut": 5000}, 503]
    offered["s2_joy"].script = [(429, {"Retry-After": "1"})]
    fetch()
    assert datasets.audit(datasets.load("toy"), progress=False).passed
    assert server.sent == sum(len(page.body) for page in offered.values())


def test_only_what_is_missing_is_asked_for_again(offered, server, tmp_path):
    offered["s7_joy"].script = [404]
    with pytest.raises(FileNotFoundError, match=r"\d+ of 24 clips are kept: run the"):
        fetch()
    assert not in_place(tmp_path)
    whole = {served.path for served in server.log if served.status == 200}
    server.log.clear()
    fetch()
    assert not whole & {served.path for served in server.log}
    assert len(datasets.load("toy")) == 24


def test_another_clip_under_the_name_is_refused(offered, tmp_path):
    offered["s3_sad"].body = offered["s3_joy"].body
    with pytest.raises(ValueError, match=r"s3_sad\.wav.*sha256"):
        fetch()
    assert not in_place(tmp_path)


def test_a_pointer_instead_of_a_clip_is_refused(offered, tmp_path):
    offered["s3_sad"].body = b"version https://git-lfs.github.com/spec/v1\n"
    with pytest.raises(ValueError, match="bytes, not"):
        fetch()
    assert not in_place(tmp_path)


def test_a_disk_too_small_for_it_is_named_before_the_start(
    register, publish, originals, server, tmp_path
):
    with (originals / "s0_sad.wav").open("r+b") as file:
        file.truncate(0)
    publish("toy", originals)
    folder = Path(_registry.__file__).parent
    assert folder.is_dir()
    from sertools.datasets._files import official

    official("toy")["s0_sad"] = official("toy")["s0_sad"]._replace(bytes=10**16)
    register(clip_url="https:/" + CLIPS.format("{clip}"))
    with pytest.raises(OSError, match="no room"):
        fetch()
    assert not server.log


SCRIPT = """
import gzip, sys
from types import MappingProxyType
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from sertools import datasets
from sertools.cli import main
from sertools.datasets import _files, _registry
import test_fetch

_files.FOLDER = Path(sys.argv[2])
facts = {"clip_url": "https:/" + test_fetch.CLIPS.format("{clip}")}
_registry._CORPORA["toy"] = type("Toy", (test_fetch.Toy,), facts)()
print("ready", flush=True)
sys.exit(main(["fetch", "toy"]))
"""


def test_ctrl_c_half_way_and_again(offered, server, tmp_path):
    for page in offered.values():
        page.pause = 0.2
    command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent)]
    command.append(str(tmp_path / "checksums"))
    process = subprocess.Popen(command, stdout=-1, stderr=-1, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        while len(server.log) < 8:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "Stopped." in said
    assert not in_place(tmp_path)
    before = len(server.log)
    assert before < 24
    again = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert again.returncode == 0, again.stderr
    assert in_place(tmp_path)
    assert len(server.log) - before < 24


# The licence


def test_the_licence_is_asked_for_where_it_excludes_commercial_use(archived, server):
    toy = datasets.get("toy")
    type(toy).commercial = False
    with pytest.raises(ValueError, match=r"CC-BY-4\.0: no commercial") as question:
        fetch()
    assert "Nobody (2020), Toys" in str(question.value)
    assert str(question.value).endswith("sertools fetch toy --yes")
    assert not server.log
    assert fetch(yes=True).is_dir()


def test_licence_citation_and_progress_are_shown(archived, capfd):
    fetch(progress=True)
    said = capfd.readouterr()
    assert said.out == ""
    assert "Toy: licence CC-BY-4.0. Please cite Nobody (2020), Toys." in said.err
    assert "toy.zip" in said.err
    assert "B/s" in said.err


def test_without_progress_nothing_is_said(archived, capfd):
    fetch()
    assert capfd.readouterr() == ("", "")


def test_one_that_is_here_is_left_as_it_is(archived, server):
    (fetch() / "mark").touch()
    assert (fetch() / "mark").exists()
    assert len(server.log) == 1


# Kaggle


@pytest.fixture
def copied(register, originals, publish):
    publish("toy", originals)
    return register(kaggle="someone/toy", commercial=False)


def test_a_copy_has_a_question_of_its_own(copied, register):
    with pytest.raises(ValueError, match="uploaded by someone") as question:
        fetch()
    assert "https://www.kaggle.com/datasets/someone/toy" in str(question.value)
    register(kaggle="someone/toy", sources=(Archive("https:/" + ARCHIVE),))
    with pytest.raises(ValueError, match="--yes --kaggle"):
        fetch(kaggle=True)
    register(sources=(Archive("https:/" + ARCHIVE),))
    with pytest.raises(ValueError, match="no copy on Kaggle"):
        fetch(kaggle=True, yes=True)


def test_a_mirror_stands_in_for_kaggle_too(copied, server, originals):
    page = server.put(COPY, zipped(originals, "toy/toy/"))
    page.script = [{"cut": 100_000}]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fetch(yes=True)
    assert datasets.audit(datasets.load("toy"), progress=False).passed


def test_a_copy_that_is_not_what_was_published_is_told_so(copied, server, originals):
    samples, _ = soundfile.read(originals / "s1_sad.wav")
    soundfile.write(originals / "s1_sad.wav", samples[:5000], 16_000)
    server.put(COPY, zipped(originals))
    with pytest.warns(UserWarning, match="Only 23 of 24 .* sertools audit toy"):
        fetch(yes=True)


def test_without_kagglehub_its_extra_is_named(copied, tmp_path):
    if extras.available("kagglehub"):
        pytest.skip("kagglehub is installed")
    with pytest.raises(ModuleNotFoundError, match=r"sertools\[kaggle\]"):
        fetch(yes=True)
    assert not in_place(tmp_path)


class _Kaggle(http.server.BaseHTTPRequestHandler):
    """Answer as Kaggle does; ``server.script`` holds what to do first."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/GetDataset"):
            self.reply(json.dumps({"currentVersionNumber": 3}).encode())
        else:
            self.do_GET()

    def do_GET(self):
        step = self.server.script.pop(0) if self.server.script else None
        start = int((self.headers.get("Range") or "bytes=0-")[6:-1])
        self.server.asked.append(start)
        body = self.server.body
        if isinstance(step, int):
            self.reply(b"{}", step)
        else:
            self.reply(body[start:], 206 if start else 200, len(body), step)

    def reply(self, body, status=200, total=None, step=None):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if total:
            self.send_header("Accept-Ranges", "bytes")
        self.end_headers()
        self.wfile.write(body[: (step or {}).get("cut", len(body))])
        self.close_connection = step is not None

    def log_message(self, *_):
        pass


@pytest.fixture
def hub(originals, monkeypatch):
    """Stand in for Kaggle where kagglehub's test setting looks for it."""
    pytest.importorskip("kagglehub")
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 7777), _Kaggle)
    except OSError:
        pytest.skip("port 7777 is taken")
    server.daemon_threads, server.script, server.asked = True, [], []
    server.body = zipped(originals, "toy/toy/")
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "TEST")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def test_kagglehub_brings_it_into_our_cache(copied, hub, tmp_path):
    assert fetch(yes=True) == tmp_path / "cache" / "datasets" / "toy"
    assert datasets.audit(datasets.load("toy"), progress=False).passed
    assert not list((tmp_path / "cache").rglob("downloads/*"))
    assert "KAGGLEHUB_CACHE" not in os.environ


@pytest.mark.parametrize("trouble", [{"cut": 150_000}, 503], ids=str)
def test_kagglehub_is_asked_again(trouble, copied, hub):
    hub.script = [trouble]
    fetch(yes=True)
    assert len(datasets.load("toy")) == 24
    assert len(hub.asked) == 2


@pytest.mark.parametrize("status", [403, 404])
def test_what_kagglehub_refuses_is_told_in_one_line(status, copied, hub, tmp_path):
    hub.script = [status] * 5
    with pytest.raises(ConnectionError, match=f"Toy from Kaggle: {status}") as failure:
        fetch(yes=True)
    assert "\n" not in str(failure.value)
    assert len(hub.asked) == 1
    assert not in_place(tmp_path)
