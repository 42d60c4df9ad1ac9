"""What an audit found: as text, as JSON, in a notebook, as tables."""

import html
import textwrap
from collections import Counter
from dataclasses import dataclass

import pandas as pd

from sertools.datasets.base import Dataset
from sertools.markup import headed

__all__ = ["Audit"]

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
class Audit:
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

    def __repr__(self) -> str:
        return "\n".join(
            textwrap.fill(
                line,
                _WIDTH,
                subsequent_indent=" " * (24 if line.startswith("  ") else 2),
                break_long_words=False,
                break_on_hyphens=False,
            )
            for line in self.lines()
        )

    def _repr_html_(self) -> str:
        findings = self.findings()
        if not self.n_official:
            findings = findings.drop(columns="where")
        table = findings.to_html(index=False, border=0, justify="left")
        table = table.replace("<td>", "<td style='text-align:left'>")
        table = headed(table, "Faults") if len(findings) else ""
        before = [self._headline(), *self._completeness()]
        return f"{_paragraphs(before, bold=True)}{table}{_paragraphs(self._remarks())}"

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
        for reason, files in reasons.items():
            said.append(f"Not used, {reason}: {len(files)} ({_listed(files)}).")
        return said

    def _advice(self) -> list[str]:
        if self.passed or not self.n_official:
            return []
        count = self._count()
        said = [_FOREIGN] if count.get("altered", 0) > len(self.table) / 2 else []
        fetch, mend = f"sertools fetch {self.name}", self.dataset.mend()
        how = fetch if self.dataset.offered else mend
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
