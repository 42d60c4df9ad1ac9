"""What the command line says: results on standard output, the rest on error.

Names, arguments and servers' words are others': all that is printed passes `shown`.
"""

import contextlib
import json
import os
import re
import sys
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TextIO

from sertools.display import shortened, visible

_SHOWN = 20  # excluded clips named on the screen
_WORD = re.compile(r"\S{1001,}")  # longer than any path that is in use
_LINE = 1000  # letters of an error


def shown(text: str, console: TextIO) -> str:
    """Make a text fit to be shown: no control characters, no endless words.

    Letters that the console does not have are shown as escapes.
    """
    lines = [visible(line) for line in text.split("\n")]
    text = _WORD.sub(lambda word: shortened(word[0], 200), "\n".join(lines))
    return _fitting(text, console)


def _fitting(text: str, console: TextIO) -> str:
    encoding = getattr(console, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def say(text: str = "") -> None:
    """Write a line of the result to standard output."""
    _write(sys.stdout, shown(text, sys.stdout))


def note(text: str) -> None:
    """Write a line that is no result to standard error."""
    _write(sys.stderr, shown(text, sys.stderr))


def _write(console: TextIO, text: str) -> None:
    console.write(f"{text}\n")
    console.flush()


def as_json(value: object) -> None:
    """Write one JSON value to standard output, whole, whatever its texts hold."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    strange = {
        letter
        for letter in set(text) - {"\n"}
        if visible(letter) != letter or _fitting(letter, sys.stdout) != letter
    }
    escapes = {ord(letter): json.dumps(letter)[1:-1] for letter in strange}
    _write(sys.stdout, text.translate(escapes))


def error(what: Exception, traceback: bool = False) -> None:
    """Say what went wrong: in at most two lines, or with the whole traceback."""
    if traceback:
        from traceback import format_exception

        note("".join(format_exception(what)).rstrip())
        return
    text = str(what).strip() or type(what).__name__
    if isinstance(what, (KeyError, AttributeError, TypeError, IndexError)):
        text = f"{type(what).__name__}: {text} (--debug shows where)"
    elif isinstance(what, OSError) and what.strerror and what.filename:
        text = f"{what.filename}: {what.strerror}"
    first, *rest = [line for line in text.splitlines() if line.strip()]
    note(f"sertools: {shortened(first, _LINE)}")
    if rest:
        note(shortened(" ".join(line.strip() for line in rest), _LINE))


def table(rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> None:
    """Write rows in columns; numbers stand to the right."""
    texts = [["" if cell is None else visible(cell) for cell in row] for row in rows]
    texts = [list(head), *texts] if head else texts
    if not texts:
        return
    columns = list(zip(*texts, strict=True))
    widths = [max(map(len, column)) for column in columns]
    right = [all(c.isdecimal() or not c for c in col[bool(head) :]) for col in columns]
    for row in texts:
        cells = zip(row, widths, right, strict=True)
        say("  ".join(c.rjust(w) if r else c.ljust(w) for c, w, r in cells).rstrip())


@contextlib.contextmanager
def calm() -> Iterator[None]:
    """Turn warnings into single lines, and pass over those meant for developers."""
    with warnings.catch_warnings():
        for kind in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
            warnings.simplefilter("ignore", kind)
        warnings.showwarning = _show
        yield


@contextlib.contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables that are not set yet, and unset them afterwards."""
    new = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextlib.contextmanager
def working(debug: bool = True) -> Iterator[None]:
    """Keep what libraries print out of standard output, and workers' warnings away."""
    quiet = {} if debug else {"PYTHONWARNINGS": "ignore"}
    with contextlib.redirect_stdout(sys.stderr), environment(quiet):
        yield


def excluded(items: Sequence[Mapping], indent: str, rest: str) -> None:
    """Name clips that could not be used, up to a point; `rest` names the others."""
    for item in items[:_SHOWN]:
        say(f"  {indent}excluded: {item['clip']} ({item['reason']}).")
    if len(items) > _SHOWN:
        say(f"  and {len(items) - _SHOWN} more; {rest}")


def _show(message, category, filename, lineno, file=None, line=None) -> None:
    text = " ".join(str(message).split())
    note(textwrap.shorten(f"warning: {text}", width=300, placeholder=" ..."))
