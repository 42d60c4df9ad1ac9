"""Data leakage and pretraining contamination: what stands on both sides of a split.

Speakers, texts and copies of clips; and what a model may have heard before.
"""

import functools
import html
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from sertools import datasets, display, fetching, models
from sertools.datasets._files import official
from sertools.evaluation import _audio_fingerprint
from sertools.evaluation.folds import assign


class Origin(NamedTuple):
    """The published recording that a file is, byte by byte: names as when loaded."""

    dataset: str
    clip: str
    speaker: str
    emotion: str


@functools.cache
def _everything() -> dict[str, tuple[str, str]]:
    """Map the SHA-256 of every published clip to its corpus and name."""
    return {
        each.sha256: (name, clip)
        for name in datasets.names()
        for clip, each in reversed(official(name).items())
    }


def published_as(clips: pd.DataFrame, digests: pd.Series) -> dict[str, Origin]:
    """Recognise published recordings that go under another corpus's name."""
    found = {}
    for clip, digest in digests.dropna().items():
        name, stem = _everything().get(digest, (None, None))
        if name and name != clips.at[clip, "dataset"]:
            found[clip] = _described(name, stem)
    return found


def _described(name: str, stem: str) -> Origin:
    import re

    dataset = datasets.get(name)
    path = Path(f"{stem}.wav")
    row = dataset.row(path, re.fullmatch(dataset.pattern, path.name, re.IGNORECASE))
    return Origin(name, f"{name}/{stem}", row["speaker"], row["emotion"])


_UNNAMED = ("folder", "table")  # corpora of one's own, of whatever origin


@dataclass(frozen=True, repr=False)
class Contamination(display.Display):
    """Whether a model may have heard the very clips that it is tested on.

    Parameters
    ----------
    model : str
        Its name.
    answer : {"yes", "no", "unknown"}
        In a word.
    corpora : tuple of str
        Those that are in its training data and among the clips.
    reason : str
        In a sentence.
    """

    model: str
    answer: str
    corpora: tuple[str, ...]
    reason: str

    def _parts(self):
        answer, reason = html.escape(self.answer), html.escape(self.reason)
        yield display.Part(
            [f"Pretraining overlap: {self.answer}. {self.reason}"],
            f"<p><b>Pretraining overlap: {answer}.</b> {reason}</p>",
        )


def contamination(
    model, clips: pd.DataFrame, further: Collection[str] = ()
) -> Contamination:
    """Look for contamination: whether a model was pretrained on what tests it.

    Parameters
    ----------
    model : Model or str
        A system, or its name.
    clips : DataFrame
        A clips table.
    further : collection of str
        Corpora that the clips are known to come from besides.

    Returns
    -------
    Contamination
        Yes, no or unknown, and why: as far as its makers told.

    Raises
    ------
    ValueError
        If there is no such system.

    Examples
    --------
    >>> from sertools import datasets
    >>> contamination("opensmile", datasets.load("demo")).answer
    'no'
    """
    model = models.load(model) if isinstance(model, str) else model
    tested = set(clips["dataset"].dropna()) | set(further)
    return overlap(model.label, model.training_corpora, tested)


def overlap(
    model: str, trained_on: Collection[str] | None, tested_on: Collection[str]
) -> Contamination:
    """Compare what a model was trained on with what it is tested on."""
    if trained_on is None:
        return Contamination(
            model,
            "unknown",
            (),
            f"Nobody can say which recordings {model} was trained on: if these were "
            "among them, the score flatters it.",
        )
    if both := sorted(set(trained_on) & set(tested_on)):
        return Contamination(
            model,
            "yes",
            tuple(both),
            f"{model} was trained on data that includes {', '.join(both)}: it may have "
            "heard these very clips, and the score flatters it.",
        )
    if trained_on and (own := sorted(set(tested_on) & set(_UNNAMED))):
        named = ", ".join(sorted(trained_on))
        return Contamination(
            model,
            "unknown",
            (),
            f"{model} was trained on {named}; whether clips of {', '.join(own)} come "
            "from there, only you can say.",
        )
    told = ", ".join(sorted(trained_on)) or "none of the corpora known here"
    reason = f"{model} was trained on {told}, as far as its makers told."
    return Contamination(model, "no", (), reason)


