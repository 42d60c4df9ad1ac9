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
import re
import shutil
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from sertools import _head_contents, files
from sertools.extras import require

__all__ = [
    "check_card",
    "check_size",
    "check_torch",
    "gate",
    "load_head",
    "load_pickle",
    "load_torch",
    "opened",
    "private_copy",
    "read",
    "save_head",
]

_SHOWN = 3  # names in a message
_SCANNED = 2**26  # bytes in which names are looked for
_LIBRARIES = ("torch.", "collections.", "numpy.", "joblib.", "sklearn.", "_codecs.")
_TORCH_PICKLES = 5  # beside tensors, in the format of torch before 1.6

# Tensors come to these alone. Others that torch itself lets pass reserve memory at
# a word, or double what they are given: torch.FloatTensor, bytearray, encode.
_TENSORS = re.compile(
    r"collections\.OrderedDict|torch\._utils\._rebuild_(tensor(_v[23])?|parameter)"
    r"|torch\.(\w+Storage|Size|device|bool|half|float|double|short|int|long"
    r"|u?int\d+|b?float\d+\w*|complex\d+)|builtins\.set"
)

# Limits on sizes, in bytes
_LARGEST = 2**34  # a file of weights: Whisper's largest has 6 GB
_LARGEST_TEXT = 2**24  # a card, settings, a plan
_ALWAYS = 2**26  # so much an archive may always unfold to
_RATIO = 100  # and beyond that, so many times its own size


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


@contextlib.contextmanager
def opened(path: str | os.PathLike, largest: int = _LARGEST) -> Iterator[BinaryIO]:
    """Open a regular file, once: what is looked at is then what is loaded.

    Parameters
    ----------
    path : path-like
        No pipe and no device: those have no size and may never end.
    largest : int
        Bytes that it may have.

    Yields
    ------
    binary file
        At its start; to be looked through, rewound and loaded.

    Raises
    ------
    ValueError
        If it is no regular file, or larger.
    FileNotFoundError
        If there is no such file.
    """

    def at_once(name, flags):  # a pipe would wait for a writer
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    with open(path, "rb", opener=at_once) as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path}: not a file with an end, such as a pipe.")
        check_size(path, found.st_size, largest)
        yield file


def read(path: str | os.PathLike, largest: int = _LARGEST_TEXT) -> bytes:
    """Read a small file whole, if it is one: a card, settings, a plan.

    Parameters
    ----------
    path : path-like
        As for `opened`.
    largest : int, default 16 MiB
        Bytes that it may have.

    Returns
    -------
    bytes
        All of it.

    Raises
    ------
    ValueError
        If it is no regular file, or larger.
    FileNotFoundError
        If there is no such file.
    """
    with opened(path, largest) as file:
        return file.read(largest)


def check_size(path: str | os.PathLike, size: int, largest: int | None = None) -> None:
    """Refuse what would take far more memory than its file is long.

    Parameters
    ----------
    path : path-like
        A file; for the message, and for its own size.
    size : int
        Bytes that it has, or says that it unfolds to.
    largest : int, optional
        The limit; 64 MiB or a hundred times the file's size, if not given.

    Raises
    ------
    ValueError
        If it is above the limit; one line names both.
    """
    if largest is None:
        largest = max(_ALWAYS, _RATIO * os.stat(path).st_size)
    if size > largest:
        raise ValueError(
            f"{path}: too large: {_in_units(size)}, where such a file may take "
            f"{_in_units(largest)} at most."
        )


