"""Find what a run will need and what is not here: corpora and weights."""

import os
from collections.abc import Iterator, Mapping

_VARIANTS = ("variant", "pooling", "size")  # of the system a notebook is about
_SYSTEMS = {"model": 0, "models": 1, "beside": 0}  # 1: a head may follow, by a blank
NAMING = ("dataset", "root", "train", "train_root", "weights", *_VARIANTS, *_SYSTEMS)
"""The parameters that name something which must be here."""


def absent(notebook: str, values: Mapping[str, object], ours: bool) -> list[str]:
    """List what parameters name and what cannot be used, a line each.

    Of a notebook of one's own only ``weights`` is known, and ``dataset`` where it is no
    other's default: its ``root`` may be anything.
    """
    found = list(_corpora(values)) if ours or values.get("dataset") != "demo" else []
    weights = values.get("weights", "")
    if isinstance(weights, str) and weights not in ("", "tiny"):
        if not os.path.exists(os.path.expanduser(weights)):
            found.append(f"weights: there is no file or folder {weights}")
    elif weights == "" and "weights" in values and ours:
        found += _without_weights(notebook, _variant(values))
    if ours:
        for spec in _specs(values):
            found += _without_weights(*spec.partition(":")[::2])
    return found


def _corpora(values: Mapping[str, object]) -> Iterator[str]:
    """Load every corpus once, as the run would: tables are looked at, no audio."""
    from sertools import datasets

    named = [(values.get("dataset"), values.get("root"))]
    if "train_root" in values:
        names = [name for name in str(values.get("train", "")).split(",") if name]
        places = [*str(values["train_root"]).split(","), *[""] * len(names)]
        named += zip(names, places, strict=False)
    for name, root in named:
        if isinstance(name, str) and name in datasets.names():
            try:
                datasets.load(name, root=root or None)
            except (OSError, ValueError) as error:
                yield _as_parameters(error)


def _as_parameters(error: Exception) -> str:
    """Say a remedy in the options of a report, which takes parameters."""
    said = str(error).replace("--root", "-p root DIR")
    return said.replace("--weights", "-p weights")


def _variant(values: Mapping[str, object]) -> str:
    return next((str(values[name]) for name in _VARIANTS if name in values), "")


def _specs(values: Mapping[str, object]) -> Iterator[str]:
    """Give the systems that parameters of our notebooks name, joined ones apart."""
    for name, several in _SYSTEMS.items():
        for part in str(values.get(name, "")).split(","):
            words = part.split()[:1] if several else [part.strip()]
            yield from (spec for word in words for spec in word.split("+") if spec)


def _without_weights(system: str, variant: str) -> list[str]:
    """Say which weights are not here, or why a system cannot be made."""
    from sertools import models

    try:
        model = models.load(f"{system}:{variant}" if variant else system)
        if model.has_weights:
            model.weights_path()
    except (OSError, ValueError) as error:
        return [_as_parameters(error)]
    return []
