"""Extract features or scores: from the store what is known, from workers the rest."""

import contextlib
import hashlib
import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from sertools import files
from sertools import progress as bars
from sertools.datasets.base import in_words
from sertools.features._cluster import answers_from
from sertools.features._workers import ModelFailure, Response, answers
from sertools.metadata import ClipsMetadata, FeaturesMetadata
from sertools.models._own_object import as_system
from sertools.models.base import Classifier, Embedder, Model
from sertools.models.fusion import SEPARATOR, Fusion
from sertools.store import Entry, Store


def megabytes(model: Model) -> float | None:
    """Measure the files of a system's weights.

    Examples
    --------
    >>> from sertools.models import load
    >>> megabytes(load("opensmile"))
    0.0
    """
    if model.random_weights:
        return None
    if isinstance(model, Fusion):
        sizes = [megabytes(part) for part in model.parts]
        return None if None in sizes else sum(sizes)
    if model.weights_sha256() is None:
        return 0.0
    if not model.has_weights:  # an ensemble, whose members have them
        return None
    below = megabytes(model.embedder) if hasattr(model, "embedder") else 0.0
    return None if below is None else below + _bytes(model.weights_path()) / 1e6


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())


def extract(
    model: Embedder,
    clips: pd.DataFrame,
    store: Store | str | os.PathLike | bool | None = None,
    jobs: int = -1,
    progress: bool = True,
    strict: bool = False,
    scheduler: str | None = None,
) -> pd.DataFrame:
    """Extract features of clips.

    What was computed before, for the same audio bytes by the same system, is
    taken from the store; the rest is put there as it is done, so that
    interrupted work resumes. A clip that cannot be used never stops the
    others: it is listed with its reason.

    Parameters
    ----------
    model : Embedder
        As `sertools.models.load` gives.
    clips : DataFrame
        A clips table, with the column ``path``.
    store : Store, path-like or False, optional
        Where features are kept: the default store if not given, nowhere if
        ``False``.
    jobs : int, default -1
        Worker processes; -1 is one a core, 1 works in this process.
    progress : bool, default True
        Show a bar.
    strict : bool, default False
        Raise if a clip cannot be used.
    scheduler : str, optional
        Address of a Dask cluster that does the work in place of processes here,
        such as ``"tcp://10.0.0.1:8786"``. It must see the clips under the same
        paths; only this process writes the store.

    Returns
    -------
    DataFrame of shape (n, d), float32
        One row a usable clip, in the order of `clips`. Its metadata (see
        `sertools.metadata.FeaturesMetadata`) hold what was ``excluded`` (clip and
        reason, those of `clips` included), ``silent`` clips that are used,
        ``model``, ``random_weights``, ``weights_sha256``, ``training_corpora`` and
        ``corpus_sha256``; also ``megabytes`` of weights, and ``seconds_per_clip``
        on the clock, with all that it took to load, decode and compute: ``None``
        where the store gave any of it, for then nothing was measured.

    Raises
    ------
    ValueError
        If `model` is no embedder, no clip can be used, or, with `strict`, one
        cannot.

    Examples
    --------
    >>> from sertools import datasets, models
    >>> clips = datasets.select(datasets.load("demo"), max_clips=2)
    >>> extract(models.load("duration_loudness"), clips, store=False, jobs=1).shape
    (2, 2)
    """
    if not isinstance(model, Model):
        model = as_system(model, "embed")
    if not hasattr(model, "embed"):
        raise ValueError(
            f"{getattr(model, 'spec', model)} gives no features: it classifies by "
            "itself. Evaluate it with evaluation.predict, without a head."
        )
    if isinstance(model, Fusion):
        parts = [
            extract(part, clips, store, jobs, progress, strict, scheduler)
            for part in model.parts
        ]
        return _joined(model, clips, parts)
    return _rows(model, "embed", clips, store, jobs, progress, strict, scheduler)


