"""Pretrained weights: found, fetched, and told apart by their SHA-256."""

import functools
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sertools import fetching, trust

TINY = "tiny"
"""Given as weights: a small random checkpoint of the right architecture."""


_SAFE = ".safetensors"
_UNREAD = (".msgpack", ".onnx", ".ot", ".md", ".png", ".wav")  # of no system
_MOST = 10_000  # files of a system
_POINTER = 1024  # bytes that a pointer of Git LFS has at most


@dataclass(frozen=True)
class Source:
    """One file to fetch."""

    url: str
    megabytes: float
    path: str = ""
    sha256: str | None = None
    unpack: bool = False


def find(model) -> Path:
    """Look for a system's weights: as given, in $SERTOOLS_WEIGHTS, in the cache."""
    if model.weights:
        path = Path(model.weights).expanduser()
        if path.exists():
            return pulled(path)
        raise FileNotFoundError(f"{model.spec}: no weights at {path}: no such file.")
    for folder in _folders():
        if (path := folder / model.weights_subpath()).exists():
            return pulled(path)
    raise FileNotFoundError(_absent(model))


def pulled(path: Path) -> Path:
    """Refuse what Git LFS leaves in the place of weights, in folders, too.

    Beside weights as safetensors, those of other kinds are not read.
    """
    files = [path] if path.is_file() else list(_inside(path))
    pointers = [file for file in files if _is_pointer(file)]
    real = {f.parent for f in files if f.suffix == _SAFE and f not in pointers}
    for file in pointers:
        if file.suffix == _SAFE or file.parent not in real:
            raise ValueError(
                f"{file}: a Git LFS pointer, not weights. Fetch them with: git lfs pull"
            )
    return path


def _is_pointer(file: Path) -> bool:
    from sertools.audio._headers import is_lfs_pointer

    if file.suffix in _UNREAD or file.stat().st_size > _POINTER:
        return False
    with trust.opened(file) as opened:
        return is_lfs_pointer(opened.read(_POINTER))


def _inside(folder: Path) -> Iterator[Path]:
    """Give a folder's files but hidden ones, if they can be those of one system."""
    for number, file in enumerate(folder.rglob("*")):
        if number > _MOST:
            raise ValueError(f"{folder}: no folder of weights: too many files.")
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part.startswith(".") for part in parts):
            yield file


def here(given: str, spec: str) -> Path:
    """Take weights that a file names only as what is here, and never from afar."""
    path = Path(given).expanduser()
    if "://" in given or given.startswith(("\\\\", "//")) or not path.exists():
        raise FileNotFoundError(
            f"{spec}: its card names weights that are not here, {given[:200]!r}, and "
            "nothing is fetched at the word of a file. Put them there, or train it "
            "again: sertools train --help"
        )
    return path.absolute()


def _folders() -> list[Path]:
    chosen = os.environ.get("SERTOOLS_WEIGHTS")
    own = [Path(chosen).expanduser()] if chosen else []
    return [*own, fetching.cache_folder() / "weights"]


def _absent(model) -> str:
    """Say how weights can be had."""
    sources = model.sources.get(model.variant_, ())
    if not sources:
        return f"{model.spec} needs weights: {model.remedy()}"
    size = sum(source.megabytes for source in sources)
    return (
        f"{model.spec}: its weights are not here. "
        f"Fetch them with: sertools fetch {model.spec} ({size:.0f} MB)"
    )


def fetch(model, progress: bool = True) -> Path:
    """Download a system's weights into the user cache."""
    cache = fetching.cache_folder() / "weights"
    target = cache / model.weights_subpath()
    if target.exists():
        return target
    sources = model.sources.get(model.variant_, ())
    if not sources:
        raise ValueError(f"{model.spec}: nothing to download. {model.remedy()}")
    downloads = cache / "downloads" / model.spec.replace(":", "-").replace("/", "-")
    whole = downloads / "whole"
    shutil.rmtree(whole, ignore_errors=True)
    for number, source in enumerate(sources):
        file = downloads / f"{number}-{_name(source.url)}"
        checks = {"sha256": source.sha256, "progress": progress}
        fetching.download(source.url, file, **checks)
        if source.unpack:
            fetching.unpack(file, whole)
            continue
        place = whole / source.path if source.path else whole
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(whole, target)
    except OSError:  # another process was quicker
        if not target.exists():
            raise
    shutil.rmtree(downloads, ignore_errors=True)
    return target


def _name(url: str) -> str:
    return url.partition("?")[0].rstrip("/").rsplit("/", 1)[-1]


def digest(path: Path) -> str:
    """Give the SHA-256 of a file, or of a folder's files and their names."""
    if path.is_file():
        return _of_file(path)
    total = hashlib.sha256()
    for file in sorted(_inside(path)):
        name = file.relative_to(path).as_posix()
        total.update(f"{name}\t{_of_file(file)}\n".encode())
    return total.hexdigest()


def _of_file(path: Path) -> str:
    about = path.stat()
    return _remembered(path, about.st_size, about.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _remembered(path: Path, size: int, changed: int) -> str:
    return fetching.sha256(path)
