"""The gate itself, and how a refusal is worded."""

import contextlib
import os

__all__ = ["first_line", "gate", "in_words", "one_line"]

_SHOWN = 3  # names in a message


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


def in_words(names: list[str], whole: bool = True) -> str:
    """Name the first of what would be called."""
    if not names:
        return "code: a pickle is a program"
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + (rest if whole else " and more")


@contextlib.contextmanager
def one_line(path, reason: str = "cannot be read", passing: tuple = ()):
    """Say in one line what a library says in many."""
    try:
        yield
    except passing:
        raise
    except Exception as error:
        raise ValueError(f"{path}: {reason}: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """Shorten what a library says to its first sentence."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0].partition(". ")[0].rstrip(".:") + "."
