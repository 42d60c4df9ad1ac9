"""The cells of an executed notebook as HTML that stands alone."""

import copy
import re
from typing import TYPE_CHECKING

from .cleaning import clean
from .execution import CELL
from .frame import TEMPLATES

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["contents", "render_cells", "title_of"]

_LONGEST = 20_000  # characters of one text output
_HEADING = re.compile(r"^(#{1,3})\s+(.+?)\s*#*$", re.MULTILINE)
_TITLE = re.compile(r"\A\s*#\s+(.+?)\s*#*$", re.MULTILINE)
_SECTION = re.compile(r'<h2 id="([^"]+)">(.*?)(?:<a class="anchor-link".*?)?</h2>')
_NO_PICTURE = (  # what only a live notebook can show
    "application/javascript",
    "application/vnd.jupyter.widget-view+json",
    "text/vnd.mermaid",
)


def title_of(notebook: "NotebookNode") -> str:
    """Give the title: the first line of the first cell, if it is a heading."""
    for cell in notebook.cells[:1]:
        match = _TITLE.match(cell.source)
        if cell.cell_type == "markdown" and match:
            return re.sub(r"[*_`]", "", match.group(1))
    return ""


def render_cells(notebook: "NotebookNode", failed: int | None = None) -> str:
    """Render the cells, code folded, without any reference to the outside.

    Parameters
    ----------
    notebook : NotebookNode
        As executed.
    failed : int, optional
        Position of the cell that failed; its code is open.

    Returns
    -------
    str
        HTML for the inside of a page.
    """
    from nbconvert import HTMLExporter

    notebook = _prepared(notebook, failed)
    exporter = HTMLExporter(
        template_name=TEMPLATES.name,
        extra_template_basedirs=[str(TEMPLATES.parent)],
    )
    body, _ = exporter.from_notebook_node(notebook)
    return clean(body)


def contents(body: str) -> list[tuple[str, str]]:
    """List the sections of a rendered body: anchor and heading."""
    found = _SECTION.findall(body)
    return [(anchor, re.sub(r"<[^>]+>", "", heading)) for anchor, heading in found]


def _prepared(notebook: "NotebookNode", failed: int | None) -> "NotebookNode":
    notebook = copy.deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    if title_of(notebook):
        first = notebook.cells[0]
        first.source = _TITLE.sub("", first.source, count=1)
    heading = ""
    for cell in notebook.cells:
        index = cell.metadata.get(CELL)
        cell.metadata["report"] = {
            "number": None if index is None else index + 1,
            "failed": index is not None and index == failed,
        }
        if cell.cell_type == "markdown":
            headings = _HEADING.findall(cell.source)
            heading = headings[-1][1] if headings else heading
        for output in cell.get("outputs", []):
            _tame(output, heading)
    return notebook


def _tame(output: "NotebookNode", heading: str) -> None:
    """Keep of an output what a page on its own can show."""
    if "text" in output:
        output.text = _shortened(output.text)
    if output.output_type == "error":
        output.traceback = _shortened("\n".join(output.traceback)).splitlines()
    data = output.get("data", {})
    for kind in _NO_PICTURE:
        if data.pop(kind, None) is not None and not data:
            data["text/plain"] = "(shown in a live notebook only)"
    if "text/plain" in data:
        data["text/plain"] = _shortened(data["text/plain"])
    if data:
        known = [output.metadata.get(kind, {}) for kind in data]
        alts = [entry["alt"] for entry in known if "alt" in entry]
        about = f"Figure: {re.sub(r'[*_`]', '', heading)}" if heading else "Figure"
        output.metadata["report_alt"] = alts[0] if alts else about


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return (
        f"{text[:_LONGEST]}\n[... {len(text) - _LONGEST} more characters stand in "
        "notebook.ipynb]"
    )
