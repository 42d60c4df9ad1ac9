"""Bad usage: what came, what is allowed, where to read more."""

import argparse
import contextlib
import difflib
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn


class BadUsage(ValueError):
    """A wrong name, option or parameter: exit code 2."""


@contextlib.contextmanager
def checking() -> Iterator[None]:
    """Take whatever is refused in this block for bad usage."""
    try:
        yield
    except ValueError as error:
        raise BadUsage(str(error)) from error


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one or two lines, with near matches."""

    def __init__(self, **options):
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        wrong = re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message)
        if wrong:
            known = re.findall(r"[\w.:-]+", wrong[2])
            hint = _near(wrong[1], known)
            message = f"{wrong[1]!r} is not known.{hint} Known: {', '.join(known)}"
        end = "" if message.endswith("?") else "."
        raise BadUsage(f"{message.rstrip('.')}{end} See: {self.prog} --help")

    def refuse(self, unknown: list[str]) -> NoReturn:
        """Refuse arguments that this command does not have; name near matches."""
        first = unknown[0].partition("=")[0]
        options = [name for name in self._option_string_actions if name[:2] == "--"]
        hint = _near(first, options) if first.startswith("-") else ""
        self.error(f"there is no {' '.join(unknown)!r} here.{hint}")


def _near(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=2, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""
