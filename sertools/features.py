"""Clips and a model become a table of features, one row a clip."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from sertools import audio, progress
from sertools.models.base import Classifier, Embedder, Model
from sertools.models.fusion import SEPARATOR, Fusion
from sertools.store import Entry, Store

__all__ = ["extract", "score", "standardize", "standardize_by_speaker", "telling"]

_CHUNK = 16  # clips a worker takes at once


def extract(
    model: Embedder,
    clips: pd.DataFrame,
    store: Store | str | os.PathLike | bool | None = None,
    jobs: int = -1,
    progress: bool = True,
    strict: bool = False,
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

    Returns
    -------
    DataFrame of shape (n, d), float32
        One row a usable clip, in the order of `clips`. ``attrs`` holds
        ``excluded`` (clip and reason, those of `clips` included), ``silent``
        (clips that are used, and silent), ``model`` and ``corpus_sha256``.

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
    if not isinstance(model, Embedder):
        raise ValueError(
            f"{getattr(model, 'spec', model)} gives no features: it classifies by "
            "itself. Evaluate it with evaluation.predict, without a head."
        )
    if isinstance(model, Fusion):
        parts = [
            extract(part, clips, store, jobs, progress, strict) for part in model.parts
        ]
        return _joined(model, clips, parts)
    return _rows(model, clips, store, jobs, progress, strict)


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
        ``attrs`` as for `extract`.
    """
    if not isinstance(model, Classifier):
        raise ValueError(
            f"{getattr(model, 'spec', model)} gives features, not emotions. "
            "Train a head on them: --head svm, or evaluation.cross_validate."
        )
    return _rows(model, clips, store, jobs, progress, strict)


def standardize(X: pd.DataFrame, clips: pd.DataFrame, how: str) -> pd.DataFrame:
    """Standardise features, over nothing, each corpus or each speaker.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    clips : DataFrame
        The clips table they came from.
    how : {"none", "corpus", "speaker"}
        See `standardize_by_speaker` for what ``"speaker"`` presumes.

    Returns
    -------
    DataFrame of shape (n, d)
        `X` itself for ``"none"``.

    Raises
    ------
    ValueError
        If `how` is unknown, or a speaker is.
    """
    if how == "none":
        return X
    if how == "speaker":
        return standardize_by_speaker(X, clips["speaker"])
    if how == "corpus":
        return _standardized(X, clips["dataset"].reindex(X.index))
    raise ValueError(f"Unknown standardize {how!r}. Known: none, corpus, speaker.")


def standardize_by_speaker(X: pd.DataFrame, speakers: pd.Series) -> pd.DataFrame:
    """Standardise each feature within each speaker.

    This needs to know who speaks, and other clips of theirs, and leans on how
    their emotions are mixed: scores after it are never ranked with scores
    without it. No emotion label is used.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    speakers : Series
        Speaker by clip.

    Returns
    -------
    DataFrame of shape (n, d), float32
        Mean 0 and standard deviation 1 within each speaker; a feature that
        does not vary within a speaker becomes 0 there.

    Raises
    ------
    ValueError
        If the speaker of a clip is unknown.

    Examples
    --------
    >>> X = pd.DataFrame({"x": [1.0, 3.0, 10.0, 30.0]}, index=list("abcd"))
    >>> speakers = pd.Series(["s", "s", "t", "t"], index=X.index)
    >>> standardize_by_speaker(X, speakers)["x"].tolist()
    [-1.0, 1.0, -1.0, 1.0]
    """
    who = speakers.reindex(X.index)
    if who.isna().any():
        raise ValueError(
            f"The speaker of {who.isna().sum()} of {len(who)} clips is unknown: "
            "they cannot be standardised by speaker."
        )
    return _standardized(X, who)


