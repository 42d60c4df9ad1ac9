"""The folder that training writes: whole, and never over other things."""

import atexit
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sertools import atomic
from sertools.models.heads.saved import CARD, HEAD

__all__ = ["check_out", "facts", "replacing", "temporary"]


def check_out(out: str | os.PathLike) -> Path:
    """Refuse a place that holds something else than what `train` saves.

    Raises
    ------
    FileExistsError
        One line names the place.
    """
    folder = Path(out).expanduser()
    if folder.is_dir():
        there = {path.name for path in folder.iterdir()}
        strange = {name for name in there - {CARD, HEAD} if ".keras" not in name}
        if not there or (CARD in there and not strange):
            return folder
        raise FileExistsError(
            f"{folder}: holds other things ({sorted(strange or there)[0]}). "
            "Give a new folder."
        )
    if folder.exists():
        raise FileExistsError(f"{folder}: a file. Give a new folder.")
    return folder


def facts(folder: str | os.PathLike) -> dict:
    """Read what `train` wrote on the card of a folder."""
    return json.loads((Path(folder).expanduser() / CARD).read_text(encoding="utf-8"))


@contextlib.contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Give a draft folder that takes the place of `folder` once it is whole."""
    with atomic.replacing(folder) as draft:
        draft.mkdir()
        yield draft
        if folder.is_dir():
            shutil.rmtree(folder)


def temporary() -> Path:
    """Give a folder that goes when Python ends."""
    place = Path(tempfile.mkdtemp(prefix="sertools-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place / "trained"
