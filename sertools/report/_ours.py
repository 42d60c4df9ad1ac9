"""Tell the notebooks that ship with sertools from all others, by their code."""

import functools
import hashlib
import json
from typing import TYPE_CHECKING

from sertools.report._notebooks import notebooks, read, started
from sertools.report._parameters import declared_in

if TYPE_CHECKING:
    from nbformat import NotebookNode


def is_ours(notebook: "NotebookNode") -> bool:
    """Say whether a notebook's code is that of one of ours, parameters aside."""
    return _digest(notebook) in _known()


@functools.cache
def _known() -> frozenset[str | None]:
    found = {_digest(read(path)) for path in notebooks().values()}
    found.add(_digest(started("")))  # what sertools new writes
    return frozenset(found - {None})


def _digest(notebook: "NotebookNode") -> str | None:
    """Sum up the code cells; the one of the parameters may hold nothing but values."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    try:
        for cell in tagged[:1]:
            declared_in(cell.source)
    except (SyntaxError, ValueError, RecursionError):
        return None
    rest = [cell.source for cell in code if not any(cell is c for c in tagged[:1])]
    return hashlib.sha256(json.dumps(rest).encode()).hexdigest()
