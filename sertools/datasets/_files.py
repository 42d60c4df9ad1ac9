"""Walk a folder for audio files, whatever else lies there."""

import functools
import gzip
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from sertools.audio._headers import READ, UNREAD


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


def walk(root: Path) -> tuple[list[Path], list[dict[str, str]]]:
    """List the audio files under a folder, shallow before deep, in a fixed order.

    Also names what cannot be used: folders that cannot be read, pipes and
    devices with an audio file's name, and recordings in forms that are not
    read. Hidden files and the ``__MACOSX`` folders of zip files are passed
    over; links to folders are followed once.
    """
    files: list[Path] = []
    unread: list[dict[str, str]] = []

    def leave_out(path: str, reason: str) -> None:
        unread.append(exclusion(Path(os.path.relpath(path, root)), reason))

    def closed(error: OSError) -> None:
        leave_out(error.filename, f"a folder that cannot be read ({error.strerror})")

    for _, folder, name in sorted(_audio_files(root, closed)):
        path = os.path.join(folder, name)
        if name.lower().endswith(UNREAD):
            ending = name.rpartition(".")[2]
            leave_out(path, f"{ending} is not read; convert it to wav (ffmpeg)")
        elif os.path.isfile(path) or not os.path.exists(path):
            files.append(Path(path))
        else:
            leave_out(path, "a pipe or a device, not a file")
    return files, unread


def _audio_files(
    root: Path, onerror: Callable[[OSError], None]
) -> Iterator[tuple[int, str, str]]:
    """Walk a folder; give depth, folder and name of what is named like audio."""
    seen = set()
    for folder, subfolders, files in os.walk(root, onerror=onerror, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = [
            name for name in subfolders if name[0] != "." and name != "__MACOSX"
        ]
        depth = folder.count(os.sep)
        for name in files:
            if name.lower().endswith((*READ, *UNREAD)) and name[0] != ".":
                yield depth, folder, name


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
