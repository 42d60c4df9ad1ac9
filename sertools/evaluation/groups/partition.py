"""Clips cut into groups by one property: what each group scores, and its test."""

import numpy as np
import pandas as pd

from sertools.evaluation.comparison.exchange import MIN_SPEAKERS, Differences
from sertools.evaluation.groups.contrasts import (
    between,
    joined,
    least_between,
    least_within,
    within,
)
from sertools.evaluation.groups.tally import Tally, luck
from sertools.evaluation.intervals import counts_by_speaker, jackknife
from sertools.evaluation.wording import speakers

__all__ = ["FEWEST", "ROW", "Partition", "judge"]

FEWEST = 10
"""Groups with fewer clips are counted, not scored."""

_TESTED = ("difference", "diff_low", "diff_high", "p", "p_joint", "detectable")
ROW = (
    *("property", "group", "n_clips", "n_speakers", "n_emotions", "n_scored"),
    *("uar", "low", "high", *_TESTED, "why"),
)
"""The columns of the table of groups."""

_LEVEL = 0.05
_SIDE = 3  # speakers that each side of a contrast between speakers must have


class Partition:
    """Clips cut into groups by one property.

    Parameters
    ----------
    name : str
        The property.
    groups : Series of str
        The group of each clip; missing where it is unknown.
    table : DataFrame
        Predictions of the same clips: emotion, predicted, speaker.
    """

    def __init__(self, name: str, groups: pd.Series, table: pd.DataFrame):
        self.name, self.groups, self.table = name, groups, table
        sizes = groups.value_counts()
        ordered = isinstance(groups.dtype, pd.CategoricalDtype)
        present = [g for g in groups.cat.categories if sizes[g]] if ordered else sizes
        self.names = list(present) if ordered else sorted(sizes.index)
        self.scored = [name for name in self.names if sizes[name] >= FEWEST]
        self.emotions = self._shared()
        within_reach = groups.isin(self.scored) & table["emotion"].isin(self.emotions)
        self.used = within_reach.to_numpy() & bool(len(self.emotions) > 1)
        self.known = not table["speaker"].isna().any()
        self.kind = "speaker" if self._one_a_speaker() else "clip"
        self.why = {name: self._untestable(name) for name in self.names}
        self.found: dict[str, dict] = {}

    def _shared(self) -> list[str]:
        emotions = self.table["emotion"].groupby(self.groups, observed=True).unique()
        sets = [set(emotions[name]) for name in self.scored]
        return sorted(set.intersection(*sets)) if sets else []

    def _one_a_speaker(self) -> bool:
        groups = self.groups.groupby(self.table["speaker"])
        return self.known and bool((groups.nunique() <= 1).all())

    def _speakers(self, name: str) -> int:
        return self.table.loc[self.used & (self.groups == name), "speaker"].nunique()

    def _untestable(self, name: str) -> str:
        """Say why a group cannot be tested; nothing if it can."""
        if name not in self.scored:
            return f"{int((self.groups == name).sum())} clips are too few"
        if len(self.scored) < 2:
            return f"no other group has {FEWEST} clips"
        if len(self.emotions) < 2:
            return "the groups share fewer than two emotions"
        if not self.known:
            return "who speaks is unknown"
        if self.kind == "clip":
            n = self.tally(name).paired()
            few = f"only {speakers(n)} with clips both in it and in the rest"
            return few * (n < MIN_SPEAKERS)
        if self.one_each:
            return "each group is one speaker"
        n, inside = self._deal(name)
        few = min(inside, n - inside) < _SIDE or least_between(n, inside) > _LEVEL
        return f"{speakers(inside)} here and {n - inside} elsewhere are too few" * few

    def _deal(self, name: str) -> tuple[int, int]:
        return sum(map(self._speakers, self.scored)), self._speakers(name)

    def least(self, name: str) -> float:
        """Give the least p-value that the test of a group could have."""
        if self.kind == "clip":
            return least_within(self.tally(name).paired())
        return least_between(*self._deal(name))

    def tally(self, name: str) -> Tally:
        """Count clips by speaker, emotion, and whether they are in a group."""
        speakers, emotion = self._codes()
        inside = (self.groups == name).to_numpy()[self.used].astype(int)
        shape = (self.table["speaker"].nunique(), len(self.emotions), 2)
        return Tally.of(self._right(), (speakers, emotion, inside), shape)

    def _right(self) -> np.ndarray:
        return (self.table["emotion"] == self.table["predicted"]).to_numpy()[self.used]

    def _codes(self) -> tuple[np.ndarray, np.ndarray]:
        _, speakers = np.unique(
            self.table["speaker"].to_numpy(str), return_inverse=True
        )
        emotion = np.searchsorted(self.emotions, self.table["emotion"][self.used])
        return speakers[self.used], emotion

    def between(self, seed: int, families: int) -> Differences:
        """Test groups of speakers against each other."""
        tally, speakers = self._by_speaker()
        codes = pd.Categorical(self.groups[self.used], self.scored).codes.astype(int)
        group = np.zeros(len(tally.clips), dtype=int)
        group[speakers] = codes
        return between(tally, group, seed, families)

    def _by_speaker(self) -> tuple[Tally, np.ndarray]:
        speakers, emotion = self._codes()
        who, speakers = np.unique(speakers, return_inverse=True)
        shape = (len(who), len(self.emotions))
        return Tally.of(self._right(), (speakers, emotion), shape), speakers

    def spread(self, seed: int) -> tuple[float, float, float] | None:
        """Say how far speakers spread, by luck alone, and p; see `luck`."""
        if not self.used.any() or not self.known or not self.one_each:
            return None
        if len(self.scored) < 2:
            return None
        return luck(self._by_speaker()[0], seed)

    @property
    def one_each(self) -> bool:
        """Whether every group is one speaker."""
        speakers = self.table["speaker"].groupby(self.groups, observed=True)
        return self.kind == "speaker" and bool((speakers.nunique() == 1).all())

    @property
    def testable(self) -> list[str]:
        """The groups that can be tested."""
        return [name for name in self.names if not self.why[name]]

    @property
    def notes(self) -> list[str]:
        """What a reader of these groups must know."""
        told = []
        if unknown := int(self.groups.isna().sum()):
            told.append(f"By {self.name}: it is unknown of {unknown} clips.")
        inside = self.groups.isin(self.scored)
        lost = self.table.loc[inside & ~self.table["emotion"].isin(self.emotions)]
        if len(lost) and len(self.emotions) > 1:
            told.append(
                f"By {self.name}: compared on {', '.join(self.emotions)}; {len(lost)} "
                f"clips of {', '.join(sorted(lost['emotion'].unique()))} are left out, "
                "which not every group has."
            )
        return told

    def rows(self, classes: list[str]) -> list[dict]:
        """Give a row of the table for each group."""
        return [self._row(name, classes) for name in self.names]

    def _row(self, name: str, classes: list[str]) -> dict:
        whole = self.table[(self.groups == name).to_numpy()]
        part = self.table[self.used & (self.groups == name).to_numpy()]
        uar, low, high = self._score(part, classes)
        return {
            "property": self.name,
            "group": name,
            "n_clips": len(whole),
            "n_speakers": whole["speaker"].nunique() if self.known else None,
            "n_emotions": whole["emotion"].nunique(),
            "n_scored": len(part),
            **{"uar": uar, "low": low, "high": high},
            **self.found.get(name, dict.fromkeys(_TESTED, np.nan)),
            "why": self.why[name],
        }

    def _score(self, part: pd.DataFrame, classes: list[str]) -> tuple:
        if part.empty:
            return np.nan, np.nan, np.nan
        who = part["speaker"] if self.known else np.zeros(len(part))
        truth, said = part["emotion"], part["predicted"]
        found = jackknife(counts_by_speaker(truth, said, who, self.emotions, classes))
        return tuple(np.nan if value is None else value for value in found)


