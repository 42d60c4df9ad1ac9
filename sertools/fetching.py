"""Fetch files: resumed after a break, checked, safely unpacked, never half-done.

Two environment variables matter here. ``SERTOOLS_CACHE`` is the folder for what is
fetched. ``SERTOOLS_MIRROR`` is another base address: it takes the place of scheme and
host, so that with ``SERTOOLS_MIRROR=https://lab.example/mirror`` the file
``https://zenodo.org/records/1/a.zip`` comes from
``https://lab.example/mirror/records/1/a.zip``. Where a mirror keeps a folder per host,
as ``wget -x`` lays them out, write ``{host}``: ``https://lab.example/mirror/{host}``.
A folder or a memory stick will do, too: ``file:///media/stick/{host}``.
"""

import bz2
import contextlib
import errno
import functools
import gzip
import hashlib
import io
import json
import lzma
import os
import queue
import random
import re
import shutil
import stat
import tarfile
import threading
import time
import urllib.parse
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import BinaryIO, NamedTuple

from sertools import __version__
from sertools.display import shortened

try:
    import fcntl
except ImportError:  # Windows has none
    fcntl = None

__all__ = ["cache_folder", "download", "sha256", "unpack", "verify"]

_CHUNK = 1 << 20  # most bytes handled at once
_PIECE = 4 << 20  # a connection of its own is not worth fewer bytes
_BACKOFF, _LONGEST = 0.5, 30.0  # seconds before the first retry, and most before one
_PATIENCE = 300.0  # the longest Retry-After, in seconds, that is waited for
_KEPT_EVERY = 1.0  # seconds between notes of what is missing, for when it is killed
_MAX_MEMBERS = 500_000  # an archive of more files and folders is refused
_RATIO, _HARMLESS = 200, 100_000_000  # or one that grows as often, above these bytes
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSALS = dict.fromkeys((401, 403, 407), PermissionError)
_REFUSALS |= dict.fromkeys((404, 410), FileNotFoundError)
_COMPRESSED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
_IS_PAGE = ("", ".html", ".htm", ".txt")
_POINTER = b"version https://git-lfs"
_PAGE = (
    rb"(?is)(?>\xef\xbb\xbf|\s|<\?.*?\?>|<!--.*?-->)*+<(!doctype\s+html|html|head)\b"
)
_BAR = {"unit": "B", "unit_scale": True, "mininterval": 0.2, "dynamic_ncols": True}


def cache_folder() -> Path:
    """Name the folder that keeps what was fetched. It need not exist yet.

    Returns
    -------
    Path
        ``$SERTOOLS_CACHE`` where that is set, else the user's cache folder.

    Examples
    --------
    >>> cache_folder().is_absolute()
    True
    """
    if chosen := os.environ.get("SERTOOLS_CACHE"):
        return Path(chosen).expanduser().absolute()
    import platformdirs

    return platformdirs.user_cache_path("sertools", appauthor=False)


