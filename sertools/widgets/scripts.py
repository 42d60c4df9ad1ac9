"""The widgets' scripts: each in files of its own, joined into one for a page."""

import re
from pathlib import Path

__all__ = ["script", "style"]

_FRONTEND = Path(__file__).with_name("frontend")
_IMPORT = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async |function |const |class )", re.MULTILINE)


def script(name: str) -> str:
    """Join a script and all it imports into one module.

    A widget's code reaches the page as one text, which cannot import files that
    lie beside it.

    Parameters
    ----------
    name : str
        File in ``frontend``, such as ``confusion.js``.

    Returns
    -------
    str
        The files, each once, those imported before those that import them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> script("confusion.js").count("export default")
    1
    """
    return "\n".join(_files(name, {}).values())


def style(*names: str) -> str:
    """Join style sheets, after the look that all widgets share."""
    files = (_FRONTEND / f"{name}.css" for name in ("look", *names))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def _files(name: str, found: dict[str, str]) -> dict[str, str]:
    text = (_FRONTEND / name).read_text(encoding="utf-8")
    for other in _IMPORT.findall(text):
        if other not in found:
            _files(other, found)
    found[name] = f"// {name}\n" + _EXPORT.sub("", _IMPORT.sub("", text))
    return found
