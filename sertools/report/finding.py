"""Find the notebooks that ship with sertools, and read any notebook."""

import difflib
import re
from pathlib import Path
from typing import TYPE_CHECKING

from sertools import shipped

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["find", "name_of", "notebooks", "read"]

_NUMBER = re.compile(r"^\d\d_")


def name_of(path: Path) -> str:
    """Give the name of a notebook file: its stem without the number in front.

    Examples
    --------
    >>> name_of(Path("notebooks/02_opensmile.ipynb"))
    'opensmile'
    """
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
    files = sorted(shipped.folder("notebooks").glob("*.ipynb"))
    return {name_of(path): path for path in files if _NUMBER.match(path.name)}


def find(notebook: str | Path) -> Path:
    """Find a notebook by its name or its path.

    Parameters
    ----------
    notebook : str or Path
        A name of `notebooks`, such as ``"opensmile"``, or the path of any
        ``.ipynb`` file.

    Returns
    -------
    Path
        The file, absolute.

    Raises
    ------
    FileNotFoundError
        If a path is given and no file is there.
    ValueError
        If a name is given that no notebook has; near matches come first.

    Examples
    --------
    >>> find("opensmlie")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: Unknown notebook 'opensmlie'...
    """
    path = Path(notebook).expanduser()
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    known = notebooks()
    stem = path.stem if path.suffix == ".ipynb" else path.name
    if path.name == str(notebook) and _NUMBER.sub("", stem) in known:
        return known[_NUMBER.sub("", stem)].resolve()
    if path.suffix == ".ipynb" or len(path.parts) > 1:
        raise FileNotFoundError(f"There is no notebook at {path}.")
    near = difflib.get_close_matches(str(notebook), known, n=2, cutoff=0.65)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    raise ValueError(
        f"Unknown notebook {str(notebook)!r}.{hint} "
        f"Known: {', '.join(known) or 'none'}; or give the path of an .ipynb file."
    )


def read(path: Path) -> "NotebookNode":
    """Read a notebook file.

    Raises
    ------
    ValueError
        If the file is not a notebook.
    """
    import warnings

    import nbformat

    try:
        with warnings.catch_warnings():  # cells of older notebooks have no ids
            warnings.simplefilter("ignore")
            notebook = nbformat.read(path, as_version=4)
            return nbformat.validator.normalize(notebook)[1]
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, ValueError) as bad:
        first = (str(bad).splitlines() or [""])[0][:200]
        raise ValueError(f"{path} is not a notebook: {first}") from None
