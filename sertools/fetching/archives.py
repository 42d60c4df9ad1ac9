"""Look into zip and tar archives, one member after the other."""

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

__all__ = ["CHUNK", "Member", "members_of"]

CHUNK = 1 << 20
"""Most bytes read at once."""

_PADDING = 16 * CHUNK  # how far past the end of a tar is looked
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}


@dataclass
class Member:
    """A file or folder in an archive.

    Parameters
    ----------
    name : str
        Its path, as the archive has it.
    size : int
        Its length in bytes, as the archive claims it.
    is_folder : bool
        Whether it is a folder.
    objection : str, optional
        Why it cannot be unpacked, if so.
    open : callable
        Gives its bytes.
    """

    name: str
    size: int
    is_folder: bool
    objection: str | None
    open: Callable[[], BinaryIO]


Check = Callable[[Member], None]


def members_of(archive: Path, check: Check) -> Iterator[Member]:
    """Go through an archive.

    Parameters
    ----------
    archive : Path
        A zip, tar, tar.gz, tar.bz2 or tar.xz file; its content says which.
    check : callable
        Called with each member before it is given; it raises to refuse. For a
        zip, all are checked before the first is given.

    Yields
    ------
    Member
        One file or folder, to be read before the next is asked for.

    Raises
    ------
    ValueError
        If it is no archive.
    """
    with open(archive, "rb") as file:
        start = file.read(8)
    if start.startswith(b"PK"):
        yield from _zip_members(archive, check)
        return
    opener = next(
        (o for sign, o in _COMPRESSED.items() if start.startswith(sign)), open
    )
    with opener(archive, "rb") as file, _tar(file, start) as tar:
        yield from _tar_members(tar, check)
        for _ in range(_PADDING // CHUNK):
            if file.read(CHUNK).strip(b"\0"):
                raise tarfile.ReadError("something follows after its end")


def _zip_members(archive: Path, check: Check) -> Iterator[Member]:
    def member(info: zipfile.ZipInfo) -> Member:
        kind, objection = stat.S_IFMT(info.external_attr >> 16), None
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            objection = "is a link or a device"
        elif info.flag_bits & 1:
            objection = "is encrypted"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            objection = "is compressed in an unusual way"
        name = info.orig_filename
        return Member(
            name, info.file_size, info.is_dir(), objection, lambda: zipped.open(info)
        )

    with zipfile.ZipFile(archive) as zipped:
        members = [member(info) for info in zipped.infolist()]
        for each in members:
            check(each)
        yield from members


def _tar(file: BinaryIO, start: bytes) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=_Sips(file), mode="r:")
    except tarfile.ReadError:
        raise ValueError(
            f"it is damaged, or no zip or tar; it begins with {start!r}"
        ) from None


def _tar_members(tar: tarfile.TarFile, check: Check) -> Iterator[Member]:
    def member(info: tarfile.TarInfo) -> Member:
        objection = None if info.isreg() or info.isdir() else "is a link or a device"
        size = info.size if info.isreg() else 0
        return Member(
            info.name, size, info.isdir(), objection, lambda: tar.extractfile(info)
        )

    while (info := tar.next()) is not None:
        tar.members.clear()  # it would remember every header
        check(each := member(info))
        yield each


class _Sips:
    """A stream that never hands out much at once: long headers are bombs, too."""

    def __init__(self, file: BinaryIO):
        self.file, self.seek, self.tell = file, file.seek, file.tell

    def read(self, size: int) -> bytes:
        if not 0 <= size <= 2 * CHUNK:
            raise tarfile.ReadError("a header is absurdly long")
        return self.file.read(size)