def download(
    url: str,
    target: str | os.PathLike,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
    progress: bool = True,
    connections: int = 1,
    retries: int = 5,
    timeout: float = 60.0,
    max_seconds: float = 86_400.0,
    max_bytes: int = 4_000_000_000,
) -> Path:
    """Download a file from the net, or the rest of it after a break.

    The file appears under its name only once it is whole and passes the checks. A
    file that is already there and passes them is left as it is, and no server is
    asked. What arrived before a break or Ctrl-C is kept, and the next call goes on
    from there if the server still has the same version of the file.

    Parameters
    ----------
    url : str
        An http or https address. ``$SERTOOLS_MIRROR`` replaces its scheme and
        host; ``{host}`` in it stands for the host.
    target : path-like
        Where the file should be, name included. Folders are made as needed.
    md5, sha256 : str, optional
        Checksums, hexadecimal.
    size : int, optional
        Length in bytes.
    progress : bool, default True
        Show size, speed and time left on standard error.
    connections : int, default 1
        How many connections to use at most, where the server sends parts of
        files. One is not worth fewer than 4 MB.
    retries : int, default 5
        How often to try again when the connection breaks or the server is busy
        (408, 425, 429, 5xx) and nothing new has arrived. The pauses grow from
        half a second; a longer Retry-After is honoured, up to five minutes.
    timeout : float, default 60
        Seconds without a byte after which a connection counts as lost.
    max_seconds : float, default 86400
        Seconds after which the whole is given up.
    max_bytes : int, default 4 GB
        The most bytes of a file of which neither checksum nor size is given.

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    ValueError
        If the address is none, if size or checksum differ, or if a web page comes
        where `target` is an archive or audio; what arrived is removed then.
    FileNotFoundError, PermissionError
        If the server has no such file, or it or a proxy does not hand it out.
    ConnectionError, TimeoutError
        If the server cannot be reached, stays busy or leads from https to http, or
        if `max_seconds` are over; what arrived is kept.
    OSError
        If the disk is full; what arrived is removed.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "notes.txt"
    >>> _ = target.write_text("here")
    >>> download("https://example.org/notes.txt", target, size=4).name
    'notes.txt'
    """
    target, source = Path(target), _address(url)
    checks = {"md5": md5, "sha256": sha256, "size": size}
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: name the file in it, too.")
    if target.exists() and not _fault(target, **checks):
        return target
    with _opened(target, source) as transfer:
        transfer.size, transfer.checked = size, bool(md5 or sha256)
        transfer.connections, transfer.retries = max(1, connections), retries
        transfer.timeout, transfer.max_seconds = timeout, max_seconds
        transfer.max_bytes = max_bytes
        transfer.run(progress)
        if not transfer.checked and size is None:
            transfer.check_kind()
        if found := _fault(transfer.path, **checks):
            raise ValueError(
                f"{target.name} from {source}: {found}. What arrived was removed; run "
                "the same again. If it differs again, the published file has changed."
            )
        os.replace(transfer.path, target)
        transfer.remove()
    return target


def sha256(path: str | os.PathLike) -> str:
    """Compute the SHA-256 checksum of a file.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> sha256(os.devnull)[:12]
    'e3b0c44298fc'
    """
    return _digest(path, "sha256")


def verify(
    path: str | os.PathLike,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
) -> None:
    """Verify the checksums and the size of a file, as its publisher gives them.

    Parameters
    ----------
    path : path-like
        The file.
    md5, sha256 : str, optional
        Its checksums, hexadecimal, in any case.
    size : int, optional
        Its length in bytes.

    Raises
    ------
    ValueError
        If one of them differs; the message gives both values.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> verify(os.devnull, md5="d41d8cd98f00b204e9800998ecf8427e")
    >>> verify(os.devnull, size=5)
    Traceback (most recent call last):
    ValueError: /dev/null: it has 0 bytes, not 5.
    """
    if found := _fault(path, md5, sha256, size):
        raise ValueError(f"{os.fspath(path)}: {found}.")


