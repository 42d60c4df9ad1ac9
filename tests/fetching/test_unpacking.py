"""Archives, good and evil, made byte by byte."""

import bz2
import gzip
import io
import os
import random
import resource
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from sertools import fetching
from sertools.fetching import unpacking
from sertools.fetching.archives import Member

WAV = b"RIFF" + random.Random(0).randbytes(200_000)
FILES = {
    "wav/03a01Fa.wav": WAV,
    "wav/기쁨 b.wav": b"",
    "./notes/<img onerror=x>.txt": b"text" * 1000,
    "more/wav/03a01Fa.wav": WAV[::-1],
}
KINDS = ("zip", "tar", "tar.gz", "tar.bz2", "tar.xz")
GIGABYTE = 1_000_000_000


def make(path: Path, files: dict) -> Path:
    """Make an archive of the kind that its name says."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, body in files.items():
                archive.writestr(name, body)
        return path
    packed = path.suffix.removeprefix(".").replace("tar", "")
    with tarfile.open(path, f"w:{packed}") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return path


def make_tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("wav/first.wav"))
        for member in members:
            archive.addfile(member)
    return path


def refused(archive: Path, told: str, **given) -> str:
    """Check that an archive is refused in one line, and leaves nothing behind."""
    before = sorted(archive.parent.iterdir())
    with pytest.raises(ValueError, match=told) as caught:
        fetching.unpack(archive, archive.parent / "out", **given)
    line = str(caught.value)
    assert line.startswith(f"{archive}: ") and "\n" not in line
    assert sorted(archive.parent.iterdir()) == before
    return line


# Good archives


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_unpacked_whole(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    folder = fetching.unpack(archive, tmp_path / "data" / "emodb")
    found = {p.relative_to(folder): p for p in folder.rglob("*") if p.is_file()}
    assert {str(p): found[p].read_bytes() for p in found} == {
        name.removeprefix("./"): body for name, body in FILES.items()
    }
    assert [p.name for p in folder.parent.iterdir()] == ["emodb"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_content_says_what_it_is_not_the_name(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES).rename(tmp_path / "download")
    assert (fetching.unpack(archive, tmp_path / "out") / "wav").is_dir()


@pytest.mark.parametrize("kind", KINDS)
def test_some_members_only(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    one = fetching.unpack(archive, tmp_path / "one", members="wav/03a01Fa.wav")
    assert [p.name for p in one.rglob("*.*")] == ["03a01Fa.wav"]
    wav = fetching.unpack(archive, tmp_path / "wav", members=("*.wav",))
    assert len(list(wav.rglob("*.*"))) == 3
    refused(archive, "it holds nothing called b.wav", members=["wav/*", "b.wav"])


def test_a_zip_with_folders_and_an_empty_zip(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.mkdir("wav")
        file.writestr("wav/a.wav", WAV)
        file.mkdir("empty")
    folder = fetching.unpack(archive, tmp_path / "out")
    assert sorted(p.name for p in folder.rglob("*")) == ["a.wav", "empty", "wav"]
    assert not list(fetching.unpack(make(archive, {}), tmp_path / "none").iterdir())


def test_permissions_are_not_taken_over(tmp_path):
    info = tarfile.TarInfo("run.sh")
    info.mode = 0o6777
    folder = fetching.unpack(make_tar(tmp_path / "a.tgz", info), tmp_path / "out")
    assert not (folder / "run.sh").stat().st_mode & (0o111 | stat.S_ISUID)


def test_the_folder_must_be_new_or_empty(tmp_path):
    archive = make(tmp_path / "a.zip", FILES)
    folder = tmp_path / "out"
    folder.mkdir()
    fetching.unpack(archive, folder)
    before = sorted(folder.rglob("*"))
    with pytest.raises(FileExistsError, match="holds something already"):
        fetching.unpack(archive, folder)
    assert sorted(folder.rglob("*")) == before


def test_no_archive(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no archive"):
        fetching.unpack(tmp_path / "a.zip", tmp_path / "out")
    for body in (b"", b"<!DOCTYPE html>" * 99, b"version https://git-lfs", WAV):
        (tmp_path / "a.zip").write_bytes(body)
        refused(tmp_path / "a.zip", "no zip or tar")
    (tmp_path / "a.zip").write_bytes(gzip.compress(WAV))
    refused(tmp_path / "a.zip", "no zip or tar")


# Names that lead elsewhere


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("../evil.txt", "leads out"),
        ("wav/../../evil.txt", "leads out"),
        ("wav/..", "leads out"),
        ("/tmp/evil.txt", "absolute"),
        ("//host/evil.txt", "absolute"),
        ("C:/evil.txt", "absolute"),
        ("c:evil.txt", "absolute"),
        ("..\\evil.txt", "every system"),
        ("wav\\evil.txt", "every system"),
        ("\\\\host\\evil.txt", "every system"),
    ],
)
def test_paths_that_lead_elsewhere(tmp_path, kind, name, told):
    place = tmp_path / "place"
    place.mkdir()
    archive = make(place / f"a.{kind}", {"wav/good.wav": WAV, name: b"evil"})
    refused(archive, told)
    refused(archive, told, members="wav/good.wav")
    assert [p.name for p in tmp_path.rglob("*")] == ["place", f"a.{kind}"]


def test_a_zip_that_hides_the_end_of_a_name(tmp_path):
    archive = make(tmp_path / "a.zip", {"a.wav#evil": WAV})
    archive.write_bytes(archive.read_bytes().replace(b"a.wav#", b"a.wav\0"))
    refused(archive, "every system")


# Links and devices


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.SYMTYPE,
        tarfile.LNKTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
    ],
)
def test_links_and_devices_in_a_tar(tmp_path, kind):
    info = tarfile.TarInfo("wav/passwd")
    info.type, info.linkname = kind, "/etc/passwd"
    refused(make_tar(tmp_path / "a.tgz", info), "'wav/passwd' is a link or a device")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_in_a_zip(tmp_path, kind):
    archive = tmp_path / "a.zip"
    info = zipfile.ZipInfo("wav/passwd")
    info.create_system, info.external_attr = 3, (kind | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(info, "/etc/passwd")
    refused(archive, "'wav/passwd' is a link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a", "a/b"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_two_things_of_one_name(tmp_path, kind, second):
    archive = tmp_path / f"a.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a", b"1")
            file.writestr(second, b"2")
    else:
        with tarfile.open(archive, "w") as file:
            file.addfile(tarfile.TarInfo("a"))
            file.addfile(tarfile.TarInfo(second))
    refused(archive, "two things called 'a'")


# Too much


def test_a_true_bomb_of_ten_kilobytes(tmp_path):
    zeros = bz2.compress(bytes(50_000_000))
    header = tarfile.TarInfo("a.wav")
    header.size = 10 * GIGABYTE
    archive = tmp_path / "a.tar.bz2"
    archive.write_bytes(bz2.compress(header.tobuf()) + zeros * 200)
    assert archive.stat().st_size < 20_000
    refused(archive, "bytes would grow to 10000000000 or more, over 200 times")
    refused(archive, "would grow", members="b.wav", max_bytes=99 * GIGABYTE)


def peak() -> int:
    """Give the most memory that this process ever held, in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def test_a_bomb_that_lies_about_its_size(tmp_path):
    zeros = bz2.compress(bytes(50_000_000))
    header = tarfile.TarInfo("a.wav")
    header.size = 512
    archive = tmp_path / "a.tar.bz2"
    archive.write_bytes(bz2.compress(header.tobuf()) + zeros * 200)
    before = peak()
    folder = fetching.unpack(archive, tmp_path / "out")
    assert (folder / "a.wav").stat().st_size == 512
    assert peak() - before < 200_000_000


