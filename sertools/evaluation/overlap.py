"""Does anything stand on both sides of a split? Speakers, texts, copies of clips."""

import html
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pandas as pd

from sertools import fetching
from sertools.evaluation import fingerprints
from sertools.evaluation.folds import assign

__all__ = ["Leakage", "leakage"]

_KINDS = {
    "speaker": "the same speaker",
    "bytes": "the same file, byte by byte",
    "recording": "the same recording, encoded or cut otherwise",
    "text": "the same text",
}
_SHOWN = 5


@dataclass(repr=False)
class Leakage:
    """What stands on both sides of a split.

    Parameters
    ----------
    found : DataFrame
        One row a finding: ``kind`` (speaker, bytes, recording, text), ``what``
        (whose, or which two clips), ``folds`` it is in, ``n_clips``, and
        ``similarity`` for copies.
    n_clips, n_folds : int
        What was looked at.
    notes : list of str
        What could not be looked at, and how to take what was found.
    """

    found: pd.DataFrame
    n_clips: int
    n_folds: int
    notes: list[str] = field(default_factory=list)

    @property
    def leaking(self) -> bool:
        """Whether a score from this split flatters: shared text alone does not."""
        return bool((self.found["kind"] != "text").any())

    def counts(self) -> dict[str, int]:
        """Count the findings of each kind."""
        counted = self.found["kind"].value_counts()
        return {kind: int(counted.get(kind, 0)) for kind in _KINDS}

    def __repr__(self) -> str:
        lines = [self._head()]
        for kind, words in _KINDS.items():
            rows = self.found[self.found["kind"] == kind]
            lines.append(f"  {len(rows):5}  {words}")
            lines += [f"         {row}" for row in self._named(rows)]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{words}</td><td>{n}</td></tr>"
            for (kind, words), n in zip(
                _KINDS.items(), self.counts().values(), strict=True
            )
        )
        shown = self.found.head(20).round(3).to_html(border=0, index=False)
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self.notes)
        table = shown if len(self.found) else ""
        return (
            f"<p><b>{html.escape(self._head())}</b></p><table>{rows}</table>{table}"
            f"<ul>{notes}</ul>"
        )

    def _head(self) -> str:
        verdict = "LEAKING" if self.leaking else "no leak found"
        return f"{verdict}: {self.n_clips} clips, {self.n_folds} folds"

    def _named(self, rows: pd.DataFrame) -> list[str]:
        if rows["kind"].eq("text").all():
            return []
        named = [
            f"{row.what} (in {row.folds})" for row in rows.head(_SHOWN).itertuples()
        ]
        more = len(rows) - len(named)
        return [*named, f"and {more} more"] if more else named


def leakage(
    clips: pd.DataFrame, folds="speaker", seed: int = 0, progress: bool = True
) -> Leakage:
    """Look for what stands on both sides of a split.

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
    found = [*_shared("speaker", clips, fold), *_shared("text", clips, fold)]
    digests = _digests(clips)
    found += _same_bytes(digests, fold)
    found += _same_recording(clips, fold, digests, progress)
    columns = ["kind", "what", "folds", "n_clips", "similarity"]
    table = pd.DataFrame(found, columns=columns)
    return Leakage(table, len(clips), fold.nunique(), _notes(clips, table, digests))


def _shared(column: str, clips: pd.DataFrame, fold: pd.Series) -> list[tuple]:
    if column not in clips:
        return []
    groups = fold.groupby(clips[column], sort=True)
    return [
        (column, str(value), ", ".join(sorted(set(part))), len(part), None)
        for value, part in groups
        if part.nunique() > 1
    ]


def _digests(clips: pd.DataFrame) -> pd.Series:
    def digest(path: str) -> str | None:
        try:
            return fetching.sha256(path)
        except OSError:
            return None

    with ThreadPoolExecutor() as threads:
        return pd.Series(list(threads.map(digest, clips["path"])), index=clips.index)


def _same_bytes(digests: pd.Series, fold: pd.Series) -> list[tuple]:
    return [
        (
            "bytes",
            " = ".join(part.index),
            ", ".join(sorted(set(fold[part.index]))),
            len(part),
            1.0,
        )
        for _, part in digests.groupby(digests, sort=False)
        if fold[part.index].nunique() > 1
    ]


def _same_recording(clips, fold, digests, progress) -> list[tuple]:
    paths = clips["path"].tolist()
    found = []
    for i, j, alike in fingerprints.copies(paths, progress):
        a, b = clips.index[i], clips.index[j]
        if fold[a] != fold[b] and digests[a] != digests[b]:
            where = ", ".join(sorted((fold[a], fold[b])))
            found.append(("recording", f"{a} = {b}", where, 2, round(alike, 3)))
    return found


def _notes(clips: pd.DataFrame, table: pd.DataFrame, digests: pd.Series) -> list[str]:
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
    if unknown := int(clips["speaker"].isna().sum()):
        notes.append(f"The speaker of {unknown} clips is unknown: they may be shared.")
    if unread := int(digests.isna().sum()):
        notes.append(f"{unread} files cannot be read: copies of them are not found.")
    return notes
