"""Subgroups: for whom, and for what, does a model fail? Each group with its test."""

import os
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools import display, features
from sertools.display import chance, found_from, p_value, span, speakers
from sertools.evaluation._notes import carried
from sertools.evaluation._permutation_tests import (
    LEVEL,
    MIN_SPEAKERS,
    Differences,
    HitCounts,
    min_p_value_paired,
    min_p_value_unpaired,
    null_spread,
    paired_test,
    sidak,
    unpaired_test,
)
from sertools.evaluation._result import Result
from sertools.evaluation.intervals import counts_by_speaker, jackknife
from sertools.models import load as load_model

FEWEST = 10
"""Groups with fewer clips are counted, not scored."""

_TESTED = ("difference", "diff_low", "diff_high", "p", "p_joint", "detectable")
ROW = (
    *("property", "group", "n_clips", "n_speakers", "n_emotions", "n_scored"),
    *("uar", "low", "high", *_TESTED, "why"),
)
"""The columns of the table of groups."""

_SIDE = 3  # speakers that each side of a contrast between speakers must have


class Partition:
    """Clips cut into groups by one property; a group is missing where it is unknown."""

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
        few = min(inside, n - inside) < _SIDE or min_p_value_unpaired(n, inside) > LEVEL
        return f"{speakers(inside)} here and {n - inside} elsewhere are too few" * few

    def _deal(self, name: str) -> tuple[int, int]:
        return sum(map(self._speakers, self.scored)), self._speakers(name)

    def least(self, name: str) -> float:
        """Give the least p-value that the test of a group could have."""
        if self.kind == "clip":
            return min_p_value_paired(self.tally(name).paired())
        return min_p_value_unpaired(*self._deal(name))

    def tally(self, name: str) -> HitCounts:
        """Count clips by speaker, emotion, and whether they are in a group."""
        speakers, emotion = self._codes()
        inside = (self.groups == name).to_numpy()[self.used].astype(int)
        shape = (self.table["speaker"].nunique(), len(self.emotions), 2)
        return HitCounts.of(self._right(), (speakers, emotion, inside), shape)

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
        return unpaired_test(tally, group, seed, families)

    def _by_speaker(self) -> tuple[HitCounts, np.ndarray]:
        speakers, emotion = self._codes()
        who, speakers = np.unique(speakers, return_inverse=True)
        shape = (len(who), len(self.emotions))
        return HitCounts.of(self._right(), (speakers, emotion), shape), speakers

    def spread(self, seed: int) -> tuple[float, float, float] | None:
        """Say how far speakers spread, by luck alone, and p; see `null_spread`."""
        if not self.used.any() or not self.known or not self.one_each:
            return None
        if len(self.scored) < 2:
            return None
        return null_spread(self._by_speaker()[0], seed)

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
    """Test all groups of all properties together, and note it in each part."""
    of_clips = [part for part in parts if part.kind == "clip" and part.testable]
    of_speakers = [part for part in parts if part.kind == "speaker" and part.testable]
    families = bool(of_clips) + len(of_speakers)
    for part in parts:
        for name in part.testable:
            if sidak(part.least(name), families) > LEVEL:
                part.why[name] = (
                    "with so few speakers it can only be tested alone "
                    f"(by={part.name!r})"
                )
    pairs = [(part, name) for part in of_clips for name in part.testable]
    if pairs:
        found = paired_test([part.tally(name) for part, name in pairs], seed, families)
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


PROPERTIES = ("sex", "speaker", "intensity", "text", "duration", "loudness")
"""Looked at where nothing else is asked for."""

_MOST = 30
"""More values than this are too many to test one by one."""

_THIRDS = {
    "duration": ("short", "medium", "long"),
    "loudness": ("quiet", "medium", "loud"),
}
_UNITS = {"duration": "s", "loudness": "dB"}