def score(
    model: Classifier,
    clips: pd.DataFrame,
    store: Store | str | os.PathLike | bool | None = None,
    jobs: int = -1,
    progress: bool = True,
    strict: bool = False,
) -> pd.DataFrame:
    """Score clips with a model that classifies by itself.

    Parameters and errors are those of `extract`.

    Returns
    -------
    DataFrame of shape (n, k), float32
        One row a usable clip, one column an emotion, rows summing to one;
        metadata as for `extract`.
    """
    if not isinstance(model, Model):
        model = as_system(model, "predict_proba")
    if not hasattr(model, "predict_proba"):
        raise ValueError(
            f"{getattr(model, 'spec', model)} gives features, not emotions. "
            "Train a head on them: --head svm, or evaluation.cross_validate."
        )
    return _rows(model, "predict_proba", clips, store, jobs, progress, strict)


def _rows(
    model: Model, method: str, clips, store, jobs, progress, strict, scheduler=None
) -> pd.DataFrame:
    if not clips.index.is_unique:
        twice = clips.index[clips.index.duplicated()][0]
        raise ValueError(f"Clip {twice} is there twice. Each needs a name of its own.")
    keeper = _store(store) if model.stored else None
    digests, failures = _digests(clips)
    signature = model.signature()
    if method != "embed":  # a system may give features and scores
        signature |= {"answer": method}
    known = keeper.get(signature, digests.values()) if keeper else {}
    names = keeper.names(signature) if keeper and known else None
    # absolute: a worker keeps the current folder that it was started in
    paths = {digests[clip]: os.path.abspath(clips.at[clip, "path"]) for clip in digests}
    reasons: dict[bytes, str] = {}
    pace = None
    if paths.keys() - known.keys():
        with _alone(keeper, signature, clips):
            if keeper:  # another process may have been at it
                known |= keeper.get(signature, paths.keys() - known.keys())
                names = keeper.names(signature)
            todo = {key: path for key, path in paths.items() if key not in known}
            start = time.perf_counter()
            answered = _answered(model, method, todo, jobs, progress, scheduler)
            with contextlib.closing(answered):  # an error here stops the workers
                for some in answered:
                    done = some.done.items()
                    entries = {key: a for key, a in done if isinstance(a, Entry)}
                    reasons |= {key: a for key, a in done if isinstance(a, str)}
                    if entries:
                        names = some.names
                        known |= entries
                    if keeper and entries:
                        keeper.put(signature, names, entries)
            if len(todo) == len(paths):  # nothing came from the store
                pace = (time.perf_counter() - start) / len(todo)
    failures |= {c: reasons[key] for c, key in digests.items() if key in reasons}
    used = {clip: known[key] for clip, key in digests.items() if key in known}
    if strict and failures:
        raise ValueError(_refusal(failures))
    X = _table(model, clips, names, used, failures, digests)
    return FeaturesMetadata.update(X, seconds_per_clip=pace)


def _alone(keeper: Store | None, signature, clips: pd.DataFrame):
    """Let processes that want the same features take turns: the second finds them."""
    if keeper is None:
        return contextlib.nullcontext()
    corpora = sorted(set(clips["dataset"])) if "dataset" in clips else []
    return keeper.lock(signature, ",".join(corpora))


def _answered(
    model: Model,
    method: str,
    todo: dict[bytes, str],
    jobs: int,
    progress: bool,
    scheduler: str | None,
) -> Iterator[Response]:
    """Ask for what is missing, and show how far it is."""
    if not todo:
        return
    if not model.run_in_workers:
        _ = model.backend  # what is wrong with its weights is no clip's fault
    if method == "predict_proba":
        _ = model.classes_
    with bars.bar(len(todo), model.spec, shown=progress) as counter:
        if scheduler:
            answered = answers_from(scheduler, model, method, todo)
        else:
            answered = answers(model, method, todo, jobs)
        with contextlib.closing(answered):
            for some in answered:
                yield some
                counter.update(len(some.done))


def _store(store) -> Store | None:
    if store is False:
        return None
    if isinstance(store, Store):
        return store
    return Store(None if store is True else store)


