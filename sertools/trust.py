"""The one gate before anything that can run code while loading.

A pickle is a program: reading it runs what it says. So do some files of torch
and Keras. None of them is read before a person has said ``trust=True``
(``--trust``), and what a refusal names was found without running any of it.
"""

import contextlib
import io
import os
import pickle
import pickletools
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

from sertools import atomic
from sertools.extras import require

__all__ = ["gate", "load_head", "load_pickle", "load_torch", "save_head"]

_SHOWN = 3  # names in a message
_SCANNED = 2**26  # bytes in which names are looked for
_LIBRARIES = ("torch.", "collections.", "numpy.", "joblib.", "sklearn.", "_codecs.")
_TORCH_PICKLES = 4  # before tensors, in the format of torch before 1.6
# Beside what skops knows: these hold parameters and answer questions with them.
_KNOWN_TYPES = {
    "sertools.models.heads.average.Average",
    "sertools.models.heads.best.Best",
    "sertools.models.heads.linear.LinearHead",
    "sertools.models.heads.ranks.NormalRanks",
    "sertools.models.heads.rotation.UnitRotation",
    "sertools.models.heads.stack.Stack",
    "sertools.models.heads.svm.SpeakerSVC",
    "sertools.models.heads.tuned.Tuned",
    "sertools.models.heads.weighted.WeightedLinear",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    "sklearn.calibration._TemperatureScaling",
    "sklearn.tree._tree.Tree",  # read with care: _check_trees
}


def gate(path: str | os.PathLike, runs: str, trust: bool) -> None:
    """Let a file pass only if it is trusted.

    Parameters
    ----------
    path : path-like
        The file.
    runs : str
        What loading it would run, in a few words.
    trust : bool
        Whether its maker is trusted.

    Raises
    ------
    ValueError
        If not; one line says what would run, and how to allow it.

    Examples
    --------
    >>> gate("model.pkl", "posix.system", trust=False)
    Traceback (most recent call last):
    ValueError: model.pkl: refused, because loading it runs posix.system. If you
    trust whoever made it: trust=True (--trust).
    """
    if trust is not True:
        raise ValueError(
            f"{path}: refused, because loading it runs {runs}. "
            "If you trust whoever made it: trust=True (--trust)."
        )


def load_pickle(path: str | os.PathLike, trust: bool = False) -> object:
    """Load a file of pickle or joblib, if it is trusted.

    Parameters
    ----------
    path : path-like
        Plain, or compressed by joblib.
    trust : bool, default False
        Run whatever it says.

    Returns
    -------
    object
        What it holds.

    Raises
    ------
    ValueError
        If it is not trusted: one line with the first names it calls. If it is
        no pickle, or cannot be read.
    FileNotFoundError
        If there is no such file.
    """
    names, whole = _calls(_unpacked(path))
    if not names and not whole:
        raise ValueError(f"{path}: neither a pickle nor a file of joblib.")
    gate(path, _in_words(names, whole), trust)
    import joblib

    with _one_line(path):
        return joblib.load(path)


def load_torch(
    path: str | os.PathLike, trust: bool = False, device: str = "cpu"
) -> object:
    """Load a file of ``torch.save``; one that is more than tensors needs trust.

    Parameters
    ----------
    path : path-like
        Of the present format (zip) or the one before.
    trust : bool, default False
        Run whatever it says, where plain tensors are not all there is.
    device : str, default "cpu"
        Where the tensors go.

    Returns
    -------
    object
        What it holds; most often a dict of tensors.

    Raises
    ------
    ValueError
        If it would run code and is not trusted, or cannot be read.
    FileNotFoundError
        If there is no such file.
    """
    torch = require("torch")
    names, whole = _calls(_torch_pickles(path), _TORCH_PICKLES)
    try:
        with (
            _one_line(path, passing=(pickle.UnpicklingError,)),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        if not whole:
            raise ValueError(f"{path}: cannot be read: damaged.") from error
    gate(path, _in_words(names, whole), trust)
    with _one_line(path):
        return torch.load(path, map_location=device, weights_only=False)


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
            f"{kind} cannot be saved: {_first_line(error)} {able}"
        ) from error
    if foreign:
        raise ValueError(
            f"{kind} cannot be saved so that it loads without trust: it holds "
            f"{_in_words(foreign)}. {able}"
        )
    with atomic.replacing(path) as draft:
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

    with _one_line(path, "no head saved with skops"):
        foreign = _foreign(stored)
    if foreign:
        gate(path, f"code of {_in_words(foreign)}", trust)
    with _one_line(path):
        head = skops.loads(stored, trusted=[*_KNOWN_TYPES, *foreign])
    _check_trees(head, path)
    return head


