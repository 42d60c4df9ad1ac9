"""Values of the right type that mean nothing: an unknown corpus, a misspelt head."""

import difflib
from collections.abc import Iterable, Mapping

from .declared import Parameter

__all__ = ["misunderstood"]

_SCHEMES = ("speaker", "random", "published")


def misunderstood(
    given: Mapping[str, object],
    values: Mapping[str, object],
    declared: Iterable[Parameter] = (),
) -> list[str]:
    """List what the parameters that all notebooks share cannot mean.

    Parameters
    ----------
    given : mapping of str to value
        Parameters that somebody set, of the right type.
    values : mapping of str to value
        All parameters.
    declared : iterable of Parameter, optional
        With their defaults, which are right as they are.

    Returns
    -------
    list of str
        One line a mistake, with near matches.

    Examples
    --------
    >>> misunderstood({"emotions": "happy,sadd"}, {})
    ["Unknown emotion 'sadd'. Did you mean sad?..."]
    """
    default = {parameter.name: parameter.default for parameter in declared}
    found = []
    for name, look in _LOOKS.items():
        value = given.get(name)
        if isinstance(value, str) and value != default.get(name):
            found += look(value, values)
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


def _complaint(look, value: str) -> list[str]:
    try:
        look(value)
    except ValueError as error:
        return [str(error)]
    return []


_LOOKS = {"dataset": _dataset, "emotions": _emotions, "head": _head, "folds": _folds}