def test_a_bomb_in_a_header(tmp_path):
    header = tarfile.TarInfo("a.wav")
    header.type, header.size = tarfile.XHDTYPE, 10 * GIGABYTE
    body = header.tobuf(tarfile.GNU_FORMAT) + bytes(10_000)
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress(body))
    refused(archive, "damaged")
    archive.write_bytes(gzip.compress(tarfile.TarInfo("b.wav").tobuf() + body))
    refused(archive, "a header is absurdly long")


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 3)
    refused(make(tmp_path / "a.zip", FILES), "more than 3 members")


def test_a_bomb_of_many_bytes_in_all(tmp_path):
    archive = make(tmp_path / "a.zip", {f"{n}.wav": bytes(2**20) for n in range(110)})
    refused(archive, "over 200 times")


def patched(archive: Path, size: int) -> Path:
    """Let all headers of a zip with one member claim another size."""
    with zipfile.ZipFile(archive) as file:
        true = file.infolist()[0].file_size
    old, new = (n.to_bytes(4, "little") for n in (true, size))
    body = archive.read_bytes()
    assert body.count(old) >= 2
    archive.write_bytes(body.replace(old, new))
    return archive


def test_a_zip_that_claims_gigabytes(tmp_path):
    archive = patched(make(tmp_path / "a.zip", {"a.wav": WAV}), 4 * GIGABYTE)
    refused(archive, "would grow to 4000000000")


