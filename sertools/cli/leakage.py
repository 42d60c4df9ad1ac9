"""Find what stands on both sides of a split: speakers, texts, copies of clips."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.cli import output
from sertools.cli.usage import BadUsage, checking

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["declare", "run"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add = parser.add_argument
    add(
        "name",
        metavar="NAME|FILE",
        help="a corpus, or a table (CSV, TSV, parquet) with the columns path, the "
        "split and, if known, speaker and text",
    )
    add("--root", metavar="DIR", help="where the corpus lies, or what paths start from")
    add(
        "--folds",
        metavar="NAME",
        help="speaker, random, published:NAME, or a column (a corpus: speaker; a "
        "table: split)",
    )
    add("--emotions", metavar="LIST", help="only these: angry,happy,neutral,sad")
    add("--seed", type=int, default=0, metavar="N", help="of random folds (0)")
    add("--strict", action="store_true", help="exit with 1 if anything but text leaks")
    add("--json", action="store_true", help="print all that was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Look for leaks, and say what was found."""
    from sertools import datasets, evaluation

    table = Path(arguments.name).suffix.lower() in (".csv", ".tsv", ".parquet")
    with output.working():
        if table:
            clips, folds = _read(arguments)
        else:
            with checking():
                datasets.card(arguments.name)
            clips = datasets.load(arguments.name, root=arguments.root)
            folds = arguments.folds or "speaker"
        with checking():
            clips = datasets.select(clips, arguments.emotions)
            evaluation.folds.assign(clips, folds, arguments.seed)
        found = evaluation.leakage(clips, folds, arguments.seed)
    if arguments.json:
        rows = found.found.astype(object).where(found.found.notna(), None)
        output.as_json(
            {
                "leaking": found.leaking,
                "n_clips": found.n_clips,
                "n_folds": found.n_folds,
                "counts": found.counts(),
                "found": rows.to_dict("records"),
                "notes": found.notes,
            }
        )
    else:
        output.say(repr(found))
    return int(arguments.strict and found.leaking)


def _read(arguments: argparse.Namespace) -> "tuple[pd.DataFrame, str]":
    """Read a table of one's own as a clips table; say which column is the split."""
    import pandas as pd

    file, column = Path(arguments.name), arguments.folds or "split"
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file.")
    if file.suffix.lower() == ".parquet":
        table = pd.read_parquet(file)
    else:
        separator = "\t" if file.suffix.lower() == ".tsv" else ","
        table = pd.read_csv(file, sep=separator, dtype=str, keep_default_na=False)
        table = table.where(table != "", None)
    needed = ["path"] if column in ("speaker", "random") else ["path", column]
    if absent := [name for name in needed if name not in table]:
        has = ", ".join(map(str, table.columns))
        missing = " and no column ".join(absent)
        raise BadUsage(f"{file}: no column {missing}. It has: {has}.")
    start = Path(arguments.root) if arguments.root else file.parent
    given = {"speaker": None, "text": None, "emotion": None, "dataset": "table"}
    table = table.assign(**{k: v for k, v in given.items() if k not in table})
    table.index = pd.Index(table["path"].astype(str), name="clip")
    if table.index.has_duplicates:
        twice = table.index[table.index.duplicated()][0]
        raise BadUsage(f"{file}: {twice} is listed twice.")
    table["path"] = [str(start / path) for path in table["path"]]
    return table, column
