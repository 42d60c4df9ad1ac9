"""Tables of clips as people have them: whatever separates, encodes and names."""

import csv
import difflib
import io
import os
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sertools.display import shortened
from sertools.files import open_regular

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_USUAL = {
    "path": "file filename file_name filepath file_path wav wav_path wav_file audio "
    "audio_path audio_file 파일",
    "emotion": "label emotion_label emotions emo category class 감정",
    "speaker": "speaker_id speakerid speakers spk spk_id speaker_name actor actor_id "
    "subject subject_id participant participant_id client_id 화자",
    "sex": "gender speaker_sex speaker_gender 성별",
    "text": "transcript transcription sentence utterance",
    "intensity": "level emotion_intensity",
}
_SEXES = {
    "female": "f female w weiblich woman frau femme feminin mujer femenino donna 여 "
    "여자 여성 女 女性",
    "male": "m male man mann männlich homme masculin hombre masculino uomo 남 남자 "
    "남성 男 男性",
}
_MOST_BYTES = 500_000_000
_SEX_OF = {word: sex for sex, words in _SEXES.items() for word in words.split()}


class Table(NamedTuple):
    """The rows of a table, and what had to be understood to read them."""

    rows: pd.DataFrame
    excluded: list[dict]
    notes: list[str]


def normalized(values: pd.Series) -> pd.Series:
    """Write text one way: one Unicode form, single blanks, none at the ends.

    Two spellings that look the same are the same speaker. Empty text is missing.

    Examples
    --------
    >>> normalized(pd.Series(["Anna  Berg ", "Anna Berg", ""])).unique().tolist()
    ['Anna Berg', nan]
    """
    text = values.astype("str")
    plain = {word: _plain_text(word) for word in text.dropna().unique()}
    return text.map(plain).replace("", None).astype("str")


def _plain_text(word: str) -> str:
    """Drop what cannot be seen, such as joiners; control characters are blanks."""
    instead = {"Cc": " ", "Cf": ""}
    text = unicodedata.normalize("NFC", word)
    return " ".join(
        "".join(instead.get(unicodedata.category(c), c) for c in text).split()
    )


def sexes(values: pd.Series) -> pd.Series:
    """Spell sexes as ours, whichever usual word of several languages they are in.

    Examples
    --------
    >>> sexes(pd.Series(["F", "männlich", "여성", "unknown"])).tolist()
    ['female', 'male', 'female', 'unknown']
    """
    return values.map(lambda word: _SEX_OF.get(word.casefold(), word), "ignore")


def differing_in_case(values: Iterable[str]) -> list[str]:
    """List the words that are the same but for capital letters."""
    groups: dict[str, set[str]] = {}
    for word in values:
        groups.setdefault(word.casefold(), set()).add(word)
    return [" and ".join(sorted(words)) for words in groups.values() if len(words) > 1]


def read(
    source: Path | pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    needed: Iterable[str] = ("path", "emotion"),
) -> Table:
    """Read a table of files, with its columns named as ours; further ones are kept."""
    if isinstance(source, pd.DataFrame):
        name, rows, excluded, notes = "the table", source.copy(), [], []
    elif source.suffix.lower() == ".parquet":
        name, excluded, notes = str(source), [], []
        try:
            rows = pd.read_parquet(source)
        except (ValueError, OSError) as error:
            raise ValueError(_unreadable(source, error)) from error
    elif source.suffix.lower() in (".csv", ".tsv"):
        name = str(source)
        rows, excluded, notes = _read_text(source)
    else:
        raise ValueError(f"{source}: tables end in .csv, .tsv, .parquet.")
    rows.columns = [" ".join(str(column).split()) for column in rows.columns]
    rows, taken = _named(rows, columns or {}, name, needed)
    return Table(rows, excluded, notes + taken)


def _unreadable(path: Path, error: Exception) -> str:
    reason = " ".join(str(error).split()).rstrip(".")
    return f"{path}: not a table that can be read ({reason})."


def _read_text(path: Path) -> tuple[pd.DataFrame, list[dict], list[str]]:
    text, notes = _decoded(path)
    if not text.strip():
        raise ValueError(f"{path}: not a table that can be read (it is empty).")
    mark = _separator(text, path)
    if mark != ("\t" if path.suffix.lower() == ".tsv" else ","):
        notes.append(f"{path.name}: separated by {_SEPARATORS[mark]}.")
    records, quoted = _records(text, mark, path)
    if not quoted:
        notes.append(f"{path.name}: quotation marks are taken as text.")
    (_, head), body = records[0], records[1:]
    excluded, good = [], []
    for line, fields in body:
        if len(fields) == len(head):
            good.append(fields)
        elif any(field.strip() for field in fields):
            told = f"line {line} has {len(fields)} fields, the first line {len(head)}"
            excluded.append({"clip": f"line {line}", "reason": told})
    if not good and excluded:
        told = excluded[0]["reason"]
        raise ValueError(f"{path}: not a table that can be read ({told}).")
    return pd.DataFrame(good, columns=head, dtype="str"), excluded, notes


