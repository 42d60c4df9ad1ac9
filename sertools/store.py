"""Keep features by the content of the audio, so that nothing is computed twice."""

import contextlib
import hashlib
import json
import os
import sqlite3
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import fetching, files

__all__ = ["Entry", "Store"]

_TABLES = """
CREATE TABLE IF NOT EXISTS described (
    key TEXT PRIMARY KEY, value TEXT NOT NULL, checksum BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS clips (
    audio BLOB PRIMARY KEY, vector BLOB NOT NULL, silent INTEGER NOT NULL,
    checksum BLOB NOT NULL
) WITHOUT ROWID;
"""

_AT_ONCE = 500  # SQLite takes that many values in one question everywhere


class Entry(NamedTuple):
    """What is known of one clip.

    Parameters
    ----------
    vector : ndarray of shape (d,), float32
        Its features.
    silent : bool
        Whether the clip is silent.
    """

    vector: np.ndarray
    silent: bool


class Store:
    """A folder of features, found by audio bytes and by what computed them.

    Each system, with its parameters and package versions, has one SQLite file
    in it. Any number of processes can read and write at once, and a process
    killed at any moment leaves every file sound. Each row has a checksum: one
    that a disk or a hand has changed is not believed, and computed again.

    Parameters
    ----------
    folder : path-like, optional
        ``$SERTOOLS_STORE`` if not given, else the user cache.

    Examples
    --------
    >>> import tempfile
    >>> store = Store(tempfile.mkdtemp())
    >>> store.put({"system": "x"}, ["a"], {b"1": Entry(np.ones(1, "f4"), False)})
    >>> store.get({"system": "x"}, [b"1", b"2"])[b"1"].vector.tolist()
    [1.0]
    """

    def __init__(self, folder: str | os.PathLike | None = None):
        chosen = folder or os.environ.get("SERTOOLS_STORE")
        default = fetching.cache_folder() / "store"
        self.folder = Path(chosen).expanduser() if chosen else default

    def path(self, signature: Mapping[str, str]) -> Path:
        """Give the file that keeps what one system computed."""
        text = json.dumps(dict(signature), sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()[:16]
        return self.folder / f"{signature.get('system', 'fusion')}-{digest}.sqlite"

    def get(
        self, signature: Mapping[str, str], audio: Iterable[bytes]
    ) -> dict[bytes, Entry]:
        """Look clips up.

        Parameters
        ----------
        signature : mapping of str to str
            What computes the features; see ``Model.signature``.
        audio : iterable of bytes
            SHA-256 of each clip's file.

        Returns
        -------
        dict of bytes to Entry
            Those that are known.

        Raises
        ------
        OSError
            If the file is damaged or cannot be read; the message names it.
        """
        if self.names(signature) is None:
            return {}
        wanted, found, damaged = list(dict.fromkeys(audio)), {}, 0
        with self._open(signature) as database:
            for first in range(0, len(wanted), _AT_ONCE):
                part = wanted[first : first + _AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = database.execute(
                    "SELECT audio, vector, silent, checksum FROM clips "
                    f"WHERE audio IN ({marks})",
                    part,
                )
                for key, vector, silent, checksum in rows:
                    if checksum == _checksum(key, vector, silent):
                        found[key] = Entry(np.frombuffer(vector, "<f4"), bool(silent))
                    else:
                        damaged += 1
        if damaged:
            self._warn(signature, f"{damaged} damaged rows are computed again")
        return found

    def names(self, signature: Mapping[str, str]) -> list[str] | None:
        """Give the names of the features; ``None`` where nothing is kept yet."""
        if not self.path(signature).exists():
            return None
        with self._open(signature) as database:
            row = database.execute(
                "SELECT value, checksum FROM described WHERE key = 'names'"
            ).fetchone()
        if row and row[1] != _checksum("names", row[0]):
            self._warn(signature, "the names are damaged: all is computed again")
            return None
        return json.loads(row[0]) if row else None

    def put(
        self,
        signature: Mapping[str, str],
        names: list[str],
        entries: Mapping[bytes, Entry],
    ) -> None:
        """Keep clips' features; all of them, or none if the process is killed.

        Parameters
        ----------
        signature : mapping of str to str
            What computed them.
        names : list of str
            Names of the features.
        entries : mapping of bytes to Entry
            By SHA-256 of each clip's file.

        Raises
        ------
        OSError
            If the file is damaged or cannot be written; the message names it.
        """
        rows = [
            (key, np.asarray(entry.vector, "<f4").tobytes(), int(entry.silent))
            for key, entry in entries.items()
        ]
        about = {"signature": json.dumps(dict(signature)), "names": json.dumps(names)}
        with self._open(signature) as database, database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT OR REPLACE INTO described VALUES (?, ?, ?)",
                [(key, value, _checksum(key, value)) for key, value in about.items()],
            )
            database.executemany(
                "INSERT OR REPLACE INTO clips VALUES (?, ?, ?, ?)",
                [(*row, _checksum(*row)) for row in rows],
            )

    @contextlib.contextmanager
    def lock(self, signature: Mapping[str, str], corpora: str) -> Iterator[None]:
        """Compute for some corpora with one system, while nobody else does.

        Others wait, and then find in the store what they would have computed.
        Where the file system knows no locks, nobody waits, and some work may be
        done twice.

        Parameters
        ----------
        signature : mapping of str to str
            What computes the features.
        corpora : str
            Names of the corpora that the clips are from.
        """
        name = hashlib.sha256(corpora.encode()).hexdigest()[:8]
        path = self.path(signature).with_suffix(f".{name}.lock")
        with contextlib.ExitStack() as stack:
            with contextlib.suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(files.holding(path))
            yield

    def _warn(self, signature: Mapping[str, str], what: str) -> None:
        told = f"Feature store {self.path(signature)}: {what}."
        warnings.warn(told, stacklevel=3)

    @contextlib.contextmanager
    def _open(self, signature: Mapping[str, str]) -> Iterator[sqlite3.Connection]:
        path = self.path(signature)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(path, timeout=60)) as database:
                database.executescript(_TABLES)
                yield database
        except (sqlite3.Error, OSError) as error:
            raise OSError(
                f"Feature store {path}: {error}. Remove that file, or point "
                "SERTOOLS_STORE to another folder."
            ) from error


def _checksum(*parts: bytes | str | int) -> bytes:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        content = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.digest()
