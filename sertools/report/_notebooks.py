"""Notebooks: find those that ship with sertools, read any, start a new one."""

import difflib
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sertools import files, trust
from sertools.evaluation._schema import shown
from sertools.files import write_text

if TYPE_CHECKING:
    from nbformat import NotebookNode

_NUMBER = re.compile(r"^\d\d_")
_LARGEST = 2**28  # bytes: a report with an hour of sound in it
CELL = "report_cell"
"""Key in a cell's metadata: its position in the notebook it came from."""
_NAME = re.compile(r"\w[\w-]*")
_PARAMETERS = """\
dataset: str = "demo"  # corpus: demo, emodb, ravdess, folder
root: str = ""  # where the corpus lies, if not in the usual places
emotions: str = ""  # emotions to keep, such as "angry,happy,sad"; all if empty
model: str = "opensmile"  # what turns a clip into numbers
head: str = "svm"  # what decides: svm, random_forest, logistic
folds: str = "speaker"  # who is held out: speaker, random, published:NAME
seed: int = 0  # of everything drawn
max_clips: int = 0  # use at most so many clips; 0 uses all
out: str = ""  # folder to save the result in"""
_CELLS = (
    (
        "# {title}: which question does it answer?\n\nSay here in two sentences what "
        "you want to know, and why it matters. About two minutes."
    ),
    _PARAMETERS,
    "from sertools import datasets, evaluation, features, models, plots, report, "
    "widgets",
    "## The clips\n\nOne row is one utterance. Look at them before anything else.",
    "clips = datasets.load(dataset, root=root)\n"
    "clips = datasets.select(clips, emotions, max_clips=max_clips, seed=seed)\n"
    'clips.groupby("emotion").agg(clips=("path", "size"), '
    'speakers=("speaker", "nunique"))',
    "## Listen\n\nOne speaker, one clip of each emotion.",
    'someone = clips[clips["speaker"].fillna("") == '
    'clips["speaker"].fillna("").iloc[0]]\n'
    'widgets.players(someone.groupby("emotion").head(1).sort_values("emotion"))',
    "## The experiment\n\nThe head learns from some speakers and is tested on "
    "**another one**, in turn, until\neverybody has been tested.",
    "X = features.extract(models.load(model), clips)\n"
    "result = evaluation.cross_validate(head, X, clips, folds=folds, seed=seed)\n"
    "result",
    "plots.scores(result);",
    "## What is taken for what\n\nEach row is what was meant, each column what was "
    "heard.",
    "plots.confusion_matrix(result);",
    "## Where it fails\n\nSpeaker by speaker, then by ear: the mistakes it was surest "
    "of.",
    "plots.speaker_recall(result);",
    "widgets.players(result.mistakes(top=6))",
    "## What it says, and what it does not\n\nAnswer your question here, with the "
    "interval. The score says how far the model agrees with\nwhat actors were asked "
    "for, not what anybody felt; it is no ground for decisions about people.",
    "report.record(result, out=out)",
)


def name_of(path: Path) -> str:
    """Give the name of a notebook file: its stem without the number in front."""
    return _NUMBER.sub("", Path(path).stem)


def notebooks() -> dict[str, Path]:
    """List the notebooks that ship with sertools.

    Returns
    -------
    dict of str to Path
        Name to file, in the order of their numbers: ``opensmile`` is
        ``02_opensmile.ipynb``.

    Raises
    ------
    FileNotFoundError
        If the installation lacks the notebooks.

    Examples
    --------
    >>> all(path.suffix == ".ipynb" for path in notebooks().values())
    True
    """
    paths = sorted(files.folder("notebooks").glob("*.ipynb"))
    return {name_of(path): path for path in paths if _NUMBER.match(path.name)}


