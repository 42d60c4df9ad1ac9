"""What a notebook on Kaggle left behind, fetched through kagglehub."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sertools import atomic
from sertools.extras import require

__all__ = ["outputs"]


def outputs(handle: str, folder: Path, progress: bool = True) -> Path:
    """Fetch the output files of a kernel into a folder.

    Parameters
    ----------
    handle : str
        ``owner/kernel``.
    folder : Path
        Where they should be. If it is there, it is left as it is.
    progress : bool, default True
        Show it on standard error.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ModuleNotFoundError
        If kagglehub is not installed.
    ConnectionError
        If Kaggle does not hand them out; in one line.
    """
    if folder.is_dir():
        return folder
    downloads = folder.with_name(f"{folder.name}-downloads")
    with _settings(downloads, progress):
        hub = require("kagglehub")
        try:
            given = Path(hub.notebook_output_download(handle))
        except Exception as error:  # of many kinds, and none of ours
            reason = " ".join(str(error).split()).partition(". ")[0]
            reason = reason.partition(" (Caused by")[0].rstrip(".")  # by pages of it
            raise ConnectionError(
                f"Kaggle does not hand out the outputs of {handle} ({reason})."
            ) from error
    with atomic.replacing(folder) as draft:
        shutil.copytree(given, draft)
    shutil.rmtree(downloads, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _settings(downloads: Path, progress: bool) -> Iterator[None]:
    """Make kagglehub use our folder, and keep its messages to itself."""
    mine = {"KAGGLEHUB_CACHE": str(downloads), "KAGGLEHUB_VERBOSITY": "error"}
    before = {name: os.environ.get(name) for name in mine}
    os.environ.update(mine)
    try:
        with contextlib.ExitStack() as stack:
            if not progress:
                nowhere = stack.enter_context(open(os.devnull, "w"))
                stack.enter_context(contextlib.redirect_stderr(nowhere))
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
