"""What a notebook declares as parameters, and whether given values fit."""

import ast
import difflib
import io
import math
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sertools.report._notebooks import find, name_of, read

_TYPES = {"str": str, "int": int, "float": float, "bool": bool}
_WORDS = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "yes, no, true or false",
}


_YES_NO = {"yes": True, "true": True, "no": False, "false": False}
_SCHEMES = ("speaker", "random", "published")


@dataclass(frozen=True)
class Parameter:
    """One parameter that a notebook declares.

    Parameters
    ----------
    name : str
        Its name.
    type : type
        ``str``, ``int``, ``float`` or ``bool``.
    default : str, int, float or bool
        Its value where none is given.
    help : str
        The comment behind it.
    """

    name: str
    type: type
    default: str | int | float | bool
    help: str = ""

    def convert(self, given: object) -> str | int | float | bool:
        """Turn a given value into this parameter's type.

        Parameters
        ----------
        given : str, int, float or bool
            A value; text, as it comes from a command line, is read as the
            declared type. A text parameter keeps text that looks like a number.

        Returns
        -------
        str, int, float or bool
            The value.

        Raises
        ------
        ValueError
            If the value is not of the declared type.

        Examples
        --------
        >>> Parameter("jobs", int, 1).convert("4")
        4
        >>> Parameter("speaker", str, "").convert("03")
        '03'
        """
        value = _converted(self.type, given)
        if value is None:
            raise ValueError(
                f"{self.name} takes {_WORDS[self.type]} ({self.type.__name__}), "
                f"not {given!r}"
            )
        return value


class Mistake(NamedTuple):
    """What is wrong with one given value."""

    parameter: str
    text: str
    unknown: bool = False  # there is no such parameter


def parameters(notebook: str | Path) -> list[Parameter]:
    """Read the parameters of a notebook from its cell tagged ``parameters``.

    Parameters
    ----------
    notebook : str or Path
        Name or path of a notebook.

    Returns
    -------
    list of Parameter
        In the order they are declared.

    Raises
    ------
    ValueError
        If the notebook is unknown, has no such cell, or the cell holds
        anything but lines of the form ``name: type = literal  # help``.
    """
    path = find(notebook)
    tagged = [
        cell.source
        for cell in read(path).cells
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", [])
    ]
    if not tagged:
        raise ValueError(
            f"{path.name} has no cell tagged 'parameters', so nothing can be set in "
            "it. Tag the cell that holds its `name: type = literal  # help` lines."
        )
    try:
        return declared_in(tagged[0])
    except (SyntaxError, ValueError) as bad:
        raise ValueError(f"The parameters cell of {name_of(path)}: {bad}") from None


def check(
    parameters: Iterable[Parameter], given: Mapping[str, object]
) -> dict[str, str | int | float | bool]:
    """Check given values against declared parameters, all mistakes at once.

    Parameters
    ----------
    parameters : iterable of Parameter
        What the notebook declares.
    given : mapping of str to value
        What somebody asks for; values may be text, as from ``-p name value``.

    Returns
    -------
    dict of str to str, int, float or bool
        Every declared parameter with its value, given or default.

    Raises
    ------
    ValueError
        Naming every unknown name, with near matches, and every mistyped value.

    Examples
    --------
    >>> declared = [Parameter("seed", int, 0), Parameter("strict", bool, False)]
    >>> check(declared, {"strict": "yes"})
    {'seed': 0, 'strict': True}
    """
    parameters = list(parameters)
    values, mistakes = checked(parameters, given)
    if mistakes:
        known = ", ".join(parameter.name for parameter in parameters)
        said = "; ".join(mistake.text for mistake in mistakes)
        raise ValueError(f"{said}. Parameters: {known}.")
    return values


def checked(
    parameters: Iterable[Parameter], given: Mapping[str, object]
) -> tuple[dict[str, str | int | float | bool], list[Mistake]]:
    """Check given values: give every parameter's value, and the mistakes."""
    known = {parameter.name: parameter for parameter in parameters}
    values = {name: parameter.default for name, parameter in known.items()}
    mistakes = []
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=2, cutoff=0.65)
            hint = f" (did you mean {' or '.join(near)}?)" if near else ""
            text = f"there is no parameter {name!r}{hint}"
            mistakes.append(Mistake(name, text, unknown=True))
            continue
        try:
            values[name] = known[name].convert(value)
        except ValueError as bad:
            mistakes.append(Mistake(name, str(bad)))
    return values, mistakes