def find(notebook: str | Path) -> Path:
    """Find a notebook by its name or its path; name what is near a wrong name."""
    try:
        path = Path(notebook).expanduser()
        if path.suffix == ".ipynb" and path.is_file():
            return path.resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL, no such user
        raise ValueError(f"{shown(str(notebook))} is no path of a notebook.") from None
    known = notebooks()
    stem = path.stem if path.suffix == ".ipynb" else path.name
    if path.name == str(notebook) and _NUMBER.sub("", stem) in known:
        return known[_NUMBER.sub("", stem)].resolve()
    if path.suffix == ".ipynb" and path.exists():
        kind = "a folder" if path.is_dir() else "a pipe or a device"
        raise ValueError(f"{path} is {kind}, not a notebook.")
    if path.suffix == ".ipynb" or len(path.parts) > 1:
        raise FileNotFoundError(f"There is no notebook at {path}.")
    near = difflib.get_close_matches(str(notebook), known, n=2, cutoff=0.65)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(
        f"Unknown notebook {shown(str(notebook))}.{hint} "
        f"Known: {', '.join(known) or 'none'}; or give the path of an .ipynb file."
    )


def read(path: Path) -> "NotebookNode":
    """Read a notebook file; a ValueError says that it is none."""
    import warnings

    import nbformat

    try:
        text = trust.read(path, _LARGEST).decode("utf-8")
        with warnings.catch_warnings():  # cells of older notebooks have no ids
            warnings.simplefilter("ignore")
            notebook = nbformat.convert(nbformat.reader.reads(text), 4)
            notebook = nbformat.validator.normalize(notebook)[1]
            nbformat.validate(notebook, relax_add_props=True)
            return notebook
    except FileNotFoundError:
        raise
    except Exception as bad:  # nbformat looks into what it has not yet checked
        first = (str(bad).splitlines() or [""])[0].removeprefix(f"{path}: ")[:200]
        kind = "" if isinstance(bad, ValueError | OSError) else type(bad).__name__
        told = ": ".join(filter(None, [kind, first]))
        raise ValueError(f"{path} is not a notebook: {told}") from None


def new_notebook(name: str, out: str | os.PathLike = ".") -> Path:
    """Write a notebook that runs at once, to make one's own of it.

    Parameters
    ----------
    name : str
        Its name: letters, digits, ``_`` and ``-``.
    out : path-like, default "."
        Folder to put it in; made if need be.

    Returns
    -------
    Path
        The file, ``NAME.ipynb``.

    Raises
    ------
    ValueError
        If the name has other signs in it, or `out` is a file.
    FileExistsError
        If the file is there already: it is never overwritten.

    Examples
    --------
    >>> import tempfile
    >>> new_notebook("my_question", tempfile.mkdtemp()).name
    'my_question.ipynb'
    """
    import nbformat

    stem = name.removesuffix(".ipynb")
    if not _NAME.fullmatch(stem):
        raise ValueError(
            f"{name!r} is no name for a notebook: letters, digits, _ and -, such as "
            "my_question. The folder goes to --out (in Python: out=)."
        )
    folder = Path(out).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a folder to put a notebook in.")
    path = folder / f"{stem}.ipynb"
    if path.exists():
        raise FileExistsError(f"{path} is there already. Choose another name.")
    title = re.sub(r"[\W_]+", " ", stem).strip().capitalize()
    write_text(path, nbformat.writes(started(title or stem)) + "\n")
    return path


def started(title: str) -> "NotebookNode":
    """Make the notebook that a new one starts as."""
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    notebook = new_notebook()
    notebook.metadata = {
        "kernelspec": {
            "display_name": "Python 3",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"name": "python"},
    }
    for number, source in enumerate(_CELLS):
        if source.startswith("#"):
            cell = new_markdown_cell(source.replace("{title}", title))
        else:
            cell = new_code_cell(source)
        cell["id"] = f"cell-{number:02}"
        notebook.cells.append(cell)
    notebook.cells[1].metadata["tags"] = ["parameters"]
    return notebook
