"""Timelines for other programs: a table, Audacity's labels, RTTM."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sertools import files
from sertools.display import visible
from sertools.features._timeline import classes, moments
from sertools.metadata import TimelineMetadata

KINDS = {".csv": "csv", ".txt": "labels", ".rttm": "rttm"}
"""What a file is, by how its name ends."""


def export(
    timelines: "pd.DataFrame | Mapping[str, pd.DataFrame]",
    path: str | os.PathLike,
    kind: str | None = None,
) -> Path:
    r"""Save a timeline for a spreadsheet, for Audacity, or for tools of diarisation.

    Parameters
    ----------
    timelines : DataFrame, or mapping of recording to DataFrame
        As `timeline`, `smoothed` or `verdicts` gives. Where windows overlap,
        each keeps the time nearest to its centre, so that rows follow one
        another. Of verdicts, the verdict is written as the label, "not sure"
        too; else the best emotion.
    path : path-like
        Where to; a text that is there is replaced, whole or not at all.
    kind : {"csv", "labels", "rttm"}, optional
        By how `path` ends (``.csv``, ``.txt``, ``.rttm``) if not given.

        - *csv*: file, start, end, emotion, probability, of verdicts also
          margin and verdict, and a column for each emotion.
        - *labels*: an Audacity label track, for one recording.
        - *rttm*: ten fields a line: ``SPEAKER``, the recording's name, channel
          1, onset, duration, two that are ``<NA>``, the emotion, its
          probability, ``<NA>``. RTTM has no type for emotions; they stand
          where speakers do, so that its readers can read them.

        Times are seconds, rounded to milliseconds; an RTTM onset and duration
        sum to the rounded end.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ValueError
        If the kind is unknown, labels are asked for of several recordings,
        something is no timeline, or `path` is a recording.

    References
    ----------
    NIST, Rich Transcription evaluation plan, RTTM file format:
    https://catalog.ldc.upenn.edu/docs/LDC2004T12/RTTM-format-v13.pdf

    Examples
    --------
    >>> import tempfile
    >>> said = pd.DataFrame({"start": [0.5], "end": [2.0], "happy": 0.8, "sad": 0.2})
    >>> place = Path(tempfile.mkdtemp()) / "talk.rttm"
    >>> export({"my talk.wav": said}, place).read_text()
    'SPEAKER my_talk 1 0.500 1.500 <NA> <NA> happy 0.800000 <NA>\n'
    """
    path = Path(path)
    kind = kind or KINDS.get(path.suffix.lower())
    if kind not in KINDS.values():
        raise ValueError(
            f"{path.name}: what should it be? Name it .csv, .txt (Audacity's labels) "
            f"or .rttm, or give kind: {', '.join(KINDS.values())}."
        )
    if isinstance(timelines, pd.DataFrame):
        name = TimelineMetadata.of(timelines).recording or "recording"
        timelines = {name: timelines}
    if kind == "labels" and len(timelines) != 1:
        raise ValueError(
            f"A label track is of one recording, not of {len(timelines)}: "
            "export them one by one."
        )
    text = {"csv": as_csv, "labels": as_labels, "rttm": as_rttm}[kind](timelines)
    _write(path, text)
    return path


def _write(path: Path, text: str) -> None:
    """Write a text whole; a recording is never replaced by one."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path}: no file, so it is not replaced by a timeline.")
    if path.exists() and not _is_text(path):
        raise ValueError(
            f"{path}: a recording, or another file that is no text. It is not "
            "replaced: give another name."
        )
    files.write_text(path, text)


def _is_text(path: Path) -> bool:
    with path.open("rb") as opened:
        head = opened.read(1 << 16)
    if head.startswith((b"RIFF", b"fLaC", b"OggS", b"ID3", b"FORM", b".snd")):
        return False
    return b"\0" not in head and b"\xff" not in head


_FIRST = ("file", "start", "end", "emotion", "probability")
_STARTS = {
    "csv": re.compile(re.escape(",".join(_FIRST))),
    "labels": re.compile(r"\d+\.\d{3}\t\d+\.\d{3}\t"),
    "rttm": re.compile(r"SPEAKER \S+ 1 \d+\.\d{3} \d+\.\d{3} <NA> <NA> "),
}