def judge(parts: list[Partition], seed: int = 0) -> None:
    """Test all groups of all properties together, and note it in each part.

    Parameters
    ----------
    parts : list of Partition
        Of the same clips.
    seed : int, default 0
        Of what is drawn.
    """
    of_clips = [part for part in parts if part.kind == "clip" and part.testable]
    of_speakers = [part for part in parts if part.kind == "speaker" and part.testable]
    families = bool(of_clips) + len(of_speakers)
    for part in parts:
        for name in part.testable:
            if joined(part.least(name), families) > _LEVEL:
                part.why[name] = (
                    "with so few speakers it can only be tested alone "
                    f"(by={part.name!r})"
                )
    pairs = [(part, name) for part in of_clips for name in part.testable]
    if pairs:
        found = within([part.tally(name) for part, name in pairs], seed, families)
        for place, (part, name) in enumerate(pairs):
            part.found[name] = _entry(found, place)
    for part in of_speakers:
        found = part.between(seed, families)
        for name in part.testable:
            place = part.scored.index(name)
            part.found[name] = _entry(found, place)


def _entry(found: Differences, place: int) -> dict:
    values = {key: float(column[place]) for key, column in found._asdict().items()}
    values |= {"diff_low": values.pop("low"), "diff_high": values.pop("high")}
    return values
