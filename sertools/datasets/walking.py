"""Walk a folder for audio files, whatever else lies there."""

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["SUFFIXES", "audio_files", "exclusion", "not_utf8"]

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

    Parameters
    ----------
    root : Path
        A folder.
    suffixes : tuple of str, optional
        What their names end in.

    Yields
    ------
    Path
        The files.
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
