"""A store whose bytes are damaged: computed again, named, never believed."""

import functools
import os
import random
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from _faults.sounds import speech, written
from _faults.trying import Try, Verdict, asked, command, ended, right

_CLIPS = 12


def tries(seed: int) -> list[Try]:
    """List what is tried."""
    draw = random.Random(seed)
    made = [Try("undamaged", functools.partial(_damaged, lambda path: None))]
    made += [*_bytes(draw), *_rows(draw), *_replaced(draw), *_beside()]
    made = [replace(one, batch=f"{n // 10}") for n, one in enumerate(made)]
    return [*made, *_commands()]


def _kept(folder: Path):
    """Make a few clips, and put their features into a new store."""
    import pandas as pd

    from sertools import features, models

    names = [folder / f"{number}.wav" for number in range(_CLIPS)]
    for number, path in enumerate(names):
        path.write_bytes(written(samples=speech()[: 18_000 - 700 * number]))
    emotions = ["happy", "sad"] * (_CLIPS // 2)
    clips = pd.DataFrame({"path": map(str, names), "emotion": emotions})
    clips.index = pd.Index([f"folder/{path.name}" for path in names], name="clip")
    call = functools.partial(
        features.extract,
        models.load("duration_loudness"),
        clips,
        store=folder / "store",
        jobs=1,
        progress=False,
    )
    return call, call()


def _damaged(damage: Callable[[Path], None], folder: Path) -> Verdict:
    """Damage the file of a store, and ask for the same features again, twice."""
    call, due = _kept(folder)
    (path,) = (folder / "store").glob("*.sqlite")
    damage(path)
    verdict = asked(call, ["store", path.name], functools.partial(_same, due))
    if verdict.kind != "right":
        return verdict
    again = asked(call, ["store", path.name], functools.partial(_same, due))
    return again._replace(said=f"asked once more: {again.said}")


def _same(due, got) -> Verdict:
    from sertools.metadata import FeaturesMetadata

    if list(got.index) != list(due.index) or list(got.columns) != list(due.columns):
        told = f"other clips or names: {list(got.columns)}, {len(got)} rows"
        return Verdict("wrong", told)
    silent = [FeaturesMetadata.of(X).silent for X in (got, due)]
    if silent[0] != silent[1]:
        return Verdict("wrong", f"silent now: {silent[0]}")
    off = np.abs(got.to_numpy() - due.to_numpy()).max()
    return right(bool(off == 0), f"features are off by {off:.3g}")


def _bytes(draw: random.Random):
    """Bytes that change, vanish or come, anywhere."""
    for number in range(40):
        at, many = draw.random(), (1, 1, 8, 100)[number % 4]
        new = draw.randbytes(many)
        body = functools.partial(_damaged, functools.partial(_overwrite, at, new))
        yield Try(f"{many} bytes at {at:.3f}, {number}", body)
    for part in (0.0, 0.01, 0.2, 0.5, 0.9, 0.999):
        body = functools.partial(_damaged, functools.partial(_cut, part))
        yield Try(f"cut to {part} of it", body)
    for at in (0, 16, 18, 24, 28, 40, 44, 56, 60, 92):
        body = functools.partial(_damaged, functools.partial(_at, at, b"\xff\xff"))
        yield Try(f"its header at {at}", body)
    for page in range(6):
        body = functools.partial(
            _damaged, functools.partial(_at, page * 4096, bytes(4096))
        )
        yield Try(f"page {page} of zeros", body)


def _overwrite(part: float, new: bytes, path: Path) -> None:
    """Overwrite bytes where clips are kept: what is free does not matter."""
    content = path.read_bytes()
    used = [n for n, byte in enumerate(content) if byte]
    _at(used[int(part * len(used))], new, path)


def _at(at: int, new: bytes, path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[at : at + len(new)] = new[: max(len(content) - at, 0)]
    path.write_bytes(content)


def _cut(part: float, path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])


def _sql(lines: tuple[str, ...], path: Path) -> None:
    with sqlite3.connect(path) as database:
        for line in lines:
            database.execute(line)
    database.close()


def _rows(draw: random.Random):
    """Rows that SQLite finds sound, and that hold something else."""
    first = "WHERE audio = (SELECT min(audio) FROM clips)"
    last = "(SELECT vector FROM clips WHERE audio = (SELECT max(audio) FROM clips))"
    for words in (
        f"UPDATE clips SET vector = x'0000803f00000040' {first}",
        f"UPDATE clips SET vector = x'0000c07f0000c07f' {first}",
        f"UPDATE clips SET vector = x'0000807f00000040' {first}",
        f"UPDATE clips SET vector = x'0000803f' {first}",
        f"UPDATE clips SET vector = x'0000803f0000' {first}",
        f"UPDATE clips SET vector = x'' {first}",
        f"UPDATE clips SET vector = x'0000803f0000803f0000803f' {first}",
        f"UPDATE clips SET vector = 'a text' {first}",
        f"UPDATE clips SET vector = 7 {first}",
        f"UPDATE clips SET vector = zeroblob(80000000) {first}",
        f"UPDATE clips SET vector = {last} {first}",
        f"UPDATE clips SET silent = 1 {first}",
        f"UPDATE clips SET silent = 'perhaps' {first}",
        f"DELETE FROM clips {first}",
        "DELETE FROM clips",
        "UPDATE clips SET vector = zeroblob(8)",
        "UPDATE clips SET vector = zeroblob(4)",
        "UPDATE clips SET silent = 1",
        "UPDATE described SET value = '[\"a\", \"b\"]' WHERE key = 'names'",
        "UPDATE described SET value = '[\"one\"]' WHERE key = 'names'",
        "UPDATE described SET value = '[]' WHERE key = 'names'",
        "UPDATE described SET value = '{}' WHERE key = 'names'",
        "UPDATE described SET value = '7' WHERE key = 'names'",
        "UPDATE described SET value = 'null' WHERE key = 'names'",
        "UPDATE described SET value = '[1, 2]' WHERE key = 'names'",
        "UPDATE described SET value = '[[1], {}]' WHERE key = 'names'",
        "UPDATE described SET value = 'no JSON' WHERE key = 'names'",
        "UPDATE described SET value = '' WHERE key = 'names'",
        "UPDATE described SET value = x'ff00' WHERE key = 'names'",
        'UPDATE described SET value = \'{"system": "other"}\' WHERE key = '
        "'signature'",
        "DELETE FROM described WHERE key = 'names'",
        "DELETE FROM described",
        "DROP TABLE clips",
        "DROP TABLE described",
        "ALTER TABLE clips RENAME COLUMN vector TO victor",
        "ALTER TABLE clips RENAME TO pictures",
        "ALTER TABLE clips ADD COLUMN more INTEGER",
        "CREATE TRIGGER t BEFORE INSERT ON clips BEGIN SELECT RAISE(IGNORE); END",
        "PRAGMA user_version = 77",
    ):
        lines = (words,)
        body = functools.partial(_damaged, functools.partial(_sql, lines))
        yield Try(words[:90], body)
    swapped = (
        "CREATE TABLE other AS SELECT audio, vector FROM clips",
        "UPDATE clips SET vector = (SELECT vector FROM other WHERE other.audio > "
        "clips.audio LIMIT 1) WHERE audio < (SELECT max(audio) FROM clips)",
    )
    body = functools.partial(_damaged, functools.partial(_sql, swapped))
    yield Try("every row has the features of another", body)


def _replaced(draw: random.Random):
    """Something else in its place."""
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64
    for what, content in {
        "nothing": b"",
        "a byte": b"S",
        "text": b"features\n" * 900,
        "a Git LFS pointer": pointer,
        "zeros": bytes(9000),
        "noise": draw.randbytes(9000),
        "a head alone": b"SQLite format 3\0",
    }.items():
        damage = functools.partial(_put, content)
        yield Try(f"{what} in its place", functools.partial(_damaged, damage))
    for what, make in {
        "a folder": lambda path: path.mkdir(),
        "a pipe": lambda path: os.mkfifo(path),
        "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
        "a link to nothing": lambda path: path.symlink_to("gone/away"),
        "a link to itself": lambda path: path.symlink_to(path.name),
    }.items():
        damage = functools.partial(_instead, make)
        yield Try(f"{what} in its place", functools.partial(_damaged, damage), 15)


def _put(content: bytes, path: Path) -> None:
    path.write_bytes(content)


def _instead(make, path: Path) -> None:
    path.unlink()
    make(path)


def _beside():
    """Journals that belong to nothing, and locks that are no files."""
    for ending in ("-journal", "-wal", "-shm"):
        for content in (b"", b"\xd9\xd5\x05\xf9 \xa1c\xd7" + bytes(600), b"x" * 5000):
            damage = functools.partial(_next_to, ending, content)
            name = f"{ending} of {len(content)} bytes beside it"
            yield Try(name, functools.partial(_damaged, damage))


def _next_to(ending: str, content: bytes, path: Path) -> None:
    path.with_name(path.name + ending).write_bytes(content)


def _commands():
    """Name stores that are no folders, on the command line."""
    for what, make in {
        "a file": lambda path: path.write_text("mine"),
        "a pipe": lambda path: os.mkfifo(path),
        "a link to nothing": lambda path: path.symlink_to("gone/away"),
        "a path through a file": None,
        "/proc/1": None,
    }.items():
        yield Try(
            f"SERTOOLS_STORE is {what}", functools.partial(_no_folder, what, make)
        )


def _no_folder(what: str, make, folder: Path) -> Verdict:
    path = Path(what) if what.startswith("/") else folder / "place"
    if make:
        make(path)
    if what == "a path through a file":
        path.write_text("mine")
        path /= "below"
    os.environ["SERTOOLS_STORE"] = str(path)
    words = "evaluate --dataset demo --model duration_loudness --head logistic"
    words += " --max-clips 24 --jobs 1 --json"
    said = command(*words.split())
    return ended(said, [str(path)], lambda said: right('"uar"' in said.out, said.out))