_KINDS = {
    "speaker": "the same speaker",
    "bytes": "the same file, byte by byte",
    "recording": "the same recording, encoded or cut otherwise",
    "twice": "twice in one fold, which counts double",
    "published": "a published recording under another name",
    "text": "the same text",
}
_LEAKS = ("speaker", "bytes", "recording")
_SHOWN = 5


@dataclass(repr=False)
class Leakage(display.Display):
    """What stands on both sides of a split.

    Parameters
    ----------
    found : DataFrame
        One row a finding: ``kind`` (speaker, bytes, recording, twice,
        published, text), ``what`` (whose, or which two clips), ``folds`` it is
        in, ``n_clips``, and ``similarity`` for copies.
    n_clips, n_folds : int
        What was looked at.
    notes : list of str
        What could not be looked at, and how to take what was found.
    pretraining : Contamination, optional
        Whether a model had heard these clips before: yes, no or unknown.
    """

    found: pd.DataFrame
    n_clips: int
    n_folds: int
    notes: list[str] = field(default_factory=list)
    pretraining: Contamination | None = None

    @property
    def leaking(self) -> bool:
        """Whether a score from this split flatters: shared text alone does not."""
        heard = self.pretraining is not None and self.pretraining.answer == "yes"
        return heard or bool(self.found["kind"].isin(_LEAKS).any())

    def counts(self) -> dict[str, int]:
        """Count the findings of each kind."""
        counted = self.found["kind"].value_counts()
        return {kind: int(counted.get(kind, 0)) for kind in _KINDS}

    def _parts(self):
        verdict = "LEAKING" if self.leaking else "no leak found"
        head = f"{verdict}: {self.n_clips} clips, {self.n_folds} folds"
        yield display.heading(head, bold=True)
        lines = []
        for kind, words in _KINDS.items():
            rows = self.found[self.found["kind"] == kind]
            lines.append(f"  {len(rows):5}  {words}")
            lines += [f"         {row}" for row in self._named(rows)]
        counted = zip(_KINDS.values(), self.counts().values(), strict=True)
        yield display.Part(lines, f"{display.rows(counted)}<br>")
        named = self.found[self.found["kind"] != "text"]
        shown = named.head(20).round(3).dropna(axis=1, how="all")
        if len(named):
            yield display.Part(html=display.frame(shown, "Where", index=False))
        yield display.notes(self._said())

    def _said(self) -> list[str]:
        heard = [] if self.pretraining is None else [str(self.pretraining)]
        return [*heard, *self.notes]

    def _named(self, rows: pd.DataFrame) -> list[str]:
        if rows["kind"].eq("text").all():
            return []
        named = [
            f"{row.what} (in {row.folds})" for row in rows.head(_SHOWN).itertuples()
        ]
        more = len(rows) - len(named)
        return [*named, f"and {more} more"] if more else named


def leakage(
    clips: pd.DataFrame,
    folds="speaker",
    seed: int = 0,
    progress: bool = True,
    model=None,
) -> Leakage:
    """Look for data leakage: what stands on both sides of a split.

    Copies are found through re-encoding, resampling, gain, noise, shifts and
    cuts of up to half; copies that were stretched or moved in pitch are not.
    Files that are, byte by byte, published recordings of a corpus known here
    are named as such, and who speaks in them is then known.

    Parameters
    ----------
    clips : DataFrame
        A clips table. Several corpora may be joined with `pandas.concat`.
    folds : str or scikit-learn splitter, default "speaker"
        As for `cross_validate`; the name of a column holds for anyone's own
        split, such as ``"split"`` with train, dev and test.
    seed : int, default 0
        Of random folds.
    progress : bool, default True
        Show a bar while the clips are listened to.
    model : Model or str, optional
        Also say whether its training data include what it is tested on.

    Returns
    -------
    Leakage
        Every speaker, text and copy of a clip that is in two folds or more.

    Raises
    ------
    ValueError
        If the folds cannot be assigned.

    Examples
    --------
    >>> from sertools import datasets
    >>> clips = datasets.select(datasets.load("demo"), max_clips=24)
    >>> leakage(clips, progress=False).leaking
    False
    """
    fold = assign(clips, folds, seed).fold.fillna("train")
    digests = _digests(clips)
    origins = published_as(clips, digests)
    corpora = {origin.dataset for origin in origins.values()}
    heard = None if model is None else contamination(model, clips, corpora)
    found = _speakers(clips, fold, origins)
    found += _shared("text", clips.get("text"), fold)
    found += _copies(clips, fold, digests, progress)
    found += _published(fold, origins)
    columns = ["kind", "what", "folds", "n_clips", "similarity"]
    table = pd.DataFrame(found, columns=columns)
    notes = _remarks(clips, table, digests, origins)
    return Leakage(table, len(clips), fold.nunique(), notes, heard)


