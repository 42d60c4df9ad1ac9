"""Keep features by the content of the audio, so that nothing is computed twice."""

import contextlib
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import fetching, files

__all__ = ["Entry", "Store"]

_TABLES = """
CREATE TABLE IF NOT EXISTS about (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS features (
    audio BLOB PRIMARY KEY, vector BLOB NOT NULL, silent INTEGER NOT NULL
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
    killed at any moment leaves every file sound.

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
        if not self.path(signature).exists():
            return {}
        wanted, found = list(dict.fromkeys(audio)), {}
        with self._open(signature) as database:
            for first in range(0, len(wanted), _AT_ONCE):
                part = wanted[first : first + _AT_ONCE]
                marks = ",".join("?" * len(part))
                rows = database.execute(
                    "SELECT audio, vector, silent FROM features "
                    f"WHERE audio IN ({marks})",
                    part,
                )
                for key, vector, silent in rows:
                    found[key] = Entry(np.frombuffer(vector, "<f4"), bool(silent))
        return found

    def names(self, signature: Mapping[str, str]) -> list[str] | None:
        """Give the names of the features; ``None`` where nothing is kept yet."""
        if not self.path(signature).exists():
            return None
        with self._open(signature) as database:
            row = database.execute(
                "SELECT value FROM about WHERE key = 'names'"
            ).fetchone()
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
        about = {"signature": dict(signature), "names": names}
        with self._open(signature) as database, database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany(
                "INSERT OR IGNORE INTO about VALUES (?, ?)",
                [(key, json.dumps(value)) for key, value in about.items()],
            )
            database.executemany("INSERT OR REPLACE INTO features VALUES (?,?,?)", rows)

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