def _converted(kind: type, given: object) -> object | None:
    """Give the value as that type, or None where it is no such thing."""
    if isinstance(given, str) and kind is not str:
        return _read(kind, given.strip())
    if kind is float and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if kind is float and isinstance(given, float) and not math.isfinite(given):
        return None
    return given if type(given) is kind else None


def _read(kind: type, text: str) -> object | None:
    if kind is bool:
        return _YES_NO.get(text.lower())
    if kind is int:
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def declared_in(source: str) -> list[Parameter]:
    """Read the lines of a parameters cell; anything else in it is a ValueError."""
    parsed, comments = ast.parse(source), _comments(source)
    found = {}
    for statement in parsed.body:
        if isinstance(statement, ast.Expr) and isinstance(
            statement.value, ast.Constant
        ):
            continue  # a line of text
        name, kind, default = _declaration(statement, source)
        help_text = comments.get(statement.end_lineno, "")
        found[name] = Parameter(name, kind, default, help_text)
    return list(found.values())


def _declaration(statement: ast.stmt, source: str) -> tuple[str, type, object]:
    line = (ast.get_source_segment(source, statement) or "").splitlines()[0]
    wrong = ValueError(f"{line!r} is not of the form `name: type = literal`")
    annotated = isinstance(statement, ast.AnnAssign)
    if not annotated and not isinstance(statement, ast.Assign):
        raise wrong
    targets = [statement.target] if annotated else statement.targets
    if len(targets) != 1 or not isinstance(targets[0], ast.Name):
        raise wrong
    try:
        default = ast.literal_eval(statement.value)
    except (ValueError, TypeError):
        raise wrong from None
    kind = type(default)
    if annotated:
        kind = _TYPES.get(ast.unparse(statement.annotation).strip("'\""))
    if kind not in _WORDS:
        raise ValueError(f"{line!r}: only str, int, float and bool can be parameters")
    value = _converted(kind, default) if not isinstance(default, str) else default
    if type(value) is not kind:
        raise ValueError(f"{line!r}: the value is not {kind.__name__}")
    return targets[0].id, kind, value


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def invalid_values(
    given: Mapping[str, object],
    values: Mapping[str, object],
    declared: Iterable[Parameter] = (),
) -> list[Mistake]:
    """List what the parameters that all notebooks share cannot mean."""
    default = {parameter.name: parameter.default for parameter in declared}
    found = []
    for name, look in _LOOKS.items():
        value = given.get(name)
        if isinstance(value, str) and value != default.get(name):
            found += [Mistake(name, text) for text in look(value, values)]
    return found


def _dataset(value: str, values: Mapping) -> list[str]:
    from sertools import datasets

    return _complaint(datasets.card, value)


def _emotions(value: str, values: Mapping) -> list[str]:
    from sertools import labels

    words = [word for word in value.split(",") if word.strip()]
    return [line for word in words for line in _complaint(labels.canonical, word)]


def _head(value: str, values: Mapping) -> list[str]:
    from sertools.models import heads

    return _complaint(heads.make, value)


def _folds(value: str, values: Mapping) -> list[str]:
    from sertools import datasets

    scheme, _, split = value.partition(":")
    if scheme == "published" and values.get("dataset") in datasets.names():
        published = datasets.get(values["dataset"]).published
        if split in published:
            return []
        known = ", ".join(f"published:{name}" for name in published) or "none"
        return [f"{values['dataset']} has no split {value}; known for it: {known}"]
    near = difflib.get_close_matches(scheme, _SCHEMES, n=1, cutoff=0.7)
    if near and near[0] != scheme:  # the name of a column can be anything else
        return [f"unknown folds {value!r}. Did you mean {near[0]}?"]
    return []


def _standardize(value: str, values: Mapping) -> list[str]:
    from sertools.features._standardization import FORMS

    known = ", ".join(FORMS)
    return [] if value in FORMS else [f"unknown standardize {value!r}; known: {known}"]


def _complaint(look, value: str) -> list[str]:
    try:
        look(value)
    except ValueError as error:
        return [str(error)]
    return []


_LOOKS = {
    "dataset": _dataset,
    "emotions": _emotions,
    "head": _head,
    "folds": _folds,
    "standardize": _standardize,
}
