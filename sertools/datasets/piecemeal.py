"""Fetch a corpus clip by clip, over several connections."""

import errno
import os
import shutil
import threading
from pathlib import Path, PurePosixPath

from sertools import fetching
from sertools.datasets.base import Dataset
from sertools.datasets.official import Official, official

__all__ = ["bring"]

CONNECTIONS = 6
"""How many clips are fetched at once."""


def bring(dataset: Dataset, downloads: Path, progress: bool) -> Path:
    """Download clip by clip, each checked against its published sha256.

    Parameters
    ----------
    dataset : Dataset
        A corpus with a ``clip_url``.
    downloads : Path
        Folder for what has arrived; a second call goes on from there.
    progress : bool
        Show size, speed and time left.

    Returns
    -------
    Path
        The folder that holds it.

    Raises
    ------
    FileNotFoundError, PermissionError, ConnectionError, ValueError, OSError
        If a clip cannot be had, is not the published one, or cannot be written;
        the message says how many clips are kept.
    """
    clips, folder = official(dataset.name), downloads / "clips"
    inner = folder / PurePosixPath(dataset.clip_url).parent.name
    _make_sure_of_room(inner, clips)
    errors, todo, lock = [], list(reversed(clips.items())), threading.Lock()

    def work() -> None:
        while not errors:
            with lock:
                if not todo:
                    return
                clip, known = todo.pop()
            try:
                _bring_one(dataset.clip_url.format(clip=clip), inner, known)
            except Exception as error:
                errors.append(error)
                return
            with lock:
                bar.update(known.bytes)

    with _bar(dataset, clips, progress) as bar:
        _run(work, todo)
    if errors:
        kept = sum(not name.startswith(".") for name in os.listdir(inner))
        raise type(errors[0])(
            f"{errors[0]} {kept} of {len(clips)} clips are kept: run the same again "
            "for the rest."
        )
    return folder


def _run(work, todo: list) -> None:
    """Let threads work until nothing is left; after Ctrl-C, to the end of a clip."""
    threads = [threading.Thread(target=work, daemon=True) for _ in range(CONNECTIONS)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        todo.clear()


def _bring_one(url: str, folder: Path, known: Official) -> None:
    fetching.download(
        url,
        folder / PurePosixPath(url).name,
        sha256=known.sha256,
        size=known.bytes,
        progress=False,
    )


def _make_sure_of_room(folder: Path, clips: dict[str, Official]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    here = sum(entry.stat().st_size for entry in os.scandir(folder))
    needed = sum(known.bytes for known in clips.values()) - here
    if needed > (free := shutil.disk_usage(folder).free):
        raise OSError(
            errno.ENOSPC,
            f"no room: {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are "
            "free. Free some space, or set SERTOOLS_CACHE to a folder on a larger disk",
            str(folder),
        )


def _bar(dataset: Dataset, clips: dict[str, Official], progress: bool):
    from tqdm import tqdm

    return tqdm(
        desc=dataset.name,
        total=sum(known.bytes for known in clips.values()),
        unit="B",
        unit_scale=True,
        disable=not progress,
        mininterval=0.2,
        dynamic_ncols=True,
    )
