"""The published SHA-256 of every clip of the corpora that have them."""

import functools
import gzip
from pathlib import Path
from typing import NamedTuple

__all__ = ["Official", "official"]

FOLDER = Path(__file__).parent / "checksums"
"""One list a corpus: clip, bytes and sha256, with tabs between them."""


class Official(NamedTuple):
    """One clip, as its owner published it.

    Parameters
    ----------
    bytes : int
        Size of the file.
    sha256 : str
        Its checksum, in hex.
    """

    bytes: int
    sha256: str


@functools.cache
def official(name: str) -> dict[str, Official]:
    """List the clips of a corpus as its owner published them.

    Parameters
    ----------
    name : str
        Name of a corpus.

    Returns
    -------
    dict of str to Official
        By the clip's name within the corpus; empty where no list is known.

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
