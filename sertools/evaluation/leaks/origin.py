"""Whose recordings are these? Files compared with what corpora published."""

import functools
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sertools import datasets
from sertools.datasets.official import official

__all__ = ["Origin", "published_as"]


class Origin(NamedTuple):
    """The published recording that a file is, byte by byte.

    Parameters
    ----------
    dataset, clip, speaker : str
        The corpus, and the names that `datasets.load` gives.
    emotion : str
        As its owner has it.
    """

    dataset: str
    clip: str
    speaker: str
    emotion: str


@functools.cache
def _everything() -> dict[str, tuple[str, str]]:
    """Map the SHA-256 of every published clip to its corpus and name."""
    return {
        each.sha256: (name, clip)
        for name in datasets.names()
        for clip, each in reversed(official(name).items())
    }


def published_as(clips: pd.DataFrame, digests: pd.Series) -> dict[str, Origin]:
    """Recognise published recordings that go under another corpus's name.

    Only files that are the same byte by byte are recognised: of those that were
    published, the checksums are known here and not the sound.

    Parameters
    ----------
    clips : DataFrame
        A clips table.
    digests : Series of str
        SHA-256 of each clip's file, by clip.

    Returns
    -------
    dict of str to Origin
        By clip; those that are in their own corpus are not in it.
    """
    found = {}
    for clip, digest in digests.dropna().items():
        name, stem = _everything().get(digest, (None, None))
        if name and name != clips.at[clip, "dataset"]:
            found[clip] = _described(name, stem)
    return found


def _described(name: str, stem: str) -> Origin:
    import re

    dataset = datasets.get(name)
    path = Path(f"{stem}.wav")
    row = dataset.row(path, re.fullmatch(dataset.pattern, path.name, re.IGNORECASE))
    return Origin(name, f"{name}/{stem}", row["speaker"], row["emotion"])
