"""Find a corpus by its name: the folder of this file is the list."""

import difflib
import importlib
import os
import pkgutil
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from sertools import fetching
from sertools import labels as emotion_table
from sertools.datasets.base import Dataset
from sertools.display import Card
from sertools.metadata import ClipsMetadata

_CORPORA: dict[str, Dataset] = {}


def _corpus(name: str) -> Dataset:
    """Import one corpus's file, and make the class that bears its name."""
    if name not in _CORPORA:
        module = importlib.import_module(f"sertools.datasets.{name}")
        _CORPORA[name] = next(
            value()
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, Dataset)
            and getattr(value, "name", None) == name
        )
    return _CORPORA[name]


def names() -> list[str]:
    """List the corpora that can be loaded.

    Returns
    -------
    list of str
        Sorted names.

    Examples
    --------
    >>> "emodb" in names()
    True
    """
    package = importlib.import_module("sertools.datasets")
    files = {
        entry.name
        for entry in pkgutil.iter_modules(package.__path__)
        if not entry.name.startswith("_")
    }
    return sorted(files - {"base"} | set(_CORPORA))


def get(name: str) -> Dataset:
    """Get a corpus's facts by its name.

    Raises
    ------
    ValueError
        If there is no such corpus; the message lists them.
    """
    if name not in names():
        near = difflib.get_close_matches(str(name).lower(), names(), n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(
            f"Unknown dataset {name!r}.{hint} Known: {', '.join(names())}."
        )
    return _corpus(name)


def card(name: str) -> Card:
    """Give the facts about a corpus: size, classes, licence, reference.

    Parameters
    ----------
    name : str
        One of `names`.

    Returns
    -------
    Card
        A dict that shows itself as a table.

    Raises
    ------
    ValueError
        If there is no such corpus.

    Examples
    --------
    >>> card("emodb")["n_clips"]
    535
    """
    return get(name).card()


def find(name: str, root: str | os.PathLike | None = None) -> Path:
    """Find the folder of a corpus.

    Looked for in this order: `root`, ``$SERTOOLS_DATA/<name>``,
    ``data/<name>`` in the current folder, what travels with the package, the
    user cache.

    Parameters
    ----------
    name : str
        One of `names`.
    root : path-like, optional
        A folder that overrides the search; for ``folder`` also a table file.

    Returns
    -------
    Path
        The folder (or table) to load; it exists unless `root` was given.

    Raises
    ------
    FileNotFoundError
        If it is nowhere; the message is the command that fetches it.
    ValueError
        If there is no such corpus.
    """
    dataset = get(name)
    if root:
        return Path(root).expanduser()
    for place in _places(dataset):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{name}: not on this machine. {dataset.remedy()}")


def _places(dataset: Dataset) -> list[Path]:
    places = [Path("data", dataset.name), *dataset.bundled_paths(), cache(dataset.name)]
    if folder := os.environ.get("SERTOOLS_DATA"):
        places.insert(0, Path(folder).expanduser() / dataset.name)
    return places


def cache(name: str) -> Path:
    """Give the folder in the user cache that a corpus is fetched into."""
    return fetching.cache_folder() / "datasets" / name


def load(
    name: str,
    root: str | os.PathLike | pd.DataFrame | None = None,
    merge: Mapping[str, str] | None = None,
    columns: Mapping[str, str] | None = None,
    labels: Mapping[str, str | None] | None = None,
) -> pd.DataFrame:
    """Load a corpus's table of clips. No audio is read.

    Parameters
    ----------
    name : str
        One of `names`.
    root : path-like or DataFrame, optional
        Where it lies; see `find` for where it is looked for otherwise. A
        DataFrame is a table of your own files, for ``folder``.
    merge : mapping, optional
        Emotions to fold, for example ``{"calm": "neutral"}``.
    columns : mapping, optional
        For a table: its columns to ours, for example ``{"file": "path"}``. The
        usual names are found without.
    labels : mapping, optional
        For your own recordings: words of yours to emotions, for example
        ``{"cheerful": "happy", "anxiety": None}``; ``None`` leaves clips out.

    Returns
    -------
    DataFrame
        Indexed by ``clip`` (``"emodb/03a01Fa"``), with the columns path,
        emotion, label, speaker, sex, text, intensity, dataset, and whatever
        further columns a table of your own has; unknown values are missing.
        ``attrs["excluded"]`` lists the files left out, each with its reason;
        `sertools.metadata.ClipsMetadata` holds that and what else is known.

    Raises
    ------
    FileNotFoundError
        If it is not there; the message is the command that fetches it.
    ValueError
        If the corpus or an emotion is unknown.

    Examples
    --------
    >>> clips = load("demo")
    >>> clips["dataset"].unique().tolist()
    ['demo']
    """
    dataset = get(name)
    place = root if isinstance(root, pd.DataFrame) else find(name, root)
    if name == "folder":
        clips = dataset.load(place, columns, labels)
    elif columns or labels or place is root:
        raise ValueError(
            f"{name}: columns=, labels= and a DataFrame are for tables of your own "
            "recordings: the dataset 'folder'."
        )
    else:
        clips = dataset.load(place)
    if merge:
        clips["emotion"] = emotion_table.merged(clips["emotion"], merge)
    return clips


def select(
    clips: pd.DataFrame,
    emotions: str | Iterable[str] | None = None,
    max_clips: int = 0,
    seed: int = 0,
) -> pd.DataFrame:
    """Choose clips by emotion, and at most so many of them.

    Parameters
    ----------
    clips : DataFrame
        A clips table.
    emotions : str or iterable of str, optional
        Emotions to keep, as a list or as ``"angry,happy"``; all if empty.
    max_clips : int, default 0
        Keep at most so many, drawn evenly over speakers and emotions; 0 keeps
        all.
    seed : int, default 0
        Of the draw.

    Returns
    -------
    DataFrame
        The clips kept, in their order; `sertools.metadata.ClipsMetadata` counts
        the others as ``filtered``, by reason.

    Raises
    ------
    ValueError
        If an emotion is unknown or the clips have none of it, or `max_clips`
        is negative.

    Examples
    --------
    >>> from sertools import datasets
    >>> len(select(datasets.load("demo"), "angry,sad", max_clips=16))
    16
    """
    if max_clips < 0:
        raise ValueError(f"max_clips must be 0 (all) or more, not {max_clips}.")
    if emotions is None:
        emotions = ()
    wanted = emotions.split(",") if isinstance(emotions, str) else emotions
    wanted = [emotion_table.canonical(word) for word in wanted if word.strip()]
    filtered = Counter(ClipsMetadata.of(clips).filtered)
    chosen = clips
    if wanted:
        here = set(clips["emotion"])
        if absent := [name for name in wanted if name not in here]:
            raise ValueError(
                f"No clips of {', '.join(absent)}. Here: {', '.join(sorted(here))}."
            )
        chosen = clips[clips["emotion"].isin(wanted)]
        filtered["emotion not asked for"] += len(clips) - len(chosen)
    if max_clips and max_clips < len(chosen):
        filtered["beyond max_clips"] += len(chosen) - max_clips
        chosen = chosen[chosen.index.isin(_draw(chosen, max_clips, seed))]
    told = {why: n for why, n in filtered.items() if n}
    return ClipsMetadata.update(chosen.copy(), filtered=told)


def _draw(clips: pd.DataFrame, n: int, seed: int) -> pd.Index:
    """Draw one clip of each speaker and emotion, then a second of each, and so on."""
    shuffled = clips.sample(frac=1, random_state=seed)
    cells = [shuffled["speaker"].fillna(""), shuffled["emotion"]]
    turn = shuffled.groupby(cells).cumcount()
    return turn.sort_values(kind="stable").index[:n]
