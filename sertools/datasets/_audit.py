"""Check a corpus against what its owner published, file by file."""

import hashlib
import html
import io
import os
import struct
import textwrap
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sertools import audio, files
from sertools import progress as bars
from sertools.audio._loading import MAX_MINUTES, MIN_SECONDS, SILENCE
from sertools.datasets import _registry
from sertools.datasets._files import Official, official
from sertools.datasets.base import Dataset
from sertools.display import Display, Part, headed
from sertools.metadata import ClipsMetadata

_FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".opus": "OGG"}
_FORMATS |= {".aif": "AIFF", ".aiff": "AIFF", ".aifc": "AIFF", ".mp3": "MP3"}
_FORMATS |= {".au": "AU"}
_FLAT = 2 * SILENCE  # of full scale, from the lowest to the highest sample
_CLIPPED_RUN = 3  # samples in a row at full scale

_KINDS = {
    "an empty file": "empty",
    "a Git LFS pointer": "Git LFS pointer",
    "cut short": "cut short",
    "samples that are not numbers": "not numbers",
    "not audio": "not audio",
    "no such file": "gone",
}


class Fault(NamedTuple):
    """Something that is to be said of a clip."""

    kind: str
    detail: str = ""
    note: str = ""

    def __str__(self) -> str:
        words = f"{self.detail} {self.note}".strip()
        return f"{self.kind} ({words})" if words else self.kind


class Inspection(NamedTuple):
    """What one file is."""

    sha256: str = ""
    bytes: int = 0
    format: str | None = None
    sampling_rate: int | None = None
    channels: int | None = None
    samples: int | None = None
    peak: float | None = None
    faults: tuple[Fault, ...] = ()

    @property
    def usable(self) -> bool:
        """Whether it is audio that can be used."""
        return self.format is not None

    @property
    def seconds(self) -> float | None:
        """Duration in seconds."""
        return self.samples / self.sampling_rate if self.sampling_rate else None


def inspect(path: str | os.PathLike) -> Inspection:
    """Read a file once, and say what it is.

    Examples
    --------
    >>> inspect("nowhere.wav").faults
    (Fault(kind='gone', detail='no such file', note=''),)
    """
    path = os.fspath(path)
    try:
        with files.open_regular(path) as file:
            content = file.read()
    except (FileNotFoundError, ValueError) as error:
        reason = str(error).removeprefix(f"{path}: ").rstrip(".")
        return Inspection(faults=(_unusable(reason),))
    except OSError as error:
        return Inspection(faults=(_unusable((error.strerror or str(error)).lower()),))
    sha256 = hashlib.sha256(content).hexdigest()
    try:
        samples, rate, form = _pcm16(content) or _decoded(path, content)
    except (ValueError, OSError) as error:
        reason = str(error).removeprefix(f"{Path(path)}: ").rstrip(".")
        return Inspection(sha256, len(content), faults=(_unusable(reason),))
    peak, faults = _heard(samples)
    ending = os.path.splitext(path)[1]
    if form != (expected := _FORMATS.get(ending.lower(), form)):
        faults.append(Fault("wrong format", f"{form} named {ending}, not {expected}"))
    length, channels = samples.shape
    return Inspection(
        sha256, len(content), form, rate, channels, length, peak, tuple(faults)
    )


def _unusable(reason: str) -> Fault:
    """Name the kind of a file that cannot be used."""
    if "ms of audio" in reason:
        return Fault("too short", note=reason)
    kind = next((kind for k, kind in _KINDS.items() if reason.startswith(k)), None)
    if kind == "cut short":
        return Fault(kind, note=reason.partition(", ")[2])
    return Fault(kind or "unreadable", reason)