def groupings(
    clips: pd.DataFrame, by: list[str] | None = None
) -> tuple[dict[str, pd.Series], list[str]]:
    """Name the group of each clip, property by property."""
    wanted = list(PROPERTIES if by is None else by)
    known = clips.assign(**_measured(clips, wanted))
    found, notes = {}, []
    for name in wanted:
        column = known.get(name)
        why = _unfit(name, column)
        if not why:
            found[name] = _named(name, column)
        elif by is not None and (column is None or column.isna().all()):
            usable = sorted(c for c in known if c != "path" and known[c].notna().any())
            raise ValueError(f"{why} Known: {', '.join(usable)}.")
        else:
            notes.append(why)
    return found, notes


def _measured(clips: pd.DataFrame, wanted: list[str]) -> dict[str, pd.Series]:
    """Measure duration and loudness, where asked for and not given."""
    missing = [name for name in _UNITS if name in wanted and name not in clips]
    if not missing or "path" not in clips or clips["path"].isna().any():
        return {}
    if not all(map(os.path.isfile, clips["path"])):
        return {}
    model = load_model("duration_loudness")
    X = features.extract(model, clips, progress=False).astype(float)
    measured = {"duration": np.exp(X["log_seconds"]), "loudness": X["level_db"]}
    return {name: measured[name].reindex(clips.index) for name in missing}


def _unfit(name: str, column: pd.Series | None) -> str:
    """Say why clips cannot be grouped by a column; nothing if they can."""
    if column is None or column.isna().all():
        how = " and their files are not here" if name in _UNITS else ""
        return f"By {name}: it is not known of these clips{how}."
    if column.nunique() == 1:
        return f"By {name}: all clips are {column.dropna().iloc[0]}."
    if name != "speaker" and not _continuous(column) and column.nunique() > _MOST:
        return f"By {name}: {column.nunique()} values are too many to test one by one."
    return ""


def _continuous(column: pd.Series) -> bool:
    return pd.api.types.is_float_dtype(column) or (
        pd.api.types.is_numeric_dtype(column) and column.nunique() > _MOST
    )


def _named(name: str, column: pd.Series) -> pd.Series:
    if not _continuous(column):
        return column.astype(object).map(str, na_action="ignore")
    low, high = np.nanquantile(column, [1 / 3, 2 / 3])
    unit = f" {_UNITS[name]}" if name in _UNITS else ""
    words = _THIRDS.get(name, ("low", "medium", "high"))
    names = [
        f"{words[0]} (up to {low:.1f}{unit})",
        f"{words[1]} ({low:.1f} to {high:.1f}{unit})",
        f"{words[2]} (over {high:.1f}{unit})",
    ]
    places = np.searchsorted([low, high], column.to_numpy(dtype=float), side="left")
    third = pd.Series(np.array(names, dtype=object)[places], column.index, name=name)
    kind = pd.CategoricalDtype(names, ordered=True)  # short before medium before long
    return third.where(column.notna()).astype(kind)


