"""For whom, and for what, does a model fail? Groups of clips, each with its test."""

import html
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools.evaluation import wording
from sertools.evaluation.groups.partition import ROW, Partition, judge
from sertools.evaluation.groups.properties import groupings
from sertools.evaluation.result import Result
from sertools.evaluation.standing import carried
from sertools.evaluation.wording import found_from, p_value, span

__all__ = ["Subgroups", "subgroups"]

_LEVEL = 0.05


@dataclass(repr=False)
class Subgroups:
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

    def __repr__(self) -> str:
        lines = [self._head()]
        width = self.groups["group"].str.len().clip(upper=32).max()
        for name, verdict in self.verdicts.items():
            lines.append(f"  {name}")
            for row in self.groups[self.groups["property"] == name].itertuples():
                score = "too few" if np.isnan(row.uar) else f"{row.uar:.3f}"
                who = f"{row.n_clips:4} clips, {wording.speakers(row.n_speakers)}"
                between = span(row.low, row.high)
                lines.append(f"    {row.group[:32]:{width}}  {score}  {between}  {who}")
            lines.append(f"    {verdict}")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
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
        table = wording.frame(shown, "Groups", index=False)
        said = [f"By {name}: {words}" for name, words in self.verdicts.items()]
        said += self.notes
        return f"<p><b>{html.escape(self._head())}</b></p>{table}{wording.dotted(said)}"

    def _head(self) -> str:
        named = wording.named(self.info, "dataset", "model", "head")
        return f"{named}: by {', '.join(self.verdicts)}" if named else "Groups of clips"


def subgroups(
    result: Result,
    clips: pd.DataFrame | None = None,
    by: str | list[str] | None = None,
    seed: int = 0,
) -> Subgroups:
    """Score groups of clips apart, and test whether they fare differently.

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
            *wording.joint(_tests(groups), "comparisons"),
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
    found = tested[tested["p_joint"] <= _LEVEL]
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
    means = "more than luck alone would" if p <= _LEVEL else "as luck alone might"
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
    if row["p_joint"] <= _LEVEL:
        return (
            f"{row['group']} is recognised better than {other} {size}, "
            f"p = {p_value(row['p_joint'])}."
        )
    return (
        f"{row['group']} and {other} differ {size}: that may be chance, p = "
        f"{p_value(row['p_joint'])}. {found_from(row['detectable'])}"
    )


def _range(low: float, high: float) -> str:
    return "" if np.isnan(low) else f"{low:.3f} to {high:.3f}"
