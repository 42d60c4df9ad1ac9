"""Your own recordings: a folder per emotion, or a table of files."""

import os
import unicodedata
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sertools import labels as emotions
from sertools.datasets import _tables
from sertools.datasets._files import exclusion, not_utf8, walk
from sertools.datasets.base import COLUMNS, Dataset, in_words, table
from sertools.display import shortened
from sertools.metadata import ClipsMetadata


class Folder(Dataset):
    """Your own recordings: a folder per emotion, or a table of files.

    A folder: every audio file lies, at any depth, under a folder whose name is
    an emotion (``angry``, ``Happiness``, ``슬픔``); the nearest one counts. A
    table (CSV, TSV, parquet or a DataFrame): columns ``path`` (relative to the
    table) and ``emotion``, and if known ``speaker``, ``sex``, ``text``,
    ``intensity``, by these or other usual names; further columns are kept.

    References
    ----------
    Yours.
    """

    name = "folder"
    title = "your own recordings"
    language = "yours"
    license = "yours"
    reference = "yours"
    labels = {name: name for name in emotions.EMOTIONS}

    def load(
        self,
        root: Path | pd.DataFrame,
        columns: Mapping[str, str] | None = None,
        labels: Mapping[str, str | None] | None = None,
    ) -> pd.DataFrame:
        """List the clips under a folder, or in a table.

        Parameters
        ----------
        root : Path or DataFrame
            The folder, or the table; its paths start from its folder.
        columns : mapping, optional
            Names of the table's columns to ours: ``{"file": "path"}``.
        labels : mapping, optional
            Words of yours to emotions, or to ``None`` to leave their clips out.

        Raises
        ------
        FileNotFoundError
            If there is no such folder or table, or no audio in it.
        ValueError
            If no folder is named like an emotion, the table lacks a column, or
            no row can be used.
        """
        meanings = {
            _plain(word): meaning and emotions.canonical(meaning)
            for word, meaning in (labels or {}).items()
        }
        if isinstance(root, pd.DataFrame):
            return self._from_table(root, Path(), columns, meanings)
        if not root.exists():
            raise FileNotFoundError(f"folder: no folder or table {root}.")
        if root.is_dir():
            if columns:
                raise ValueError("columns= is for a table; this is a folder.")
            return self._from_folder(root, meanings)
        if not root.is_file():
            raise ValueError(f"{root}: a pipe or a device, neither folder nor table.")
        return self._from_table(root, root.parent, columns, meanings)

    def name_anomaly(self, path: str) -> str | None:
        """Find no name odd."""
        return None

    def remedy(self) -> str:
        """Say how recordings are named."""
        return "Name a folder of folders (angry/, happy/ ...) or a CSV with --root."

    def _from_folder(self, root: Path, meanings: dict) -> pd.DataFrame:
        files, unread = walk(root)
        rows, excluded = [], unread
        if not files:
            why = f" {excluded[0]['clip']}: {excluded[0]['reason']}" if excluded else ""
            raise FileNotFoundError(f"folder: no audio files under {root}.{why}")
        for path in files:
            relative = path.relative_to(root)
            known = [word for word in relative.parts[:-1] if _means(word, meanings)]
            reason = None if known else "no folder above it is named like an emotion"
            if reason := not_utf8(path) or reason:
                excluded.append(exclusion(relative, reason))
                continue
            label = known[-1]
            meant = {label: _means(label, meanings)}
            rows.append(self._row(str(relative), str(path), label, meant))
        if not rows:
            raise ValueError(
                f"folder: no folder under {root} is named like an emotion "
                f"({', '.join(emotions.EMOTIONS)}). Say what yours mean: "
                "--labels joy=happy, or a table of files (--root)."
            )
        return table(rows, excluded)

    def _from_table(self, source, base: Path, columns, meanings) -> pd.DataFrame:
        given, excluded, notes = _tables.read(source, columns)
        name = "the table" if isinstance(source, pd.DataFrame) else str(source)
        given, told = _cleaned(given)
        places, moved = _placed(given["path"], base, name)
        further = [column for column in given if column not in COLUMNS]
        meant = {
            word: _means(word, meanings) for word in given["emotion"].dropna().unique()
        }
        rows: dict[str, dict] = {}
        for number, record in enumerate(given.to_dict("records"), start=1):
            record = {key: None if pd.isna(v) else v for key, v in record.items()}
            file, label = record["path"], record["emotion"]
            if reason := _reason(file, label, rows, meant, meanings):
                excluded.append({"clip": file or f"row {number}", "reason": reason})
                continue
            place = places[number - 1]
            rows[file] = self._row(file, place, label, meant, record, further)
        if not rows:
            raise ValueError(_none_left(name, excluded))
        clips = table(rows.values(), excluded, further)
        return ClipsMetadata.update(clips, notes=[*notes, *told, *moved])

    def _row(self, clip, path: str, label: str, meant, given=None, further=()):
        given = given or {}
        speaker = given.get("speaker")
        return {
            "clip": f"{self.name}/{clip}",
            "path": path,
            "emotion": meant[label],
            "label": label,
            "speaker": f"{self.name}/{speaker}" if speaker else None,
            "sex": given.get("sex"),
            "text": given.get("text"),
            "intensity": given.get("intensity"),
            "dataset": self.name,
            **{column: given[column] for column in further},
        }


