"""Unpack an archive whole or not at all, whatever it holds."""

import errno
import lzma
import os
import re
import shutil
import tarfile
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from sertools.fetching.archives import CHUNK, Member, members_of
from sertools.fetching.part import unwritable

__all__ = ["unpack"]

MAX_BYTES = 50_000_000_000
"""More than this, in bytes, is not unpacked unless one says so."""

MAX_MEMBERS = 500_000
"""An archive of more files and folders than this is refused."""

RATIO, HARMLESS = 200, 100_000_000
"""Growing this many times is refused, once it comes to more than so many bytes."""

_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
)


def unpack(
    archive: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    max_bytes: int = MAX_BYTES,
    members: str | Iterable[str] | None = None,
) -> Path:
    """Unpack a zip or tar archive into a new folder, safely.

    Everything goes into a hidden folder first, which takes its name at the end. If
    anything is wrong, it is removed and nothing is left behind. Permissions,
    owners and dates that the archive names are not applied.

    Parameters
    ----------
    archive : path-like
        A zip, tar, tar.gz, tar.bz2 or tar.xz file; its content says which.
    folder : path-like
        Where the members should lie. It must be new or empty.
    max_bytes : int, default 50 GB
        The most bytes that the archive may hold, unpacked.
    members : str or iterable of str, optional
        Names or patterns (``"*.wav"``; ``*`` matches ``/``, too) of the members
        to unpack; all if not given.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    ValueError
        If it is no archive, is damaged, lacks the `members`, or holds what no
        corpus needs: a path that leads out of the folder, a link or device, an
        encrypted file, more than `max_bytes`, or 200 times its own size.
    FileNotFoundError
        If there is no such archive.
    FileExistsError
        If the folder holds something.
    OSError
        If there is no room on the disk.

    References
    ----------
    D. Fifield (2019). A better zip bomb. USENIX WOOT.
    https://www.usenix.org/conference/woot19/presentation/fifield

    Examples
    --------
    >>> import tempfile
    >>> here = Path(tempfile.mkdtemp())
    >>> with zipfile.ZipFile(here / "a.zip", "w") as file:
    ...     file.writestr("wav/a.wav", b"RIFF")
    >>> [p.name for p in unpack(here / "a.zip", here / "a").rglob("*.wav")]
    ['a.wav']
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise FileNotFoundError(f"There is no archive {archive}: fetch it first.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"{folder} holds something already: remove it, or name another folder."
        )
    place = folder.resolve()
    draft = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
    patterns = [members] if isinstance(members, str) else members
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise unwritable(error, folder) from None
    with _in_words(archive, folder):
        try:
            check = _Check(archive, draft, max_bytes, patterns)
            for member in members_of(archive, check):
                if check.wanted(member):
                    _write(member, draft)
            check.all_found()
            os.replace(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def _write(member: Member, draft: Path) -> None:
    """Write a member, and not a byte more than its header says."""
    path = draft.joinpath(*PurePosixPath(member.name).parts)
    if member.is_folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with member.open() as source, open(path, "xb") as target:
        while chunk := source.read(CHUNK):
            written += len(chunk)
            if written > member.size:
                break
            target.write(chunk)
    if written != member.size:
        raise ValueError(f"{member.name!r} is not as long as its header says")


class _Check:
    """Look at each member before anything of it is written."""

    def __init__(self, archive: Path, draft: Path, max_bytes: int, patterns):
        self.packed, self.free = archive.stat().st_size, shutil.disk_usage(draft).free
        self.max_bytes = max_bytes
        self.patterns = None if patterns is None else list(patterns)
        self.unmatched = set(self.patterns or ())
        self.members = self.all_bytes = self.wanted_bytes = 0

    def __call__(self, member: Member) -> None:
        """Refuse a member that no corpus needs, or that is too much."""
        objection = _objection(member.name) or member.objection
        if objection or member.size < 0:
            raise ValueError(f"{member.name!r} {objection or 'has a negative size'}")
        self.members += 1
        self.all_bytes += member.size
        self.wanted_bytes += member.size if self.wanted(member) else 0
        if self.members > MAX_MEMBERS:
            raise ValueError(f"it holds more than {MAX_MEMBERS} members")
        if self.all_bytes > max(HARMLESS, RATIO * self.packed):
            raise ValueError(
                f"its {self.packed} bytes would grow to {self.all_bytes} or more, "
                f"over {RATIO} times as many"
            )
        if self.wanted_bytes > self.max_bytes:
            raise ValueError(
                f"it holds {self.wanted_bytes} bytes or more, above the limit of "
                f"{self.max_bytes}; if that is right, raise max_bytes"
            )
        if self.wanted_bytes > self.free:
            raise OSError(errno.ENOSPC, "no room")

    def wanted(self, member: Member) -> bool:
        """Say whether a member is among those asked for."""
        if self.patterns is None:
            return True
        matching = [p for p in self.patterns if fnmatchcase(member.name, p)]
        self.unmatched.difference_update(matching)
        return bool(matching)

    def all_found(self) -> None:
        """Refuse an archive that lacks what was asked for."""
        if self.unmatched:
            raise ValueError(f"it holds nothing called {', '.join(self.unmatched)}")


def _objection(name: str) -> str | None:
    """Say what is wrong with the path of a member.

    Examples
    --------
    >>> _objection("wav/../../a.wav")
    'leads out of the folder'
    >>> _objection("wav/a.wav")
    """
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "is an absolute path"
    if "\\" in name or "\0" in name or not name:
        return "is not a path that every system reads alike"
    return "leads out of the folder" if ".." in name.split("/") else None


@contextmanager
def _in_words(archive: Path, folder: Path) -> Iterator[None]:
    """Say in one line what became of it."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        twice = Path(error.filename).name
        reason = f"it holds two things called {twice!r}. Nothing was unpacked."
    except OSError as error:
        if error.errno is not None:
            raise unwritable(error, folder) from None
        reason = f"it is damaged ({error}). Remove it and fetch it again."
    except _DAMAGED as error:
        reason = f"it is damaged ({error}). Remove it and fetch it again."
    except ValueError as error:
        reason = f"{error}. Nothing was unpacked."
    else:
        return
    raise ValueError(f"{archive}: {reason}")
