"""Write the report of a run: one page that stands alone."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from sertools import labels
from sertools.atomic import write_text

from . import cells
from .declared import Parameter
from .frame import render
from .provenance import licences
from .status import read_json

__all__ = ["INTENDED_USE", "notices", "scores", "write_page"]

INTENDED_USE = (
    "Agreement with the label an actor intended; no claim about felt emotion; "
    "not for decisions about people."
)

_SYNTHETIC = (
    "This is synthetic speech: the scores show that everything works, and nothing "
    "about people."
)
_RANDOM = "The weights are random (tiny): the scores mean nothing."


def write_page(folder: Path, declared: Iterable[Parameter] = ()) -> Path:
    """Write `report.html` from the other files of a run.

    Parameters
    ----------
    folder : Path
        With `run.json`, `notebook.ipynb` and, if there is one, `metrics.json`.
    declared : iterable of Parameter, optional
        What the notebook declares, to tell values that were set from defaults.

    Returns
    -------
    Path
        The page.
    """
    import nbformat

    folder = Path(folder)
    run = read_json(folder / "run.json") or {}
    metrics = read_json(folder / "metrics.json") or {}
    notebook = nbformat.read(folder / "notebook.ipynb", as_version=4)
    cell = (run.get("error") or {}).get("cell") or {}
    body = cells.render_cells(notebook, cell.get("index"))
    text = render(
        "page.html.j2",
        title=cells.title_of(notebook) or run.get("notebook") or "Report",
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
        contents=cells.contents(body),
    )
    write_text(folder / "report.html", text)
    return folder / "report.html"


def scores(metrics: Mapping) -> dict:
    """Take what a drawn interval needs out of `metrics.json`.

    Parameters
    ----------
    metrics : mapping
        Content of `metrics.json`.

    Returns
    -------
    dict
        ``uar``, ``accuracy`` and ``macro_f1``, each a dict of ``value``, ``low``
        and ``high`` or None; ``chance`` and ``baseline``, a float or None.

    Examples
    --------
    >>> scores({"uar": {"value": 0.5, "low": None, "high": None}})["uar"]["value"]
    0.5
    """
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
    """List what a reader must know before believing a score.

    Parameters
    ----------
    run, metrics : mapping
        Content of `run.json` and `metrics.json`.

    Returns
    -------
    list of str
        The warnings of the result, and what goes for the demo corpus and for
        random weights where the result does not say it itself.
    """
    if not metrics:
        return []
    found = [str(warning) for warning in metrics.get("warnings") or []]
    said = " ".join(found).lower()
    given = run.get("parameters", {})
    dataset = metrics.get("dataset") or given.get("dataset")
    synthetic = metrics.get("synthetic") or dataset == "demo"
    if synthetic and "synthetic" not in said:
        found.append(_SYNTHETIC)
    if given.get("weights") == "tiny" and "random" not in said:
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
    table = metrics.get("per_class") or {}
    if isinstance(table, Mapping):
        rows = [{"emotion": name, **row} for name, row in table.items()]
    else:
        rows = [dict(row) for row in table]
    return [
        {
            "emotion": str(row.get("emotion", "")),
            "recall": row.get("recall"),
            "n_clips": row.get("n_clips"),
            "colour": labels.colour(str(row.get("emotion", ""))),
        }
        for row in rows
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
