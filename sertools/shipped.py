"""Find the notebooks and the demo corpus that travel with the package."""

from pathlib import Path

__all__ = ["folder"]


def folder(name: str) -> Path:
    """Find a folder that ships with sertools.

    An installed wheel carries it inside the package; a checkout has it beside
    the package.

    Parameters
    ----------
    name : str
        ``"notebooks"`` or ``"data/demo"``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileNotFoundError
        If the installation lacks it.

    Examples
    --------
    >>> folder("notebooks").name
    'notebooks'
    """
    package = Path(__file__).resolve().parent
    for place in (package / "_shipped" / name, package.parent / name):
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"This installation of sertools has no {name!r} folder. "
        "Reinstall it with: pip install --force-reinstall sertools"
    )
