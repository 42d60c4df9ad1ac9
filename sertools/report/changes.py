"""What is different between two runs: parameters, versions, data, scores."""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

__all__ = ["Change", "before", "changes", "identity"]

_PLACES = ("root", "out")  # they say where, not what
_SHORT = 8  # characters of a digest that a person compares
_DIGESTS = {
    "source_sha256": ("notebook", "source"),
    "git_commit": ("version", "commit of sertools"),
    "corpus_sha256": ("data", "corpus"),
    "weights_sha256": ("data", "weights"),
}


class Change(NamedTuple):
    """One thing that is not as it was.

    Parameters
    ----------
    kind : {"parameter", "version", "data", "notebook"}
        What sort of thing.
    name : str
        Which one.
    before, after : str
        What it was and what it is; ``"none"`` where there is none.
    """

    kind: str
    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name} {self.before} → {self.after}"


def identity(run: Mapping) -> tuple:
    """Give what makes two runs the same experiment: notebook and parameters.

    Where files lie is no part of it, and neither are versions and data: they
    are what may have changed meanwhile.

    Parameters
    ----------
    run : mapping
        Content of ``run.json``, or a line of the history.

    Returns
    -------
    tuple
        Hashable.

    Examples
    --------
    >>> one = {"notebook": "a", "parameters": {"head": "svm", "root": "x"}}
    >>> identity(one) == identity({**one, "parameters": {"head": "svm"}})
    True
    """
    given = _telling(run)
    return run.get("notebook"), tuple((k, repr(v)) for k, v in sorted(given.items()))


def changes(old: Mapping, new: Mapping) -> list[Change]:
    """List what is different in a run from an earlier one, scores aside.

    Parameters
    ----------
    old, new : mapping
        Content of ``run.json``, or lines of the history.

    Returns
    -------
    list of Change
        Parameters first, then notebook, data and versions.

    Examples
    --------
    >>> old = {"parameters": {"head": "svm"}, "packages": {"numpy": "2.4"}}
    >>> new = {"parameters": {"head": "svm"}, "packages": {"numpy": "2.5"}}
    >>> print(*changes(old, new))
    numpy 2.4 → 2.5
    """
    found = [
        Change("parameter", *what) for what in _differ(_telling(old), _telling(new))
    ]
    if old.get("notebook") != new.get("notebook"):
        names = (str(old.get("notebook")), str(new.get("notebook")))
        found.append(Change("notebook", "notebook", *names))
    for key, (kind, name) in _DIGESTS.items():
        a, b = old.get(key), new.get(key)
        if a and b and a != b:
            found.append(Change(kind, name, a[:_SHORT], b[:_SHORT]))
    packages = old.get("packages") or {}, new.get("packages") or {}
    found += [Change("version", *what) for what in _differ(*packages)]
    if old.get("platform") and new.get("platform"):
        same = old["platform"] == new["platform"]
        what = ("platform", old["platform"], new["platform"])
        found += [] if same else [Change("version", *what)]
    order = ("parameter", "notebook", "data", "version")
    return sorted(found, key=lambda change: order.index(change.kind))


def before(run: Mapping, history: Iterable[Mapping]) -> Mapping | None:
    """Find the run to hold another against: the last ok one of the same experiment.

    If there is none, the ok one of the same notebook, corpus and model that
    differs in the fewest parameters.

    Parameters
    ----------
    run : mapping
        A line of the history.
    history : iterable of mapping
        All lines, the oldest first.

    Returns
    -------
    mapping or None
        The earlier line.
    """
    near = [
        one
        for one in itertools.takewhile(lambda one: one is not run, history)
        if one["status"] == "ok"
        and one["started"] < run["started"]
        and one.get("notebook") == run.get("notebook")
        and _heard(one) == _heard(run)
    ]
    mine = _telling(run)
    return min(
        reversed(near),
        key=lambda one: sum(1 for _ in _differ(_telling(one), mine)),
        default=None,
    )


def _heard(run: Mapping) -> object:
    """Give the corpus, which a run without a result has as a parameter."""
    metrics, given = run.get("metrics") or {}, run.get("parameters") or {}
    return given.get("dataset") or metrics.get("dataset")


def _telling(run: Mapping) -> dict:
    """Take the parameters that say what is done; weights only if they are random."""
    given = run.get("parameters") or {}
    kept = {name: value for name, value in given.items() if name not in _PLACES}
    if kept.get("weights") != "tiny":
        kept.pop("weights", None)
    return kept


def _differ(old: Mapping, new: Mapping) -> Iterator[tuple[str, str, str]]:
    for name in {**old, **new}:
        a, b = (_said(values.get(name)) for values in (old, new))
        if a != b:
            yield name, a, b


def _said(value: object) -> str:
    return "none" if value is None or value == "" else str(value)