def unpack(
    archive: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    max_bytes: int = 50_000_000_000,
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
    try:
        draft.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(error, folder) from None
    with _unpacking(archive, folder):
        try:
            check = _Check(archive, draft, max_bytes, members)
            for member in _members(archive, check):
                _write(member, draft)
            if check.unmatched:
                missing = ", ".join(check.unmatched)
                raise ValueError(f"it holds nothing called {missing}")
            os.replace(draft, place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return folder


def _fault(path, md5=None, sha256=None, size=None) -> str | None:
    """Say how a file differs from what is promised of it, if it does."""
    if size is not None and (there := os.stat(path).st_size) != size:
        return f"it has {there} bytes, not {size}"
    for kind, promised in (("md5", md5), ("sha256", sha256)):
        promised = (promised or "").strip().lower()
        if promised and (found := _digest(path, kind)) != promised:
            return f"its {kind} is {found}, not {promised}"
    return None


def _digest(path, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()


def _unwritable(error: OSError, path: Path) -> OSError:
    """Put into words why a file cannot be written."""
    if error.errno in _FULL:
        told = OSError(
            f"No room on the disk for {path.name} in {path.parent}. Free some space, "
            "or set SERTOOLS_CACHE to a folder on a larger disk."
        )
    else:
        told = type(error)(
            f"Cannot write {path.name} in {path.parent} ({error.strerror}). Choose "
            "another folder, for example with SERTOOLS_CACHE."
        )
    told.errno = error.errno
    return told


def _in_time(action: Callable, deadline: float):
    """Do something that may come to no end, such as a head sent byte by byte."""
    answers: queue.SimpleQueue = queue.SimpleQueue()

    def act() -> None:
        try:
            answers.put((action(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=act, daemon=True).start()
    try:
        value, error = answers.get(timeout=max(0.001, deadline - time.monotonic()))
    except queue.Empty:
        raise TimeoutError("it comes too slowly") from None
    if error is not None:
        raise error
    return value


def _address(url: str) -> str:
    """Check an address, and move it to the mirror if one is set."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        told = f"{url!r} is not an http or https address ({error})."
        raise ValueError(told) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https address.")
    url = url.partition("#")[0]
    if mirror := os.environ.get("SERTOOLS_MIRROR", "").strip().rstrip("/"):
        scheme = urllib.parse.urlsplit(mirror).scheme
        if scheme not in ("http", "https", "file"):
            raise ValueError(
                f"SERTOOLS_MIRROR={mirror!r} is not an address: begin it with "
                "https://, http:// or file:///"
            )
        url = mirror.replace("{host}", parts.hostname) + (parts.path or "/")
        if parts.query and scheme != "file":
            url += f"?{parts.query}"
    return urllib.parse.quote(url, safe="%/:=&?~+!$,;'@()*[]")


class _Again(Exception):
    """What went wrong this time, but may go well the next, perhaps from the start."""

    def __init__(self, reason: str, wait: float = 0.0, afresh: bool = False):
        super().__init__(reason)
        self.wait, self.afresh = wait, afresh


@contextlib.contextmanager
def _opened(target: Path, url: str) -> Iterator["_Transfer"]:
    """Hold what has arrived of a file; after an error it is kept if it is of use."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        file = _held(target.with_name(f".{target.name}.part"))
    except BlockingIOError:
        raise ConnectionError(
            f"{target} is being fetched by another process: wait for it or end it."
        ) from None
    except OSError as error:
        raise _unwritable(error, target) from None
    with file:
        transfer = _Transfer(target, url, file)
        try:
            yield transfer
        except BaseException as error:
            full = isinstance(error, OSError) and error.errno in _FULL
            useless = full or isinstance(error, ValueError) or not transfer.received
            with contextlib.suppress(OSError):
                transfer.remove() if useless else transfer.keep()
            raise


def _held(path: Path) -> io.FileIO:
    """Open a file that no other call holds."""
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
    return _held(path)


class _Transfer:
    """Bring over a file into a hidden one, however often the connection breaks.

    `gaps` lists the bytes that are missing as [start, stop]; while no length is known,
    there is one, without a stop. A note beside the file keeps them for the next call.
    """

    def __init__(self, target: Path, url: str, file: io.FileIO):
        self.target, self.url, self.file = target, url, file
        self.path = target.with_name(f".{target.name}.part")
        self.note = target.with_name(f".{target.name}.part.json")
        self.draft = target.with_name(f".{target.name}.part.json.new")
        self.lock, self.kept = threading.Lock(), time.monotonic()
        self.recall()

    @property
    def received(self) -> int:
        if self.total is None:
            return self.gaps[0][0]
        return self.total - sum(stop - start for start, stop in self.gaps)

    def recall(self) -> None:
        """Take up what an earlier call left, if one can tell what it is."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            self.total, self.version = note["total"], note["version"]
            self.gaps = [[int(start), stop] for start, stop in note["gaps"]]
            there = self.path.stat().st_size
            if note["url"] == self.url and self.received <= note["length"] <= there:
                return
        except (OSError, ValueError, LookupError, TypeError):
            pass
        self.clear()

    def keep(self) -> None:
        """Note what is missing; without that, nobody could go on."""
        try:
            note = {"url": self.url, "total": self.total, "version": self.version}
            note |= {"gaps": self.gaps, "length": self.path.stat().st_size}
            self.draft.write_text(json.dumps(note), encoding="utf-8")
            os.replace(self.draft, self.note)
        except OSError as error:
            self.remove()
            raise _unwritable(error, self.target) from None

    def clear(self) -> None:
        self.total, self.version, self.gaps = None, None, [[0, None]]
        self.file.truncate(0)

    def remove(self) -> None:
        for path in (self.path, self.note, self.draft):
            path.unlink(missing_ok=True)

    def run(self, progress: bool) -> None:
        """Go on until nothing is missing, or nothing new comes."""
        from tqdm import tqdm

        self.deadline = time.monotonic() + self.max_seconds
        failures, best = 0, self.received
        shown = {"desc": self.target.name, "initial": best, "disable": not progress}
        with tqdm(**shown, **_BAR) as self.bar:
            while self.gaps:
                try:
                    self.attempt()
                except _Again as again:
                    failures = 0 if self.received >= best + _CHUNK else failures
                    failures += not again.afresh or not self.received
                    best = max(best, self.received)
                    backoff = min(_LONGEST, _BACKOFF * 2 ** (failures - 1))
                    again.wait = max(again.wait, backoff * random.uniform(0.75, 1.25))
                    if final := self.given_up(again, failures):
                        raise final from None
                    self.pause(again)

    def attempt(self) -> None:
        """Bring over a gap, or as many as there are connections."""
        if not self.received or not (self.checked or self.version):
            self.clear()
        reply = self.ask(self.gaps[0])
        ranges = reply.status == 206 or reply.headers.get("Accept-Ranges") == "bytes"
        if not (ranges and self.total and (self.checked or self.version)):
            self.connections = 1
        while len(self.gaps) < self.connections:
            start, stop = longest = max(self.gaps, key=lambda gap: gap[1] - gap[0])
            if stop - start < 2 * _PIECE:
                break
            longest[1] = middle = (start + stop) // 2
            self.gaps.insert(self.gaps.index(longest) + 1, [middle, stop])
        self.bar.total, self.bar.n = self.total, self.received
        self.bar.refresh()
        self.together(self.gaps[: self.connections], reply)

    def together(self, gaps: list, reply) -> None:
        """Bring a gap over each connection; the first is open already."""
        errors, self.stopped = [], False

        def watched(*given) -> None:
            try:
                self.bring(*given)
            except BaseException as error:
                errors.append(error)
                if not isinstance(error, _Again) or error.afresh:
                    self.stopped = True  # a mere break leaves the others to finish

        jobs = [(gaps[0], reply), *((gap,) for gap in gaps[1:])]
        threads = [threading.Thread(target=watched, args=j, daemon=True) for j in jobs]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            with self.lock:  # from here on no thread writes, not even after Ctrl-C
                self.stopped = True
                self.gaps = [gap for gap in self.gaps if gap[0] != gap[1]]
        if errors:
            raise min(errors, key=lambda e: isinstance(e, _Again) and not e.afresh)

    def bring(self, gap: list, reply=None) -> None:
        """Store the bytes of a gap as they come."""
        with reply or self.ask(gap) as reply:
            while gap[0] != gap[1]:
                room = _CHUNK if gap[1] is None else min(_CHUNK, gap[1] - gap[0])
                with self.network():
                    chunk = reply.read1(room)
                if not chunk and gap[1] is not None:
                    raise _Again("the connection was cut")
                with self.lock:
                    if self.stopped:
                        return
                    if not chunk:
                        self.total = gap[1] = gap[0]
                    self.store(chunk, gap)
                if time.monotonic() > self.deadline:
                    raise _Again("it comes too slowly")

    def store(self, chunk: bytes, gap: list) -> None:
        """Write a chunk at the start of a gap, and look at what has come."""
        rest, first = memoryview(chunk), gap[0] < 1024
        try:
            self.file.seek(gap[0])
            while rest:
                rest = rest[self.file.write(rest) :]
        except OSError as error:
            raise _unwritable(error, self.target) from None
        gap[0] += len(chunk)
        self.bar.update(len(chunk))
        self.check_length(gap[0])
        if first and gap[0] >= 1024:
            self.check_kind()
        if time.monotonic() - self.kept > _KEPT_EVERY:
            self.keep()
            self.kept = time.monotonic()

    def check_length(self, length: int) -> None:
        if self.size is not None and length > self.size:
            raise ValueError(f"{self.url} has more than {self.size} bytes.")
        if not self.checked and self.size is None and length > self.max_bytes:
            raise ValueError(
                f"{self.url} has more than {self.max_bytes} bytes, the limit for a "
                "file without a checksum; if that is right, raise max_bytes."
            )

    def check_kind(self) -> None:
        """Look at the first bytes: pages and pointers come where files are gone."""
        self.file.seek(0)
        head = self.file.read(1024)
        if re.match(_PAGE, head) and self.target.suffix.lower() not in _IS_PAGE:
            raise ValueError(
                f"{self.url} is a web page, not a {self.target.suffix} file: open the "
                "address in a browser to see what it says. Nothing was kept."
            )
        if head.startswith(_POINTER):
            raise ValueError(f"{self.url} is a Git LFS pointer, not the file itself.")

    def ask(self, gap: list):
        """Request a gap, and give a reply that fits what has arrived."""
        from urllib.request import Request, getproxies

        (start, stop), headers = gap, {"User-Agent": f"sertools/{__version__}"}
        if not (whole := start == 0 and stop == self.total):
            headers["Range"] = f"bytes={start}-{'' if stop is None else stop - 1}"
            if self.version:
                headers["If-Range"] = self.version
        asked = Request(self.url, headers=headers)
        seconds = max(0.001, min(self.timeout, self.deadline - time.monotonic()))
        opener = _opener(tuple(getproxies().items()))
        with self.network(asked):
            reply = _in_time(lambda: opener.open(asked, timeout=seconds), self.deadline)
        try:
            self.learn(reply.status or 200, reply.headers, start, whole)
            needed = (self.total or 0) - self.received
            if needed > shutil.disk_usage(self.path.parent).free:
                raise _unwritable(OSError(errno.ENOSPC, "no room"), self.target)
        except BaseException:
            reply.close()
            raise
        return reply

    def learn(self, status: int, headers, start: int, whole: bool) -> None:
        """Take from a reply what the file is, or whether it goes on where we are."""
        form, length = r"bytes (\d+)-\d+/(\d+|\*)", headers.get("Content-Length", "")
        span = re.fullmatch(form, headers.get("Content-Range", ""))
        length = "" if "Transfer-Encoding" in headers else length
        length = span[2] if span else length
        total = int(length) if length.isdigit() else None
        etag = headers.get("ETag") or "W/"
        version = headers.get("Last-Modified") if etag.startswith("W/") else etag
        if status == 200 and whole:
            if None not in (self.size, total) and self.size != total:
                raise ValueError(
                    f"{self.url} has {total} bytes, not {self.size}: it is not the "
                    "file that was asked for. Nothing was kept."
                )
            self.total, self.version, self.gaps = total, version, [[0, total]]
        elif status == 200:
            raise _Again("only the whole file can be had", afresh=True)
        elif status != 206:
            raise ConnectionError(f"{self.url} answered {status}.")
        elif (
            not span
            or int(span[1]) != start
            or (total and self.total and total != self.total)
            or (version and self.version and version != self.version)
        ):
            raise _Again("the file has changed on the server", afresh=True)
        elif self.total is None:
            self.total = self.gaps[0][1] = total
        self.check_length(total or 0)

    @contextlib.contextmanager
    def network(self, asked=None) -> Iterator[None]:
        """Tell what may go well the next time from what will not, and whose it is."""
        from http.client import HTTPException

        try:
            yield
        except (OSError, HTTPException, ValueError) as error:
            host = asked.host if asked else ""  # that of a proxy, if one was asked
            direct = host in ("", urllib.parse.urlsplit(self.url).netloc)
            proxy = "" if direct else f"the proxy {host}"
            silence = min(self.timeout, self.max_seconds)
            raise _breakdown(self.url, error, silence, proxy) from None

    def given_up(self, again: _Again, failures: int) -> Exception | None:
        """Say that it is enough, if it is."""
        kind, told = ConnectionError, f"{self.url}: {again}"
        if time.monotonic() + again.wait >= self.deadline:
            kind = TimeoutError
            told += f"; given up after max_seconds={self.max_seconds:g}"
        elif again.wait > _PATIENCE:
            told += f" and asks to wait {again.wait:.0f} s"
        elif failures > self.retries:
            told += f"; given up after {failures} attempts"
        else:
            return None
        if not self.received:
            return kind(f"{told}. Check the network, or run the same again later.")
        kept = f"{self.received / 1e6:.1f} MB are kept"
        return kind(f"{told}. {kept}: run the same again to go on from there.")

    def pause(self, again: _Again) -> None:
        """Wait as long as the server asks, and longer after each failure."""
        if again.afresh:
            self.clear()
            self.connections = 1
            return
        self.bar.set_postfix_str(f"{again}, again in {again.wait:.0f} s")
        time.sleep(again.wait)
        self.bar.set_postfix_str("")


@functools.cache  # to read the authorities takes longer than to fetch a small file
def _opener(proxies: tuple):
    """Make an opener for http, https and file addresses."""
    import ssl
    from urllib import error, request

    class Redirects(request.HTTPRedirectHandler):
        def redirect_request(self, req, fp, code, msg, headers, newurl):
            http = newurl.startswith("http:") and req.full_url.startswith("http:")
            if not (http or newurl.startswith("https:")):
                raise error.URLError(
                    f"it leads on to {newurl}, which is not https: on the way anybody "
                    "could change it. Look for another address of the file"
                )
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    https = request.HTTPSHandler(context=ssl.create_default_context())
    return request.build_opener(request.ProxyHandler(dict(proxies)), https, Redirects)


def _refusal(url: str, code: int, told: str, headers, proxy: str) -> Exception:
    """Put an error status into words: a proxy's, if one is named, or the server's."""
    if code == 416:
        return _Again("the file has changed on the server", afresh=True)
    if code in (408, 425, 429) or code >= 500:
        wait = _seconds(headers.get("Retry-After", ""))
        return _Again(f"{proxy or 'the server'} answered {code} {told}", wait)
    kind, line = _REFUSALS.get(code, ConnectionError), f"answered {code} {told}"
    if proxy:
        return kind(
            f"{url}: {proxy} {line}. Ask whoever runs it, or change HTTPS_PROXY, "
            "HTTP_PROXY or NO_PROXY."
        )
    return kind(
        f"{url} {line}. Open the address in a browser to see what became of it; "
        "SERTOOLS_MIRROR=<address> fetches from another server."
    )


def _seconds(retry_after: str) -> float:
    """Read a Retry-After: seconds, or a date.

    >>> _seconds("7"), _seconds("Fri, 31 Dec 1999 23:59:59 GMT"), _seconds("soon")
    (7.0, 0.0, 0.0)
    """
    from email.utils import parsedate_to_datetime

    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except ValueError:
        return 0.0


def _breakdown(url: str, error: Exception, timeout: float, proxy: str) -> Exception:
    """Put a failed connection into words."""
    from http.client import InvalidURL
    from urllib.error import HTTPError, URLError

    if isinstance(error, HTTPError):
        error.close()
        own = error.code == 407 or "X-Squid-Error" in error.headers
        told = error.code, shortened(error.reason, 100), error.headers
        return _refusal(url, *told, proxy if own else "")
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, InvalidURL):
        return ValueError(f"{url!r} is not an address: {reason}.")
    if isinstance(reason, str):
        told = "it leads in a circle" if "infinite loop" in reason else reason
        return ConnectionError(f"{url}: {shortened(' '.join(told.split()), 300)}.")
    if isinstance(reason, ValueError) and not isinstance(reason, OSError):
        return ConnectionError(f"{url}: it leads on to what is no address ({reason}).")
    if url.startswith("file:") and isinstance(reason, OSError):
        return type(reason)(f"{url}: {reason.strerror}. SERTOOLS_MIRROR points there.")
    if told := getattr(reason, "verify_message", None):
        return ConnectionError(
            f"{url}: the server's certificate cannot be verified ({told}). If others "
            "can, tell Python where your certificates are: "
            'export SSL_CERT_FILE="$(python -m certifi)"'
        )
    if refused := re.match(r"Tunnel connection failed: (\d+) ?(.*)", str(reason)):
        return _refusal(url, int(refused[1]), refused[2], {}, proxy or "the proxy")
    told = "the connection was cut"
    if isinstance(reason, TimeoutError):
        told = f"no answer for {timeout:g} s"
    elif isinstance(reason, OSError) and reason.strerror:
        told = reason.strerror.lower()
    return _Again(f"{proxy}: {told}" if proxy else told)


class _Member(NamedTuple):
    """A file or folder in an archive: what it claims to be, and how to read it."""

    name: str
    size: int
    is_folder: bool
    objection: str | None
    open: Callable[[], BinaryIO]


class _Check:
    """Look at each member before anything of it is written."""

    def __init__(self, archive: Path, draft: Path, max_bytes: int, members):
        self.packed, self.free = archive.stat().st_size, shutil.disk_usage(draft).free
        self.max_bytes = max_bytes
        self.patterns = [members] if isinstance(members, str) else list(members or ())
        self.unmatched, self.everything = set(self.patterns), members is None
        self.members = self.all_bytes = self.wanted_bytes = 0

    def __call__(self, member: _Member) -> bool:
        """Say whether it is wanted; refuse what no corpus needs, or is too much."""
        objection = _objection(member.name) or member.objection
        if objection or member.size < 0:
            raise ValueError(f"{member.name!r} {objection or 'has a negative size'}")
        matching = {p for p in self.patterns if fnmatchcase(member.name, p)}
        self.unmatched -= matching
        wanted = self.everything or bool(matching)
        self.members += 1
        self.all_bytes += member.size
        self.wanted_bytes += member.size if wanted else 0
        if self.members > _MAX_MEMBERS:
            raise ValueError(f"it holds more than {_MAX_MEMBERS} members")
        if self.all_bytes > max(_HARMLESS, _RATIO * self.packed):
            raise ValueError(
                f"its {self.packed} bytes would grow to {self.all_bytes} or more, "
                f"over {_RATIO} times as many"
            )
        if self.wanted_bytes > self.max_bytes:
            raise ValueError(
                f"it holds {self.wanted_bytes} bytes or more, above the limit of "
                f"{self.max_bytes}; if that is right, raise max_bytes"
            )
        if self.wanted_bytes > self.free:
            raise OSError(errno.ENOSPC, "no room")
        return wanted


def _objection(name: str) -> str | None:
    """Say what is wrong with the path of a member."""
    if name.startswith("/") or re.match("[A-Za-z]:", name):
        return "is an absolute path"
    if "\\" in name or "\0" in name or not name:
        return "is not a path that every system reads alike"
    return "leads out of the folder" if ".." in name.split("/") else None


def _members(archive: Path, check: _Check) -> Iterator[_Member]:
    """Give what is wanted of an archive; of a zip, after all is checked."""
    with open(archive, "rb") as file:
        start = file.read(8)
    if start.startswith(b"PK"):
        with zipfile.ZipFile(archive) as zipped:
            members = [_in_zip(zipped, info) for info in zipped.infolist()]
            yield from [member for member in members if check(member)]
        return
    opener = next(
        (o for sign, o in _COMPRESSED.items() if start.startswith(sign)), open
    )
    with opener(archive, "rb") as file, _tar(file, start) as tar:
        while (info := tar.next()) is not None:
            tar.members.clear()  # it would remember every header
            if check(member := _in_tar(tar, info)):
                yield member
        for _ in range(16):
            if file.read(_CHUNK).strip(b"\0"):
                raise tarfile.ReadError("something follows after its end")


def _in_zip(zipped: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    kind, why = stat.S_IFMT(info.external_attr >> 16), None
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        why = "is a link or a device"
    elif info.flag_bits & 1:
        why = "is encrypted"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        why = "is compressed in an unusual way"
    name, read = info.orig_filename, functools.partial(zipped.open, info)
    return _Member(name, info.file_size, info.is_dir(), why, read)


def _in_tar(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    why = None if info.isreg() or info.isdir() else "is a link or a device"
    size, read = info.size, functools.partial(tar.extractfile, info)
    return _Member(info.name, size if info.isreg() else 0, info.isdir(), why, read)


def _tar(file: BinaryIO, start: bytes) -> tarfile.TarFile:
    """Open a tar to be read in sips: a long header is a bomb, too."""

    def sip(size: int) -> bytes:
        if not 0 <= size <= 2 * _CHUNK:
            raise tarfile.ReadError("a header is absurdly long")
        return file.read(size)

    stream = SimpleNamespace(read=sip, seek=file.seek, tell=file.tell)
    try:
        return tarfile.open(fileobj=stream, mode="r:")
    except tarfile.ReadError:
        raise ValueError(
            f"it is damaged, or no zip or tar; it begins with {start!r}"
        ) from None


def _write(member: _Member, draft: Path) -> None:
    """Write a member, and not a byte more than its header says."""
    path = draft.joinpath(*PurePosixPath(member.name).parts)
    if member.is_folder:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with member.open() as source, open(path, "xb") as target:
        while chunk := source.read(_CHUNK):
            written += len(chunk)
            if written > member.size:
                break
            target.write(chunk)
    if written != member.size:
        raise ValueError(f"{member.name!r} is not as long as its header says")


@contextlib.contextmanager
def _unpacking(archive: Path, folder: Path) -> Iterator[None]:
    """Say in one line what became of it."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        twice = Path(error.filename).name
        reason = f"it holds two things called {twice!r}. Nothing was unpacked."
    except ValueError as error:
        reason = f"{error}. Nothing was unpacked."
    except (OSError, EOFError, NotImplementedError, *_DAMAGED) as error:
        if getattr(error, "errno", None) is not None:
            raise _unwritable(error, folder) from None
        reason = f"it is damaged ({error}). Remove it and fetch it again."
    else:
        return
    raise ValueError(f"{archive}: {reason}")