def _speakers(clips, fold, origins: dict[str, Origin]) -> list[tuple]:
    """Find shared speakers: by the names given, and by what was published."""
    given = _shared("speaker", clips["speaker"], fold)
    known = clips["speaker"].copy()
    for clip, origin in origins.items():
        known[clip] = origin.speaker
    named = {row[1] for row in given}
    return given + [r for r in _shared("speaker", known, fold) if r[1] not in named]


def _shared(kind: str, values: pd.Series | None, fold: pd.Series) -> list[tuple]:
    if values is None:
        return []
    return [
        (kind, str(value), ", ".join(sorted(set(part))), len(part), None)
        for value, part in fold.groupby(values, sort=True)
        if part.nunique() > 1
    ]


def _published(fold: pd.Series, origins: dict[str, Origin]) -> list[tuple]:
    """Sum up, corpus by corpus, which clips are published recordings."""
    rows = []
    for name in sorted({origin.dataset for origin in origins.values()}):
        here = [clip for clip, origin in origins.items() if origin.dataset == name]
        where = ", ".join(sorted(set(fold[here])))
        more = f" and {len(here) - 1} more" if len(here) > 1 else ""
        what = f"{here[0]} = {origins[here[0]].clip}{more}"
        rows.append(("published", what, where, len(here), 1.0))
    return rows


def _digests(clips: pd.DataFrame) -> pd.Series:
    def digest(path: str) -> str | None:
        try:
            return fetching.sha256(path)
        except OSError:
            return None

    with ThreadPoolExecutor() as threads:
        return pd.Series(list(threads.map(digest, clips["path"])), index=clips.index)


def _copies(clips, fold, digests, progress) -> list[tuple]:
    """Find files with the same bytes, and then the same recordings otherwise."""
    found = []
    for _, part in digests.groupby(digests, sort=False):
        if len(part) > 1:
            found.append(_copy("bytes", list(part.index), fold, 1.0))
    for i, j, alike in _audio_fingerprint.copies(clips["path"].tolist(), progress):
        pair = [clips.index[i], clips.index[j]]
        if pd.isna(digests[pair[0]]) or digests[pair[0]] != digests[pair[1]]:
            found.append(_copy("recording", pair, fold, round(alike, 3)))
    return sorted(found, key=lambda row: list(_KINDS).index(row[0]))


def _copy(kind: str, names: list[str], fold: pd.Series, alike: float) -> tuple:
    where = sorted(set(fold[names]))
    kind = kind if len(where) > 1 else "twice"
    return kind, " = ".join(names), ", ".join(where), len(names), alike


def _remarks(clips, table: pd.DataFrame, digests: pd.Series, origins) -> list[str]:
    notes = []
    if table["kind"].eq("speaker").any():
        notes.append(
            "A head learns who speaks: a score from this split says how well it knows "
            "these people, not how well it knows emotion."
        )
    if table["kind"].eq("text").any():
        notes.append(
            "Shared text is the rule in acted corpora and no leak of emotion, as long "
            "as every text is said in every emotion."
        )
    named = clips["emotion"].dropna()
    if other := [c for c, o in origins.items() if named.get(c, o.emotion) != o.emotion]:
        clip = other[0]
        notes.append(
            f"{len(other)} published recordings have another emotion here than there, "
            f"the first: {clip} is {clips.at[clip, 'emotion']} here, "
            f"{origins[clip].emotion} there."
        )
    if unknown := int(clips["speaker"].isna().sum()):
        notes.append(f"The speaker of {unknown} clips is unknown: they may be shared.")
    if unread := int(digests.isna().sum()):
        notes.append(f"{unread} files cannot be read: copies of them are not found.")
    return notes
