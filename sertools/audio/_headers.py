"""What a file's header promises, held against the bytes that are there."""

import os
import struct
from typing import BinaryIO

READ = (
    *(".wav", ".wave", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".sph"),
)
"""Endings of recordings that libsndfile reads, in any case."""

UNREAD = (".m4a", ".aac", ".amr", ".webm", ".wma", ".mp4", ".3gp", ".mka", ".mov")
"""Endings of recordings, as telephones make them, that libsndfile does not read."""

_POINTER = b"version https://git-lfs"
_FOREIGN = (
    (4, b"ftyp", "MPEG-4 audio (as in .m4a)"),
    (0, b"\x1aE\xdf\xa3", "WebM or Matroska"),
    (0, b"0&\xb2u\x8ef\xcf\x11", "Windows Media Audio"),
    (0, b"#!AMR", "AMR"),
)
_PAGES = (b"<!doctype", b"<html", b"<?xml")
_UNKNOWN = 0x7FFFF000  # what programs write that do not know the length, and above
_SLIP = 64  # bytes: a size that counts the header, too, is no truncation
_OGG_PAGE = 65_307  # bytes at most
_W64_DATA = bytes.fromhex("64617461f3acd3118cd100c04f8edb8a")


def foreign(head: bytes) -> str | None:
    """Name a format that libsndfile does not read, by a file's first bytes."""
    return next(
        (name for at, mark, name in _FOREIGN if head[at:].startswith(mark)), None
    )


def is_web_page(head: bytes) -> bool:
    """Say whether a file begins as a page of the web does."""
    return head.lstrip().lower().startswith(_PAGES)


def is_lfs_pointer(head: bytes) -> bool:
    """Say whether a file is what Git LFS leaves in the place of one.

    Examples
    --------
    >>> is_lfs_pointer(b"version https://git-lfs.github.com/spec/v1")
    True
    """
    return head.startswith(_POINTER)


def missing_bytes(file: BinaryIO, size: int) -> int:
    """Count the bytes that a header promises and the file does not have.

    0 where all is there, or where the header does not say. MP3 files say it if
    their encoder wrote a Xing header. What FLAC promises is samples: whoever
    decodes it counts them.
    """
    file.seek(0)
    head = file.read(64)
    if head[:4] in (b"RIFF", b"RIFX") and head[8:12] == b"WAVE":
        start, length = data_chunk(file, size)
        if length is None:
            return max(start - size, 0)
        end = 0 if says_no_length(length, size - start) else start + length
    else:
        known = {b"RF64": _rf64, b"FORM": _aiff, b"riff": _w64, b".snd": _au}
        known |= {b"caff": _caf, b"NIST": _sphere}
        end = known.get(head[:4], _mp3)(file, size, head)
    return end - size if end - size > _SLIP else 0


def lacks_last_page(file: BinaryIO, size: int) -> bool:
    """Say whether an Ogg file ends before the page that is marked as its last."""
    file.seek(0)
    if file.read(4) != b"OggS":
        return False
    file.seek(max(size - 2 * _OGG_PAGE, 0))
    tail = file.read()
    last = tail.rfind(b"OggS")
    if last < 0 or len(tail) < last + 27:
        return True
    positions = [_position(tail, last)]
    if (before := tail.rfind(b"OggS", 0, last)) >= 0:
        positions.insert(0, _position(tail, before))
    if positions[-1] < max(positions[0], 0):
        return True
    segments = tail[last + 27 : last + 27 + tail[last + 26]]
    whole = len(segments) == tail[last + 26]
    there = len(tail) - last - 27 - len(segments)
    return not (tail[last + 5] & 4 and whole and there >= sum(segments))


def _position(tail: bytes, page: int) -> int:
    return struct.unpack_from("<q", tail, page + 6)[0]


