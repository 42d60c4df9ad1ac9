"""The widgets' scripts: each in files of its own, joined into one for a page."""

import functools
import re
from collections.abc import Iterator
from pathlib import Path

_FRONTEND = Path(__file__).with_name("frontend")
_IMPORT = re.compile(r'^import\s*\{([^}]*)\}\s*from\s*"\./([\w.]+)";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?=(?:async|function|class|const|let|var)\b)", re.MULTILINE
)
_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*|/\*.*?\*/)
    |(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'
        # A slash after a sign begins a regular expression, after a value it divides.
        |(?:(?<=[(=,:;?!&|\[{}>])|(?<=[(=,:;?!&|\[{}>]\s)|(?<=\breturn\s))
         /(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/\w*)
    |(?P<template>`)
    |[\w$]+|\.{3}|\S""",
    re.DOTALL | re.VERBOSE,
)
_TEMPLATE = re.compile(r"(?:\\.|\$(?!\{)|[^`\\$])*(`|\$\{)", re.DOTALL)
_QUOTED = '""'
_BINDING = {"const", "let", "var"}
_BEFORE_VALUE = {
    *"=>?:&|!(,.+-*%~",
    *("new", "await", "void", "typeof", "extends", "return"),
}


def script(name: str, folder: Path = _FRONTEND) -> str:
    """Join a script and all it imports into one module.

    A widget's code reaches the page as one text, which cannot import files that
    lie beside it.

    Parameters
    ----------
    name : str
        File in the folder, such as ``confusion.js``.
    folder : Path, optional
        Where the files lie; the widgets' own if not given.

    Returns
    -------
    str
        The files, each once, those imported before those that import them.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If two of the files declare the same name, for they come to share one
        scope, or if one imports or exports in a way that is not known here.

    Examples
    --------
    >>> script("confusion.js").count("export default")
    1
    """
    files = _files(folder, name, {})
    owners: dict[str, str] = {}
    for file, text in files.items():
        for declared in _names(file, text):
            owner = owners.setdefault(declared, file)
            if owner != file:
                raise ValueError(
                    f"{name}: {declared} is declared in {owner} and in {file}, "
                    "which share one scope on a page: rename one of the two."
                )
    return "\n".join(files.values())


def style(*names: str) -> str:
    """Join style sheets, after the look that all widgets share."""
    files = (_FRONTEND / f"{name}.css" for name in ("look", *names))
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def _files(folder: Path, name: str, found: dict[str, str]) -> dict[str, str]:
    text = (folder / name).read_text(encoding="utf-8")
    for _, other in _IMPORT.findall(text):
        if other not in found:
            _files(folder, other, found)
    found[name] = f"// {name}\n{_joinable(text)}"
    return found


def _joinable(text: str) -> str:
    """Take imports and exports out; what is renamed by ``as`` becomes a constant."""

    def renamed(found: re.Match) -> str:
        pairs = re.findall(r"([\w$]+)\s+as\s+([\w$]+)", found[1])
        return "".join(f"const {new} = {old};\n" for old, new in pairs)

    return _EXPORT.sub("", _IMPORT.sub(renamed, text))


@functools.cache
def _names(file: str, text: str) -> list[str]:
    """List what a script declares outside all functions and blocks."""
    tokens = [*_tokens(text), ";", ";"]
    if sum((token in "([{") - (token in ")]}") for token in tokens):
        raise ValueError(f"{file}: its brackets do not match: close each of them.")
    names, depth, at = [], 0, 0
    while at < len(tokens) - 1:
        token, following = tokens[at : at + 2]
        depth += (token in "([{") - (token in ")]}")
        at += 1
        if depth or not _begins(tokens, at - 1):
            continue
        if token in _BINDING:
            bound, at = _bound(tokens, at)
            names += bound
        elif token in ("function", "class"):
            name = tokens[at + 1] if following == "*" else following
            names += [name] if name not in ("(", "{", "extends") else []
        elif following not in ("default", "(", "."):
            raise ValueError(
                f'{file}: only `import {{ name }} from "./file.js";` and exports of '
                "declarations and defaults can be joined: write it so."
            )
    return names


def _tokens(text: str) -> Iterator[str]:
    """Give words and signs one by one, and `_QUOTED` for what is quoted."""
    open_brackets: list[str] = []
    at = 0
    while found := _TOKEN.search(text, at):
        token, at = found[0], found.end()
        resumed = token == "}" and open_brackets[-1:] == ["${"]
        if found["comment"]:
            continue
        if found["template"] or resumed:
            if resumed:
                open_brackets.pop()
                yield "}"
            part = _TEMPLATE.match(text, at)
            at = part.end() if part else len(text)
            yield _QUOTED
            if part and part[1] == "${":
                open_brackets.append("${")
                yield "{"
            continue
        if token == "{":
            open_brackets.append(token)
        elif token == "}" and open_brackets:
            open_brackets.pop()
        yield _QUOTED if found["quoted"] else token


def _begins(tokens: list[str], at: int) -> bool:
    """Tell whether a word begins a declaration, an import or an export."""
    before = tokens[at - 1] if at else ";"
    if before == "async":
        before = tokens[at - 2] if at > 1 else ";"
    words = _BINDING | {"function", "class", "import", "export"}
    return tokens[at] in words and before not in _BEFORE_VALUE


def _bound(tokens: list[str], at: int) -> tuple[list[str], int]:
    """Read the names after ``const``, ``let`` or ``var``, and where these end."""
    names = []
    while True:
        found, at = _pattern(tokens, at)
        names += found
        if tokens[at] == "=":
            at = _past_value(tokens, at + 1)
        if tokens[at] != ",":
            return names, at
        at += 1


def _pattern(tokens: list[str], at: int) -> tuple[list[str], int]:
    """Read one name, or those that a destructuring pattern binds, and where it ends."""
    opening, at = tokens[at], at + 1
    if opening not in ("{", "["):
        return [opening], at
    names = []
    while tokens[at] not in ("}", "]", ";"):
        if tokens[at] in (",", "..."):
            at += 1
            continue
        if opening == "{" and tokens[at] == "[":  # a key that is computed
            at = _past_value(tokens, at + 1)
        if opening == "{" and tokens[at + 1] == ":":
            at += 2
        found, at = _pattern(tokens, at)
        names += found
        if tokens[at] == "=":
            at = _past_value(tokens, at + 1)
    return names, at + 1


def _past_value(tokens: list[str], at: int) -> int:
    """Go on to the comma, bracket, semicolon or declaration that ends a value."""
    depth = 0
    while at < len(tokens) - 1:
        token = tokens[at]
        if depth == 0 and (token in (",", ";", ")", "]", "}") or _begins(tokens, at)):
            return at
        depth += (token in "([{") - (token in ")]}")
        at += 1
    return at
