"""Find the runs of two folders that belong together: the same experiment, twice."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .changes import identity
from .status import read_json

if TYPE_CHECKING:
    from sertools.evaluation import Result

__all__ = ["Matched", "Run", "match", "result_of"]

_PREDICTIONS = "predictions.parquet"
_KEYS = ("dataset", "model", "head", "folds", "standardize", "seed")


class Run(NamedTuple):
    """A run on disk.

    Parameters
    ----------
    folder : Path
        Where it is.
    about : dict
        Content of ``run.json``; empty if there is none.
    metrics : dict
        Content of ``metrics.json``; empty if there is none.
    """

    folder: Path
    about: dict
    metrics: dict

    @property
    def whole(self) -> bool:
        """Whether there are predictions to test."""
        there = (self.folder / _PREDICTIONS).is_file()
        return there and self.about.get("status", "ok") == "ok"

    @property
    def experiment(self) -> tuple:
        """What makes two runs the same: notebook, parameters, corpus and model."""
        heard = tuple(self.metrics.get(key) for key in _KEYS[:2])
        if self.about.get("parameters"):
            return (*identity(self.about), *heard)
        return tuple(self.metrics.get(key) for key in _KEYS)

    def __str__(self) -> str:
        failed = (self.about.get("error") or {}).get("name")
        return self.folder.name + (f" (failed: {failed})" if failed else "")


class Matched(NamedTuple):
    """What belongs together, and what is left.

    Parameters
    ----------
    pairs : list of (Run, Run)
        The old and the new run of an experiment.
    only_old, only_new : list of Run
        Runs with no counterpart that has predictions.
    notes : list of str
        What was passed over.
    """

    pairs: list[tuple[Run, Run]]
    only_old: list[Run]
    only_new: list[Run]
    notes: list[str]


def match(old: str | os.PathLike, new: str | os.PathLike) -> Matched:
    """Match the runs of two folders.

    Two runs are a pair whatever they are. In folders of runs, a pair are the
    newest runs of the same notebook, parameters, corpus and model.

    Parameters
    ----------
    old, new : path-like
        A run, or a folder of runs.

    Returns
    -------
    Matched
        Sorted by name.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no run in it.
    ValueError
        If nothing belongs together.
    """
    sides = [Path(place).expanduser() for place in (old, new)]
    found = [_runs(side) for side in sides]
    if all(_is_run(side) for side in sides):
        ((first,), (second,)) = found
        for run in (first, second):
            if not run.whole:
                raise ValueError(f"{run.folder}: no result of a run that went well.")
        return Matched([(first, second)], [], [], [])
    told = _told_models([run for runs in found for run in runs])
    (before, passed), (after, later) = (_newest(runs, told) for runs in found)
    shared = [
        key for key in before if key in after and before[key].whole and after[key].whole
    ]
    left = [run for key, run in before.items() if key not in shared]
    right = [run for key, run in after.items() if key not in shared]
    if not shared:
        raise ValueError(_nothing(sides, left, right))
    notes = [
        f"{n} older {'run' if n == 1 else 'runs'} of the same experiments in {side} "
        f"{'is' if n == 1 else 'are'} passed over: the newest counts."
        for n, side in ((passed, sides[0]), (later, sides[1]))
        if n
    ]
    return Matched([(before[key], after[key]) for key in shared], left, right, notes)


def result_of(run: Run) -> "Result":
    """Load what a run predicted.

    Raises
    ------
    ValueError
        If its files cannot be read.
    """
    import pandas as pd

    from sertools import evaluation

    try:
        if run.metrics:
            return evaluation.load(run.folder)
        table = pd.read_parquet(run.folder / _PREDICTIONS)
        return evaluation.from_predictions(table)
    except (OSError, ValueError, KeyError, TypeError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        message = f"{run.folder}: its result cannot be read ({first})."
        raise ValueError(message) from error


def _is_run(place: Path) -> bool:
    return any((place / name).is_file() for name in (_PREDICTIONS, "run.json"))


def _runs(place: Path) -> list[Run]:
    if not place.is_dir():
        raise FileNotFoundError(f"There is no folder {place}.")
    if _is_run(place):
        return [_read(place)]
    inside = sorted(path for path in place.iterdir() if path.is_dir())
    found = [
        _read(path)
        for path in inside
        if not path.name.startswith(".") and _is_run(path)
    ]
    if not found:
        raise FileNotFoundError(
            f"{place} is neither a run nor a folder of runs: no {_PREDICTIONS} in it, "
            "nor one level below. A run is made by: sertools report NAME --out DIR."
        )
    return found


def _read(folder: Path) -> Run:
    about, metrics = (
        read_json(folder / name) or {} for name in ("run.json", "metrics.json")
    )
    return Run(folder, about, metrics)


def _newest(runs: list[Run], told: Mapping) -> tuple[dict[tuple, Run], int]:
    """Keep the newest run of each experiment; say how many are passed over.

    A newest run that failed is kept, too: an older one must not hide it.
    """
    found: dict[tuple, Run] = {}
    for run in sorted(runs, key=lambda run: str(run.about.get("started") or "")):
        own = run.experiment
        found[own if run.whole else told.get(identity(run.about), own)] = run
    ordered = sorted(found.items(), key=lambda item: item[1].folder.name)
    return dict(ordered), len(runs) - len(found)


def _told_models(runs: list[Run]) -> dict[tuple, tuple]:
    """Give the experiment of each identity: a failed run does not know its model."""
    return {
        identity(run.about): run.experiment
        for run in runs
        if run.whole and run.about.get("parameters")
    }


def _nothing(sides, left: list[Run], right: list[Run]) -> str:
    def named(runs):
        return ", ".join(map(str, runs[:5])) + (" ..." if len(runs) > 5 else "")

    return (
        f"Nothing to compare: no run of {sides[0]} was made again in {sides[1]} (same "
        f"notebook, parameters, dataset and model). Only in the first: {named(left)}; "
        f"only in the second: {named(right)}."
    )
