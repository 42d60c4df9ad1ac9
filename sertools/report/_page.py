"""Write the report of a run: one page that stands alone."""

import base64
import copy
import functools
import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from sertools import labels
from sertools.display import headed
from sertools.files import write_text
from sertools.report._notebooks import CELL
from sertools.report._parameters import Parameter
from sertools.report._schema import read_json
from sertools.report._status import licences

if TYPE_CHECKING:
    import jinja2
    from nbformat import NotebookNode

_SUSPECT = re.compile(
    r"<(script|link|iframe|frame|object|embed|base|meta|form|noscript)\b"
    r"|[\s/'\"]on\w+\s*=|javascript:|@import|url\("
    r"|\b(src|srcset|srcdoc|poster|background|action|formaction|href)\s*=",
    re.IGNORECASE,
)


_GONE = ["script", "link", "iframe", "frame", "object", "embed", "base", "meta"]
_LOADS = {"src", "srcset", "srcdoc", "poster", "background", "data", "ping"}
_LOADS |= {"action", "formaction"}
_DATA = re.compile(r"data:(image|audio|video|font)/", re.IGNORECASE)
_LINK = re.compile(r"(https?:|mailto:|#|[\w./#%?=&-]+$)", re.IGNORECASE)
_REACH = re.compile(
    r"@import[^;]*;?|url\(\s*(?!['\"]?\s*(?:data:|#))[^)]*\)", re.IGNORECASE
)
TEMPLATES = Path(__file__).with_name("template")
"""Folder of the page templates."""
_POLICY = (
    "default-src 'none'; img-src data:; media-src data:; font-src data:; "
    "style-src 'unsafe-inline'; script-src {script}; "
    "base-uri 'none'; form-action 'none'"
)
_LONGEST = 20_000  # characters of one text output
_HEADING = re.compile(r"^(#{1,3})\s+(.+?)\s*#*$", re.MULTILINE)
_TITLE = re.compile(r"\A\s*#\s+(.+?)\s*#*$", re.MULTILINE)
_SECTION = re.compile(r'<h2 id="([^"]+)">(.*?)(?:<a class="anchor-link".*?)?</h2>')
_NO_PICTURE = (  # what only a live notebook can show
    "application/javascript",
    "application/vnd.jupyter.widget-view+json",
    "text/vnd.mermaid",
)
INTENDED_USE = (
    "Agreement with the label an actor intended; no claim about felt emotion; "
    "not for decisions about people."
)
_SYNTHETIC = (
    "This is synthetic speech: the scores show that everything works, and nothing "
    "about people."
)
_RANDOM = "The weights are random (tiny): the scores mean nothing."


def clean(html: str) -> str:
    """Take out scripts, event handlers and everything fetched from elsewhere."""
    html = headed(html)
    if not _SUSPECT.search(html):
        return html
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(_GONE):
        tag.decompose()
    for tag in soup.find_all("form"):
        tag.unwrap()
    for tag in soup.find_all("style"):
        tag.string = _REACH.sub("none", tag.string or "")
    for tag in soup.find_all(True):
        _disarm(tag)
    for tag in soup.find_all("img", src=False):
        tag.replace_with(_note(soup))
    return str(soup)


def _disarm(tag) -> None:
    """Take out of one element what runs, loads or misleads."""
    for name in list(tag.attrs):
        value = tag.attrs[name]
        value = (" ".join(value) if isinstance(value, list) else value or "").strip()
        kind = name.lower().rpartition(":")[2]  # xlink:href is href
        if kind == "href" and tag.name == "a":
            harmless = _LINK.match(value)
        elif kind == "href" or kind in _LOADS:
            harmless = _DATA.match(value) or value.startswith("#")
        else:
            harmless = not kind.startswith("on")
        if not harmless:
            del tag[name]
        elif kind == "style":
            tag[name] = _REACH.sub("none", value)


def _note(soup):
    note = soup.new_tag("em")
    note.string = "[a picture from elsewhere, not part of this page]"
    return note


def render(template: str, script: str = "", **content) -> str:
    """Render a page that asks nothing of anybody: no network, no script but its own."""
    allowed = "'none'"
    if script:
        digest = hashlib.sha256(script.encode()).digest()
        allowed = f"'sha256-{base64.b64encode(digest).decode()}'"
    page = _environment().get_template(template)
    return page.render(script=script, policy=_POLICY.format(script=allowed), **content)