@dataclass(repr=False)
class Subgroups(display.Display):
    """Groups of clips, how well each is recognised, and what can be said of it.

    Parameters
    ----------
    groups : DataFrame
        One row a group: ``property``, ``group``, ``n_clips``, ``n_speakers``,
        ``n_emotions`` (of all its clips), ``n_scored`` (clips of the emotions
        that all groups of the property have), ``uar``, ``low``, ``high`` (of
        those; 95 % over speakers), and, against the other groups of the
        property, ``difference``, ``diff_low``, ``diff_high``, ``p``,
        ``p_joint`` (for all groups of all properties together),
        ``detectable`` and ``why`` (it cannot be tested, if so).
    kinds : dict of str to str
        Property to ``"speaker"`` (a speaker has one value) or ``"clip"``.
    emotions : dict of str to list of str
        Property to the emotions that its groups are compared on.
    verdicts : dict of str to str
        One sentence a property.
    notes : list of str
        What was left out, and what a reader must know.
    info : dict
        Of the result: dataset, model, head ...
    """

    groups: pd.DataFrame
    kinds: dict[str, str]
    emotions: dict[str, list[str]]
    verdicts: dict[str, str]
    notes: list[str] = field(default_factory=list)
    info: dict = field(default_factory=dict)

    def _parts(self):
        yield display.heading(self._head(), bold=True)
        yield display.Part(self._lines(), self._table())
        said = [f"By {name}: {words}" for name, words in self.verdicts.items()]
        yield display.notes(self.notes, also_html=said)

    def _lines(self) -> list[str]:
        lines = []
        width = self.groups["group"].str.len().clip(upper=32).max()
        for name, verdict in self.verdicts.items():
            lines.append(f"  {name}")
            for row in self.groups[self.groups["property"] == name].itertuples():
                score = "too few" if np.isnan(row.uar) else f"{row.uar:.3f}"
                who = f"{row.n_clips:4} clips, {display.speakers(row.n_speakers)}"
                between = span(row.low, row.high)
                lines.append(f"    {row.group[:32]:{width}}  {score}  {between}  {who}")
            lines.append(f"    {verdict}")
        return lines

    def _table(self) -> str:
        rows = self.groups
        shown = pd.DataFrame(
            {
                "by": rows["property"].where(~rows["property"].duplicated(), ""),
                "group": rows["group"],
                "clips": rows["n_clips"],
                "speakers": rows["n_speakers"],
                "UAR": rows["uar"].round(3),
                "95 %": list(map(_range, rows["low"], rows["high"])),
                "against the rest": rows["difference"].round(3),
                "95 % ": list(map(_range, rows["diff_low"], rows["diff_high"])),
                "p": rows["p"].round(3),
                "p, joint": rows["p_joint"].round(3),
            }
        )
        return display.frame(shown, "Groups", index=False)

    def _head(self) -> str:
        named = display.named(self.info, "dataset", "model", "head")
        return f"{named}: by {', '.join(self.verdicts)}" if named else "Groups of clips"


def subgroups(
    result: Result,
    clips: pd.DataFrame | None = None,
    by: str | list[str] | None = None,
    seed: int = 0,
) -> Subgroups:
    """Score subgroups apart, and test by permutation whether they fare differently.

    The unit is the speaker. Where a speaker is in one group only (sex), whole
    speakers change places between the groups; where every speaker has clips in
    several (text, intensity, duration, loudness), a group is compared with the
    rest at the same speaker and emotion, and each speaker's own difference
    changes its sign. Both go through all possibilities where the speakers are
    few. The joint p-value holds for everything tested here: max-T among the
    groups, and Šidák's product over the properties of speakers and those of
    clips. With too few speakers it says so instead. How far single speakers
    spread is compared with what luck alone would do, and judged by itself.

    Parameters
    ----------
    result : Result
        What the model said.
    clips : DataFrame, optional
        The clips table, for the columns that the predictions lack (text,
        intensity, or any of your own; numbers are cut into thirds). Duration
        and loudness are measured from the files.
    by : str or list of str, optional
        Properties; if not given, sex, speaker, intensity, text, duration and
        loudness, as far as they are known.
    seed : int, default 0
        Of the exchanges, where there are too many to go through.

    Returns
    -------
    Subgroups
        Shows itself as a table with verdicts.

    Raises
    ------
    ValueError
        If a property is unknown, or `clips` lacks clips of the result.

    Notes
    -----
    A difference is no cause: texts differ in words and length, and actors in
    more than their sex.

    Examples
    --------
    >>> from sertools.evaluation import from_predictions
    >>> table = pd.DataFrame(
    ...     {
    ...         "clip": range(80),
    ...         "emotion": ["sad", "happy"] * 40,
    ...         "predicted": ["sad", "happy"] * 20 + ["sad", "sad"] * 20,
    ...         "speaker": [f"s{i // 8}" for i in range(80)],
    ...         "sex": ["female"] * 40 + ["male"] * 40,
    ...     }
    ... )
    >>> print(subgroups(from_predictions(table), by="sex").verdicts["sex"])
    female is recognised better than male by 0.500 [0.500, 0.500], p = 0.008.
    """
    by = [by] if isinstance(by, str) else by
    table = _joined(result, clips)
    named, notes = groupings(table, by)
    parts = {
        name: Partition(name, groups, table.loc[groups.index])
        for name, groups in named.items()
    }
    judge(list(parts.values()), seed)
    rows = [row for part in parts.values() for row in part.rows(result.classes)]
    groups = pd.DataFrame(rows, columns=ROW)
    return Subgroups(
        groups,
        {name: part.kind for name, part in parts.items()},
        {name: part.emotions for name, part in parts.items()},
        {
            name: _verdict(groups[groups["property"] == name], part.spread(seed))
            for name, part in parts.items()
        },
        [
            *carried(result),
            *(n for part in parts.values() for n in part.notes),
            *notes,
            *display.joint(_tests(groups), "comparisons"),
        ],
        dict(result.info),
    )


