"""Tables as people and machines spoil them."""

import codecs
import csv
import functools
import json
import os
import random
import unicodedata
from dataclasses import replace
from pathlib import Path

from _faults import no_tables
from _faults.table_rows import clips, plain, read, reads, text_of
from _faults.trying import Try, Verdict, asked, command, ended, right

_PEOPLE = ("Anna Berg", "José Núñez", "김민수", "Zoë Ångström")
_EMOTIONS = ("happy", "sad")
_HEAD = ("path", "emotion", "speaker", "text")
_TEXT = "The train leaves at seven, they say."


def tries(seed: int) -> list[Try]:
    """List what is tried."""
    draw = random.Random(seed)
    made = [*_separated(), *_encoded(), *_quoted(draw), *_spelled(), *_placed()]
    made += [*_columns(), *_labels(), *_lines(draw), *no_tables.tries(draw)]
    return [replace(one, batch=f"{n // 15}") for n, one in enumerate(made)]


def _separated():
    """Whatever stands between fields and lines."""
    marks = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
    for mark, word in marks.items():
        for end in ("\n", "\r\n", "\r"):
            content = text_of(plain(), mark, lineterminator=end)
            yield Try(f"{word}, lines end in {end!r}", reads(content))
        content = text_of(plain(), mark, quoting=csv.QUOTE_ALL)
        yield Try(f"{word}, all in quotation marks", reads(content))
        yield Try(f"{word} in a .tsv", reads(text_of(plain(), mark), "table.tsv"))
        behind = "\n".join(line + mark for line in text_of(plain(), mark).splitlines())
        yield Try(f"{word}, one behind every line", reads(behind))
        first, *rest = text_of(plain(), mark).splitlines()
        body = "\n".join([first, *(line + mark for line in rest)])
        yield Try(f"{word}, one behind every line but the first", reads(body))
        spaced = text_of(plain(), mark).replace(mark, f"{mark} ")
        if mark != ",":
            yield Try(f"{word} and blanks", reads(spaced))
    content = text_of([{k: row[k] for k in _HEAD[:3]} for row in plain()], " ")
    yield Try("blanks between fields", reads(content))
    yield Try("Excel's line on separators", reads("sep=;\n" + text_of(plain(), ";")))
    yield Try("lines of notes above", reads("# made by hand\n\n" + text_of(plain())))
    blank = text_of(plain()).replace("\n", "\n\n  \n,,,\n")
    yield Try("empty lines and lines of commas between", reads(blank))
    yield Try("no line end at the end", reads(text_of(plain()).rstrip("\n")))
    mixed = text_of(plain()).replace("\n", "\r\n", 4)
    yield Try("mixed line ends", reads(mixed))


def _encoded():
    """Whatever letters the bytes stand for."""
    rows, content = plain(), text_of(plain())
    for encoding in (
        "utf-8",
        "utf-8-sig",
        "utf-16",
        "utf-16-le",
        "utf-16-be",
        "utf-32",
    ):
        yield Try(f"in {encoding}", reads(content.encode(encoding)))
    body = reads(codecs.BOM_UTF8 + codecs.BOM_UTF8 + content.encode())
    yield Try("two marks of UTF-8", body)
    for encoding, who in {
        "cp1252": "Núñez",
        "latin-1": "Müller",
        "cp949": "김민수",
        "cp1250": "Dvořák",
        "cp1251": "Иван",
        "shift_jis": "山田",
        "gbk": "王伟",
        "mac_roman": "Núñez",
    }.items():
        own = [{**r, "speaker": f"{who} {r['speaker'][0]}"} for r in rows]
        own = [{**r, "speaker": f"{who} {n // 2}"} for n, r in enumerate(own)]
        content = text_of(own).encode(encoding)
        yield Try(f"in {encoding}", reads(content, rows=own))
    damaged = text_of(rows).encode().replace("é".encode(), b"\xe9")
    yield Try("UTF-8 with a letter of Latin-1", reads(damaged))


