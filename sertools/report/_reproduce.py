"""Reproduce a run: make it again, and say whether the numbers are the same."""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sertools import display
from sertools import trust as gates
from sertools.evaluation._schema import shown
from sertools.report._grid import run_all
from sertools.report._history import Change, changes
from sertools.report._notebooks import CELL, find, read
from sertools.report._ours import is_ours
from sertools.report._plan import RunSpec, plan, run_name
from sertools.report._progress import cause
from sertools.report._schema import read_json, read_run_file

if TYPE_CHECKING:
    from nbformat import NotebookNode

_PASSING = ("more.seconds_per_clip",)  # of the hour, not of the experiment
_PLACES = ("root", "weights")
_SHOWN = 8


@dataclass(frozen=True, repr=False)
class Reproduction(display.Display):
    """A reproduction: what came of making a run again, as a few lines.

    Parameters
    ----------
    run : str
        Name of the run.
    identical : bool
        Whether every number in its metrics is the same.
    values : int
        How many were compared.
    differences : tuple of Change
        Those that are not the same.
    predictions : int or None
        How many clips are now taken for another emotion; None where that can't
        be told.
    changes : tuple of Change
        What is different besides: versions, corpus, weights, notebook.
    error : str or None
        Why the second run failed, if it did.
    folder : Path or None
        The second run; None if it was not kept.
    """

    run: str
    identical: bool
    values: int
    differences: tuple[Change, ...]
    predictions: int | None
    changes: tuple[Change, ...]
    error: str | None
    folder: Path | None

    def as_dict(self) -> dict:
        """Give everything as plain values, for JSON."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__}
        for name in ("differences", "changes"):
            told[name] = [change._asdict() for change in told[name]]
        return {**told, "folder": str(self.folder) if self.folder else None}

    def _parts(self):
        if self.error:
            lines = [f"{self.run} could not be repeated: {self.error}"]
        elif self.identical:
            lines = [f"{self.run}: all {self.values} numbers are the same."]
        else:
            n = len(self.differences)
            lines = [f"{self.run}: {n} of {self.values} numbers are not the same."]
            lines += [f"  {change}" for change in self.differences[:_SHOWN]]
            lines += [f"  and {n - _SHOWN} more"] * (n > _SHOWN)
        if self.predictions:
            lines.append(f"  {self.predictions} clips are taken for another emotion.")
        if self.changes:
            lines.append("Changed since: " + "; ".join(map(str, self.changes)) + ".")
        elif not self.identical:
            lines.append("Nothing that is recorded has changed since.")
        if self.folder:
            lines.append(f"The second run is in {self.folder}.")
        yield display.lines(lines)


def repeat(
    run: str | os.PathLike,
    out: str | os.PathLike | None = None,
    *,
    trust: bool = False,
    progress: bool = True,
) -> Reproduction:
    """Reproduce a run: the same notebook, the same parameters, a fresh folder.

    The notebook is the one that lies in the run's folder, so that a newer one
    of the same name does not matter.

    Parameters
    ----------
    run : path-like
        Folder of the run.
    out : path-like, optional
        Folder for the second run. If not given, it is kept only where the
        numbers differ.
    trust : bool, default False
        Run a notebook whose code is not that of one that ships with sertools, and
        let a run's own ``trust`` parameter count. A run's folder may come from
        anybody, and its notebook is a program.
    progress : bool, default True
        Tell on standard error how far it is.

    Returns
    -------
    Reproduction
        Whether the numbers are the same, and what changed.

    Raises
    ------
    FileNotFoundError
        If there is no such run, or its notebook is gone.
    ValueError
        If the run has no numbers to hold the second one against, or would be
        overwritten; if its files are damaged; if its notebook is another one than
        ours and not trusted.
    """
    folder = Path(run).expanduser().resolve()
    about, metrics = _first(folder)
    limits = about.get("limits") or {}
    with _notebook(folder, about) as path:
        given = _found_again(about["parameters"], about.get("folder"))
        planned = plan([path], given, **_kept(limits))
        _gate(folder, planned[0], trust)
        place = Path(out or tempfile.mkdtemp(prefix="sertools-repeat-"))
        second = place.expanduser().resolve() / planned[0].name
        if second.exists():
            raise ValueError(f"{second} is there already. Choose another --out.")
        (made,) = run_all(planned, place, force=True, progress=progress)
    found = _held_against(folder, about, metrics, made.folder)
    if out is None and found.identical:
        shutil.rmtree(place, ignore_errors=True)
        return Reproduction(**{**vars(found), "folder": None})
    return found


def _first(folder: Path) -> tuple[dict, dict]:
    try:
        about = read_run_file(folder / "run.json")
    except (FileNotFoundError, NotADirectoryError):
        told = f"{folder}: no run.json, so no run to repeat."
        raise FileNotFoundError(told) from None
    notebook = about.get("notebook")
    if not notebook:
        raise ValueError(f"{folder} was not made by a notebook: run its command again.")
    if not notebook.strip(".") or set(notebook) & set("/\\\0"):
        told = f"should be the name of a notebook, not a place: {shown(notebook)}"
        raise ValueError(f"{folder / 'run.json'}: notebook {told}.")
    if not isinstance(about.get("parameters"), dict):
        raise ValueError(f"{folder / 'run.json'}: parameters is missing.")
    there = (folder / "metrics.json").exists()
    metrics = read_run_file(folder / "metrics.json") if there else {}
    if about["status"] != "ok" or not metrics:
        raise ValueError(
            f"{folder} has no result to hold a second run against. Run it anew: "
            f"sertools report {notebook}."
        )
    return about, metrics


@contextlib.contextmanager
def _notebook(folder: Path, about: Mapping) -> Iterator[Path]:
    """Give the notebook as it was before it was run, in a file of its name."""
    import nbformat

    source = _source(folder / "notebook.ipynb", about)
    if source is None:
        known = about.get("notebook_path")
        yield find(known if known and _is_file(known) else about["notebook"])
        return
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"{about['notebook']}.ipynb"
        nbformat.write(source, path)
        yield path


def _is_file(path: str) -> bool:
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # no path at all
        return False


def _gate(folder: Path, run: RunSpec, trusted: bool) -> None:
    """Let only our own notebooks run unasked, and none that trusts other files."""
    if not is_ours(run.source):
        told = "code of its own: its notebook is none that ships with sertools"
        gates.gate(folder, told, trusted)
    if run.values.get("trust"):
        gates.gate(folder, "what its weights say: its parameters trust them", trusted)


def _source(path: Path, about: Mapping) -> "NotebookNode | None":
    """Take out what a run put into its notebook; None if it is another one now."""
    try:
        notebook = read(path)
    except (OSError, ValueError):
        return None
    notebook.cells = [cell for cell in notebook.cells if CELL in cell.metadata]
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("papermill", None)
    digest = run_name(about["notebook"], notebook, {})[1]
    return notebook if digest == about.get("source_sha256") else None


def _found_again(given: Mapping, folder: str | None) -> dict:
    """Find relative paths where they were, if they are not here."""
    found = dict(given)
    for name in _PLACES:
        value = given.get(name)
        if folder and isinstance(value, str) and value:
            there = Path(folder, value)
            if not Path(value).expanduser().exists() and there.exists():
                found[name] = str(there)
    return found


def _kept(limits: Mapping) -> dict:
    return {name: limits.get(name) for name in ("timeout", "memory")}


def _held_against(folder: Path, about, metrics, second: Path) -> Reproduction:
    again = read_json(second / "run.json") or {}
    numbers = read_json(second / "metrics.json") or {}
    old, new = dict(_values(metrics)), dict(_values(numbers))
    differences = tuple(
        Change("number", name, _said(old.get(name)), _said(new.get(name)))
        for name in {**old, **new}
        if name not in _PASSING and old.get(name) != new.get(name)
    )
    error = cause(again["error"]) if again.get("error") else None
    return Reproduction(
        about.get("run") or folder.name,
        identical=not (error or differences),
        values=len(old.keys() - set(_PASSING)),
        differences=() if error else differences,
        predictions=None if error else _other_answers(folder, second),
        changes=tuple(changes(about, again)),
        error=error,
        folder=second,
    )


def _values(value: object, name: str = "") -> Iterator[tuple[str, object]]:
    """Walk through everything in `metrics.json`: dotted name and value."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _values(part, f"{name}.{key}" if name else key)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _values(part, f"{name}[{place}]")
    else:
        yield name, value


def _other_answers(first: Path, second: Path) -> int | None:
    import pandas as pd

    try:
        old, new = (
            pd.read_parquet(folder / "predictions.parquet").set_index("clip")
            for folder in (first, second)
        )
        both = old.index.intersection(new.index)
        return int((old.loc[both, "predicted"] != new.loc[both, "predicted"]).sum())
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _said(value: object) -> str:
    return "none" if value is None else str(value)
