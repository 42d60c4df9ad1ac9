"""Find what stands on both sides of a split: speakers, texts, copies of clips."""

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.cli import _output
from sertools.cli._parser import BadUsage, Parser, checking

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
    root = arguments.root
    if len(names) == 1:
        return datasets.load(names[0], root=root)
    roots = [Path(root) / name if root else None for name in names]
    parts = [datasets.load(n, root=r) for n, r in zip(names, roots, strict=True)]
    return pd.concat([ClipsMetadata().attach(part) for part in parts])


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
    table["emotion"] = [_emotion(word) for word in table["emotion"]]
    return table, column


def _emotion(word: str | None) -> str | None:
    """Give an emotion its canonical name; what has none here stays as it is."""
    from sertools import labels

    try:
        return labels.canonical(word) if word else None
    except ValueError:
        return word
