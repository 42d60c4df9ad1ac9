"""Download a corpus into the user cache: its licence accepted, whole or not at all."""

import contextlib
import errno
import io
import logging
import os
import shutil
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from sertools import extras, fetching
from sertools.datasets._files import Official, official
from sertools.datasets._registry import cache, get
from sertools.datasets.base import Dataset

CLIP_CONNECTIONS = 6
"""How many clips are fetched at once."""


def fetch_clip_by_clip(dataset: Dataset, downloads: Path, progress: bool) -> Path:
    """Download clip by clip, each checked against its published sha256."""
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
    threads = [
        threading.Thread(target=work, daemon=True) for _ in range(CLIP_CONNECTIONS)
    ]
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


PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each further attempt; what has arrived is kept."""

_PATIENCE = 300.0  # the longest Retry-After, in seconds, that is waited for


def kaggle_page(handle: str) -> str:
    """Give the address at which a copy is described."""
    return f"https://www.kaggle.com/datasets/{handle}"


def fetch_from_kaggle(dataset: Dataset, downloads: Path, progress: bool) -> Path:
    """Download a corpus's copy on Kaggle through kagglehub, or from the mirror."""
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
        f"is at {kaggle_page(dataset.kaggle)}: unpack it and name its folder "
        "(--root)."
    )


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
        return fetch_clip_by_clip, False
    if dataset.kaggle:
        return fetch_from_kaggle, True
    raise ValueError(f"{dataset.name}: nothing to download. {dataset.remedy()}")


def _question(dataset: Dataset, kaggle: bool, from_kaggle: bool) -> str | None:
    """Say what has to be accepted first, and how."""
    if dataset.commercial and not from_kaggle:
        return None
    terms = f"{dataset.title} is licensed {dataset.license}"
    terms += "" if dataset.commercial else ": no commercial use"
    if from_kaggle:
        owner, page = dataset.kaggle.split("/")[0], kaggle_page(dataset.kaggle)
        terms += f". This copy was uploaded by {owner}; its own terms stand at {page}"
    option = " --kaggle" if kaggle else ""
    return (
        f"{terms}. Please cite {_citation(dataset)}. "
        f"Accept with: sertools fetch {dataset.name} --yes{option}"
    )


def _tell(dataset: Dataset, from_kaggle: bool) -> None:
    from tqdm import tqdm

    where = f" From {kaggle_page(dataset.kaggle)}." if from_kaggle else ""
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