def number(value: float | None) -> str:
    """Write a score with three decimals."""
    return "–" if value is None else f"{value:.3f}"  # noqa: RUF001


def span(seconds: float | None) -> str:
    """Write a time span the way people say it."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(started: str | None) -> str:
    """Write an ISO moment in UTC shorter."""
    return f"{started[:10]} {started[11:16]} UTC" if started else ""


def _percent(value: float | None) -> str:
    """Place a score between 0 and 1 on an axis, for CSS."""
    return f"{100 * min(max(value or 0, 0), 1):.2f}%"


@functools.cache
def _environment() -> "jinja2.Environment":
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=number, span=span, moment=moment, percent=_percent
    )
    return environment


def title_of(notebook: "NotebookNode") -> str:
    """Give the title: the first line of the first cell, if it is a heading."""
    for cell in notebook.cells[:1]:
        match = _TITLE.match(cell.source)
        if cell.cell_type == "markdown" and match:
            return re.sub(r"[*_`]", "", match.group(1))
    return ""


def render_cells(notebook: "NotebookNode", failed: int | None = None) -> str:
    """Render the cells, code folded, without any reference to the outside."""
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


def write_page(folder: Path, declared: Iterable[Parameter] = ()) -> Path:
    """Write `report.html` from the other files of a run."""
    import nbformat

    folder = Path(folder)
    run = read_json(folder / "run.json") or {}
    metrics = read_json(folder / "metrics.json") or {}
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    cell = (run.get("error") or {}).get("cell") or {}
    body = render_cells(notebook, cell.get("index"))
    text = render(
        "page.html.j2",
        title=title_of(notebook) or run.get("notebook") or "Report",
        run=run,
        parameters=_set(run.get("parameters", {}), declared),
        metrics=metrics,
        scores=scores(metrics),
        emotions=_emotions(metrics),
        notices=notices(run, metrics),
        excluded=metrics.get("excluded") or [],
        licenses=licences(run, metrics),
        intended_use=INTENDED_USE,
        body=body,
        contents=contents(body),
    )
    write_text(folder / "report.html", text)
    return folder / "report.html"


def scores(metrics: Mapping) -> dict:
    """Take what a drawn interval needs out of `metrics.json`."""
    found = {
        name: _triple(metrics.get(name)) for name in ("uar", "accuracy", "macro_f1")
    }
    baseline = _triple((metrics.get("baseline") or {}).get("uar"))
    return {
        **found,
        "chance": metrics.get("chance"),
        "baseline": baseline["value"] if baseline else None,
    }


def notices(run: Mapping, metrics: Mapping) -> list[str]:
    """List what a reader must know before believing a score, each thing once."""
    if not metrics:
        return []
    found = [str(warning) for warning in metrics.get("warnings") or []]
    given = run.get("parameters", {})
    dataset = metrics.get("dataset") or given.get("dataset")
    # What a result says of itself stands among its warnings.
    if dataset == "demo" and not metrics.get("synthetic"):
        found.append(_SYNTHETIC)
    if given.get("weights") == "tiny" and not metrics.get("random_weights"):
        found.append(_RANDOM)
    return found


def _triple(value: object) -> dict | None:
    if isinstance(value, Mapping) and value.get("value") is not None:
        return {key: value.get(key) for key in ("value", "low", "high")}
    if isinstance(value, int | float):
        return {"value": value, "low": None, "high": None}
    return None


def _emotions(metrics: Mapping) -> list[dict]:
    """List recall per emotion, with the emotion's colour."""
    return [
        {
            "emotion": name,
            "recall": row.get("recall"),
            "n_clips": row.get("n_clips"),
            "colour": labels.colour(name),
        }
        for name, row in (metrics.get("per_class") or {}).items()
    ]


def _set(values: Mapping, declared: Iterable[Parameter]) -> list[dict]:
    known = {parameter.name: parameter for parameter in declared}
    return [
        {
            "name": name,
            "value": value,
            "changed": name in known and known[name].default != value,
            "help": known[name].help if name in known else "",
        }
        for name, value in values.items()
    ]
