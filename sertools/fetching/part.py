"""What has arrived of a file that is still on its way.

The bytes of ``emodb.zip`` wait beside it in ``.emodb.zip.part``. Which bytes those are,
and of which version of the file, stands in ``.emodb.zip.part.json``.
"""

import contextlib
import errno
import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None

__all__ = ["FULL", "Part", "opened", "unwritable"]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""How the system says that there is no room for a file."""


@dataclass
class Part:
    """The bytes of a file that have arrived, and the version they belong to.

    Parameters
    ----------
    path : Path
        The hidden file that they wait in.
    file : io.FileIO
        The same, open for writing.
    url : str
        Where they come from.
    total : int, optional
        Length of the whole file in bytes, once the server has told it.
    version : str, optional
        The server's ETag or date, if it vouches for every byte.
    done : list of [start, stop]
        Which bytes have arrived.
    """

    path: Path
    file: io.FileIO
    url: str
    total: int | None = None
    version: str | None = None
    done: list[list[int]] = field(default_factory=list)

    @property
    def note(self) -> Path:
        """The small file that tells the next call what has arrived."""
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def received(self) -> int:
        """How many bytes have arrived."""
        return sum(stop - start for start, stop in self.done)

    def missing(self) -> list[tuple[int, int | None]]:
        """List the gaps as (start, stop); stop is None while no total is known."""
        gaps, at = [], 0
        for start, stop in sorted(span for span in self.done if span[0] < span[1]):
            if start > at:
                gaps.append((at, start))
            at = max(at, stop)
        if self.total is None or at < self.total:
            gaps.append((at, self.total))
        return gaps

    def write(self, chunk: bytes, span: list[int]) -> None:
        """Store a chunk at the end of one of the spans in `done`."""
        rest = memoryview(chunk)
        try:
            self.file.seek(span[1])
            while rest:
                rest = rest[self.file.write(rest) :]
        except OSError as error:
            raise unwritable(error, self.path) from None
        span[1] += len(chunk)

    def recall(self) -> None:
        """Take up what an earlier call left, or start afresh."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            done = [[int(start), int(stop)] for start, stop in note["done"]]
            end = max(stop for _, stop in done)
            if note["url"] == self.url and end <= self.path.stat().st_size:
                self.total, self.version = note["total"], note["version"]
                self.done = done
                return
        except (OSError, ValueError, KeyError, TypeError):
            pass  # nobody can tell what these bytes are
        self.clear()

    def keep(self) -> None:
        """Note what has arrived, for the next call."""
        if not self.received:
            self.remove()
            return
        note = {name: getattr(self, name) for name in ("url", "total", "version")}
        draft = Path(f"{self.note}.new")
        try:
            draft.write_text(json.dumps({**note, "done": self.done}), encoding="utf-8")
            os.replace(draft, self.note)
        except OSError:  # without the note, nobody could resume
            self.remove()

    def clear(self) -> None:
        """Forget what has arrived."""
        self.total, self.version, self.done = None, None, []
        self.file.truncate(0)

    def settle(self, target: Path) -> None:
        """Give the part its final name; a file there is replaced."""
        os.replace(self.path, target)
        self.remove()

    def remove(self) -> None:
        """Leave nothing behind."""
        for path in (self.path, self.note, Path(f"{self.note}.new")):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def opened(target: Path, url: str) -> Iterator[Part]:
    """Open the part of a file, for this call alone.

    If the block raises, the part stays for the next call; without room on the
    disk, or if the file is not what it should be, it is removed.

    Raises
    ------
    ConnectionError
        If another process is fetching the same file.
    OSError
        If the folder cannot be written.
    """
    path = target.with_name(f".{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = _held(path)
    except BlockingIOError:
        raise ConnectionError(
            f"{target} is being fetched by another process: wait for it or end it."
        ) from None
    except OSError as error:
        raise unwritable(error, path) from None
    with file:
        part = Part(path, file, url)
        part.recall()
        try:
            yield part
        except BaseException as error:
            useless = isinstance(error, ValueError) or _is_full(error)
            part.remove() if useless else part.keep()
            raise


def unwritable(error: OSError, path: Path) -> OSError:
    """Put into words why a file cannot be written."""
    name = path.name.removeprefix(".").removesuffix(".part")
    if _is_full(error):
        told = OSError(
            f"No room on the disk for {name} in {path.parent}. Free some space, or "
            "set SERTOOLS_CACHE to a folder on a larger disk."
        )
    else:
        told = type(error)(
            f"Cannot write {name} in {path.parent} ({error.strerror}). Choose another "
            "folder, for example with SERTOOLS_CACHE."
        )
    told.errno = error.errno
    return told


def _is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in FULL


def _held(path: Path) -> io.FileIO:
    """Open a file that no other call holds."""
    while True:
        file = io.FileIO(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
        try:
            if fcntl:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise
        except OSError:
            pass  # some network folders know no locks
        # Its last holder may have renamed or removed it before letting go.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
                return file
        file.close()