def _pcm16(content: bytes) -> tuple[np.ndarray, int, str] | None:
    """Read the plain form, 16-bit PCM in RIFF, without a copy; ``None`` for others."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        return None
    position, form = 12, None
    while position + 8 <= len(content):
        name, length = struct.unpack_from("<4sI", content, position)
        position += 8
        if name == b"fmt " and position + 16 <= len(content):
            form = struct.unpack_from("<HHIIHH", content, position)
        if name == b"data":
            break
        position += length + length % 2
    else:
        return None
    if form is None or form[0] != 1 or form[5] != 16 or not form[1] or not form[2]:
        return None
    frame, rate = 2 * form[1], form[2]
    if position + length > len(content) or length % frame:
        return None
    if length < MIN_SECONDS * rate * frame:
        return None
    samples = np.frombuffer(content, "<i2", length // 2, position)
    return samples.reshape(-1, form[1]), rate, "WAV"


def _decoded(path: str, content: bytes) -> tuple[np.ndarray, int, str]:
    """Read any other form, or say why not, in the words of `audio.load`."""
    import soundfile

    audio.duration(path)  # refuses what is no audio, from the header
    try:
        with soundfile.SoundFile(io.BytesIO(content)) as file:
            if file.frames > 60 * MAX_MINUTES * file.samplerate:
                raise ValueError("not audio that can be read (hours, its header says)")
            samples = file.read(dtype="float32", always_2d=True)
            rate, form = file.samplerate, file.format.removesuffix("EX")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"not audio that can be read ({error})") from None
    except MemoryError:
        raise ValueError("not audio that can be read (too large)") from None
    if len(samples) < MIN_SECONDS * rate or not np.isfinite(samples).all():
        audio.load(path, rate)  # says so
    return samples, rate, form


def _heard(samples: np.ndarray) -> tuple[float, list[Fault]]:
    """Measure the peak; name silence and clipping."""
    low, high = samples.min(), samples.max()
    whole = samples.dtype.kind == "i"
    full = 32768.0 if whole else 1.0
    faults = []
    if float(high) - float(low) < _FLAT * full:
        faults.append(Fault("silent"))
    top, bottom = (32767, -32768) if whole else (0.9999, -0.9999)
    if (high >= top or low <= bottom) and _flat_tops(samples, top, bottom):
        faults.append(Fault("clipped"))
    return max(abs(float(low)), abs(float(high))) / full, faults


def _flat_tops(samples: np.ndarray, top, bottom) -> bool:
    """Say whether a channel stays at full scale for several samples in a row."""
    full = (samples >= top) | (samples <= bottom)
    run = full[: len(full) - _CLIPPED_RUN + 1].copy()
    for step in range(1, _CLIPPED_RUN):
        run &= full[step : len(full) - _CLIPPED_RUN + 1 + step]
    return bool(run.any())


_WIDTH = 88
_SHOWN = 5  # examples of each fault

_ORDER = (
    *("Git LFS pointer", "gone", "empty", "unreadable", "not audio", "cut short"),
    *("too short", "not numbers", "resampled", "remixed", "cut", "made longer"),
    *("converted", "other bytes", "silent", "clipped", "wrong format", "odd rate"),
    *("stereo", "odd name"),
)

_MEANING = {
    "clipped": "louder than the file can hold",
    "cut short": "the file ends before its header says",
    "made longer": "padded, or another recording",
    "odd name": "taken all the same",
    "odd rate": "resampled when loaded",
    "other bytes": "another version or a re-encoding",
    "silent": "nothing is heard",
    "stereo": "mixed down when loaded",
    "wrong format": "read by its content all the same",
}

_FOREIGN = (
    "Most clips are not the published recordings: results on them cannot be compared "
    "with published ones."
)


@dataclass(repr=False)
class Audit(Display):
    """What a corpus on this machine is, against what was published.

    Parameters
    ----------
    dataset : Dataset
        The corpus.
    table : DataFrame
        One row a clip: ``status`` (official, altered, unlisted, unreadable),
        ``faults``, ``format``, ``sampling_rate`` in Hz, ``channels``,
        ``seconds``, ``peak`` of full scale, ``bytes``, ``sha256``, ``path``.
    faults : DataFrame
        One row a fault: ``clip``, ``fault``, ``detail``, ``note``, ``status``.
    n_official : int
        How many clips were published; 0 where no list is known.
    missing : list of str
        Published clips that are not here.
    duplicates : list of dict
        Clips with the same bytes: clip to emotion.
    emotions : dict of str to tuple of int
        Clips of each emotion: here, and here or missing.
    excluded : list of dict
        Audio files that are not the corpus's, each with its reason.
    repeated : int
        Further files of the same names, which were not looked at.
    """

    dataset: Dataset
    table: pd.DataFrame
    faults: pd.DataFrame
    n_official: int
    missing: list[str]
    duplicates: list[dict[str, str]]
    emotions: dict[str, tuple[int, int]]
    excluded: list[dict]
    repeated: int

    @property
    def name(self) -> str:
        """The corpus's name."""
        return self.dataset.name

    @property
    def passed(self) -> bool:
        """Whether every published clip is here, unaltered, and all can be read."""
        wrong = self.table["status"].isin(("altered", "unreadable")).any()
        return not (wrong or self.missing)

    def summary(self) -> dict:
        """Give all that was found, clip by clip, ready for JSON."""
        return {
            "dataset": self.name,
            "passed": self.passed,
            "n_clips": len(self.table),
            "n_official": self.n_official,
            "status": self._count() | {"missing": len(self.missing)},
            "faults": self.faults.to_dict("records"),
            "duplicates": [
                {"clips": list(group), "emotions": list(group.values())}
                for group in self.duplicates
            ],
            "emotions": {
                emotion: {"here": here, "published": published}
                for emotion, (here, published) in self.emotions.items()
            },
            "missing": self.missing,
            "repeated": self.repeated,
            "excluded": self.excluded,
        }

    def findings(self) -> pd.DataFrame:
        """List what was found, one row a kind of fault.

        Returns
        -------
        DataFrame
            ``where`` (this copy, or the originals as well), ``fault``,
            ``clips``, ``meaning``, ``examples``.
        """
        rows = []
        for original in (False, True):
            faults = self.faults[(self.faults["status"] == "official") == original]
            where = "in the originals, too" if original else "in this copy"
            for kind, group in sorted(faults.groupby("fault"), key=_importance):
                rows.append((where, kind, len(group), *_described(kind, group)))
        return pd.DataFrame(
            rows, columns=["where", "fault", "clips", "meaning", "examples"]
        )

    def lines(self) -> list[str]:
        """Say in a few lines what was found."""
        said = [self._headline(), *self._completeness()]
        findings = self.findings()
        if not self.n_official:
            findings["where"] = "faults"
        for where, group in findings.groupby("where", sort=False):
            said.append(f"{where[0].upper()}{where[1:]}:")
            said += [_row(*values) for values in group.iloc[:, 1:].itertuples(False)]
        return said + self._remarks()

    def _parts(self):
        lines = [
            textwrap.fill(
                line,
                _WIDTH,
                subsequent_indent=" " * (24 if line.startswith("  ") else 2),
                break_long_words=False,
                break_on_hyphens=False,
            )
            for line in self.lines()
        ]
        findings = self.findings()
        if not self.n_official:
            findings = findings.drop(columns="where")
        table = findings.to_html(index=False, border=0, justify="left")
        table = table.replace("<td>", "<td style='text-align:left'>")
        table = headed(table, "Faults") if len(findings) else ""
        before = [self._headline(), *self._completeness()]
        page = f"{_paragraphs(before, bold=True)}{table}{_paragraphs(self._remarks())}"
        yield Part(lines, page)

    def _remarks(self) -> list[str]:
        """Say what is not of single clips."""
        said = [] if len(self.faults) else ["No faults in the files that are here."]
        return said + self._same_bytes() + self._not_used() + self._advice()

    def _count(self) -> dict[str, int]:
        return dict(Counter(self.table["status"]))

    def _headline(self) -> str:
        count, n = Counter(self._count()), len(self.table)
        if not self.n_official:
            unusable = count["unreadable"]
            told = f", of which {unusable} cannot be read" if unusable else ""
            return f"{self.name}: {n} clips{told}. There is no published list."
        listed = self.n_official - len(self.missing)
        told = f"{self.name}: {listed} of {self.n_official} published clips are here"
        if count["official"] == listed:
            return f"{told}, every byte as published (sha256)."
        states = ("altered", "unreadable")
        wrong = [f"{count[state]} {state}" for state in states if count[state]]
        right = f"{count['official'] or 'none'} as published (sha256)"
        return f"{told}: {', '.join([right, *wrong])}."

    def _completeness(self) -> list[str]:
        said = []
        if unlisted := self._count().get("unlisted", 0) * bool(self.n_official):
            clips = self.table.index[self.table["status"] == "unlisted"]
            said.append(f"Not among the published: {unlisted} ({_some(clips)}).")
        if self.missing:
            said.append(f"Missing: {len(self.missing)} ({_some(self.missing)}).")
            lacking = [
                f"{emotion} {here} of {published}"
                for emotion, (here, published) in self.emotions.items()
                if here < published
            ]
            whole = [e for e, (here, all_) in self.emotions.items() if here == all_]
            said.append(f"Incomplete: {', '.join(lacking)}.")
            said += [f"Complete: {', '.join(whole)}."] if whole else []
        return said

    def _same_bytes(self) -> list[str]:
        said = []
        for differing in (True, False):
            groups = [
                " = ".join(
                    f"{_short(clip)} ({emotion})" if differing else _short(clip)
                    for clip, emotion in group.items()
                )
                for group in self.duplicates
                if (len(set(group.values())) > 1) == differing
            ]
            told = "Same bytes, different emotions" if differing else "Same bytes"
            if groups:
                said.append(f"{told}: {_listed(groups, '; ')}.")
        return said

    def _not_used(self) -> list[str]:
        said = []
        if self.repeated:
            said.append(f"Further files of the same names, not used: {self.repeated}.")
        reasons: dict[str, list[str]] = {}
        for row in self.excluded:
            reasons.setdefault(row["reason"], []).append(_shown(row["clip"]))
        for reason, clips in reasons.items():
            said.append(f"Not used, {reason}: {len(clips)} ({_listed(clips)}).")
        return said

    def _advice(self) -> list[str]:
        if self.passed or not self.n_official:
            return []
        count = self._count()
        said = [_FOREIGN] if count.get("altered", 0) > len(self.table) / 2 else []
        fetch, remedy = f"sertools fetch {self.name}", self.dataset.remedy()
        how = fetch if self.dataset.downloadable else remedy
        return [*said, f"The published files: {how}"]


