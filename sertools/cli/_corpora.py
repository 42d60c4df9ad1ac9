"""Corpora as a command line names them: NAME, NAME=DIR, several; where each lies."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.cli._parser import BadUsage

if TYPE_CHECKING:
    import pandas as pd

_OWN = "folder"  # the one name that may stand for several corpora
_FOR_OWN = ("columns", "labels")


@dataclass
class Corpus:
    """A corpus that a command line names."""

    name: str
    root: str | None = None
    alias: str = ""  # what it is called in results, if not by its name

    def load(self, **options) -> "pd.DataFrame":
        """Load its clips; `options` are those of `sertools.datasets.load`."""
        from sertools import datasets

        if self.name != _OWN:  # it knows its own columns and labels
            options = {k: v for k, v in options.items() if k not in _FOR_OWN}
        clips = datasets.load(self.name, root=self.root, **options)
        if not self.alias:
            return clips
        named = clips.rename(lambda clip: clip.replace(self.name, self.alias, 1))
        return named.assign(dataset=self.alias)


def listed(given: Iterable[str]) -> list[Corpus]:
    """Read corpora, each ``NAME``, ``NAME=DIR`` or ``NAME,NAME``."""
    from sertools import datasets

    found = []
    for text in given:
        name, equals, place = text.partition("=")
        if equals:
            found.append(Corpus(name.strip(), place or None))
        else:
            found += [Corpus(word) for word in map(str.strip, text.split(",")) if word]
    for corpus in found:
        datasets.card(corpus.name)
    return found


def placed(corpora: Sequence[Corpus], roots: Sequence[str]) -> None:
    """Say of each corpus where it lies."""
    plain = [text for text in roots if not _placed_one(corpora, text)]
    if len(plain) > 1:
        raise BadUsage(f"Say whose folders {' and '.join(plain)} are: --root NAME=DIR.")
    if plain and len(corpora) == 1:
        corpora[0].root = corpora[0].root or plain[0]
    elif plain:
        _look_in(plain[0], [corpus for corpus in corpora if not corpus.root])
    _tell_apart(corpora)


def _placed_one(corpora: Sequence[Corpus], text: str) -> bool:
    """Give a corpus the folder that was named for it; say whether it was."""
    from sertools import datasets

    name, equals, place = text.partition("=")
    same = [corpus for corpus in corpora if corpus.name == name]
    if not equals or not (same or name in datasets.names()):
        return False
    if not same:
        here = ", ".join(corpus.name for corpus in corpora)
        raise BadUsage(f"--root {text}: {name} is not asked for. Corpora here: {here}.")
    if len(same) > 1:
        raise BadUsage(f"Which {name}? Write --train {name}=DIR --test {name}=DIR.")
    if same[0].root:
        raise BadUsage(f"Two folders for {name}: {same[0].root} and {place}.")
    same[0].root = place
    return True


def _look_in(root: str, corpora: Sequence[Corpus]) -> None:
    folder = Path(root).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"--root {root}: there is no such folder.")
    inside = [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []
    own = {place.name.casefold(): str(place) for place in sorted(inside)}
    for corpus in corpora:
        corpus.root = own.get(corpus.name)
    if len(corpora) == 1:
        corpora[0].root = corpora[0].root or root
    elif not any(corpus.root for corpus in corpora):
        names = [corpus.name for corpus in corpora]
        each = " ".join(f"--root {name}=DIR" for name in names)
        raise BadUsage(
            f"{root} has no folder {' or '.join(names)} in it. Say where each is: "
            f"{each}."
        )


def _tell_apart(corpora: Sequence[Corpus]) -> None:
    """Call folders of one's own by their folders' names where there are several."""
    names = [corpus.name for corpus in corpora]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not twice:
        return
    if twice != [_OWN]:
        raise BadUsage(
            f"{twice[0]} is there twice. Within one corpus hold speakers out: "
            f"--dataset {twice[0]} --folds speaker."
        )
    own = [corpus for corpus in corpora if corpus.name == _OWN]
    places = [Path(corpus.root or _OWN).expanduser().resolve() for corpus in own]
    short = [place.stem if place.is_file() else place.name for place in places]
    if len(set(short)) < len(short):
        short = [f"{p.parent.name}/{s}" for p, s in zip(places, short, strict=True)]
    if len(set(short)) < len(short):
        raise BadUsage(f"Two folders of one name ({short[0]}): give each its own.")
    for corpus, name in zip(own, short, strict=True):
        corpus.alias = f"{_OWN}:{name}"
