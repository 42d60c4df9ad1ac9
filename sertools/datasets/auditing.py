"""Check a corpus against what its owner published, file by file."""

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pandas as pd

from sertools import progress as bars
from sertools.datasets import registry
from sertools.datasets.base import Dataset
from sertools.datasets.inspection import Fault, Inspection, inspect
from sertools.datasets.official import Official, official
from sertools.datasets.verdict import Audit

__all__ = ["audit"]

_TOLERANCE = 0.03  # seconds by which a copy must differ to be called cut
_MANY = 20  # clips of one length that are no coincidence
_BATCH = 64  # files between two steps of the progress bar


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
        What is here of what was published, missing, altered (and how),
        unreadable, duplicated (and with which labels), silent, clipped, stereo,
        or of an odd rate, format or name. Shows itself in a notebook.

    Raises
    ------
    ValueError
        If there are no clips, or clips of several corpora.

    Examples
    --------
    >>> from sertools import datasets
    >>> audit(datasets.load("demo"), progress=False).passed
    True
    """
    names = clips["dataset"].unique()
    if len(names) != 1:
        raise ValueError(
            f"An audit is of one corpus, not of {', '.join(names) or 'none'}."
        )
    dataset, listed = registry.get(names[0]), official(names[0])
    paths = clips["path"].tolist()
    found = _inspected(paths, progress)
    stems = [clip.partition("/")[2] for clip in clips.index]
    known = [listed.get(stem) for stem in stems]
    judge = _Judge(dataset, _usual_rate(found), _shared_length(known, found))
    judged = list(map(judge, stems, paths, known, found))
    here = set(stems)
    missing = [f"{dataset.name}/{stem}" for stem in listed if stem not in here]
    return Audit(
        dataset=dataset,
        table=_table(clips, found, judged),
        faults=_faults(clips, judged),
        n_official=len(listed),
        missing=sorted(missing),
        duplicates=_duplicates(clips, found),
        emotions=_emotions(dataset, clips, missing),
        excluded=list(clips.attrs.get("excluded", [])),
        repeated=int(clips.attrs.get("repeated", 0)),
    )


def _inspected(paths: list[str], progress: bool) -> list[Inspection]:
    """Inspect all files on all cores."""
    parts = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]
    found: list[Inspection] = []
    with (
        bars.bar(len(paths), "Reading", "files", progress) as counter,
        ThreadPoolExecutor(os.cpu_count()) as threads,
    ):
        for part in threads.map(lambda part: list(map(inspect, part)), parts):
            found += part
            counter.update(len(part))
    return found


def _usual_rate(found: list[Inspection]) -> int | None:
    rates = Counter(each.sampling_rate for each in found if each.usable)
    return rates.most_common(1)[0][0] if rates else None


def _shared_length(known, found: list[Inspection]) -> float | None:
    """Give the length that altered clips were cut to, if many share the greatest."""
    altered = Counter(
        each.seconds
        for original, each in zip(known, found, strict=True)
        if original and each.usable and original.sha256 != each.sha256
    )
    longest = max(altered, default=None)
    return longest if altered[longest] > _MANY else None


@dataclass(frozen=True)
class _Judge:
    """Say what a clip is.

    Parameters
    ----------
    dataset : Dataset
        The corpus.
    usual_rate : int or None
        The rate in Hz of most files.
    shared_length : float or None
        The greatest length in seconds, where many altered clips have it.
    """

    dataset: Dataset
    usual_rate: int | None
    shared_length: float | None

    def __call__(
        self, stem: str, path: str, known: Official | None, found: Inspection
    ) -> tuple[str, list[Fault]]:
        """Give a clip's status, and its faults."""
        faults = list(found.faults)
        if odd := self.dataset.odd_name(path):
            faults.append(Fault("odd name", note=odd))
        as_published = known is not None and known.sha256 == found.sha256
        if not found.usable:
            return "official" if as_published else "unreadable", faults
        if known and not as_published:
            return "altered", self._alterations(stem, known, found) + faults
        faults += self._oddities(found)
        return "official" if as_published else "unlisted", faults

    def _oddities(self, found: Inspection) -> list[Fault]:
        """Name a form that is unlike the others'."""
        rate, faults = self.dataset.sampling_rate or self.usual_rate, []
        if found.sampling_rate != rate:
            told = f"{found.sampling_rate} Hz, the others {rate} Hz"
            faults.append(Fault("odd rate", told))
        if found.channels == 2:
            faults.append(Fault("stereo"))
        elif found.channels > 2:
            faults.append(Fault("many channels", note=str(found.channels)))
        return faults

    def _alterations(
        self, stem: str, known: Official, found: Inspection
    ) -> list[Fault]:
        """Say how a copy differs from its original, whose size alone is known."""
        usual = (self.dataset.sampling_rate or found.sampling_rate, 1)
        rate, channels = self.dataset.forms.get(stem, usual)
        faults = []
        if found.sampling_rate != rate:
            told = f"to {found.sampling_rate} Hz from {rate} Hz"
            faults.append(Fault("resampled", told))
        if found.channels != channels:
            told = f"channels: {found.channels}, not {channels}"
            faults.append(Fault("remixed", told))
        bytes_a_second, (least, most) = 2 * channels * rate, self.dataset.overhead
        longest = (known.bytes - least) / bytes_a_second
        shortest = (known.bytes - most) / bytes_a_second
        if found.seconds == self.shared_length:
            shortest = longest
        told = f"to {found.seconds:.2f} s", f"from about {longest:.1f} s"
        if found.seconds < shortest - _TOLERANCE:
            faults.append(Fault("cut", *told))
        elif found.seconds > longest + _TOLERANCE:
            faults.append(Fault("made longer", *told))
        if found.format != "WAV":
            faults.append(Fault("converted", f"to {found.format}"))
        return faults or [Fault("other bytes", "about the same rate and length")]


def _table(clips, found: list[Inspection], judged) -> pd.DataFrame:
    """Make the table of one row a clip."""
    table = pd.DataFrame(index=clips.index)
    table["status"] = [status for status, _ in judged]
    table["faults"] = ["; ".join(map(str, faults)) for _, faults in judged]
    for name in ("format", "sampling_rate", "channels", "seconds", "peak", "bytes"):
        table[name] = [getattr(each, name) for each in found]
    table["sha256"] = [each.sha256 for each in found]
    table["path"] = clips["path"]
    return table


def _faults(clips, judged) -> pd.DataFrame:
    """Make the table of one row a fault of a clip."""
    rows = [
        (clip, *fault, status)
        for clip, (status, faults) in zip(clips.index, judged, strict=True)
        for fault in faults
    ]
    return pd.DataFrame(rows, columns=["clip", "fault", "detail", "note", "status"])


def _duplicates(clips, found: list[Inspection]) -> list[dict[str, str]]:
    """Group clips with the same bytes, each with its emotion."""
    groups: dict[str, dict[str, str]] = {}
    for clip, emotion, each in zip(clips.index, clips["emotion"], found, strict=True):
        if each.usable:
            groups.setdefault(each.sha256, {})[clip] = emotion
    return [group for group in groups.values() if len(group) > 1]


def _emotions(dataset, clips, missing) -> dict[str, tuple[int, int]]:
    """Count, emotion by emotion, what is here and what should be."""
    lacking = Counter(dataset.emotion_of(clip) for clip in missing)
    meant = clips["label"].map(dataset.labels)  # whatever was merged since
    here = Counter(meant.fillna(clips["emotion"]))
    return {
        emotion: (here[emotion], here[emotion] + lacking[emotion])
        for emotion in sorted({*here, *lacking})
    }
