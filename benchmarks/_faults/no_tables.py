"""What is no table, and the tables of leakage."""

import functools
import io
import json
import os
import random
import unicodedata
from pathlib import Path

from _faults.sounds import written
from _faults.table_rows import TEXT, clips, plain, read, reads, text_of
from _faults.trying import Try, Verdict, command, ended, right


def tries(draw: random.Random):
    """List what is tried."""
    return [*_no_tables(draw), *_split()]


def _no_tables(draw: random.Random):
    """Give what is no table."""
    import pandas as pd

    parquet = io.BytesIO()
    pd.DataFrame(plain()).to_parquet(parquet)
    parquet = parquet.getvalue()
    yield Try("parquet", reads(parquet, "table.parquet"))
    yield Try("parquet with other types", _typed)
    what = {
        "nothing": b"",
        "blanks": b"  \n\n \n",
        "a head alone": b"path,emotion,speaker\n",
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:"
        + b"0" * 64
        + b"\nsize 60788\n",
        "a web page": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
        "JSON": json.dumps(plain()).encode(),
        "parquet": parquet,
        "a zip": b"PK\3\4" + bytes(300),
        "a recording": written(),
        "zeros": bytes(5000),
        "half a parquet": parquet[: len(parquet) // 2],
        "noise": draw.randbytes(3000),
        "more noise": draw.randbytes(3000),
    }
    for word, data in what.items():
        for ending in ("csv", "tsv", "parquet", "xlsx", "txt"):
            if (word, ending) == ("parquet", "parquet"):
                continue
            body = reads(data, f"table.{ending}", rows=[])
            yield Try(f"{word} as .{ending}", body)
    makers = {
        "a pipe": os.mkfifo,
        "a folder": lambda path: path.mkdir(),
        "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
        "a link to itself": lambda path: path.symlink_to(path.name),
        "8 GB of zeros": _sparse,
        "nothing there": lambda path: None,
    }
    for word, make in makers.items():
        for ending in ("csv", "parquet"):
            for ask in ("folder", "leakage"):
                body = functools.partial(_not_a_table, make, ending, ask)
                yield Try(f"{word} as .{ending}, {ask}", body, 15)


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(8_000_000_000)


def _typed(folder: Path) -> Verdict:
    """Read a parquet with categories and whole numbers, some of them missing."""
    import pandas as pd

    rows = [{**row, "speaker": n // 2} for n, row in enumerate(plain())]
    table = pd.DataFrame(rows)
    table["emotion"] = table["emotion"].astype("category")
    table["level"] = pd.array([1, None] * 4, dtype="Int64")
    table["when"] = pd.Timestamp("2024-01-01")
    table.to_parquet(folder / "table.parquet")
    clips(folder)
    return read(folder / "table.parquet", rows)


def _not_a_table(make, ending: str, ask: str, folder: Path) -> Verdict:
    path = folder / f"table.{ending}"
    make(path)
    if ask == "folder":
        verdict = read(path, [])
    else:
        verdict = ended(command("leakage", path.name), [path.name])
    return verdict if verdict.kind != "right" else Verdict("wrong", "it is no table")


def _split():
    """Write tables for leakage: the same people on both sides, however written."""
    spelled = {
        "as they are": lambda name: name,
        "a blank behind": lambda name: name + " ",
        "letters in parts": lambda name: unicodedata.normalize("NFD", name),
        "a no-break space": lambda name: name.replace(" ", "\xa0"),
    }
    for what, change in spelled.items():
        rows = [
            {**r, "speaker": change(r["speaker"]) if n % 2 else r["speaker"]}
            for n, r in enumerate(plain())
        ]
        rows = [{**r, "split": ("train", "test")[n % 2]} for n, r in enumerate(rows)]
        yield Try(
            f"split: people with {what}", functools.partial(_leaks, text_of(rows))
        )
        if what == "as they are":
            for mark in ";\t|":
                body = functools.partial(_leaks, text_of(rows, mark))
                yield Try(f"split: {mark!r} between fields", body)
            for coding in ("utf-8-sig", "utf-16", "cp949"):
                some = [{**r, "speaker": "김민수"} for r in rows]
                body = functools.partial(_leaks, text_of(some).encode(coding))
                yield Try(f"split: in {coding}", body)
            head = ["file_name", "label", "speaker_id", "transcript", "split"]
            body = functools.partial(_leaks, text_of(rows, head=head))
            yield Try("split: columns of other names", body)
            sides = [
                {**r, "split": f"{r['split']} " if n % 3 else r["split"]}
                for n, r in enumerate(rows)
            ]
            body = functools.partial(_leaks, text_of(sides))
            yield Try("split: sides with a blank behind", body)
            stray = text_of(rows).replace(TEXT, "Well").replace('"', "")
            lines = stray.splitlines()
            for at in (2, 5):
                lines[at] = lines[at].replace("Well", '"Well')
            body = functools.partial(_leaks, "\n".join(lines))
            yield Try("split: two stray quotation marks", body)


def _leaks(content: str | bytes, folder: Path) -> Verdict:
    """Leakage has to see eight clips in two parts, and speakers on both sides."""
    clips(folder)
    data = content.encode() if isinstance(content, str) else content
    (folder / "split.csv").write_bytes(data)
    said = command("leakage", "split.csv", "--json")

    def judge(said) -> Verdict:
        told = json.loads(said.out)
        met = told["leaking"] and told["n_clips"] == 8 and told["n_folds"] == 2
        people = any(row.get("kind") == "speaker" for row in told["found"])
        return right(
            met and people,
            json.dumps(told["counts"])[:300]
            + f" of {told['n_clips']} clips in {told['n_folds']} parts",
        )

    return ended(said, ["split.csv"], judge)