def _decoded(path: Path) -> tuple[str, list[str]]:
    """Find out which letters the bytes mean, from the bytes themselves."""
    with open_regular(path, "a table") as file:
        content = file.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        limit = f"{_MOST_BYTES / 1e6:.0f} MB"
        raise ValueError(f"{path}: a table of more than {limit}. Save it as Parquet.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16"), []
    for encoding in ("utf-8-sig", "cp949", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "cp949" and not any("가" <= letter <= "힣" for letter in text):
            continue  # bytes that fit, and say nothing in Korean
        said = [] if encoding == "utf-8-sig" else [f"{path.name}: read as {encoding}."]
        return text, said
    raise ValueError(f"{path}: text in no known encoding. Save it as CSV UTF-8.")


def _separator(text: str, path: Path) -> str:
    """Choose what cuts the first line into the most names that we know."""
    first = next(line for line in text.splitlines() if line.strip())

    def known(mark: str) -> tuple[int, int, bool]:
        names = [_plain(name) for name in next(csv.reader([first], delimiter=mark))]
        ours = sum(any(name in _words(c) for c in _USUAL) for name in names)
        return ours, len(names), mark == ("\t" if path.suffix == ".tsv" else ",")

    return max(_SEPARATORS, key=known)


def _records(
    text: str, mark: str, path: Path
) -> tuple[list[tuple[int, list[str]]], bool]:
    """Cut a text into lines of fields; say whether quotation marks mean anything.

    A stray one swallows lines up to the next. Where every line is whole without
    them, they are text; where a field holds what looks like rows, it is refused.
    """
    try:
        quoted = _parsed(text, mark, csv.QUOTE_MINIMAL)
    except csv.Error:  # a field without end
        return _parsed(text, mark, csv.QUOTE_NONE, path), False
    swallowed = [
        (line, field)
        for line, fields in quoted
        for field in fields
        if any(part.count(mark) == len(quoted[0][1]) - 1 for part in _inner(field))
    ]
    if not swallowed:
        return quoted, True
    plain = _parsed(text, mark, csv.QUOTE_NONE)
    if all(len(fields) == len(plain[0][1]) for _, fields in plain):
        return plain, False
    line, field = swallowed[0]
    raise ValueError(
        f"{path}: a quotation mark opens at line {line} and swallows "
        f"{field.count(chr(10))} lines. Close it, double it or remove it."
    )


def _inner(field: str) -> list[str]:
    return field.split("\n")[1:] if "\n" in field else []


def _parsed(
    text: str, mark: str, quoting: int, path: Path | None = None
) -> list[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, quoting=quoting)
    records, line = [], 1
    try:
        for fields in reader:
            if fields:
                records.append((line, fields))
            line = reader.line_num + 1
    except csv.Error as error:
        if path is None:
            raise
        told = f"{path}: not a table that can be read (line {line}: {error})."
        raise ValueError(told) from None
    return records


def _plain(name: object) -> str:
    return "_".join(str(name).strip().lower().replace("-", " ").split())


def _words(column: str) -> list[str]:
    return [column, *_USUAL[column].split()]


def _named(
    rows: pd.DataFrame, columns: Mapping[str, str], name: str, needed: Iterable[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Give the columns our names: those that are asked for, then the usual ones."""
    given = list(rows.columns)
    if twice := sorted({str(c) for c in given if given.count(c) > 1}):
        raise ValueError(f"{name}: the column {twice[0]} is there twice.")
    if absent := [theirs for theirs in columns if theirs not in given]:
        told = f"no column {shortened(absent[0])!r}. It has: {_listed(given)}."
        raise ValueError(f"{name}: {told}")
    ours = dict(columns)
    if len(set(ours.values())) < len(ours):
        raise ValueError(f"{name}: two columns are to be the same: {ours}.")
    taken = []
    for column in _USUAL:
        if column in ours.values() or column in given:
            continue
        plain = {_plain(theirs): theirs for theirs in given if theirs not in ours}
        theirs = next((plain[word] for word in _words(column) if word in plain), None)
        if theirs is not None:
            ours[theirs] = column
            taken.append(f"{theirs} is taken for {column}")
    renamed = {c: f"{c}_given" for c in ("clip", "label", "dataset") if c in given}
    rows = rows.rename(columns={c: n for c, n in renamed.items() if c not in ours})
    rows = rows.rename(columns=ours)
    if absent := [column for column in needed if column not in rows]:
        raise ValueError(_no_column(name, absent, given))
    return rows, [f"{name_of(name)}: {', '.join(taken)}."] if taken else []


def ours(column: str, there: Iterable[str]) -> str:
    """Give the name of ours that a column may have been given."""
    there = set(there)
    near = [name for name in _USUAL if _plain(column) in _words(name) and name in there]
    return near[0] if column not in there and near else column


def name_of(source: str) -> str:
    """Give a table's name without its folder."""
    return os.path.basename(source)


def _no_column(name: str, absent: list[str], given: list) -> str:
    message = (
        f"{name}: no column {' and no column '.join(absent)}. It has: {_listed(given)}."
    )
    near = [
        (theirs, column)
        for column in absent
        for theirs in given
        if difflib.get_close_matches(_plain(theirs), _words(column), 1, 0.75)
    ]
    theirs, column = near[0] if near else ("THEIRS", absent[0])
    return f"{message} Say which it is: columns={{{shortened(theirs)!r}: {column!r}}}."


def _listed(columns: list) -> str:
    more = f" and {len(columns) - 30} more" if len(columns) > 30 else ""
    return ", ".join(map(shortened, columns[:30])) + more