def _digests(clips: pd.DataFrame) -> tuple[dict[str, bytes], dict[str, str]]:
    """Hash every clip's file; name those that cannot be read."""

    def digest(path: str) -> bytes | str:
        try:
            with files.open_regular(path) as file:
                return hashlib.file_digest(file, "sha256").digest()
        except (FileNotFoundError, ValueError) as error:
            return str(error).removeprefix(f"{path}: ").rstrip(".")
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    with ThreadPoolExecutor() as threads:
        found = list(threads.map(digest, clips["path"]))
    pairs = list(zip(clips.index, found, strict=True))
    return (
        {clip: value for clip, value in pairs if isinstance(value, bytes)},
        {clip: value for clip, value in pairs if isinstance(value, str)},
    )


def _table(model, clips, names, used, failures, digests) -> pd.DataFrame:
    excluded = [{"clip": clip, "reason": why} for clip, why in failures.items()]
    excluded = [*ClipsMetadata.of(clips).excluded, *excluded]
    if not used:
        raise ValueError(_none_usable(model, clips, failures))
    X = pd.DataFrame(
        np.stack([entry.vector for entry in used.values()]),
        index=pd.Index(list(used), name="clip"),
        columns=names,
    )
    facts = FeaturesMetadata(
        **_of_model(model),
        corpus_sha256=_corpus_digest(clips, digests),
        excluded=excluded,
        silent=[clip for clip, entry in used.items() if entry.silent],
    )
    return facts.attach(X)


def _none_usable(model: Model, clips, failures: dict[str, str]) -> str:
    """Say what struck every clip; what strikes all alike is not theirs."""
    reasons = Counter(failures.values())
    if not reasons:
        return "No clip can be used."
    if len(reasons) == 1 and len(failures) > 1:
        (reason,) = reasons
        if isinstance(reason, ModelFailure):
            return f"No clip is to blame, for each came to the same: {reason}."
    first = next(f"{clip}: {why}." for clip, why in failures.items())
    told = f" In all: {in_words(reasons)}" if len(reasons) > 1 else ""
    return f"No clip can be used. The first: {first}{told}"


def _of_model(model: Model) -> dict:
    """Say of a model what a score must say beside it."""
    corpora = model.training_corpora
    return {
        "model": model.label,
        "random_weights": model.random_weights,
        "weights_sha256": model.weights_sha256(),
        "training_corpora": "unknown" if corpora is None else list(corpora),
        "megabytes": megabytes(model),
    }


def _corpus_digest(clips: pd.DataFrame, digests: dict[str, bytes]) -> str:
    """Sum up which clips, with which audio and emotion, were looked at."""
    total = hashlib.sha256()
    for clip in sorted(digests):
        line = f"{clip}\t{clips.at[clip, 'emotion']}\t{digests[clip].hex()}\n"
        total.update(line.encode())
    return total.hexdigest()


def _joined(model: Fusion, clips: pd.DataFrame, parts: list) -> pd.DataFrame:
    named = [
        X.add_prefix(f"{part.spec}{SEPARATOR}")
        for part, X in zip(model.parts, parts, strict=True)
    ]
    X = pd.concat(named, axis=1, join="inner")
    told = [FeaturesMetadata.of(part) for part in parts]
    paces = [each.seconds_per_clip for each in told]
    reasons = {row["clip"]: row for each in told for row in each.excluded}
    facts = FeaturesMetadata(
        **_of_model(model),
        corpus_sha256=told[0].corpus_sha256,
        seconds_per_clip=None if None in paces else sum(paces),
        excluded=list(reasons.values()),
        silent=[clip for clip in told[0].silent if clip in X.index],
    )
    return facts.attach(X)


def _refusal(failures: dict[str, str]) -> str:
    shown = "; ".join(f"{clip}: {why}" for clip, why in list(failures.items())[:5])
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    return f"{len(failures)} clips cannot be used (strict): {shown}{more}."
