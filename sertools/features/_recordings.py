"""Many recordings, each followed from its start to its end: what a command is given."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sertools.audio._headers import UNREAD
from sertools.features._timeline import timeline
from sertools.features._workers import Response, shared_out
from sertools.models.base import Classifier

_MANY = 8  # recordings from which on worker processes are worth their start


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
    model: Classifier, paths: list[Path], jobs: int
) -> Iterator[tuple[Path, pd.DataFrame | str]]:
    """Yield each recording with its timeline, or with the reason why there is none."""
    if len(paths) < _MANY or jobs == 1 or not model.run_in_workers:
        for path in paths:
            yield path, _answer(model, path, alone=len(paths) == 1)
        return
    todo = {path: os.path.abspath(path) for path in paths}
    for some in shared_out(model, _Timeline(), todo, jobs):
        yield from some.done.items()


class _Timeline(NamedTuple):
    """Ask a worker process for timelines of recordings."""

    def answer(self, model: Classifier, part: dict[Path, str]) -> Response:
        """Answer, in the worker."""
        return Response([], {key: _answer(model, path) for key, path in part.items()})


def _answer(model, path: Path | str, alone: bool = False) -> pd.DataFrame | str:
    try:
        scores = timeline(model, path, progress=alone)
    except (ValueError, OSError) as error:
        return str(error).removeprefix(f"{path}: ").rstrip(".")
    return "silent: no speech is heard" if scores.empty else scores
