"""A notebook to start from: parameters, the common walk, and a result at the end."""

import os
import re
from pathlib import Path

from sertools.atomic import write_text

__all__ = ["new_notebook"]

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
    write_text(path, nbformat.writes(_notebook(title or stem)) + "\n")
    return path


def _notebook(title: str):
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
