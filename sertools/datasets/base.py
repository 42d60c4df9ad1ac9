"""What a corpus is: declared facts, and everything that can be done with them."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd

from sertools import labels as emotions
from sertools.datasets._files import exclusion, not_utf8, official, walk
from sertools.display import Card
from sertools.metadata import ClipsMetadata

COLUMNS = ("path", "emotion", "label", "speaker", "sex", "text", "intensity", "dataset")
"""The columns of a clips table, in order."""


@dataclass(frozen=True)
class Archive:
    """One file to download and unpack.

    Parameters
    ----------
    url : str
        Its owner's address.
    bytes : int, optional
        Its size.
    md5, sha256 : str, optional
        Its checksum, as its owner states it.
    """

    url: str
    bytes: int | None = None
    md5: str | None = None
    sha256: str | None = None


class Dataset:
    """A corpus, declared as facts in class attributes.

    Attributes
    ----------
    name, title, language, license, reference : str
        What it is called here and elsewhere, its licence, and a DOI or URL.
    pattern : str
        Regular expression of a clip's whole file name (without its folder, in
        any case) with the groups ``speaker`` and ``label``, and where known
        ``text`` and ``intensity``.
    labels : mapping
        The corpus's own label to the canonical emotion.
    sexes : mapping
        Speaker to ``"female"`` or ``"male"``.
    speakers : mapping
        Other spellings of speakers in file names to the right one.
    texts, intensities : mapping
        The corpus's code to words; a code that is not there stays as it is.
    n_clips, n_speakers : int
        As its owner published it.
    sampling_rate : int, optional
        Rate of the original files, in Hz.
    commercial : bool
        Whether the licence allows commercial use.
    approximate : tuple of str
        Labels whose canonical emotion is only near to what they say.
    citation : str
        What to cite; `reference` if not given.
    aliases : mapping
        Other names that copies have for a clip to the published one.
    format_exceptions : mapping
        Clips whose original is unlike the rest, to (sampling rate in Hz, channels).
    header_bytes : tuple of int
        Least and most bytes of an original file that are not samples.
    sources : tuple of Archive
        Where to download it; empty if one has to ask for it.
    clip_url : str, optional
        Address of a clip, ``{clip}`` being its name, where the owner offers
        them one by one; each is checked against its published sha256.
    kaggle : str, optional
        ``owner/name`` of a copy on Kaggle.
    published : mapping
        Name of a published split to ``{fold: test speakers}``; speakers that no
        fold tests are only trained on.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    language: ClassVar[str] = "English"
    license: ClassVar[str]
    reference: ClassVar[str]
    commercial: ClassVar[bool] = True
    synthetic: ClassVar[bool] = False
    pattern: ClassVar[str]
    labels: ClassVar[Mapping[str, str]]
    sexes: ClassVar[Mapping[str, str]] = {}
    speakers: ClassVar[Mapping[str, str]] = {}
    texts: ClassVar[Mapping[str, str]] = {}
    intensities: ClassVar[Mapping[str, str]] = {}
    approximate: ClassVar[tuple[str, ...]] = ()
    citation: ClassVar[str] = ""
    aliases: ClassVar[Mapping[str, str]] = {}
    format_exceptions: ClassVar[Mapping[str, tuple[int, int]]] = {}
    header_bytes: ClassVar[tuple[int, int]] = (44, 44)
    sampling_rate: ClassVar[int | None] = None
    n_clips: ClassVar[int | None] = None
    n_speakers: ClassVar[int | None] = None
    sources: ClassVar[tuple[Archive, ...]] = ()
    clip_url: ClassVar[str | None] = None
    kaggle: ClassVar[str | None] = None
    published: ClassVar[Mapping[str, Mapping[str, tuple[str, ...]]]] = {}

    def load(self, root: Path) -> pd.DataFrame:
        """List the corpus's clips under a folder.

        Each file name is taken once, however often copies of it lie around;
        audio files that are not the corpus's are listed in
        the table's metadata as ``excluded``, with the reason, and ``repeated``
        counts the further copies.

        Parameters
        ----------
        root : Path
            A folder; its layout does not matter.

        Returns
        -------
        DataFrame
            The clips table (see `COLUMNS`), indexed and sorted by clip.

        Raises
        ------
        FileNotFoundError
            If there is no such folder, or none of the corpus's clips in it.
        """
        if not root.is_dir():
            raise FileNotFoundError(f"{self.name}: no folder {root}. {self.remedy()}")
        files, excluded = walk(root)
        rows, repeated = {}, 0
        form = re.compile(self.pattern, re.IGNORECASE)
        spellings = self._spellings()
        for path in files:
            stem, dot, ending = path.name.rpartition(".")
            stem = spellings.get(stem.lower(), stem)
            match = form.fullmatch(f"{stem}{dot}{ending}")
            if reason := not_utf8(path) or self._reason(path, match):
                excluded.append(exclusion(path.relative_to(root), reason))
                continue
            row = self.row(path, match)
            repeated += row["clip"] in rows
            rows.setdefault(row["clip"], row)
        if not rows:
            raise FileNotFoundError(self._no_clips(root, excluded))
        clips = table(rows.values(), excluded)
        return ClipsMetadata.update(clips, repeated=repeated)

    def _no_clips(self, root: Path, excluded: list[dict]) -> str:
        message = f"{self.name}: no clips of {self.title} under {root}."
        if not excluded:
            return f"{message} {self.remedy()}"
        shown = "; ".join(f"{row['clip']}: {row['reason']}" for row in excluded[:3])
        more = f"; and {len(excluded) - 3} more" if len(excluded) > 3 else ""
        return (
            f"{message} Not used: {shown}{more}. Files that are named otherwise load "
            "as your own recordings: --dataset folder."
        )

    def row(self, path: Path, match: re.Match) -> dict:
        """Describe one clip from its file name."""
        fields = self.fields(path, match)
        label = _spelled(fields["label"], self.labels)
        speaker = _spelled(fields["speaker"], self.speakers)
        speaker = _spelled(self.speakers.get(speaker, speaker), self.sexes)
        text, intensity = fields.get("text"), fields.get("intensity")
        return {
            "clip": f"{self.name}/{self.stem(path, match)}",
            "path": str(path),
            "emotion": self.labels[label],
            "label": label,
            "speaker": f"{self.name}/{speaker}",
            "sex": self.sexes.get(speaker),
            "text": self.texts.get(text, text),
            "intensity": self.intensities.get(intensity, intensity),
            "dataset": self.name,
        }

    def _reason(self, path: Path, match: re.Match | None) -> str | None:
        if match is None:
            return f"not a file name of {self.title}"
        if _spelled(match["label"], self.labels) not in self.labels:
            return f"{self.title} has no emotion {match['label']!r}"
        return self.exclusion_reason(path, match)

    def fields(self, path: Path, match: re.Match) -> dict[str, str | None]:
        """Give what the file's name says, by the pattern's groups."""
        return match.groupdict()

    def stem(self, path: Path, match: re.Match) -> str:
        """Give the clip's name within the corpus, as its owner spells it."""
        return match[0].rpartition(".")[0]

    def _spellings(self) -> dict[str, str]:
        """Map names in lower case, and aliases, to the published names."""
        published = {name.lower(): name for name in official(self.name)}
        return published | {k.lower(): name for k, name in self.aliases.items()}

    def emotion_of(self, clip: str) -> str:
        """Read the emotion from a clip's name (``"emodb/03a01Fa"``)."""
        path = Path(f"{clip.removeprefix(self.name + '/')}.wav")
        return self.row(path, re.fullmatch(self.pattern, path.name, re.IGNORECASE))[
            "emotion"
        ]

    def name_anomaly(self, path: str) -> str | None:
        """Say what is odd about a file's name that is taken all the same."""
        name = os.path.basename(path)
        stem = name.rpartition(".")[0]
        for alias, right in self.aliases.items():
            if stem.lower() == alias.lower():
                return f"named {stem}, published as {right}"
        match = self.speakers and re.fullmatch(self.pattern, name, re.IGNORECASE)
        if not match or not match["speaker"]:
            return None
        named = _spelled(match["speaker"], self.speakers)
        right = self.speakers.get(named, named)
        return None if named == right else f"named {named}, taken as {right}"

    def exclusion_reason(self, path: Path, match: re.Match) -> str | None:
        """Say why a file with a fitting name is not a clip of this corpus."""
        return None

    def bundled_paths(self) -> tuple[Path, ...]:
        """Give the folders in which the corpus travels with the package."""
        return ()

    @property
    def downloadable(self) -> bool:
        """Whether `fetch` can bring it."""
        return bool(self.sources or self.clip_url or self.kaggle)

    def remedy(self) -> str:
        """Give the command that brings the corpus here."""
        return (
            f"Get it with: sertools fetch {self.name}; or name its folder (--root; in "
            "a report -p root)."
        )

    def card(self) -> Card:
        """Give the facts about the corpus."""
        size = sum(known.bytes for known in official(self.name).values())
        return Card(
            name=self.name,
            title=self.title,
            language=self.language,
            n_clips=self.n_clips,
            n_speakers=self.n_speakers,
            **({"megabytes": round(size / 1e6)} if size else {}),
            emotions=sorted({emotions.canonical(e) for e in self.labels.values()}),
            approximate_labels=self.approximate,
            synthetic=self.synthetic,
            license=self.license,
            commercial_use=self.commercial,
            reference=self.reference,
            **({"citation": self.citation} if self.citation else {}),
            published_folds=[f"published:{name}" for name in self.published],
        )


def _spelled(word: str, known: Mapping[str, str]) -> str:
    """Give a word in the case in which the facts have it."""
    if word in known:
        return word
    return next((name for name in known if name.lower() == word.lower()), word)


def in_words(reasons: Mapping[str, int], most: int = 3) -> str:
    """Name the commonest reasons, and how often each was met.

    Examples
    --------
    >>> in_words({"too short": 2, "not audio": 1})
    'too short (2), not audio (1).'
    """
    ranked = sorted(reasons.items(), key=lambda item: -item[1])
    told = ", ".join(f"{reason} ({n})" for reason, n in ranked[:most])
    return told + (f" and {len(ranked) - most} more." if len(ranked) > most else ".")


def table(rows, excluded: list[dict], further: Iterable[str] = ()) -> pd.DataFrame:
    """Make a clips table of rows, sorted by clip; further columns come last."""
    columns = ["clip", *COLUMNS, *further]
    clips = pd.DataFrame(list(rows), columns=columns).set_index("clip")
    for column in COLUMNS:
        clips[column] = clips[column].astype("str")
    return ClipsMetadata(excluded).attach(clips.sort_index())