def _quoted(draw: random.Random):
    """Stray quotation marks, wherever."""
    rows, content = plain(), text_of(plain())
    for number in range(14):
        lines = content.splitlines()
        for _ in range(1 + number % 3):
            at = draw.randrange(1, len(lines))
            place = draw.randrange(len(lines[at]))
            lines[at] = lines[at][:place] + '"' + lines[at][place:]
        body = reads("\n".join(lines), rows=rows, people=False)
        yield Try(f"{1 + number % 3} stray quotation marks, {number}", body)
    for at in (1, 4, 8):
        for mark in ('"', "'", "“", '""', '"""'):
            own = [dict(row) for row in rows]
            own[at - 1]["text"] = mark + "Well"
            plainly = "\n".join(
                ",".join(r.values())
                for r in [
                    dict(zip(_HEAD, _HEAD, strict=True)),
                    *[{**r, "text": r["text"].replace(",", "")} for r in own],
                ]
            )
            yield Try(f"{mark} opens a text in line {at}", reads(plainly))
    for at, to in ((1, 3), (2, 7)):
        own = [{**row, "text": "Well"} for row in rows]
        own[at]["text"] = own[to]["text"] = '"Well'
        plainly = "\n".join(
            ",".join(r.values()) for r in [dict(zip(_HEAD, _HEAD, strict=True)), *own]
        )
        yield Try(f"two open texts, lines {at} and {to}", reads(plainly))
    several = [{**row, "text": "One\nTwo, three\nfour"} for row in rows]
    yield Try("texts of several lines", reads(text_of(several)))
    rowlike = [{**row, "text": "a,b,c,d\ne,f,g,h"} for row in rows]
    yield Try("texts that look like rows", reads(text_of(rowlike)))