def telling(X: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Rank features by how much of their variation in a speaker emotion explains.

    Within each speaker: the variance between the emotions' means over the
    whole variance (eta squared), 0 to 1. It looks at one feature at a time and
    describes these clips; it does not say what a model has learnt.

    Parameters
    ----------
    X : DataFrame of shape (n, d)
        Features, one row a clip.
    clips : DataFrame
        The clips table; where speakers are unknown, all clips count as one
        speaker's.

    Returns
    -------
    DataFrame of shape (d, 2)
        ``mean`` and ``std`` over speakers, the most telling feature first.

    References
    ----------
    Fisher (1925), Statistical Methods for Research Workers: the correlation
    ratio, doi:10.1007/978-1-4612-4380-9_6

    Examples
    --------
    >>> X = pd.DataFrame({"x": [0.0, 0.0, 1.0, 1.0], "y": [0.0, 1.0, 0.0, 1.0]})
    >>> clips = pd.DataFrame({"emotion": list("aabb"), "speaker": "s"})
    >>> telling(X, clips)["mean"].tolist()
    [1.0, 0.0]
    """
    clips = clips.loc[X.index]
    speakers = clips["speaker"].fillna("").to_numpy()
    shares = {}
    for speaker in np.unique(speakers.astype(str)):
        rows = speakers == speaker
        values = X[rows].astype(np.float64)
        means = values.groupby(clips["emotion"].to_numpy()[rows]).transform("mean")
        between = (means - values.mean()).pow(2).sum()
        whole = (values - values.mean()).pow(2).sum()
        shares[speaker] = between / whole.where(whole > 1e-20)
    table = pd.DataFrame(shares)
    ranked = pd.DataFrame(
        {"mean": table.mean(axis=1), "std": table.std(axis=1, ddof=0)}
    )
    return ranked.sort_values("mean", ascending=False, kind="stable")


def _standardized(X: pd.DataFrame, groups: pd.Series) -> pd.DataFrame:
    grouped = X.astype(np.float64).groupby(groups.to_numpy())
    spread = grouped.transform("std", ddof=0)
    centred = X - grouped.transform("mean")
    scaled = (centred / spread.where(spread > 1e-12, np.inf)).astype(np.float32)
    scaled.attrs = dict(X.attrs)
    return scaled


def _rows(model: Model, clips, store, jobs, progress, strict) -> pd.DataFrame:
    if not clips.index.is_unique:
        twice = clips.index[clips.index.duplicated()][0]
        raise ValueError(f"Clip {twice} is there twice. Each needs a name of its own.")
    keeper = _store(store)
    digests, failures = _digests(clips)
    signature = model.signature()
    known = keeper.get(signature, digests.values()) if keeper else {}
    names = keeper.names(signature) if keeper and known else None
    # absolute: a worker keeps the current folder that it was started in
    paths = {digests[clip]: os.path.abspath(clips.at[clip, "path"]) for clip in digests}
    todo = {key: path for key, path in paths.items() if key not in known}
    reasons: dict[bytes, str] = {}
    if todo:
        names = model.columns()
        _compute(model, todo, jobs, progress, keeper, names, known, reasons)
    failures |= {c: reasons[key] for c, key in digests.items() if key in reasons}
    used = {clip: known[key] for clip, key in digests.items() if key in known}
    if strict and failures:
        raise ValueError(_refusal(failures))
    return _table(model, clips, names, used, failures, digests)


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
            with Path(path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except FileNotFoundError:
            return "no such file"
        except OSError as error:
            return f"cannot be read ({error.strerror})"

    with ThreadPoolExecutor() as threads:
        found = list(threads.map(digest, clips["path"]))
    pairs = list(zip(clips.index, found, strict=True))
    return (
        {clip: value for clip, value in pairs if isinstance(value, bytes)},
        {clip: value for clip, value in pairs if isinstance(value, str)},
    )


def _compute(model, todo, jobs, shown, keeper, names, known, reasons) -> None:
    """Compute what is missing, keeping each chunk as it is done."""
    with progress.bar(len(todo), model.spec, shown=shown) as counter:
        for answers in _answers(model, todo, jobs):
            entries = {k: a for k, a in answers.items() if isinstance(a, Entry)}
            reasons |= {k: a for k, a in answers.items() if isinstance(a, str)}
            known |= entries
            if keeper and entries:
                keeper.put(model.signature(), names, entries)
            counter.update(len(answers))


def _answers(model, todo: dict[bytes, str], jobs: int) -> Iterator[dict]:
    """Answer chunk by chunk, in worker processes where the model wants them.

    If a worker dies, the clips it left are tried again in two halves, until
    the clip that kills it stands alone.
    """
    from joblib import Parallel, delayed, effective_n_jobs
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    keys = list(todo)
    chunks = [keys[i : i + _CHUNK] for i in range(0, len(keys), _CHUNK)]
    work = ({key: todo[key] for key in chunk} for chunk in chunks)
    if jobs == 1 or not model.isolated:
        yield from (_answer(model, part) for part in work)
        return
    left = dict(todo)
    jobs = max(effective_n_jobs(jobs), 2)  # one would mean no worker process at all
    try:
        workers = Parallel(n_jobs=jobs, return_as="generator_unordered")
        for answers in workers(delayed(_answer)(model, part) for part in work):
            for key in answers:
                del left[key]
            yield answers
    except TerminatedWorkerError:
        if len(left) == 1:
            yield dict.fromkeys(left, "the process that read it died (a native crash)")
            return
        keys = list(left)
        for half in (keys[: len(keys) // 2], keys[len(keys) // 2 :]):
            yield from _answers(model, {key: left[key] for key in half}, jobs)


def _answer(model: Model, part: dict[bytes, str]) -> dict[bytes, Entry | str]:
    """Load and embed some clips; a reason stands in for a clip that fails."""
    answers: dict[bytes, Entry | str] = {}
    waveforms = {}
    for key, path in part.items():
        try:
            waveforms[key] = audio.load(path, model.sampling_rate)
        except (ValueError, OSError) as error:
            answers[key] = str(error).removeprefix(f"{path}: ").rstrip(".")
    try:
        vectors = dict(
            zip(waveforms, model.answer(list(waveforms.values())), strict=True)
        )
    except Exception:  # one clip spoils the batch: find which
        vectors = {}
        for key, waveform in waveforms.items():
            try:
                vectors[key] = model.answer([waveform])[0]
            except Exception as error:
                reason = " ".join(str(error).split()).rstrip(".")
                answers[key] = f"{model.spec} failed on it ({reason})"
    for key, vector in vectors.items():
        vector = np.asarray(vector, np.float32)  # as the store will give it back
        answers[key] = Entry(vector, audio.is_silent(waveforms[key]))
    return answers


def _table(model, clips, names, used, failures, digests) -> pd.DataFrame:
    excluded = [{"clip": clip, "reason": why} for clip, why in failures.items()]
    excluded = [*clips.attrs.get("excluded", []), *excluded]
    if not used:
        first = [f" The first: {clip}: {why}." for clip, why in failures.items()][:1]
        raise ValueError("".join(["No clip can be used.", *first]))
    X = pd.DataFrame(
        np.stack([entry.vector for entry in used.values()]),
        index=pd.Index(list(used), name="clip"),
        columns=names,
    )
    X.attrs = {
        "excluded": excluded,
        "silent": [clip for clip, entry in used.items() if entry.silent],
        "model": model.spec,
        "corpus_sha256": _corpus_digest(clips, digests),
    }
    return X


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
    reasons = {row["clip"]: row for part in parts for row in part.attrs["excluded"]}
    X.attrs = {
        "excluded": list(reasons.values()),
        "silent": [clip for clip in parts[0].attrs["silent"] if clip in X.index],
        "model": model.spec,
        "corpus_sha256": parts[0].attrs["corpus_sha256"],
    }
    return X


def _refusal(failures: dict[str, str]) -> str:
    shown = "; ".join(f"{clip}: {why}" for clip, why in list(failures.items())[:5])
    more = f"; and {len(failures) - 5} more" if len(failures) > 5 else ""
    return f"{len(failures)} clips cannot be used (strict): {shown}{more}."
