"""Run one notebook as one report: a folder with all that came out of it."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import sertools
from sertools.atomic import write_text

from .declared import Parameter, check, parameters
from .execution import execute
from .finding import find, name_of, read
from .status import Status, read_json

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["run", "run_name"]

_TELLING = ("dataset", "head")  # always in a run's name
_PLACES = ("root", "weights")  # never: they say where, not what
_LONGEST = 60


def run(
    notebook: str | Path,
    given: Mapping[str, object] | None = None,
    out: str | os.PathLike = "runs",
    *,
    timeout: float | None = None,
    progress: bool = True,
) -> Path:
    """Run a notebook and write its report.

    The work happens in a hidden folder beside the final one and takes its name
    only when all is there. The notebook runs in the caller's folder, in one
    kernel process of this interpreter, which is gone when this returns.

    Parameters
    ----------
    notebook : str or Path
        A name of `notebooks`, or the path of an ``.ipynb`` file.
    given : mapping of str to value, optional
        Parameters to set; text is read as the declared type.
    out : path-like, default="runs"
        Folder for all runs; ``index.html`` there lists them.
    timeout : float, optional
        Seconds after which the run is stopped and counts as failed.
    progress : bool, default=True
        Show on a terminal how far the run is.

    Returns
    -------
    Path
        The run's folder, with ``run.json``, ``notebook.ipynb``, ``report.html``
        and, where the notebook recorded a result, ``metrics.json`` and
        ``predictions.parquet``. An earlier run of the same name is replaced.
        Whether a cell failed stands in ``run.json``: ``status`` and ``error``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the name is unknown or parameters do not fit, before anything starts.
    """
    path = find(notebook)
    declared = parameters(path)
    own = [parameter for parameter in declared if parameter.name == "out"]
    given = dict(given or {})
    if own and "out" in given:
        raise ValueError(
            "A report sets the parameter 'out' itself: say where reports go "
            "with --out (in Python: out=)."
        )
    asked = [parameter for parameter in declared if parameter.name != "out"]
    values = check(asked, given)
    source = read(path)
    name, digest = run_name(name_of(path), source, values, asked)
    to_set = {p.name: values[p.name] for p in asked if values[p.name] != p.default}
    status = Status(name_of(path), values, run=name, source_sha256=digest)
    final = Path(out).expanduser().resolve() / name
    work = final.with_name(f".{name}.{uuid.uuid4().hex[:8]}")
    work.mkdir(parents=True)
    if own:
        to_set["out"] = str(work)
    try:
        status.write(work)
        options = {"timeout": timeout, "progress": progress}
        _fill(work, final, source, to_set, status, options)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    _present(work, final, declared)
    return final


def run_name(
    notebook: str,
    source: "NotebookNode",
    values: Mapping[str, object],
    declared: Iterable[Parameter] = (),
) -> tuple[str, str]:
    """Name a run by what identifies it.

    Parameters
    ----------
    notebook : str
        Name of the notebook.
    source : NotebookNode
        The notebook; its outputs don't matter.
    values : mapping of str to value
        Every parameter.
    declared : iterable of Parameter, optional
        With their defaults, so that the name tells what was changed.

    Returns
    -------
    name : str
        A readable part, and a short hash of the notebook's source, its
        parameters and the version of sertools.
    digest : str
        Hash of the source alone (sha256, hex).
    """
    cells = [[cell.cell_type, cell.source] for cell in source.cells]
    digest = hashlib.sha256(json.dumps(cells).encode()).hexdigest()
    identity = [digest, sorted(values.items()), sertools.__version__]
    short = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:8]
    defaults = {parameter.name: parameter.default for parameter in declared}
    words = [notebook]
    for key, value in values.items():
        changed = value != defaults.get(key)
        if key in _TELLING or (changed and key not in _PLACES):
            words.append(value if isinstance(value, str) else f"{key}-{value}")
    slug = re.sub(r"[^a-z0-9]+", "-", "-".join(words).lower())[:_LONGEST]
    return f"{slug.strip('-')}-{short}", digest


def _fill(work, final, source, to_set, status: Status, options) -> None:
    """Write all but the report itself into the working folder."""
    import nbformat

    draft = work / "notebook.ipynb"
    outcome = execute(source, to_set, draft, **options)
    outcome.notebook.metadata.setdefault("papermill", {}).update(
        input_path=status.fields["notebook"], output_path=draft.name
    )
    text = nbformat.writes(outcome.notebook)
    write_text(draft, text.replace(work.name, final.name))
    metrics = read_json(work / "metrics.json")
    status.end(outcome.error, metrics, outcome.peak_rss_mb)
    status.write(work)


def _present(work: Path, final: Path, declared) -> None:
    """Write the report, and put the folder where it belongs in any case."""
    from .index import write_index
    from .page import write_page

    try:
        write_page(work, declared)
    finally:
        _replace(work, final)
        write_index(final.parent)


def _replace(work: Path, final: Path) -> None:
    """Give the folder its name, in place of an earlier run that has it."""
    while True:
        try:
            os.rename(work, final)
            return
        except OSError:
            if not final.is_dir():
                raise
        old = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}.old")
        with contextlib.suppress(FileNotFoundError):  # somebody else was quicker
            os.rename(final, old)
        shutil.rmtree(old, ignore_errors=True)
