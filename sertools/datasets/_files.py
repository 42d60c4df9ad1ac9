"""Walk a folder for audio files, whatever else lies there."""

import functools
import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au")
"""Endings of files that are looked at, in any case."""


def exclusion(path: Path, reason: str) -> dict[str, str]:
    """Name a file that is left out, whatever bytes its name holds."""
    name = os.fsencode(path).decode(errors="backslashreplace")
    return {"clip": name, "reason": reason}


def not_utf8(path: Path) -> str | None:
    """Say so if a path's bytes are not text that a table can hold."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return "its path is not UTF-8 text; rename it"
    return None


def audio_files(root: Path, suffixes: tuple[str, ...] = SUFFIXES) -> Iterator[Path]:
    """Walk a folder for audio files, shallow before deep, in a fixed order.

    Hidden files and the ``__MACOSX`` folders of zip files are passed over;
    links to folders are followed once.
    """
    found, seen = [], set()
    for folder, subfolders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(
            name for name in subfolders if name[0] != "." and name != "__MACOSX"
        )
        depth = folder.count(os.sep)
        found += [
            (depth, folder, name)
            for name in files
            if name.lower().endswith(suffixes) and name[0] != "."
        ]
    for _, folder, name in sorted(found):
        yield Path(folder, name)


FOLDER = Path(__file__).parent / "checksums"
"""One list a corpus: clip, bytes and sha256, with tabs between them."""


class Official(NamedTuple):
    """One clip, as its owner published it."""

    bytes: int
    sha256: str


@functools.cache
def official(name: str) -> dict[str, Official]:
    """List the clips of a corpus as its owner published them.

    Examples
    --------
    >>> official("emodb")["03a01Fa"].bytes
    60788
    """
    path = FOLDER / f"{name}.tsv.gz"
    if not path.is_file():
        return {}
    _, *lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    rows = (line.split("\t") for line in lines)
    return {clip: Official(int(size), sha256) for clip, size, sha256 in rows}
