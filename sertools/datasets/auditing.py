"""Check a corpus against what its owner published, file by file."""

import html
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd

from sertools import progress as bars
from sertools.datasets import registry
from sertools.datasets.inspection import Inspection, inspect
from sertools.datasets.official import Official, official

__all__ = ["Audit", "audit"]

_SHORTER = 0.03  # seconds by which a copy must differ to be called cut


@dataclass(repr=False)
class Audit:
    """What a corpus on this machine is, against what was published.

    Parameters
    ----------
    name : str
        The corpus.
    table : DataFrame
        One row a clip: ``status`` (official, altered, unlisted, unreadable),
        ``faults``, ``sampling_rate``, ``channels``, ``seconds``, ``peak``,
        ``bytes``, ``sha256``, ``path``.
    n_official : int
        How many clips were published; 0 where no list is known.
    missing : list of str
        Published clips that are not here.
    duplicates : list of tuple of str
        Clips with the same bytes.
    incomplete : dict of str to tuple of int
        Emotions of which clips are missing: here, published.
    excluded : list of dict
        Audio files that are not the corpus's, each with its reason.
    notes : list of str
        What concerns the corpus as a whole.
    """

    name: str
    table: pd.DataFrame
    n_official: int
    missing: list[str]
    duplicates: list[tuple[str, ...]]
    incomplete: dict[str, tuple[int, int]]
    excluded: list[dict]
    notes: list[str]

    @property
    def passed(self) -> bool:
        """Whether every published clip is here, unaltered, and all can be read."""
        wrong = self.table["status"].isin(("altered", "unreadable")).any()
        return not (wrong or self.missing)

    def faults(self) -> pd.DataFrame:
        """List the clips that something is to be said of."""
        told = (self.table["faults"] != "") | (self.table["status"] == "altered")
        return self.table.loc[told, ["status", "faults"]]

    def summary(self) -> dict:
        """Give everything but the clips in order, ready for JSON."""
        faulty = self.faults().to_dict("index")
        return {
            "dataset": self.name,
            "n_clips": len(self.table),
            "n_official": self.n_official,
            "status": dict(Counter(self.table["status"])),
            "passed": self.passed,
            "faults": [{"clip": clip, **row} for clip, row in faulty.items()],
            "duplicates": [list(group) for group in self.duplicates],
            "incomplete": {
                emotion: {"here": here, "published": published}
                for emotion, (here, published) in self.incomplete.items()
            },
            "missing": self.missing,
            "excluded": self.excluded,
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """Say in a few lines what was found."""
        count = Counter(self.table["status"])
        if self.n_official:
            here = count["official"]
            said = [f"{self.name}: {here} of {self.n_official} clips as published"]
        else:
            said = [f"{self.name}: {len(self.table)} clips; no published list"]
        said += [f"{count[word]} {word}" for word in _WORDS if count[word]]
        if self.missing:
            said.append(f"{len(self.missing)} missing")
        for emotion, (here, published) in self.incomplete.items():
            said.append(f"incomplete: {emotion}, {here} of {published}")
        said += [f"same bytes: {' = '.join(group)}" for group in self.duplicates]
        return said + self.notes

    def __repr__(self) -> str:
        lines = self.lines()
        told = [
            f"{clip}: {row.status}; {row.faults}" if row.faults else f"{clip}: altered"
            for clip, row in self.faults().iterrows()
        ]
        told += [f"{row['clip']}: {row['reason']}" for row in self.excluded]
        return "\n  ".join(lines + told[:50] + _rest(told[50:]))

    def _repr_html_(self) -> str:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in self.lines()[1:])
        faults = self.faults()
        table = faults.to_html(max_rows=50, escape=True) if len(faults) else ""
        return f"<p><b>{html.escape(self.lines()[0])}</b></p><ul>{items}</ul>{table}"


_WORDS = ("altered", "unlisted", "unreadable")


def _rest(lines: list[str]) -> list[str]:
    return [f"and {len(lines)} more; --json lists them all"] if lines else []


