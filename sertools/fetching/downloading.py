"""Download a file: resumed after a break, checked, and never half-done in place."""

import os
import urllib.parse
from pathlib import Path

from sertools.fetching.checksums import fault
from sertools.fetching.part import opened

__all__ = ["cache_folder", "download"]


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
) -> Path:
    """Fetch a file from the net, or the rest of it after a break.

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

    Returns
    -------
    Path
        `target`.

    Raises
    ------
    ValueError
        If the address is none, or if size or checksum differ; what arrived is
        removed then.
    FileNotFoundError, PermissionError
        If the server has no such file, or does not hand it out.
    ConnectionError
        If the server cannot be reached or stays busy; what arrived is kept.
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
    target = Path(target)
    checks = {"md5": md5, "sha256": sha256, "size": size}
    source = address(url)
    if target.is_dir():
        raise IsADirectoryError(f"{target} is a folder: name the file in it, too.")
    if target.exists() and not fault(target, **checks):
        return target
    from sertools.fetching.transfer import Transfer  # urllib and ssl take their time

    with opened(target, source) as part, _bar(part, target, progress) as bar:
        Transfer(
            part,
            bar,
            size=size,
            checked=bool(md5 or sha256),
            connections=connections,
            retries=retries,
        ).run()
        if found := fault(part.path, **checks):
            raise ValueError(
                f"{target.name} from {source}: {found}. What arrived was removed; run "
                "the same again. If it differs again, the published file has changed."
            )
        part.settle(target)
    return target


def address(url: str) -> str:
    """Check an address, and move it to the mirror if one is set.

    Raises
    ------
    ValueError
        If it is not an http or https address, or the mirror is none.

    Examples
    --------
    >>> address("https://example.org/a b.zip")
    'https://example.org/a%20b.zip'
    """
    parts = urllib.parse.urlsplit(url)
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


def _bar(part, target: Path, progress: bool):
    from tqdm import tqdm

    return tqdm(
        desc=target.name,
        initial=part.received,
        total=part.total,
        unit="B",
        unit_scale=True,
        disable=not progress,
        mininterval=0.2,
        dynamic_ncols=True,
    )