def _in_words(names: list[str], whole: bool = True) -> str:
    """Name the first of what would be called."""
    if not names:
        return "code: a pickle is a program"
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + (rest if whole else " and more")


@contextlib.contextmanager
def _one_line(path, reason: str = "cannot be read", passing: tuple = ()):
    """Say in one line what a library says in many."""
    try:
        yield
    except passing:
        raise
    except Exception as error:
        raise ValueError(f"{path}: {reason}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """Shorten what a library says to its first sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].partition(". ")[0].rstrip(".:") + "."


def _calls(stream: bytes, pickles: int = 1) -> tuple[list[str], bool]:
    """Read the names that pickles call, running nothing; and whether all end.

    joblib's arrays stand between the instructions, and what follows them is not
    read: the names are a courtesy, never a permission.
    """
    names, texts, memo, last = [], [], {}, None
    file = io.BytesIO(stream)
    try:
        while pickles and (file.tell() == 0 or file.tell() < len(stream)):
            pickles -= 1
            for code, value, _ in pickletools.genops(file):
                if code.name == "MEMOIZE":
                    memo[len(memo)] = last
                elif "PUT" in code.name:
                    memo[value] = last
                elif code.name in ("GLOBAL", "INST"):
                    names.append(value.replace(" ", "."))
                    last = None
                elif code.name == "STACK_GLOBAL":
                    names.append(".".join(texts[-2:]))
                    last = None
                else:
                    last = memo.get(value) if "GET" in code.name else value
                    texts += [last] if isinstance(last, str) else []
    except Exception:  # bytes of an array, or of nothing at all
        return _readable(names), False
    return _readable(names), True


def _readable(names: list[str]) -> list[str]:
    """Take each name once, well-known libraries last; drop what only looks like one."""
    sound = [n for n in names if all(part.isidentifier() for part in n.split("."))]
    return sorted(dict.fromkeys(sound), key=lambda name: name.startswith(_LIBRARIES))


def _start_of(path, size: int = _SCANNED) -> bytes:
    with Path(path).open("rb") as file:
        return file.read(size)


def _unpacked(path) -> bytes:
    """Read the start of a pickle, whatever joblib compressed it with."""
    import bz2
    import gzip
    import lzma
    import zlib

    stream = _start_of(path)
    openers = {b"\x1f\x8b": gzip, b"BZ": bz2, b"\xfd7zXZ": lzma, b"]\x00": lzma}
    try:
        for magic, library in openers.items():
            if stream.startswith(magic):
                with library.open(path) as file:
                    return file.read(_SCANNED)
        if stream.startswith(b"x"):
            return zlib.decompressobj().decompress(stream, _SCANNED)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return b""
    return stream


def _torch_pickles(path) -> bytes:
    """Take the pickles out of a file of torch; ``b""`` if there are none."""
    if not zipfile.is_zipfile(path):
        return _start_of(path)
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [n for n in archive.namelist() if n.endswith("data.pkl")]
            return archive.read(inside[0]) if inside else b""
    except (OSError, zipfile.BadZipFile, NotImplementedError):
        return b""


def _foreign(stored: bytes) -> list[str]:
    """List the types that neither skops nor this module knows."""
    from skops import io as skops

    return sorted({*skops.get_untrusted_types(data=stored)} - _KNOWN_TYPES)


def _check_trees(head, path) -> None:
    """Refuse decision trees that point outside themselves or their features.

    scikit-learn follows these numbers without looking, anywhere in memory.
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