def test_a_zip_that_holds_more_than_it_claims(tmp_path):
    archive = make(tmp_path / "a.zip", {"a.wav": bytes(30_000_000)})
    refused(patched(archive, 10), "damaged")


@pytest.mark.parametrize("claimed", [10, 300_000])
def test_bytes_are_counted_while_they_are_written(tmp_path, claimed):
    member = Member("a.wav", claimed, False, None, lambda: io.BytesIO(WAV))
    with pytest.raises(ValueError, match=r"'a\.wav' is not as long as its header says"):
        unpacking._write(member, tmp_path)
    written = (tmp_path / "a.wav").stat().st_size
    assert written == (0 if claimed < len(WAV) else len(WAV))


def test_a_bound_of_ones_own(tmp_path):
    archive = make(tmp_path / "a.zip", FILES)
    total = sum(map(len, FILES.values()))
    line = refused(archive, "above the limit", max_bytes=total - 1)
    assert f"limit of {total - 1}" in line and "raise max_bytes" in line
    fetching.unpack(archive, tmp_path / "out", max_bytes=total)


@pytest.mark.parametrize("size", [-512, -10_000])
def test_a_negative_size(tmp_path, size):
    info = tarfile.TarInfo("a.wav")
    info.size = size
    archive = tmp_path / "a.tar"
    first = tarfile.TarInfo("first.wav").tobuf()
    archive.write_bytes(first + info.tobuf(tarfile.GNU_FORMAT) + bytes(10_240))
    refused(archive, "negative size|damaged")


# Damage


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_archive(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    body = archive.read_bytes()
    archive.write_bytes(body[: len(body) // 2])
    refused(archive, "damaged .*Remove it and fetch it again")


@pytest.mark.parametrize("kind", ["zip", "tar.gz", "tar.bz2", "tar.xz"])
def test_a_flipped_bit(tmp_path, kind):
    archive = make(tmp_path / f"a.{kind}", FILES)
    body = bytearray(archive.read_bytes())
    body[len(body) // 3] ^= 16
    archive.write_bytes(body)
    refused(archive, "damaged")


def test_a_tar_with_a_broken_header_in_the_middle(tmp_path):
    archive = make(tmp_path / "a.tar", FILES)
    body = archive.read_bytes()
    at = body.index(b"more/wav")
    archive.write_bytes(body[:at] + b"X" + body[at + 1 :])
    refused(archive, "something follows after its end")


def test_an_encrypted_zip(tmp_path):
    archive = make(tmp_path / "a.zip", {"a.wav": WAV})
    body = bytearray(archive.read_bytes())
    body[6] |= 1
    body[body.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(body)
    refused(archive, "'a.wav' is encrypted")


def test_an_unusual_compression(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("a.wav", WAV)
    refused(archive, "compressed in an unusual way")


# No room

UNPACK = """
import resource, sys
from sertools import fetching
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    fetching.unpack(*sys.argv[1:])
except OSError as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


def test_no_more_room_half_way(tmp_path):
    archive = make(tmp_path / "a.zip", FILES)
    line = [sys.executable, "-c", UNPACK, str(archive), str(tmp_path / "out")]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stderr.startswith("OSError: No room on the disk for out in ")
    assert done.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["a.zip"]


def test_no_room_is_noticed_beforehand(tmp_path):
    header = tarfile.TarInfo("a.wav")
    header.size = 10**15
    archive = tmp_path / "a.tar"
    with open(archive, "wb") as file:  # a hole: it takes no room itself
        file.write(header.tobuf())
        file.truncate(10**13)
    with pytest.raises(OSError, match="No room on the disk for out"):
        fetching.unpack(archive, tmp_path / "out", max_bytes=10**16)
    assert os.listdir(tmp_path) == ["a.tar"]