def _importance(group: tuple[str, pd.DataFrame]) -> int:
    return _ORDER.index(group[0]) if group[0] in _ORDER else len(_ORDER)


def _described(kind: str, faults: pd.DataFrame) -> tuple[str, str]:
    """Say of a kind of fault what holds for all its clips, and name some of them."""
    details = faults["detail"].unique()
    shared = details[0] if len(details) == 1 else ""
    meaning = "; ".join(filter(None, (shared, _MEANING.get(kind))))
    examples = []
    for row in faults.head(_SHOWN).itertuples():
        own = f"{'' if shared else row.detail} {row.note}".strip()
        clip = _short(row.clip)
        examples.append(f"{clip} ({own})" if own else clip)
    return meaning, _listed(examples, n=len(faults))


def _row(fault: str, clips: int, meaning: str, examples: str) -> str:
    told = f"{meaning}: {examples}" if meaning else examples
    return f"  {fault:15} {clips:>5}  {told}"


def _listed(words: list[str], mark: str = ", ", n: int = 0) -> str:
    """Join the first few; say how many more there are."""
    more = (n or len(words)) - _SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f"{mark.join(words[:_SHOWN])}{rest}"


def _some(clips) -> str:
    return _listed([_short(clip) for clip in clips])


def _short(clip: str) -> str:
    """Name a clip within its corpus."""
    return _shown(clip.partition("/")[2])


