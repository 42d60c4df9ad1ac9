"""The table that the others are spoilt from, and what may come of it."""

import csv
import functools
import io
import itertools
import os
import unicodedata
from pathlib import Path

from _faults.sounds import speech, written
from _faults.trying import Verdict, asked

_PEOPLE = ("Anna Berg", "José Núñez", "김민수", "Zoë Ångström")
_EMOTIONS = ("happy", "sad")
TEXT = "The train leaves at seven, they say."


def plain() -> list[dict[str, str]]:
    """Give the rows of the table as it should be: eight clips, four people."""
    both = itertools.product(range(len(_PEOPLE)), _EMOTIONS)
    return [
        {
            "path": f"{emotion}-{who}.wav",
            "emotion": emotion,
            "speaker": _PEOPLE[who],
            "text": TEXT,
        }
        for who, emotion in both
    ]


def clips(folder: Path, rows: list[dict] | None = None) -> None:
    """Write the recordings that the table speaks of."""
    for number, row in enumerate(rows or plain()):
        name = row["path"].replace("\\", "/").strip()
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(written(samples=speech()[number * 30 :]))


def text_of(rows: list[dict], separator: str = ",", head=None, **how) -> str:
    """Write rows as text."""
    file = io.StringIO()
    head = head or list(rows[0])
    writer = csv.writer(file, delimiter=separator, **{"lineterminator": "\n"} | how)
    writer.writerow(head)
    writer.writerows(row.values() for row in rows)
    return file.getvalue()


def reads(content: str | bytes, name: str = "table.csv", rows=None, **more):
    """Try a table; what comes of it must be the plain one, or a refusal."""

    def body(folder: Path) -> Verdict:
        clips(folder)
        data = content.encode() if isinstance(content, str) else content
        (folder / name).write_bytes(data)
        return read(folder / name, rows, **more)

    return body


def read(path: Path, rows=None, names=(), people=True, **more) -> Verdict:
    """Load a table, and hold it against the rows that are known."""
    from sertools import datasets

    rows = plain() if rows is None else rows
    judge = functools.partial(judged, rows, people)
    call = functools.partial(datasets.load, "folder", root=path, **more)
    return asked(call, [path.name, *names], judge)


def judged(rows: list[dict] | None, people: bool, table) -> Verdict:
    """Judge what became of every row, and who counts as the same person."""
    if rows is None:
        return Verdict("wrong", f"{len(table)} rows of what is no table")
    from sertools.metadata import ClipsMetadata, FeaturesMetadata

    facts = ClipsMetadata.of(table)
    excluded, notes = facts.excluded, facts.notes
    if not all(map(os.path.isfile, table["path"])):  # to be named at their use
        from sertools import features, models

        model = models.load("duration_loudness")
        used = features.extract(model, table, store=False, jobs=1, progress=False)
        excluded, table = FeaturesMetadata.of(used).excluded, table.loc[used.index]
    got = {Path(row["path"]).name: row for row in table.to_dict("records")}
    wanted = {Path(row["path"].replace("\\", "/")).name.strip(): row for row in rows}
    lost = [name for name in wanted if _plain(name) not in map(_plain, got)]
    if len(lost) > len(excluded):
        named = "; ".join(str(row) for row in excluded[:2])
        return Verdict("wrong", f"lost {lost}, {len(excluded)} named: {named}")
    for name, row in got.items():
        meant = next((r for n, r in wanted.items() if _plain(n) == _plain(name)), None)
        if meant is None:
            return Verdict("wrong", f"{name} is no row of it")
        if row["emotion"] != meant["emotion"]:
            return Verdict("wrong", f"{name}: {row['emotion']}, not {meant['emotion']}")
    heard = {row["speaker"] for row in got.values()}
    due = len({row["speaker"] for row in rows})
    if people and not lost and len(heard) != due:
        told = "; ".join(notes)
        if "differ" in told:
            return Verdict("refused", told)
        said = f"{len(heard)} speakers, not {due}: {sorted(map(str, heard))}"
        return Verdict("wrong", said)
    if lost:
        return Verdict("refused", f"{len(lost)} rows are named as excluded")
    return Verdict("right")


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name)
