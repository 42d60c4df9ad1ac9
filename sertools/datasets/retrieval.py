"""Download a corpus into the user cache: its licence accepted, whole or not at all."""

import os
import shutil
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sertools import fetching
from sertools.datasets import kaggle as kaggle_copies
from sertools.datasets import piecemeal
from sertools.datasets.base import Dataset
from sertools.datasets.official import official
from sertools.datasets.registry import cache, get

__all__ = ["fetch"]

CONNECTIONS = 4
"""How many parts of an archive are fetched at once, where its host allows."""


def fetch(
    name: str, yes: bool = False, progress: bool = True, kaggle: bool = False
) -> Path:
    """Download a corpus into the user cache.

    It comes from its owner, or from Kaggle where its owner offers no download.
    What arrived before a break or Ctrl-C is kept for the next call; the corpus
    takes its place only once it is whole.

    Parameters
    ----------
    name : str
        One of `names`.
    yes : bool, default False
        Accept the licence: asked for where it excludes commercial use, and for
        copies on Kaggle, whose page states it.
    progress : bool, default True
        Show the licence, what to cite, and size, speed and time left, on
        standard error.
    kaggle : bool, default False
        Take the copy on Kaggle even where its owner offers a download.

    Returns
    -------
    Path
        The folder it lies in. One that is already there is left as it is.

    Raises
    ------
    ValueError
        If there is no such corpus, nothing to download, the licence has to be
        accepted first, or what came is not the corpus.
    ModuleNotFoundError
        If it comes from Kaggle and kagglehub is not installed.
    ConnectionError, OSError
        If the download fails; a second call resumes it.

    Notes
    -----
    ``$SERTOOLS_MIRROR`` takes the place of scheme and host; a copy on Kaggle is
    then expected at its path ``/api/v1/datasets/download/<owner>/<name>``.

    Examples
    --------
    >>> fetch("savee")
    Traceback (most recent call last):
    ValueError: savee: nothing to download. Register with the University of ...
    """
    dataset, target = get(name), cache(name)
    if target.is_dir():
        return target
    bring, from_kaggle = _way(dataset, kaggle)
    if not yes and (question := _question(dataset, kaggle, from_kaggle)):
        raise ValueError(question)
    if progress:
        _tell(dataset, from_kaggle)
    downloads = target.parent / "downloads" / name
    folder = bring(dataset, downloads, progress)
    _check(dataset, folder, compare=from_kaggle)
    _settle(folder, target)
    shutil.rmtree(downloads, ignore_errors=True)
    return target


def _way(dataset: Dataset, kaggle: bool):
    """Choose where it comes from."""
    if kaggle and not dataset.kaggle:
        raise ValueError(f"{dataset.name}: no copy on Kaggle is known.")
    if dataset.sources and not kaggle:
        return _archives, False
    if dataset.clip_url and not kaggle:
        return piecemeal.bring, False
    if dataset.kaggle:
        return kaggle_copies.bring, True
    raise ValueError(f"{dataset.name}: nothing to download. {dataset.mend()}")


def _question(dataset: Dataset, kaggle: bool, from_kaggle: bool) -> str | None:
    """Say what has to be accepted first, and how."""
    if dataset.commercial and not from_kaggle:
        return None
    terms = f"{dataset.title} is licensed {dataset.license}"
    terms += "" if dataset.commercial else ": no commercial use"
    if from_kaggle:
        owner, page = dataset.kaggle.split("/")[0], kaggle_copies.page(dataset.kaggle)
        terms += f". This copy was uploaded by {owner}; its own terms stand at {page}"
    option = " --kaggle" if kaggle else ""
    return (
        f"{terms}. Please cite {_citation(dataset)}. "
        f"Accept with: sertools fetch {dataset.name} --yes{option}"
    )


def _tell(dataset: Dataset, from_kaggle: bool) -> None:
    from tqdm import tqdm

    where = f" From {kaggle_copies.page(dataset.kaggle)}." if from_kaggle else ""
    tqdm.write(
        f"{dataset.title}: licence {dataset.license}.{where} "
        f"Please cite {_citation(dataset)}.",
        file=sys.stderr,
    )


def _citation(dataset: Dataset) -> str:
    return dataset.citation or dataset.reference


def _archives(dataset: Dataset, downloads: Path, progress: bool) -> Path:
    """Download and unpack the owner's archives."""
    folder = downloads / "unpacked"
    shutil.rmtree(folder, ignore_errors=True)
    for archive in dataset.sources:
        file = downloads / archive.url.rsplit("/", 1)[-1]
        fetching.download(
            archive.url,
            file,
            md5=archive.md5,
            sha256=archive.sha256,
            size=archive.bytes,
            progress=progress,
            connections=CONNECTIONS,
        )
        several = len(dataset.sources) > 1
        fetching.unpack(file, folder / file.stem if several else folder)
    return folder


def _check(dataset: Dataset, folder: Path, compare: bool) -> None:
    """Make sure that it is the corpus; compare what came without a checksum."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            clips = dataset.load(folder)
    except FileNotFoundError:
        shutil.rmtree(folder, ignore_errors=True)
        raise ValueError(
            f"{dataset.name}: what came holds no clips of {dataset.title}; "
            "it was removed."
        ) from None
    published = official(dataset.name) if compare else {}
    with ThreadPoolExecutor() as threads:
        digests = threads.map(fetching.sha256, clips["path"] if compare else ())
        found = dict(zip(clips.index, digests, strict=False))
    right = sum(
        found.get(f"{dataset.name}/{name}") == known.sha256
        for name, known in published.items()
    )
    if right < len(published):
        warnings.warn(
            f"Only {right} of {len(published)} clips are as {dataset.title} was "
            f"published; what is wrong says: sertools audit {dataset.name}",
            stacklevel=3,
        )


def _settle(folder: Path, target: Path) -> None:
    """Give the folder its place, unless another process was quicker."""
    try:
        os.replace(folder, target)
    except OSError:
        if not target.is_dir():
            raise
