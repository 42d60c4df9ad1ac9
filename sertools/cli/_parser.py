"""Parse a command line: errors with near matches, options that commands share."""

import argparse
import contextlib
import difflib
import re
import sys
from collections.abc import Iterable, Iterator
from typing import NoReturn

from sertools.cli import _output


def amount(text: str) -> float:
    """Read a number above 0."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no number") from None
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not more than 0")
    return value


def whole_number(text: str) -> int:
    """Read a whole number from 1."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no whole number")
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


HEADS = (
    "classifier on top of the features: svm, random_forest, logistic, average, stack, "
    "best, linear, weighted"
)
# What several commands take, in one place; each may put some of it otherwise.
_SHARED: dict[str, dict] = {
    "--dataset": {"metavar": "NAME", "help": "corpus; see sertools datasets"},
    "--root": {"metavar": "DIR", "help": "where it lies"},
    "--model": {"metavar": "NAME", "help": "system; see sertools models"},
    "--weights": {
        "metavar": "PATH",
        "help": "the model's file or folder of parameters",
    },
    "--trust": {"action": "store_true", "help": "allow weights that can run code"},
    "--head": {"metavar": "NAME", "help": HEADS},
    "--folds": {"metavar": "NAME"},
    "--emotions": {"metavar": "LIST", "help": "only these: angry,happy,neutral,sad"},
    "--merge": {
        "action": "append",
        "default": [],
        "metavar": "OLD=NEW",
        "help": "fold one emotion into another: calm=neutral; repeat for more",
    },
    "--columns": {
        "action": "append",
        "default": [],
        "metavar": "THEIRS=OURS",
        "help": "columns of your own table: file=path,gender=sex; the usual names are "
        "found without",
    },
    "--labels": {
        "action": "append",
        "default": [],
        "metavar": "WORD=EMOTION",
        "help": "what words in your own recordings mean: anxiety=fear,other= (empty: "
        "left out)",
    },
    "--max-minutes": {
        "type": amount,
        "metavar": "N",
        "help": "refuse longer recordings (300)",
    },
    "--standardize": {
        "default": "none",
        "metavar": "NAME",
        "help": "what the features are standardised over: none (default), corpus, "
        "speaker, speaker_shrunk",
    },
    "--max-clips": {
        "type": int,
        "default": 0,
        "metavar": "N",
        "help": "a balanced sample",
    },
    "--seed": {
        "type": int,
        "default": 0,
        "metavar": "N",
        "help": "of all random draws (0)",
    },
    "--strict": {"action": "store_true", "help": "stop if any file cannot be used"},
    "--jobs": {
        "type": int,
        "default": -1,
        "metavar": "N",
        "help": "processes (-1: all cores)",
    },
    "--scheduler": {
        "metavar": "ADDRESS",
        "help": "run on a Dask cluster: tcp://10.0.0.1:8786",
    },
    "--out": {"metavar": "DIR"},
    "--json": {"action": "store_true", "help": "print JSON"},
}
# What says nothing of a result.
_PASSING = ("command", "run", "unknown", "debug", "json", "jobs", "out", "scheduler")


class BadUsage(ValueError):
    """A wrong name, option or parameter: exit code 2."""


@contextlib.contextmanager
def checking(*also: type[Exception]) -> Iterator[None]:
    """Take whatever is refused in this block for bad usage."""
    try:
        yield
    except (ValueError, *also) as error:
        raise BadUsage(str(error)) from error


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one or two lines, with near matches."""

    def __init__(self, **options):
        super().__init__(**options, allow_abbrev=False)

    def share(self, *names: str, **changes) -> None:
        """Declare options that other commands have, too; `changes` are for all."""
        for name in names:
            self.add_argument(name, **{**_SHARED[name], **changes})

    def _print_message(self, message: str, file=None) -> None:
        if message:  # help, too, on a console that lacks some of its letters
            (file or sys.stderr).write(_output.shown(message, file or sys.stderr))

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
        if first in options:  # it stood before the command
            self.error(f"{first} belongs behind the command: {self.prog} {first}")
        hint = _near(first, options) if first.startswith("-") else ""
        self.error(f"there is no {' '.join(unknown)!r} here.{hint}")


def _near(word: str, known: Iterable[str]) -> str:
    """Name what is written nearly alike; dashes, which all options share, count not."""
    plain = {name.lstrip("-"): name for name in known}
    near = difflib.get_close_matches(word.lstrip("-"), list(plain), n=2)
    return f" Did you mean {' or '.join(plain[n] for n in near)}?" if near else ""


def model_of(arguments: argparse.Namespace):
    """Load the system that --model, --weights and --trust name."""
    from sertools import models

    return models.load(
        arguments.model, weights=arguments.weights, trust=arguments.trust
    )


def merge_of(arguments: argparse.Namespace) -> dict[str, str]:
    """Read what --merge folds into what, and refuse unknown --emotions as well."""
    from sertools import labels

    for word in filter(None, (arguments.emotions or "").split(",")):
        labels.canonical(word)
    pairs = _pairs(arguments.merge, "--merge takes OLD=NEW, such as calm=neutral")
    return {labels.canonical(old): labels.canonical(new) for old, new in pairs}


def own_of(arguments: argparse.Namespace, names: Iterable[str]) -> dict:
    """Read --columns and --labels, which are for recordings of one's own only."""
    from sertools import labels

    columns = dict(_pairs(arguments.columns, "--columns takes THEIRS=OURS: file=path"))
    words = dict(_pairs(arguments.labels, "--labels takes WORD=EMOTION: anxiety=fear"))
    if not (columns or words):
        return {}
    if "folder" not in names:
        raise BadUsage(
            "--columns and --labels are for recordings of your own: the corpus folder."
        )
    if empty := [theirs for theirs, ours in columns.items() if not ours]:
        raise BadUsage(f"--columns {empty[0]}=: which column of ours is it?")
    meant = {word: labels.canonical(e) if e else None for word, e in words.items()}
    return {"columns": columns, "labels": meant}


def _pairs(given: Iterable[str], form: str) -> list[tuple[str, str]]:
    """Split ``A=B,C=D``, given once or several times."""
    found = []
    for pair in filter(None, ",".join(given).split(",")):
        left, equals, right = map(str.strip, pair.partition("="))
        if not (left and equals):
            raise BadUsage(f"{form}, not {pair!r}.")
        found.append((left, right))
    return found


def settings_of(arguments: argparse.Namespace) -> dict[str, object]:
    """Give what a result depends on, for its `run.json`."""
    return {k: v for k, v in vars(arguments).items() if k not in _PASSING}


def selected(clips, arguments: argparse.Namespace, name: str = ""):
    """Take the clips that --emotions, --max-clips and --seed ask for."""
    from sertools import datasets

    try:
        return datasets.select(
            clips, arguments.emotions, arguments.max_clips, arguments.seed
        )
    except ValueError as error:
        raise BadUsage(f"{name}: {error}" if name else str(error)) from error
