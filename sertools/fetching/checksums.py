"""Compare a file with what its publisher says of it."""

import hashlib
import os
from pathlib import Path

__all__ = ["fault", "sha256", "verify"]


def sha256(path: str | os.PathLike) -> str:
    """Compute the sha256 of a file.

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
    """Check a file against what its publisher says of it.

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
    if found := fault(path, md5=md5, sha256=sha256, size=size):
        raise ValueError(f"{os.fspath(path)}: {found}.")


def fault(
    path: str | os.PathLike,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    size: int | None = None,
) -> str | None:
    """Say how a file differs from what is promised of it, if it does.

    Examples
    --------
    >>> fault(os.devnull, size=5)
    'it has 0 bytes, not 5'
    """
    if size is not None and (there := Path(path).stat().st_size) != size:
        return f"it has {there} bytes, not {size}"
    for kind, promised in (("md5", md5), ("sha256", sha256)):
        if promised:
            promised, found = promised.strip().lower(), _digest(path, kind)
            if found != promised:
                return f"its {kind} is {found}, not {promised}"
    return None


def _digest(path: str | os.PathLike, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, kind).hexdigest()