def _shown(text: str) -> str:
    """Write what a terminal might obey, such as an escape, as what it is."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _paragraphs(lines: list[str], bold: bool = False) -> str:
    texts = [html.escape(line) for line in lines]
    if bold:
        texts[:1] = [f"<b>{texts[0]}</b>"]
    return f"<p>{'<br>'.join(texts)}</p>" if texts else ""


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
    dataset, listed = _registry.get(names[0]), official(names[0])
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
        excluded=ClipsMetadata.of(clips).excluded,
        repeated=ClipsMetadata.of(clips).repeated,
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
    """Say what a clip is."""

    dataset: Dataset
    usual_rate: int | None
    shared_length: float | None

    def __call__(
        self, stem: str, path: str, known: Official | None, found: Inspection
    ) -> tuple[str, list[Fault]]:
        """Give a clip's status, and its faults."""
        faults = list(found.faults)
        if odd := self.dataset.name_anomaly(path):
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
        rate, channels = self.dataset.format_exceptions.get(stem, usual)
        faults = []
        if found.sampling_rate != rate:
            told = f"to {found.sampling_rate} Hz from {rate} Hz"
            faults.append(Fault("resampled", told))
        if found.channels != channels:
            told = f"channels: {found.channels}, not {channels}"
            faults.append(Fault("remixed", told))
        bytes_a_second, (least, most) = 2 * channels * rate, self.dataset.header_bytes
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