def audit(clips: pd.DataFrame, progress: bool = True) -> Audit:
    """Check a corpus's files against the published list, byte by byte.

    Parameters
    ----------
    clips : DataFrame
        The whole clips table of one corpus, as `load` gives.
    progress : bool, default True
        Show a bar.

    Returns
    -------
    Audit
        Present of official, missing, altered (and how), duplicated,
        unreadable, wrong format under the name, silent, clipped, stereo, odd
        rate. Shows itself in a notebook.

    Raises
    ------
    ValueError
        If the clips are of several corpora.

    Examples
    --------
    >>> from sertools import datasets
    >>> audit(datasets.load("demo"), progress=False).passed
    True
    """
    names = clips["dataset"].unique()
    if len(names) != 1:
        raise ValueError(f"An audit is of one corpus, not of {', '.join(names)}.")
    dataset, listed = registry.get(names[0]), official(names[0])
    found = _inspected(clips, progress)
    stems = clips.index.str.removeprefix(f"{dataset.name}/")
    pairs = list(zip(clips.index, stems, strict=True))
    rate = dataset.sampling_rate or _usual(x.sampling_rate for x in found.values())
    rows = {
        clip: _row(clips.at[clip, "path"], found[clip], listed.get(stem), rate, dataset)
        for clip, stem in pairs
    }
    if not listed:
        for row in rows.values():
            row["status"] = (
                "unreadable" if row["status"] == "unreadable" else "unlisted"
            )
    here = set(stems)
    missing = sorted(f"{dataset.name}/{stem}" for stem in listed if stem not in here)
    table = pd.DataFrame.from_dict(rows, orient="index")
    return Audit(
        dataset.name,
        table,
        len(listed),
        missing,
        _duplicates(clips, found),
        _incomplete(dataset, clips, missing),
        list(clips.attrs.get("excluded", [])),
        _notes(clips, found, table),
    )


def _inspected(clips: pd.DataFrame, progress: bool) -> dict[str, Inspection]:
    """Inspect all files on all cores, a few hundred a task."""
    paths = clips["path"].tolist()
    parts = [paths[i : i + 200] for i in range(0, len(paths), 200)]
    found: list[Inspection] = []
    with (
        bars.bar(len(paths), "Reading", "files", progress) as counter,
        ThreadPoolExecutor(os.cpu_count()) as threads,
    ):
        for part in threads.map(lambda part: [inspect(path) for path in part], parts):
            found += part
            counter.update(len(part))
    return dict(zip(clips.index, found, strict=True))


def _row(path, found: Inspection, known: Official | None, rate, dataset) -> dict:
    faults = list(found.faults)
    if found.sampling_rate and found.sampling_rate != rate:
        faults.append(f"{found.sampling_rate} Hz, not {rate}")
    if found.channels and found.channels > 1:
        faults.append("stereo" if found.channels == 2 else f"{found.channels} channels")
    if odd := dataset.odd_name(path):
        faults.append(odd)
    status = "unlisted"
    if any(fault.startswith("unreadable") for fault in faults):
        status = "unreadable"
    elif known:
        status = "official" if found.sha256 == known.sha256 else "altered"
    if status == "altered":
        faults.insert(0, _alteration(found, known, rate))
    return {
        "status": status,
        "faults": "; ".join(faults),
        "sampling_rate": found.sampling_rate,
        "channels": found.channels,
        "seconds": found.seconds,
        "peak": found.peak,
        "bytes": found.bytes,
        "sha256": found.sha256,
        "path": path,
    }


def _alteration(found: Inspection, known: Official, rate: int) -> str:
    """Say how a copy differs from its original."""
    if found.sampling_rate != rate:
        return f"resampled to {found.sampling_rate} Hz"
    original = (known.bytes - 44) / 2 / rate
    difference = found.seconds - original
    if abs(difference) > _SHORTER:
        verb = "cut" if difference < 0 else "longer:"
        return f"{verb} to {found.seconds:.2f} s from about {original:.2f} s"
    return "other bytes than published"


def _duplicates(clips, found) -> list[tuple[str, ...]]:
    """Group clips with the same bytes; say where their emotions differ."""
    groups: dict[str, list[str]] = {}
    for clip, inspection in found.items():
        if inspection.sha256 and inspection.bytes:
            groups.setdefault(inspection.sha256, []).append(clip)
    told = []
    for group in groups.values():
        if len(group) > 1:
            emotions = clips.loc[group, "emotion"]
            differ = emotions.nunique() > 1
            told.append(
                tuple(
                    f"{clip} ({emotion})" if differ else clip
                    for clip, emotion in emotions.items()
                )
            )
    return told


def _incomplete(dataset, clips, missing) -> dict[str, tuple[int, int]]:
    """Count, emotion by emotion, what is here and what was published."""
    lacking = Counter(dataset.emotion_of(clip) for clip in missing)
    here = Counter(clips["emotion"])
    return {
        emotion: (here[emotion], here[emotion] + n)
        for emotion, n in sorted(lacking.items())
    }


def _notes(clips, found, table) -> list[str]:
    notes = []
    if copies := clips.attrs.get("repeated", 0):
        notes.append(f"{copies} further copies of the same file names, not used")
    if others := len(clips.attrs.get("excluded", [])):
        notes.append(f"{others} audio files that are not the corpus's, not used")
    copied = table.index[table["status"] != "official"]
    lengths = Counter(found[clip].seconds for clip in copied)
    seconds, n = lengths.most_common(1)[0] if lengths else (None, 0)
    if seconds and n > max(20, len(found) / 2):
        notes.append(f"{n} clips of exactly {seconds:g} s: cut or padded copies")
    return notes


def _usual(rates) -> int | None:
    known = Counter(rate for rate in rates if rate)
    return known.most_common(1)[0][0] if known else None
