"""Fetch copies of corpora from Kaggle."""

import contextlib
import io
import logging
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from sertools import extras, fetching
from sertools.datasets.base import Dataset

__all__ = ["bring", "page"]

PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further attempt; what has arrived is kept."""

_PATIENCE = 300.0  # the longest Retry-After, in seconds, that is waited for


def page(handle: str) -> str:
    """Give the address at which a copy is described."""
    return f"https://www.kaggle.com/datasets/{handle}"


def bring(dataset: Dataset, downloads: Path, progress: bool) -> Path:
    """Download a corpus's copy on Kaggle through kagglehub, or from the mirror if set.

    Parameters
    ----------
    dataset : Dataset
        A corpus with a copy on Kaggle.
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
    ModuleNotFoundError
        If kagglehub is not installed.
    ConnectionError
        If Kaggle cannot be reached or does not hand it out.
    """
    if os.environ.get("SERTOOLS_MIRROR"):
        return _mirrored(dataset, downloads, progress)
    with _surroundings(downloads, progress):
        hub = extras.require("kagglehub")
        logging.getLogger("kagglehub").setLevel(logging.ERROR)
        for pause in (*PAUSES, None):
            try:
                return Path(hub.dataset_download(dataset.kaggle))
            except Exception as error:  # of many kinds, and none of ours
                wait = _wait(error, pause)
                if wait is None:
                    raise _in_words(error, dataset) from error
                time.sleep(wait)


def _mirrored(dataset: Dataset, downloads: Path, progress: bool) -> Path:
    file, folder = downloads / f"{dataset.name}.zip", downloads / "unpacked"
    url = f"https://www.kaggle.com/api/v1/datasets/download/{dataset.kaggle}"
    fetching.download(url, file, progress=progress)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        return fetching.unpack(file, folder)
    except ValueError:
        file.unlink()  # no checksum vouched for it
        raise


@contextlib.contextmanager
def _surroundings(downloads: Path, progress: bool) -> Iterator[None]:
    """Make kagglehub use our folder, and keep its messages out of the way."""
    mine = {"KAGGLEHUB_CACHE": str(downloads), "KAGGLEHUB_VERBOSITY": "error"}
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    quiet = contextlib.nullcontext() if progress else _silence()
    try:
        with quiet:
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _silence():
    return contextlib.redirect_stderr(io.StringIO())


def _wait(error: Exception, pause: float | None) -> float | None:
    """Say how long to wait before the next attempt; None: it is of no use."""
    if pause is None or not isinstance(error, OSError):
        return None
    reply = getattr(error, "response", None)
    if reply is None:
        return None if error.errno else pause  # errno: of the disk, not the network
    if reply.status_code not in (408, 425, 429) and reply.status_code < 500:
        return None
    asked = reply.headers.get("Retry-After", "")
    seconds = float(asked) if asked.isdigit() else 0.0
    return max(seconds, pause) if seconds <= _PATIENCE else None


def _in_words(error: Exception, dataset: Dataset) -> Exception:
    """Put into one line what kagglehub tells in many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    reason = " ".join(lines[:2]).rstrip(".") or type(error).__name__
    kind = OSError if getattr(error, "errno", None) else ConnectionError
    return kind(
        f"{dataset.title} from Kaggle: {reason}. What has arrived is kept; by hand, it "
        f"is at {page(dataset.kaggle)}: unpack it and name its folder (--root)."
    )
