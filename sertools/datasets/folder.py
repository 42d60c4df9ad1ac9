"""Your own recordings: a folder per emotion, or a table of files."""

from pathlib import Path

import pandas as pd

from sertools import labels
from sertools.datasets.base import Dataset, audio_files, table

_READERS = {
    ".csv": lambda path: pd.read_csv(path, dtype=str),
    ".tsv": lambda path: pd.read_csv(path, dtype=str, sep="\t"),
    ".parquet": pd.read_parquet,
}


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

    def mend(self) -> str:
        """Say how recordings are named."""
        return "Name a folder of folders (angry/, happy/ ...) or a CSV with --root."

    def _from_folder(self, root: Path) -> pd.DataFrame:
        files = list(audio_files(root))
        if not files:
            raise FileNotFoundError(f"folder: no audio files under {root}.")
        rows, excluded = [], []
        for path in files:
            relative = path.relative_to(root)
            label = next(filter(_known, reversed(relative.parts[:-1])), None)
            if label is None:
                reason = "no folder above it is named like an emotion"
                excluded.append({"clip": str(relative), "reason": reason})
                continue
            rows.append(self._row(str(relative), path, label))
        if not rows:
            raise ValueError(
                f"folder: no folder under {root} is named like an emotion "
                f"({', '.join(labels.EMOTIONS)})."
            )
        return table(rows, excluded)

    def _from_table(self, path: Path) -> pd.DataFrame:
        reader = _READERS.get(path.suffix.lower())
        if reader is None:
            raise ValueError(f"{path}: tables end in {', '.join(_READERS)}.")
        given = reader(path)
        if absent := [name for name in ("path", "emotion") if name not in given]:
            raise ValueError(
                f"{path}: no column {' and no column '.join(absent)}. "
                f"It has: {', '.join(map(str, given.columns))}."
            )
        rows, excluded = [], []
        for record in given.to_dict("records"):
            record = {key: None if pd.isna(v) else str(v) for key, v in record.items()}
            file, label = record["path"], record["emotion"]
            if not file or not label or not _known(label):
                reason = f"unknown emotion {label!r}" if label else "no emotion given"
                reason = reason if file else "no path given"
                excluded.append({"clip": str(file), "reason": reason})
                continue
            rows.append(self._row(file, path.parent / file, label, record))
        if not rows:
            raise ValueError(f"{path}: no row names a file and a known emotion.")
        return table(rows, excluded)

    def _row(self, clip: str, path: Path, label: str, given: dict | None = None):
        given = given or {}
        speaker = given.get("speaker")
        return {
            "clip": f"{self.name}/{clip}",
            "path": str(path),
            "emotion": labels.canonical(label),
            "label": label,
            "speaker": f"{self.name}/{speaker}" if speaker else None,
            "sex": given.get("sex"),
            "text": given.get("text"),
            "intensity": given.get("intensity"),
            "dataset": self.name,
        }


def _known(word: str) -> bool:
    try:
        labels.canonical(word)
    except ValueError:
        return False
    return True
