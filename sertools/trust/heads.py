"""Heads: scikit-learn classifiers in files that run nothing."""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from sertools import files
from sertools.trust.pickles import load_pickle
from sertools.trust.refusal import first_line, gate, in_words, one_line

__all__ = ["load_head", "save_head"]

# Beside what skops knows: these hold parameters and answer questions with them.
_KNOWN_TYPES = {
    "sertools.models.heads._average.Average",
    "sertools.models.heads._model_selection.Best",
    "sertools.models.heads._linear.LinearHead",
    "sertools.models.heads._preprocessing.RankGauss",
    "sertools.models.heads._preprocessing.OrthogonalProjection",
    "sertools.models.heads._svm.SpeakerSVC",
    "sertools.models.heads._tuning.Tuned",
    "sertools.models.heads._linear.WeightedLinear",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.tree._tree.Tree",  # read with care: _check_trees
}


def save_head(head, path: str | os.PathLike) -> Path:
    """Save a scikit-learn head with skops, in a form that runs nothing.

    Parameters
    ----------
    head : estimator
        Fitted.
    path : path-like
        Where; by custom it ends in ``.skops``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If skops cannot store the head, or `load_head` would not take it.
    """
    from skops import io as skops

    kind, able = type(head).__name__, "All heads of sertools.models.heads can."
    try:
        stored = skops.dumps(head, compression=zipfile.ZIP_DEFLATED)
        foreign = _foreign(stored)
    except Exception as error:  # skops calls methods of the head
        raise ValueError(
            f"{kind} cannot be saved: {first_line(error)} {able}"
        ) from error
    if foreign:
        raise ValueError(
            f"{kind} cannot be saved so that it loads without trust: it holds "
            f"{in_words(foreign)}. {able}"
        )
    with files.replacing(path) as draft:
        draft.write_bytes(stored)
    return Path(path)


def load_head(path: str | os.PathLike, trust: bool = False):
    """Load a head that was saved with skops, pickle or joblib.

    Parameters
    ----------
    path : path-like
        What it is, its content says, not its name.
    trust : bool, default False
        Take a pickle, or a head of types that nobody has looked at.

    Returns
    -------
    estimator
        The head.

    Raises
    ------
    ValueError
        If it is not trusted and is a pickle or holds other types than those of
        numpy, scikit-learn and `sertools.models.heads`; if it cannot be read.
    FileNotFoundError
        If there is no such file.
    """
    stored = Path(path).read_bytes()
    if not stored.startswith(b"PK"):
        return load_pickle(path, trust)
    from skops import io as skops

    with one_line(path, "no head saved with skops"):
        foreign = _foreign(stored)
    if foreign:
        gate(path, f"code of {in_words(foreign)}", trust)
    with one_line(path):
        head = skops.loads(stored, trusted=[*_KNOWN_TYPES, *foreign])
    _check_trees(head, path)
    return head


def _foreign(stored: bytes) -> list[str]:
    """List the types that neither skops nor this module knows."""
    from skops import io as skops

    return sorted({*skops.get_untrusted_types(data=stored)} - _KNOWN_TYPES)


def _check_trees(head, path) -> None:
    """Refuse decision trees that point outside themselves or their features.

    scikit-learn follows these numbers without looking, so that a made-up file
    could have it read anywhere in memory.
    """
    for tree, width in _trees(head):
        nodes = tree.__getstate__()["nodes"]
        sides = nodes["left_child"], nodes["right_child"]
        inner, place = sides[0] != -1, range(len(nodes))
        onward = [((side > place) & (side < len(nodes)))[inner] for side in sides]
        asked = nodes["feature"][inner]
        known = (asked >= 0) & (asked < min(width, tree.n_features))
        if not all(checked.all() for checked in (*onward, known)):
            raise ValueError(f"{path}: damaged: a decision tree points outside itself.")


def _trees(head) -> Iterator[tuple]:
    """Find the decision trees within a head, and how many features each may ask."""
    waiting, seen = [(head, 2**31)], set()
    while waiting:
        value, width = waiting.pop()
        if (id(value), width) in seen or isinstance(value, type):
            continue
        seen.add((id(value), width))
        own = getattr(value, "__dict__", {})
        if type(value).__module__ == "sklearn.tree._tree":
            yield value, width
        if "tree_" in own or "estimators_" in own:
            width = min(width, own.get("n_features_in_", width))
        if isinstance(value, list | tuple):
            parts = value
        elif getattr(getattr(value, "dtype", None), "hasobject", False):
            parts = value.flat
        else:
            parts = (value if isinstance(value, dict) else own).values()
        waiting += [(part, width) for part in parts]