def impossible(file: BinaryIO, size: int) -> str | None:
    """Name what no WAV file can be, and libsndfile reads as noise."""
    file.seek(0)
    head = file.read(36)
    if head[:4] != b"RIFF" or head[12:16] != b"fmt " or len(head) < 36:
        return None
    kind, channels, _, _, block, bits = struct.unpack("<HHIIHH", head[20:36])
    if kind == 1 and (bits not in (8, 16, 24, 32) or block != channels * bits // 8):
        return f"its header says {bits} bits a sample in blocks of {block} bytes"
    return None


def data_chunk(file: BinaryIO, size: int) -> tuple[int, int | None]:
    """Find where a RIFF file's samples begin, and how many bytes it says they are.

    ``None`` where the chunks end before: at the first number, which may lie
    behind the end of the file.
    """
    file.seek(0)
    order = ">" if file.read(4) == b"RIFX" else "<"
    position = 12
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack(f"{order}4sI", file.read(8))
        position += 8
        if name == b"data":
            return position, length
        position += length + length % 2
    return position, None


def says_no_length(promised: int, there: int) -> bool:
    """Say whether a size is one that a program wrote before it knew better."""
    return promised >= _UNKNOWN or (promised == 0 and there > 0)


def _rf64(file: BinaryIO, size: int, head: bytes) -> int:
    if head[12:16] != b"ds64" or len(head) < 36:
        return 0
    start, length = data_chunk(file, size)
    if length == 0xFFFFFFFF:
        length = struct.unpack("<Q", head[28:36])[0]
    return start + length if length else 0


def _w64(file: BinaryIO, size: int, head: bytes) -> int:
    position = 40
    while position + 24 <= size:
        file.seek(position)
        name, length = struct.unpack("<16sQ", file.read(24))
        if name == _W64_DATA:
            return position + length
        position += max(length + -length % 8, 24)
    return 0


def _aiff(file: BinaryIO, size: int, head: bytes) -> int:
    if head[8:12] not in (b"AIFF", b"AIFC"):
        return 0
    length = struct.unpack(">I", head[4:8])[0]
    return 0 if says_no_length(length, size - 8) else length + 8


def _au(file: BinaryIO, size: int, head: bytes) -> int:
    if len(head) < 12:
        return 0
    start, length = struct.unpack(">II", head[4:12])
    return 0 if says_no_length(length, size - start) else start + length


def _caf(file: BinaryIO, size: int, head: bytes) -> int:
    position = 8
    while position + 12 <= size:
        file.seek(position)
        name, length = struct.unpack(">4sq", file.read(12))
        position += 12
        if name == b"data":
            return 0 if length < 0 else position + length
        position += max(length, 0)
    return 0


def _sphere(file: BinaryIO, size: int, head: bytes) -> int:
    """NIST SPHERE: lines of text say how many samples there are, and of what size."""
    file.seek(0)
    facts = {}
    for line in file.read(1024).decode("latin-1").splitlines():
        words = line.split()
        if len(words) == 3 and words[1] == "-i" and words[2].isdigit():
            facts[words[0]] = int(words[2])
    try:
        frame = facts["sample_n_bytes"] * facts.get("channel_count", 1)
        return 1024 + facts["sample_count"] * frame
    except KeyError:
        return 0


def _mp3(file: BinaryIO, size: int, head: bytes) -> int:
    """Read the size of all frames from a Xing or Info header, where there is one."""
    start = 0
    if head[:3] == b"ID3" and len(head) >= 10:
        start = 10 + sum(
            (byte & 127) << 7 * (3 - i) for i, byte in enumerate(head[6:10])
        )
    file.seek(start)
    frame = file.read(200)
    if len(frame) < 4 or frame[0] != 0xFF or frame[1] & 0xE0 != 0xE0:
        return 0
    at = max(frame.find(b"Xing"), frame.find(b"Info"))
    if at < 0 or len(frame) < at + 16:
        return 0
    flags = struct.unpack(">I", frame[at + 4 : at + 8])[0]
    if not flags & 2:
        return 0
    field = at + 8 + 4 * (flags & 1)
    return start + struct.unpack(">I", frame[field : field + 4])[0]


def size_of(file: BinaryIO) -> int:
    """Give an open file's size in bytes."""
    return file.seek(0, os.SEEK_END)
