"""Files: opened only if they are files, written whole or not at all, locked."""

import contextlib
import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sertools.extras import reinstall


def open_regular(path: str | os.PathLike, what: str = "a file") -> BinaryIO:
    """Open a regular file; pipes and devices would keep one waiting for ever.

    Raises
    ------
    FileNotFoundError
        If there is none.
    ValueError
        If it is something else, or no path at all.
    """
    try:
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{path}: no such file.") from None
    except ValueError:
        told = f"{os.fspath(path)!r}: a path cannot hold a NUL character."
        raise ValueError(told) from None
    if stat.S_ISDIR(mode):
        raise ValueError(f"{path}: a folder, not {what}.")
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path}: a pipe or a device, not {what}.")
    return open(path, "rb")


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Path]:
    """Give a hidden path to write to, and rename it to `path` at the end.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(target) as draft:
    ...     _ = draft.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    suffix = uuid.uuid4().hex[:8]
    draft = target.with_name(f".{target.stem}.{suffix}{target.suffix}")
    try:
        yield draft
        os.replace(draft, target)
    finally:
        if draft.is_dir():
            shutil.rmtree(draft, ignore_errors=True)
        else:
            draft.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write a UTF-8 text file whole."""
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: object) -> None:
    """Write a JSON file whole; NaN and infinity are refused."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


@contextlib.contextmanager
def holding(path: str | os.PathLike, wait: bool = True) -> Iterator[bool]:
    """Hold a file lock: one holder at a time, among all processes and threads.

    The system lets go of it however the holder ends, kill -9 included. The file
    is removed at the end.

    Parameters
    ----------
    path : path-like
        A file that stands for the lock; its folder exists.
    wait : bool, default True
        Wait until the lock is free.

    Yields
    ------
    bool
        Whether the lock is held; without `wait`, False if somebody else holds it.

    Raises
    ------
    OSError
        If the file system knows no locks, or the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "door.lock"
    >>> with holding(path) as first, holding(path, wait=False) as second:
    ...     first, second
    (True, False)
    """
    from filelock import FileLock, Timeout

    lock = FileLock(path, blocking=wait, fallback_to_soft=False)
    with contextlib.suppress(Timeout):
        lock.acquire()
    try:
        yield lock.is_locked
    finally:
        if lock.is_locked:
            Path(path).unlink(missing_ok=True)  # first, while nobody else has it
            lock.release()


def folder(name: str) -> Path:
    """Find a folder that ships with sertools.

    An installed wheel carries it inside the package; a checkout has it beside
    the package.

    Examples
    --------
    >>> folder("notebooks").name
    'notebooks'
    """
    package = Path(__file__).resolve().parent
    for place in (package / "_shipped" / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"This installation of sertools has no {name!r} folder. "
        f"Install it again with: {reinstall()}"
    )
