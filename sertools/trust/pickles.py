"""Pickles: files of pickle, joblib and torch, read for names before they are run."""

import io
import os
import pickle
import pickletools
import warnings
import zipfile
from pathlib import Path

from sertools.extras import require
from sertools.trust.refusal import gate, in_words, one_line

__all__ = ["load_pickle", "load_torch"]

_SCANNED = 2**26  # bytes in which names are looked for
_LIBRARIES = ("torch.", "collections.", "numpy.", "joblib.", "sklearn.", "_codecs.")
_TORCH_PICKLES = 4  # before tensors, in the format of torch before 1.6


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
    gate(path, in_words(names, whole), trust)
    import joblib

    with one_line(path):
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
            one_line(path, passing=(pickle.UnpicklingError,)),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        if not whole:
            raise ValueError(f"{path}: cannot be read: damaged.") from error
    gate(path, in_words(names, whole), trust)
    with one_line(path):
        return torch.load(path, map_location=device, weights_only=False)


def _calls(stream: bytes, pickles: int = 1) -> tuple[list[str], bool]:
    """Read the names that pickles call, running nothing; and whether all end.

    joblib puts the bytes of arrays between the instructions, and what follows
    them is not read. So the names are a courtesy, never a permission.
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
    """Take each name once, those of well-known libraries last.

    What only looks like a name by chance, in the bytes of an array, is left out.
    """
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