def is_export(text: str, kind: str) -> bool:
    """Say of the start of a file whether `export` wrote it."""
    return bool(_STARTS[kind].match(text))


def rows(timelines: Mapping[str, pd.DataFrame]) -> list[dict]:
    """Give one row a moment: what it sounds like most, and all probabilities."""
    found = []
    for file, table in timelines.items():
        names = classes(table)
        judged = "verdict" in table
        for row in moments(table).to_dict("records"):
            scores = {name: round(row[name], 6) for name in names}
            best = max(scores, key=lambda name, row=row: row[name])
            told = {
                "file": visible(file),
                "start": round(row["start"], 3),
                "end": round(row["end"], 3),
                "emotion": best,
                "probability": scores[best],
            }
            if judged:
                told |= {"margin": round(row["margin"], 6), "verdict": row["verdict"]}
            found.append(told | {"probabilities": scores})
    return found


def as_csv(timelines: Mapping[str, pd.DataFrame]) -> str:
    """Write one line a row, with a heading; a column an emotion."""
    found = [row | row.pop("probabilities") for row in rows(timelines)]
    if found:
        return pd.DataFrame(found).to_csv(index=False)
    names = dict.fromkeys(n for table in timelines.values() for n in classes(table))
    return ",".join([*_FIRST, *names]) + "\n"


def as_labels(timelines: Mapping[str, pd.DataFrame]) -> str:
    """Write Audacity's label track: start, end and label, between tabs."""
    lines = [
        f"{row['start']:.3f}\t{row['end']:.3f}\t"
        f"{_label(row)} {row['probability']:.2f}\n"
        for row in rows(timelines)
    ]
    return "".join(lines)


def as_rttm(timelines: Mapping[str, pd.DataFrame]) -> str:
    """Write RTTM, the emotion where a speaker would be; see `export`."""
    ids = _ids(list(map(visible, timelines)))
    lines = []
    for row in rows(timelines):
        onset, end = (round(1000 * row[name]) for name in ("start", "end"))
        lines.append(
            f"SPEAKER {ids[row['file']]} 1 {onset / 1000:.3f} "
            f"{(end - onset) / 1000:.3f} <NA> <NA> {_word(_label(row))} "
            f"{row['probability']:.6f} <NA>\n"
        )
    return "".join(lines)


def export_labels(
    timelines: Mapping[str, pd.DataFrame], place: str | os.PathLike
) -> None:
    """Save label tracks: a file for one recording, else a folder with one for each."""
    folder = Path(place)
    if len(timelines) == 1 and not folder.is_dir():
        export(timelines, folder, "labels")
        return
    names = _with_folders(list(map(str, timelines)))
    for file, table in timelines.items():
        _write(folder / f"{names[str(file)]}.txt", as_labels({file: table}))


def _label(row: dict) -> str:
    return row.get("verdict", row["emotion"])


def _word(text: str) -> str:
    """Make one word of a text, for a format that parts its fields by spaces."""
    return re.sub(r"\s+", "_", text.strip()) or "_"


def _ids(files: list[str]) -> dict[str, str]:
    """Name recordings as RTTM does, without folder and ending; tell all apart."""
    folders = _with_folders(files)
    for names in (
        {file: _word(Path(file).stem) for file in files},
        {file: _word(os.path.splitext(folders[file])[0]) for file in files},
        {file: _word(folders[file]) for file in files},
    ):
        if len(set(names.values())) == len(files):
            return names
    return {file: f"{_word(folders[file])}_{n}" for n, file in enumerate(files, 1)}


def _with_folders(files: list[str]) -> dict[str, str]:
    """Name recordings with the folders that tell them from the others."""
    whole = {file: Path(file).absolute() for file in files}
    common = os.path.commonpath([path.parent for path in whole.values()] or ["/"])
    return {f: "_".join(path.relative_to(common).parts) for f, path in whole.items()}