@contextlib.contextmanager
def private_copy(
    path: str | os.PathLike, *patterns: str, linked: tuple[str, ...] = ()
) -> Iterator[Path]:
    """Copy a file or folder to where nobody else writes, to look at it and load it.

    For libraries that want a path: one that is opened twice, to check and to load,
    may be another file the second time.

    Parameters
    ----------
    path : path-like
        A file, or a folder.
    *patterns : str
        Of a folder: which files to copy (``"*.json"``, ``"variables/*"``).
    linked : tuple of str
        Patterns of large files that hold no code, whoever writes them, and need
        no copy (``"*.safetensors"``).

    Yields
    ------
    Path
        The copy, under the same name; gone afterwards. Errors name the original.

    Raises
    ------
    ValueError
        If a file is no regular one, is too large, or would unfold to too much.
    FileNotFoundError
        If there is no such file.
    """
    path = Path(path)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        own = Path(place, path.name or "copy")
        try:
            if patterns:
                _copy_folder(path, own, patterns, linked)
            else:
                _copy_file(path, own)
            yield own
        except (ValueError, OSError) as error:
            if str(own) not in str(error):
                raise
            kind = type(error) if isinstance(error, FileNotFoundError) else ValueError
            raise kind(str(error).replace(str(own), str(path))) from error


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
    with opened(path) as file:
        return _load_pickle(path, file, trust)


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
    known = {"map_location": device, "weights_only": True}
    with opened(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _check_unfolded(path, file, _LARGEST, 2)  # torch itself compresses nothing
        names, whole = _calls(_torch_pickles(path, file), _TORCH_PICKLES)
        file.seek(0)
        if not [name for name in names if not _TENSORS.fullmatch(name)]:
            try:
                with _one_line(path, passing=(pickle.UnpicklingError,)):
                    stored = torch.load(file, **known)
                return _unexpanded(path, stored)
            except pickle.UnpicklingError as error:
                if not whole:
                    raise ValueError(f"{path}: cannot be read: damaged.") from error
        elif not whole and trust is not True:
            raise ValueError(f"{path}: cannot be read: damaged.")
        gate(path, _in_words(names, whole), trust)
        file.seek(0)
        with _one_line(path):
            return torch.load(file, **{**known, "weights_only": False})


def _unexpanded(path, stored: object) -> object:
    """Refuse tensors that repeat a few numbers: whoever copies one unfolds it."""
    torch, waiting = require("torch"), [stored]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list | tuple):
            waiting += value
        elif torch.is_tensor(value) and value.layout is torch.strided:
            kept = value.untyped_storage().nbytes()
            check_size(path, value.nbytes, max(kept, _ALWAYS))
    return stored