def _spelled():
    """Write the same people in different ways."""
    changes = {
        "a blank behind": lambda name: name + " ",
        "a blank before": lambda name: " " + name,
        "a tab behind": lambda name: name + "\t",
        "two blanks within": lambda name: name.replace(" ", "  "),
        "a no-break space": lambda name: name.replace(" ", "\xa0"),
        "a thin space": lambda name: name.replace(" ", "\u2009"),
        "letters in parts": lambda name: unicodedata.normalize("NFD", name),
        "a zero-width space": lambda name: name + "\u200b",
        "a zero-width joiner": lambda name: name[:2] + "\u200d" + name[2:],
        "a mark of byte order": lambda name: "\ufeff" + name,
        "a soft hyphen": lambda name: name[:2] + "\xad" + name[2:],
        "a mark of direction": lambda name: name + "\u200e",
        "a line end behind": lambda name: name + "\n",
        "a NUL behind": lambda name: name + "\0",
        "capitals": lambda name: name.upper(),
    }
    for what, change in changes.items():
        rows = plain()
        own = [
            {**row, "speaker": change(row["speaker"])} if number % 2 else row
            for number, row in enumerate(rows)
        ]
        yield Try(f"every second speaker with {what}", reads(text_of(own)))
        own = [
            {**row, "emotion": change(row["emotion"])} if number % 2 else row
            for number, row in enumerate(rows)
        ]
        yield Try(f"every second emotion with {what}", reads(text_of(own)))
    for people in (("1", "01", "1.0", "001"), ("NA", "null", "None", "nan")):
        own = [{**row, "speaker": people[n // 2]} for n, row in enumerate(plain())]
        yield Try(f"speakers called {', '.join(people)}", reads(text_of(own), rows=own))


def _placed():
    """Paths in other spellings than the files' own."""
    spellings = {
        "./ before": lambda name: f"./{name}",
        "a blank behind": lambda name: f"{name} ",
        "capitals": lambda name: name.upper(),
        "backslashes": lambda name: f".\\{name}",
        "two slashes": lambda name: f".//{name}",
        "file://": lambda name: f"file://{name}",
        "no ending": lambda name: name.removesuffix(".wav"),
        "quotation marks within": lambda name: f'"{name}"',
    }
    for what, change in spellings.items():
        own = [{**row, "path": change(row["path"])} for row in plain()]
        half = [row if n % 2 else plain()[n] for n, row in enumerate(own)]
        yield Try(f"paths with {what}", reads(text_of(own)))
        yield Try(f"half of the paths with {what}", reads(text_of(half)))
    for on_disk, in_table in (("NFC", "NFD"), ("NFD", "NFC")):
        body = functools.partial(_two_forms, on_disk, in_table)
        yield Try(f"files named in {on_disk}, paths in {in_table}", body)
    outside = [{**r, "path": f"notes-{n}.txt"} for n, r in enumerate(plain())]
    body = functools.partial(_unread, outside)
    yield Try("paths that lead to no recording", body)
    for odd in (
        "",
        " ",
        ".",
        "/",
        "a\0b.wav",
        "\x1b[31m.wav",
        "x" * 5000,
        "~",
        "$HOME",
    ):
        rows = plain()
        own = [*rows, {**rows[0], "path": odd}]
        yield Try(f"a row with the path {odd[:9]!r}", reads(text_of(own)))
    rows = plain()
    yield Try("every row twice", reads(text_of([*rows, *rows])))
    gone = [*rows, {**rows[0], "path": "gone.wav"}]
    yield Try("a file that is gone", reads(text_of(gone)))


def _two_forms(on_disk: str, in_table: str, folder: Path) -> Verdict:
    rows = [{**r, "path": f"é슬픔-{r['path']}"} for r in plain()]
    form = functools.partial(unicodedata.normalize, on_disk)
    clips(folder, [{**row, "path": form(row["path"])} for row in rows])
    own = [{**r, "path": unicodedata.normalize(in_table, r["path"])} for r in rows]
    (folder / "table.csv").write_text(text_of(own), encoding="utf-8")
    verdict = read(folder / "table.csv", rows)
    if verdict.kind != "right":
        return verdict
    return _usable(folder, len(rows))


def _usable(folder: Path, n: int) -> Verdict:
    """See that the clips of a table can be opened as well."""
    from sertools import datasets

    table = datasets.load("folder", root=folder / "table.csv")
    there = sum(map(os.path.isfile, table["path"]))
    return right(there == n, f"{there} of {n} files are found; nothing is said")


def _unread(rows: list[dict], folder: Path) -> Verdict:
    for number, row in enumerate(rows):
        (folder / row["path"]).write_text(f"nothing to hear, {number}")
    (folder / "table.csv").write_text(text_of(rows), encoding="utf-8")
    words = "evaluate --dataset folder --root table.csv --model duration_loudness"
    said = command(*words.split(), "--head", "logistic", "--jobs", 1)
    return ended(
        said, ["table.csv", "notes-0.txt"], lambda _: right(False, said.out[:300])
    )


def _columns():
    """Columns by other names, twice, without a name, by the thousand."""
    heads = {
        "capitals": ["PATH", "Emotion", "Speaker", "TEXT"],
        "blanks": [" path ", "emotion ", " speaker", "text"],
        "usual names": ["file_name", "label", "spk_id", "transcript"],
        "German": ["Datei", "Emotion", "Sprecher", "Text"],
        "Spanish": ["archivo", "emoción", "hablante", "texto"],
        "French": ["fichier", "émotion", "locuteur", "texte"],
        "Korean": ["파일", "감정", "화자", "text"],
        "Korean in parts": [
            unicodedata.normalize("NFD", w) for w in ("파일", "감정", "화자", "text")
        ],
        "no names": ["", "", "", ""],
        "one name twice": ["path", "emotion", "emotion", "text"],
        "two usual names of one": ["path", "file", "emotion", "speaker"],
        "three names for four": ["path", "emotion", "speaker"],
        "five names for four": ["path", "emotion", "speaker", "text", "more"],
        "control characters": ["path\x1b[2J", "emotion", "speaker", "text"],
        "a NUL": ["path\0", "emotion", "speaker", "text"],
        "5000 letters": ["p" * 5000, "emotion", "speaker", "text"],
        "numbers": ["0", "1", "2", "3"],
        "a name of Python": ["path", "emotion", "__class__", "text"],
        "our own names": ["path", "emotion", "speaker", "clip"],
        "a name of pandas": ["path", "emotion", "speaker", "index"],
    }
    unknown = ("__class__",)
    for what, head in heads.items():
        rows = plain()
        if head[-2:-1] in ([name] for name in unknown) or what == "no names":
            rows = [{**row, "speaker": None} for row in rows]
        if what in ("two usual names of one",):
            rows = None
        given = text_of(plain(), head=head)
        yield Try(f"columns with {what}", _by_names(given, rows))
    index = [{"": str(n), **row} for n, row in enumerate(plain())]
    yield Try("a column of numbers without a name", reads(text_of(index)))
    two = [{"": str(n), " ": str(n), **row} for n, row in enumerate(plain())]
    yield Try("two columns without a name", reads(text_of(two)))
    many = [{**row, **{f"f{n}": "1" for n in range(3000)}} for row in plain()]
    yield Try("3004 columns", reads(text_of(many)))
    for word in ("clip", "dataset", "label", "index", "attrs", "path_given"):
        own = [{**row, word: "x"} for row in plain()]
        yield Try(f"a further column {word}", reads(text_of(own)))
    own = [{**row, "session": str(n // 4)} for n, row in enumerate(plain())]
    yield Try("folds by a further column", functools.partial(_by_session, own))
    own = [{**row, "session": row["emotion"]} for row in plain()]
    yield Try(
        "folds by a column that is the emotion", functools.partial(_by_session, own)
    )


def _by_names(content: str, rows):
    def body(folder: Path) -> Verdict:
        clips(folder)
        (folder / "table.csv").write_text(content, encoding="utf-8")
        verdict = read(folder / "table.csv", rows or plain())
        if rows is None and verdict.kind == "right":
            return Verdict("wrong", "taken without a word")
        if rows and rows[0]["speaker"] is None and "speakers, not" in verdict.said:
            return Verdict("right")
        return verdict

    return body


def _by_session(rows: list[dict], folder: Path) -> Verdict:
    clips(folder)
    (folder / "table.csv").write_text(text_of(rows), encoding="utf-8")
    words = "evaluate --dataset folder --root table.csv --model duration_loudness"
    words += " --head logistic --folds session --json --jobs 1"
    said = command(*words.split())
    return ended(
        said, ["session", "Fold"], lambda said: right(bool(json.loads(said.out)))
    )


def _labels():
    """Labels that are numbers, empty, long, or words for a terminal."""
    for words in (
        ("0", "1"),
        ("1.0", "2.0"),
        ("joyous", "gloomy"),
        ("", ""),
        ("?", "-"),
    ):
        own = [{**row, "emotion": words[row["emotion"] == "sad"]} for row in plain()]
        hints = ["--labels", "emotion"]
        yield Try(f"labels {words}", reads(text_of(own), names=hints))
        if words[0]:
            meant = dict(zip(words, _EMOTIONS, strict=True))
            body = reads(text_of(own), labels=meant)
            yield Try(f"labels {words}, with what they mean", body)
    for odd in (
        "x" * 5000,
        "\x1b[31mred",
        "a\0b",
        "nan",
        "None",
        "$x$",
        "<b>",
        "\u202eyppah",
    ):
        rows = plain()
        own = [*rows, {**rows[0], "path": "more.wav", "emotion": odd}]
        yield Try(f"a row with the label {odd[:9]!r}", reads(text_of(own)))
        own = [{**row, "emotion": odd} for row in rows]
        body = reads(text_of(own), names=["emotion"])
        yield Try(f"every label is {odd[:9]!r}", body)
    rows = plain()
    for odd in ({"sad": "no_such"}, {"x": "happy"}, {"": ""}, {"sad": None}):
        verdict = reads(text_of(rows), labels=odd, names=["no_such", "sad", "label"])
        yield Try(f"labels={odd}", verdict)


def _lines(draw: random.Random):
    """Lines too long, too short, too many, and bytes that are no letters."""
    rows, content = plain(), text_of(plain())
    long = [{**row, "text": "x" * 5000} for row in rows]
    yield Try("lines of 5000 letters", reads(text_of(long)))
    long = [{**row, "text": "x" * 200_000} for row in rows]
    yield Try("lines of 200000 letters", reads(text_of(long)))
    yield Try("one line of 5000 letters", reads("x" * 5000, rows=[]))
    lines = content.splitlines()
    for what, change in {
        "a field fewer": lambda line: line.rpartition(",")[0],
        "a field more": lambda line: line + ",more",
        "a NUL": lambda line: line.replace(",", "\0,", 1),
        "NULs behind": lambda line: line + "\0" * 50,
        "control characters": lambda line: line + "\x07\x1b[2J",
        "a page break": lambda line: line + "\f",
        "Ctrl-Z": lambda line: line + "\x1a",
        "a line separator": lambda line: line + "\u2028",
        "a vertical tab": lambda line: line.replace(" ", "\x0b", 1),
    }.items():
        for at in (0, 5, len(lines) - 1):
            own = [*lines[:at], change(lines[at]), *lines[at + 1 :]]
            yield Try(f"line {at + 1} with {what}", reads("\n".join(own)))
    for number in range(8):
        data = bytearray(content.encode())
        for _ in range(3):
            data[draw.randrange(len(data))] = draw.randrange(256)
        # the known answer is gone with the bytes: it may not break, that is all
        body = functools.partial(_whatever, bytes(data), "table.csv")
        yield Try(f"three bytes changed, {number}", body)


def _whatever(data: bytes, name: str, folder: Path) -> Verdict:
    """Read what can't be known: every row is used or named, or all is refused."""
    clips(folder)
    path = folder / name
    path.write_bytes(data)
    from sertools import datasets
    from sertools.metadata import ClipsMetadata

    def judge(table) -> Verdict:
        told = len(table) + len(ClipsMetadata.of(table).excluded)
        least = data.count(b"\n") - 1
        return right(
            told >= min(least, 8) - 1, f"{told} of {least} rows are accounted for"
        )

    return asked(lambda: datasets.load("folder", root=path), [path.name], judge)
