"""Many recordings, each followed from its start to its end: what a command is given."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sertools import audio
from sertools.audio._headers import UNREAD
from sertools.audio._loading import MAX_MINUTES
from sertools.features._timeline import timeline
from sertools.features._workers import ModelFailure, Response, shared_out
from sertools.metadata import TimelineMetadata
from sertools.models.base import Classifier

_MANY = 8  # recordings from which on worker processes are worth their start
_NEARLY = 1e-3  # that a sum of scores may be off, computed in single precision


def found(given: Iterable[str]) -> tuple[list[Path], dict[Path, str]]:
    """List files, and those of folders that could be audio; say why others aren't."""
    paths, unusable = [], {}
    for path in map(Path, given):
        if not path.is_dir():
            paths.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if _is_audio(p, path))
        paths += inside
        if not inside:
            unusable[path] = "a folder without audio files"
    return list(dict.fromkeys(paths)), unusable


def _is_audio(path: Path, folder: Path) -> bool:
    import soundfile

    known = {name.lower() for name in soundfile.available_formats()} - {"raw"}
    known |= {"aif", "aifc", "oga", "opus", "mp3", "wave", "snd"}
    known |= {ending[1:] for ending in UNREAD}  # to say so
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix[1:].lower() in known and not hidden and path.is_file()


def timelines(
    model: Classifier,
    paths: list[Path],
    jobs: int,
    max_minutes: float | None = None,
) -> Iterator[tuple[Path, pd.DataFrame | str]]:
    """Yield each recording with its timeline, or with the reason why there is none."""
    question = _Timeline(max_minutes or MAX_MINUTES)
    if len(paths) < _MANY or jobs == 1 or not model.run_in_workers:
        for path in paths:
            yield path, question.about(model, path, alone=len(paths) == 1)
        return
    todo = {path: os.path.abspath(path) for path in paths}
    for some in shared_out(model, question, todo, jobs):
        yield from some.done.items()


def check_blame(unusable: dict[Path, str], n_asked: int) -> None:
    """Refuse to blame recordings for what a system does on every one of them."""
    reasons = set(unusable.values())
    if 1 < n_asked == len(unusable) and len(reasons) == 1:
        (reason,) = reasons
        if isinstance(next(iter(unusable.values())), ModelFailure):
            raise ValueError(f"No recording is to blame, each came to this: {reason}.")


class _Timeline(NamedTuple):
    """Ask for timelines of recordings, in a worker process or here."""

    max_minutes: float

    def answer(self, model: Classifier, part: dict[Path, str]) -> Response:
        """Answer, in the worker."""
        return Response(
            [], {key: self.about(model, path) for key, path in part.items()}
        )

    def about(
        self, model: Classifier, path: Path | str, alone: bool = False
    ) -> pd.DataFrame | str:
        """Give one timeline, or why there is none: no recording ends the others."""
        try:
            waveform = audio.load(path, model.sampling_rate, None, self.max_minutes)
        except (ValueError, OSError) as error:
            return str(error).removeprefix(f"{path}: ").rstrip(".")
        except MemoryError:
            return "it needs more memory than there is; its header may be wrong"
        try:
            scores = timeline(model, waveform, progress=alone)
        except ModuleNotFoundError:  # no recording is to blame
            raise
        except Exception as error:
            reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
            return ModelFailure(f"{model.label} failed on it ({reason})")
        if scores.empty:
            return "silent: no speech is heard"
        if not _are_probabilities(scores[list(model.classes_)].to_numpy()):
            return ModelFailure(f"{model.label} gave scores that are no probabilities")
        named = replace(TimelineMetadata.of(scores), recording=Path(path).name)
        return named.attach(scores)


def _are_probabilities(scores: np.ndarray) -> bool:
    inside = np.isfinite(scores).all() and (scores >= -_NEARLY).all()
    return bool(inside and (np.abs(scores.sum(axis=1) - 1) <= _NEARLY).all())