def check_torch(path: str | os.PathLike) -> None:
    """Refuse a file of ``torch.save`` that holds more than tensors, loading nothing.

    Parameters
    ----------
    path : path-like
        For a library that loads it by itself, and runs nothing in it.

    Raises
    ------
    ValueError
        If it names anything else, is damaged, or would unfold to too much.
    FileNotFoundError
        If there is no such file.
    """
    with opened(path) as file:
        _check_unfolded(path, file, _LARGEST, 2)
        names, whole = _calls(_torch_pickles(path, file), _TORCH_PICKLES)
    foreign = [name for name in names if not _TENSORS.fullmatch(name)]
    if foreign or not whole:
        told = f"names {_in_words(foreign)}" if foreign else "is damaged"
        raise ValueError(f"{path}: refused: it should hold tensors, and {told}.")


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
        foreign = _head_contents.foreign(_head_contents.schema(stored))
    except Exception as error:  # skops calls methods of the head
        raise ValueError(
            f"{kind} cannot be saved: {_first_line(error)} {able}"
        ) from error
    if foreign:
        raise ValueError(
            f"{kind} cannot be saved so that it loads without trust: it holds "
            f"{_in_words(foreign)}. {able}"
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
        If it is not trusted and is a pickle or holds other types than the heads of
        `sertools.models.heads` and the plain ones of scikit-learn. If it cannot be
        read, would unfold to more than 2 GiB, or its numbers cannot be right: sizes
        that do not go together, what is not finite, a temperature that turns
        answers round.
    FileNotFoundError
        If there is no such file.
    """
    with opened(path) as file:
        if file.read(2) != b"PK":
            file.seek(0)
            return _load_pickle(path, file, trust)
        _check_unfolded(path, file, _head_contents.LARGEST)
        file.seek(0)
        stored = file.read()
    from skops import io as skops

    with _one_line(path, "no head saved with skops"):
        schema = _head_contents.schema(stored)
    foreign, beyond = _head_contents.foreign(schema), []
    if foreign:
        gate(path, f"code of {_in_words(foreign)}", trust)
        with _one_line(path):
            beyond = skops.get_untrusted_types(data=stored)
    with _one_line(path, "damaged"):
        _head_contents.check_schema(schema, stored)
    with _one_line(path):
        head = skops.loads(stored, trusted=[*_head_contents.known(), *beyond])
    with _one_line(path, "damaged"):
        _head_contents.check_numbers(head)
        if not foreign:
            _head_contents.check_answers(head)
    return head


def check_card(path: str | os.PathLike, facts: dict) -> None:
    """Refuse the card of a saved head whose numbers cannot be right.

    Parameters
    ----------
    path : path-like
        For the message.
    facts : dict
        Its content: ``temperature``, ``features`` (name to mean and spread),
        ``reach`` (``{"edge": ...}`` or nothing), ``classes``.

    Raises
    ------
    ValueError
        If one is missing, of another type, not finite or out of its range; one
        line names it.

    Examples
    --------
    >>> told = {"classes": ["sad"], "features": {"f0": [1.0, 0.5]}, "reach": None}
    >>> check_card("card.json", {**told, "temperature": -1})
    Traceback (most recent call last):
    ValueError: card.json: damaged: its temperature is -1, not from 0.01 to 100.
    """
    with _one_line(path, "damaged"):
        _head_contents.check_card(facts)


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


def _in_units(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


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


def _load_pickle(path, file: BinaryIO, trust: bool) -> object:
    """Load an open file of pickle or joblib, if it is trusted."""
    names, whole = _calls(_unpacked(file))
    if not names and not whole:
        raise ValueError(f"{path}: neither a pickle nor a file of joblib.")
    gate(path, _in_words(names, whole), trust)
    import joblib

    file.seek(0)
    with _one_line(path):
        return joblib.load(file)


def _unpacked(file: BinaryIO) -> bytes:
    """Read the start of a pickle, whatever joblib compressed it with."""
    import bz2
    import gzip
    import lzma
    import zlib

    stream = file.read(_SCANNED)
    openers = {b"\x1f\x8b": gzip, b"BZ": bz2, b"\xfd7zXZ": lzma, b"]\x00": lzma}
    try:
        for magic, library in openers.items():
            if stream.startswith(magic):
                file.seek(0)
                with library.open(file) as unpacked:
                    return unpacked.read(_SCANNED)
        if stream.startswith(b"x"):
            return zlib.decompressobj().decompress(stream, _SCANNED)
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return b""
    return stream


def _torch_pickles(path, file: BinaryIO) -> bytes:
    """Take the pickles out of a file of torch; ``b""`` if there are none."""
    file.seek(0)
    if not zipfile.is_zipfile(file):
        file.seek(0)
        return file.read(_SCANNED)
    with zipfile.ZipFile(file) as archive:
        inside = [n for n in archive.namelist() if n.lower().endswith("data.pkl")]
        if len(inside) > 1:  # which of them would torch take?
            raise ValueError(f"{path}: cannot be read: damaged.")
        try:
            return archive.read(inside[0]) if inside else b""
        except (OSError, zipfile.BadZipFile, NotImplementedError):
            return b""


def _check_unfolded(
    path, file: BinaryIO, largest: int = _LARGEST, ratio: int = _RATIO
) -> None:
    """Refuse an archive that declares far more than it has; what is none, passes.

    Readers of zip take no more than is declared.
    """
    stored = os.fstat(file.fileno()).st_size
    if not zipfile.is_zipfile(file):
        return
    try:
        with zipfile.ZipFile(file) as archive:
            total = sum(entry.file_size for entry in archive.infolist())
    except Exception as error:
        raise ValueError(f"{path}: damaged zip: {_first_line(error)}") from error
    check_size(path, total, min(max(_ALWAYS, ratio * stored), largest))


def _copy_file(source: Path, own: Path) -> None:
    """Copy one file from one opening of it."""
    own.parent.mkdir(parents=True, exist_ok=True)
    with opened(source) as file:
        _check_unfolded(source, file)
        file.seek(0)
        with own.open("xb") as copy:
            shutil.copyfileobj(file, copy, 2**20)


def _copy_folder(source: Path, own: Path, patterns, linked) -> None:
    """Copy what is asked for of a folder, and point to what holds no code."""
    own.mkdir()
    for pattern in (*linked, *patterns):
        for path in sorted(source.glob(pattern)):
            place = own / path.relative_to(source)
            if path.is_dir() or place.exists():
                continue
            if pattern in linked:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(path.resolve())
            else:
                _copy_file(path, place)