def _cleaned(given: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Write all text one way, so that the same speaker is the same word."""
    notes = []
    given["path"] = given["path"].astype("str").str.strip().replace("", None)
    for column in given.columns.drop("path"):
        if column in COLUMNS or given[column].dtype.kind in "OUT":
            given[column] = _tables.normalized(given[column])
    if "sex" in given:
        given["sex"] = _tables.sexes(given["sex"])
    for column in ("speaker", "text"):
        if column == "speaker" and column in given:
            alike = _tables.differing_in_case(given[column].dropna().unique())
            if alike:
                more = f" and {len(alike) - 3} more" if len(alike) > 3 else ""
                told = f"{'; '.join(alike[:3])}{more}"
                notes.append(f"Speakers that differ in capitals only: {told}.")
    return given, notes


def _placed(files: pd.Series, base: Path, name: str) -> tuple[list[str], list[str]]:
    """Find what the paths of a table start from, and how they are spelled."""
    files = files.fillna("")
    ways = {
        "": lambda file: base / file,
        "backslashes are taken for slashes": lambda file: (
            base / file.replace("\\", "/")
        ),
        "paths start from the current folder": Path,
        "paths are in the other Unicode form": lambda file: base / _other_form(file),
    }
    for note, place in ways.items():
        places = [str(place(file)) for file in files]
        if any(map(_is_there, places)):
            return places, [f"{_tables.name_of(name)}: {note}."] if note else []
    first = next((file for file in files if file), None)
    if first is None:
        return list(files), []
    raise FileNotFoundError(
        f"{name}: none of its {len(files)} files is there. The first was looked for at "
        f"{os.path.abspath(base / first)}: paths are relative to the table's folder."
    )


def _other_form(file: str) -> str:
    composed = unicodedata.normalize("NFC", file)
    return unicodedata.normalize("NFD", file) if composed == file else composed


def _is_there(path: str) -> bool:
    try:
        return os.path.exists(path)
    except ValueError:  # a NUL in it
        return False


def _reason(file, label, rows, meant: dict, meanings: dict) -> str | None:
    """Say why a row of a table is left out."""
    if not file:
        return "no path given"
    if "\0" in file:
        return "its path holds a NUL character"
    if not label:
        return "no emotion given"
    if not meant[label]:
        chosen = _plain(label) in meanings
        said = f"{label} is left out by choice" if chosen else None
        return said or f"unknown emotion {shortened(label)!r}"
    return f"listed before, as {rows[file]['label']}" if file in rows else None


def _none_left(name: str, excluded: list[dict]) -> str:
    """Say of a table without a usable row what is wrong, and what mends it."""
    reasons = Counter(row["reason"] for row in excluded)
    message = f"{name}: no row names a file and a known emotion."
    if not excluded:
        return message
    message += f" Not used: {in_words(reasons)}"
    unknown = [reason for reason in reasons if reason.startswith("unknown emotion")]
    if unknown:
        word = unknown[0].removeprefix("unknown emotion ").strip("'")
        message += (
            f" Known: {', '.join(emotions.EMOTIONS)}. Say what yours mean: "
            f"--labels {word}=happy (labels={{{word!r}: 'happy'}})."
        )
    return message


def _plain(word: str) -> str:
    """MacOS writes Korean in parts (NFD); capitals and blanks say nothing."""
    return " ".join(unicodedata.normalize("NFC", word).casefold().split())


def _means(word: str, meanings: Mapping[str, str | None]) -> str | None:
    """Give the emotion that a word means: as was said, or by the table of emotions."""
    if _plain(word) in meanings:
        return meanings[_plain(word)]
    try:
        return emotions.canonical(unicodedata.normalize("NFC", word))
    except ValueError:
        return None