def _tests(groups: pd.DataFrame) -> int:
    """Count what was tested; two groups are one comparison."""
    tested = groups.dropna(subset="p_joint").groupby("property").size()
    return int(tested.where(tested != 2, 1).sum())


def _joined(result: Result, clips: pd.DataFrame | None) -> pd.DataFrame:
    """Give predictions the further columns of the clips table."""
    table = result.predictions.set_index("clip")
    if clips is None:
        return table
    if len(missing := table.index.difference(clips.index.astype(str))):
        raise ValueError(
            f"{len(missing)} clips of the result are not in the table of clips, the "
            f"first: {missing[0]}."
        )
    found = clips.set_axis(clips.index.astype(str)).loc[table.index]
    more = [c for c in found if c not in table or table[c].isna().all()]
    return table.assign(**{name: found[name] for name in more if name != "emotion"})


def _verdict(rows: pd.DataFrame, spread: tuple | None) -> str:
    """Say in one or two sentences what the tests of a property found."""
    scored = rows.dropna(subset="uar")
    tested = scored.dropna(subset="p_joint")
    if spread:
        return _spread(scored, *spread)
    if tested.empty:
        return f"{_extremes(scored)}cannot be tested: {rows['why'].iloc[0]}."
    if len(scored) == 2:
        return _between_two(tested, scored)
    found = tested[tested["p_joint"] <= LEVEL]
    if len(found):
        return " ".join(map(_apart, found.itertuples()))
    subject = f"None of the {len(tested)} groups is"
    if len(tested) == 1:
        subject = f"Only {tested['group'].iloc[0]} can be tested, and is not"
    return (
        f"{subject} told from the rest: that may be chance, the least p = "
        f"{p_value(tested['p_joint'].min())}. "
        f"{found_from(tested['detectable'].median())}"
    )


def _apart(row) -> str:
    word = "better" if row.difference > 0 else "worse"
    low, high = sorted(
        np.array([row.diff_low, row.diff_high]) * np.sign(row.difference)
    )
    return (
        f"{row.group} is recognised {word} than the rest by {abs(row.difference):.3f} "
        f"{span(low, high)}, p = {p_value(row.p_joint)}."
    )


def _spread(scored: pd.DataFrame, spread: float, by_luck: float, p: float) -> str:
    means = "more than luck alone would" if p <= LEVEL else "as luck alone might"
    return (
        f"{_extremes(scored)}their spread is {spread:.3f}, by luck alone "
        f"{by_luck:.3f}: speakers differ {means}, p = {p_value(p)}."
    )


def _extremes(scored: pd.DataFrame) -> str:
    if len(scored) < 2:
        return ""
    best = scored.loc[scored["uar"].idxmax()]
    worst = scored.loc[scored["uar"].idxmin()]
    return (
        f"From {worst['uar']:.3f} ({worst['group']}) to {best['uar']:.3f} "
        f"({best['group']}): "
    )


def _between_two(tested: pd.DataFrame, scored: pd.DataFrame) -> str:
    row = tested.loc[tested["difference"].idxmax()]
    other = scored.loc[scored["group"] != row["group"], "group"].iloc[0]
    size = f"by {row['difference']:.3f} {span(row['diff_low'], row['diff_high'])}"
    if row["p_joint"] <= LEVEL:
        return (
            f"{row['group']} is recognised better than {other} {size}, "
            f"p = {p_value(row['p_joint'])}."
        )
    told = chance(row["p_joint"], row["detectable"])
    return f"{row['group']} and {other} differ {size}: {told}"


def _range(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{low:.3f} to {high:.3f}"
