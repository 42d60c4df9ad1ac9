"""Your own recordings: a folder per emotion, or a table of files."""

import unicodedata
from pathlib import Path

import pandas as pd

from sertools import labels
from sertools.audio._headers import UNREAD
from sertools.datasets._files import audio_files, exclusion, not_utf8
from sertools.datasets.base import Dataset, table

# A speaker may well be called NA: in text, only an empty cell is an unknown value.
_TEXT = {"dtype": str, "keep_default_na": False, "na_values": [""]}

_READERS = {
    ".csv": lambda path: pd.read_csv(path, **_TEXT),
    ".tsv": lambda path: pd.read_csv(path, sep="\t", **_TEXT),
    ".parquet": pd.read_parquet,
}

_GIVEN = ("path", "emotion", "speaker", "sex", "text", "intensity")


class Folder(Dataset):
    """Your own recordings: a folder per emotion, or a table of files.

    A folder: every audio file lies, at any depth, under a folder whose name is
    an emotion (``angry``, ``Happiness``, ``슬픔``); the nearest one counts. A
    table (CSV, TSV or parquet): columns ``path`` (relative to the table) and
    ``emotion``, and if known ``speaker``, ``sex``, ``text``, ``intensity``.

    References
    ----------
    Yours.
    """

    name = "folder"
    title = "your own recordings"
    language = "yours"
    license = "yours"
    reference = "yours"
    labels = {name: name for name in labels.EMOTIONS}

    def load(self, root: Path) -> pd.DataFrame:
        """List the clips under a folder, or in a table.

        Raises
        ------
        FileNotFoundError
            If there is no such folder or table, or no audio in it.
        ValueError
            If no folder is named like an emotion, or the table lacks a column.
        """
        if not root.exists():
            raise FileNotFoundError(f"folder: no folder or table {root}.")
        return self._from_table(root) if root.is_file() else self._from_folder(root)

    def name_anomaly(self, path: str) -> str | None:
        """Find no name odd."""
        return None

    def remedy(self) -> str:
        """Say how recordings are named."""
        return "Name a folder of folders (angry/, happy/ ...) or a CSV with --root."

    def _from_folder(self, root: Path) -> pd.DataFrame:
        files = list(audio_files(root))
        rows, excluded = [], _unread(root)
        if not files:
            why = f" {excluded[0]['clip']}: {excluded[0]['reason']}" if excluded else ""
            raise FileNotFoundError(f"folder: no audio files under {root}.{why}")
        for path in files:
            relative = path.relative_to(root)
            label = next(filter(_emotion, reversed(relative.parts[:-1])), None)
            reason = None if label else "no folder above it is named like an emotion"
            if reason := not_utf8(path) or reason:
                excluded.append(exclusion(relative, reason))
                continue
            rows.append(self._row(str(relative), path, label))
        if not rows:
            raise ValueError(
                f"folder: no folder under {root} is named like an emotion "
                f"({', '.join(labels.EMOTIONS)})."
            )
        return table(rows, excluded)

    def _from_table(self, path: Path) -> pd.DataFrame:
        rows, excluded = {}, []
        for number, record in enumerate(_records(path), start=1):
            record = {key: None if pd.isna(v) else str(v) for key, v in record.items()}
            file, label = record["path"], record["emotion"]
            if reason := _reason(file, label, rows):
                excluded.append({"clip": file or f"row {number}", "reason": reason})
                continue
            rows[file] = self._row(file, path.parent / file, label, record)
        if not rows:
            raise ValueError(f"{path}: no row names a file and a known emotion.")
        return table(rows.values(), excluded)

    def _row(self, clip: str, path: Path, label: str, given: dict | None = None):
        given = given or {}
        speaker = given.get("speaker")
        return {
            "clip": f"{self.name}/{clip}",
            "path": str(path),
            "emotion": _emotion(label),
            "label": label,
            "speaker": f"{self.name}/{speaker}" if speaker else None,
            "sex": given.get("sex"),
            "text": given.get("text"),
            "intensity": given.get("intensity"),
            "dataset": self.name,
        }


def _records(path: Path) -> list[dict]:
    """Read the rows of a table, or say in one line what is wrong with it."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: tables end in {', '.join(_READERS)}.")
    try:
        given = reader(path)
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not UTF-8 text. Save it as CSV UTF-8.") from None
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise ValueError(f"{path}: not a table that can be read ({reason}).") from error
    if absent := [name for name in ("path", "emotion") if name not in given]:
        raise ValueError(
            f"{path}: no column {' and no column '.join(absent)}. "
            f"It has: {', '.join(map(str, given.columns))}."
        )
    return given[[name for name in _GIVEN if name in given]].to_dict("records")


def _reason(file: str | None, label: str | None, rows: dict) -> str | None:
    """Say why a row of a table is left out."""
    if not file:
        return "no path given"
    if not label:
        return "no emotion given"
    if not _emotion(label):
        return f"unknown emotion {label!r}"
    return f"listed before, as {rows[file]['label']}" if file in rows else None


def _unread(root: Path) -> list[dict]:
    """Name the recordings that lie there in a form that is not read."""
    found = [path.relative_to(root) for path in audio_files(root, UNREAD)]
    return [
        exclusion(path, f"{path.suffix[1:]} is not read; convert it to wav (ffmpeg)")
        for path in found
    ]


def _emotion(word: str) -> str | None:
    """Give the canonical emotion of a word; macOS writes Korean in parts (NFD)."""
    try:
        return labels.canonical(unicodedata.normalize("NFC", word))
    except ValueError:
        return None
