"""The published SHA-256 of every clip of the corpora that have them."""

import csv
import functools
import gzip
from pathlib import Path
from typing import NamedTuple

__all__ = ["Official", "official"]


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
    path = Path(__file__).parent / "checksums" / f"{name}.tsv.gz"
    if not path.is_file():
        return {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return {
            row["clip"]: Official(int(row["bytes"]), row["sha256"])
            for row in csv.DictReader(file, delimiter="\t")
        }
