"""Find what stands on both sides of a split: speakers, texts, copies of clips."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.cli import _output
from sertools.cli._corpora import Corpus
from sertools.cli._parser import BadUsage, Parser, checking, own_of
from sertools.display import shortened

if TYPE_CHECKING:
    import pandas as pd


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    share = parser.share
    parser.add_argument(
        "name",
        metavar="NAME|FILE",
        help="a corpus, several merged (emodb,ravdess), or a table (CSV, TSV, parquet) "
        "with the columns path, the split and, if known, speaker, text and emotion",
    )
    share(
        "--root",
        help="where the corpus lies (several: each in its folder there), or what the "
        "paths of a table start from",
    )
    share("--columns", "--labels")
    share(
        "--folds",
        help="speaker, random, published:NAME, or a column (a corpus: speaker; a "
        "table: split)",
    )
    share(
        "--model",
        help="also say whether this system had heard the clips: yes, no or unknown",
    )
    share("--weights", "--emotions")
    share("--seed", help="of random folds (0)")
    share("--strict", help="exit with 1 if anything but text leaks")
    share("--json", help="print all that was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look for leaks, and say what was found."""
    from sertools import datasets, evaluation, models

    table = Path(arguments.name).suffix.lower() in (".csv", ".tsv", ".parquet")
    with _output.working():
        if table:
            clips, folds = _read(arguments)
        else:
            clips, folds = _merged(arguments), arguments.folds or "speaker"
        with checking():
            named = arguments.model
            model = models.load(named, weights=arguments.weights) if named else None
            clips = datasets.select(clips, arguments.emotions)
            evaluation.folds.assign(clips, folds, arguments.seed)
        found = evaluation.leakage(clips, folds, arguments.seed, model=model)
    if arguments.json:
        heard = found.pretraining
        rows = found.found.astype(object).where(found.found.notna(), None)
        _output.as_json(
            {
                "leaking": found.leaking,
                "n_clips": found.n_clips,
                "n_folds": found.n_folds,
                "counts": found.counts(),
                "found": rows.to_dict("records"),
                "pretraining": heard and dataclasses.asdict(heard),
                "notes": found.notes,
            }
        )
    else:
        _output.say(repr(found))
    return int(arguments.strict and found.leaking)


def _merged(arguments: argparse.Namespace) -> "pd.DataFrame":
    """Load a corpus, or several into one table."""
    import pandas as pd

    from sertools import datasets
    from sertools.metadata import ClipsMetadata

    names = [name.strip() for name in arguments.name.split(",")]
    with checking():
        for name in names:
            datasets.card(name)
        own = own_of(arguments, names)
    root = arguments.root
    if len(names) == 1:
        return Corpus(names[0], root).load(**own)
    roots = [str(Path(root) / name) if root else None for name in names]
    parts = [Corpus(n, r).load(**own) for n, r in zip(names, roots, strict=True)]
    return pd.concat([ClipsMetadata().attach(part) for part in parts])


def _read(arguments: argparse.Namespace) -> "tuple[pd.DataFrame, str]":
    """Read a table of one's own as a clips table; say which column is the split."""
    import pandas as pd

    from sertools.datasets import _tables

    file, column = Path(arguments.name), arguments.folds or "split"
    if not file.exists():
        raise FileNotFoundError(f"{file}: no such file.")
    with checking():
        own = own_of(arguments, ["folder"])
    read = _tables.read(file, own.get("columns"), ["path"])
    for text in [f"{one['clip']}: {one['reason']}." for one in read.excluded]:
        _output.note(f"left out: {text}")
    for text in read.notes:
        _output.note(text)
    table = read.rows.rename(columns={"dataset_given": "dataset"})
    table = table.apply(_tables.normalized).astype(object)
    table = table.where(table.notna(), None)
    column = _tables.ours(column, table.columns)
    if column not in ("speaker", "random") and column not in table:
        has = ", ".join(map(shortened, table.columns))
        raise BadUsage(f"{file}: no column {column}. It has: {has}.")
    start = Path(arguments.root) if arguments.root else file.parent
    given = {"speaker": None, "text": None, "emotion": None, "dataset": "table"}
    table = table.assign(**{k: v for k, v in given.items() if k not in table})
    table = table[table["path"].notna()]
    table.index = pd.Index(table["path"].astype(str), name="clip")
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise BadUsage(f"{file}: {twice} is listed twice.")
    table["path"] = [str(start / path) for path in table["path"]]
    words = own.get("labels", {})
    table["emotion"] = [_emotion(words.get(word, word)) for word in table["emotion"]]
    return table, column


def _emotion(word: str | None) -> str | None:
    """Give an emotion its canonical name; what has none here stays as it is."""
    from sertools import labels

    try:
        return labels.canonical(word) if word else None
    except ValueError:
        return word
