"""Every system of the folder, made so that nothing is downloaded."""

import importlib.metadata

import numpy as np
import pytest
import soundfile

from sertools import models


def systems(kind):
    """List the systems of a kind, variant by variant; those not installed skip."""
    found = []
    for name in models.names():
        model = models.load(name)
        if not isinstance(model, kind):
            continue
        missing = [package for package in model.packages if not installed(package)]
        reason = f"{name} needs {', '.join(missing)}"
        marks = [pytest.mark.skipif(bool(missing), reason=reason)]
        specs = [f"{name}:{variant}" for variant in model.variants] or [name]
        if len({models.load(spec).weights_subpath() for spec in specs}) > 1:
            specs = specs[:1]  # sizes of one network: the smallest tells it all
        found += [pytest.param(spec, marks=marks) for spec in specs]
    return found


def names(specs):
    """Give the names of what can run here."""
    return [p.values[0] for p in specs if not p.marks[0].args[0]]


def installed(package):
    try:
        return bool(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return False


def made(spec):
    """Make a system, with random weights where it has any."""
    if "+" in spec:
        return models.load(spec)
    has_weights = models.load(spec).has_weights
    return models.load(spec, weights="tiny" if has_weights else None)


def made_up(model):
    return model.random_weights


def same(model, a, b):
    """Compare: bit by bit, but for networks, whose sums depend on their batches."""
    if model.random_weights:
        return a.shape == b.shape and np.allclose(a, b, rtol=1e-5, atol=1e-5)
    return np.array_equal(a, b)


def written(waveforms, rate, folder):
    """Write waveforms as files at a rate."""
    paths = [folder / f"{number}.wav" for number in range(len(waveforms))]
    for path, waveform in zip(paths, waveforms, strict=True):
        soundfile.write(path, waveform, rate, subtype="FLOAT")
    return paths
