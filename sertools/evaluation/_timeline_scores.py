"""Scores of a timeline against what is known, moment by moment."""

import html
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools.display import Display, Part
from sertools.features._reject_option import MARGIN, NOT_SURE, decisions
from sertools.features._timeline import classes

_STEP = 0.01  # seconds
_APART = (0.0, 0.25, 0.5, 1.0, np.inf)


@dataclass(repr=False)
class TimelineScores(Display):
    """What a timeline says beside what is known, counted in seconds.

    It is of one recording, and of few speakers: its scores have no interval.

    Parameters
    ----------
    moments : DataFrame
        One row each 10 ms in which somebody speaks and is scored: ``time`` (s),
        ``emotion`` (what is known), ``predicted`` (the best), ``verdict``,
        ``from_change`` (s, to the nearest change of emotion; infinite where
        there is none), ``beyond`` (the emotion on the other side of it), and
        what else the truth tells of.
    unheard : float
        Seconds known to be speech that the timeline does not score: pauses
        within clips, too.
    elsewhere : float
        Seconds that it scores although nobody speaks.
    foreign : dict of str to float
        Seconds of emotions that the model has no word for, which are left out.
    """

    moments: pd.DataFrame
    unheard: float = 0.0
    elsewhere: float = 0.0
    foreign: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Seconds that are known and scored."""
        return len(self.moments) * _STEP

    @property
    def recalls(self) -> pd.Series:
        """Of each emotion's time, the share that is recognised."""
        return self._right.groupby(self.moments["emotion"]).mean()

    @property
    def uar(self) -> float:
        """Mean over the emotions of the share of their time that is recognised."""
        return float(self.recalls.mean())

    @property
    def accuracy(self) -> float:
        """Share of the time that is recognised; "not sure" is not asked."""
        return float(self._right.mean())

    @property
    def sure(self) -> float:
        """Share of the time with a verdict: neither "not sure" nor ``other``."""
        return float(self._sure.mean())

    @property
    def accuracy_where_sure(self) -> float:
        """Share of that time that is recognised; NaN if there is none."""
        return float(self._right[self._sure].mean())

    @property
    def _right(self) -> pd.Series:
        return self.moments["emotion"] == self.moments["predicted"]

    @property
    def _sure(self) -> pd.Series:
        return ~self.moments["verdict"].isin([NOT_SURE, "other"])

    def confusion(self) -> pd.DataFrame:
        """Count seconds: rows what is known, columns the best emotion."""
        table = pd.crosstab(self.moments["emotion"], self.moments["predicted"])
        return (table * _STEP).round(2)

    def by(self, column: str) -> pd.DataFrame:
        """Give seconds, UAR and accuracy for each value of a column of the truth.

        Raises
        ------
        ValueError
            If the truth tells nothing of it.
        """
        if column not in self.moments:
            raise ValueError(f"The truth has no column {column!r}.")
        parts = {
            name: TimelineScores(part) for name, part in self.moments.groupby(column)
        }
        rows = [
            {"seconds": part.seconds, "uar": part.uar, "accuracy": part.accuracy}
            for part in parts.values()
        ]
        return pd.DataFrame(rows, index=pd.Index(list(parts), name=column))

    def near_changes(self) -> pd.DataFrame:
        """Say how it does near changes of emotion, and away from them.

        Returns
        -------
        DataFrame
            By distance in seconds: ``seconds``, ``accuracy``, and ``beyond``,
            the share of the time that goes to the emotion on the other side.
        """
        far = self.moments["from_change"].clip(upper=1e9)  # where there is none
        far = pd.cut(far, _APART, right=False)
        table = pd.DataFrame(
            {
                "seconds": _STEP,
                "accuracy": self._right,
                "beyond": self.moments["predicted"] == self.moments["beyond"],
            }
        )
        how = {"seconds": "sum", "accuracy": "mean", "beyond": "mean"}
        found = table.groupby(far, observed=True).agg(how)
        found.index = pd.Index(
            [_between(span.left, span.right) for span in found.index],
            name="from a change",
        )
        return found

    def _lines(self) -> list[str]:
        emotions = ", ".join(f"{n} {v:.2f}" for n, v in self.recalls.items())
        sure = ""
        if self.sure:
            sure = f", and is right for {100 * self.accuracy_where_sure:.1f} % of that"
        lines = [
            f"UAR over time  {self.uar:.3f} (no interval: one recording)",
            f"accuracy       {self.accuracy:.3f} of {self.seconds:.1f} s",
            f"recalls        {emotions}",
            f"a verdict for  {100 * self.sure:.1f} % of the time{sure}",
            f"not scored     {self.unheard:.1f} s of the clips (pauses, too)",
            f"scored beside  {self.elsewhere:.1f} s in which nobody speaks",
        ]
        if self.foreign:
            parts = ", ".join(f"{n} {v:.1f} s" for n, v in self.foreign.items())
            lines.append(f"left out       {parts}: the model has no word for it")
        return lines

    def _parts(self):
        lines = self._lines()
        rows = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text.strip())}</td></tr>"
            for name, text in (line.split("  ", 1) for line in lines)
        )
        yield Part(lines, f"<table><tbody>{rows}</tbody></table>")


def timeline_scores(
    table: pd.DataFrame, truth: pd.DataFrame, margin: float = MARGIN
) -> TimelineScores:
    """Compare a timeline with what is known, every 10 ms.

    Parameters
    ----------
    table : DataFrame
        As `timeline` or `smooth` gives; see `decisions` for overlapping windows.
    truth : DataFrame
        Rows with ``start``, ``end`` (seconds, without overlap) and ``emotion``,
        as `concatenate_clips` gives; further columns are kept.
    margin : float, default 0.2
        How far the best must be ahead for a verdict; see `decide`.

    Returns
    -------
    TimelineScores
        Scores weighted by time, confusions in seconds, and what happens near
        changes of emotion.

    Raises
    ------
    ValueError
        If a table lacks a column, the truth overlaps, or both have no moment or
        no emotion in common.

    Examples
    --------
    >>> rows = pd.DataFrame({"start": [0.0, 2], "end": [2.0, 4]})
    >>> said = rows.assign(happy=[0.9, 0.8], sad=[0.1, 0.2])
    >>> known = rows.assign(start=[0, 3], end=[3, 4], emotion=["happy", "sad"])
    >>> timeline_scores(said, known).uar
    0.5
    """
    truth = _in_order(truth)
    told = decisions(table, margin)
    last = max(truth["end"].max(), told["end"].max() if len(told) else 0)
    times = (np.arange(int(np.ceil(last / _STEP))) + 0.5) * _STEP
    known, said = _row_at(truth, times), _row_at(told, times)
    both = (known >= 0) & (said >= 0)
    if not both.any():
        raise ValueError("The timeline and the truth have no moment in common.")
    found = truth.iloc[known[both]].drop(columns=["start", "end"])
    found = found.reset_index(drop=True)
    found.insert(0, "time", times[both])
    found["predicted"] = told["emotion"].to_numpy()[said[both]]
    found["verdict"] = told["verdict"].to_numpy()[said[both]]
    found["from_change"], found["beyond"] = _changes(truth, times[both], known[both])
    unknown = found[~found["emotion"].isin(classes(table))]
    if len(unknown) == len(found):
        raise ValueError("The timeline and the truth have no emotion in common.")
    foreign = (unknown.groupby("emotion").size() * _STEP).to_dict()
    found = found.drop(index=unknown.index).reset_index(drop=True)
    alone = [
        np.sum((a >= 0) & (b < 0)) * _STEP for a, b in ((known, said), (said, known))
    ]
    return TimelineScores(found, *map(float, alone), foreign)


def _in_order(truth: pd.DataFrame) -> pd.DataFrame:
    if missing := {"start", "end", "emotion"} - set(truth.columns):
        raise ValueError(f"The truth lacks {', '.join(sorted(missing))}.")
    truth = truth.sort_values("start", kind="stable").reset_index(drop=True)
    if (truth["start"].to_numpy()[1:] < truth["end"].to_numpy()[:-1] - 1e-6).any():
        raise ValueError("The truth overlaps itself: one emotion at a time.")
    return truth


def _row_at(table: pd.DataFrame, times: np.ndarray) -> np.ndarray:
    """Give the row that holds each time, -1 for none; rows don't overlap."""
    starts, ends = (table[name].to_numpy(dtype=float) for name in ("start", "end"))
    row = np.searchsorted(starts, times, "right") - 1
    if len(table):
        row[(row >= 0) & (times >= ends[row])] = -1
    return row


def _changes(truth, times, known) -> tuple[np.ndarray, np.ndarray]:
    """Say how far the nearest change of emotion is, and what lies beyond it."""
    starts, ends = (truth[name].to_numpy(dtype=float) for name in ("start", "end"))
    emotions = truth["emotion"].to_numpy(dtype=object)
    before = np.r_[False, emotions[1:] != emotions[:-1]]
    after = np.r_[before[1:], False]
    back = np.where(before[known], times - starts[known], np.inf)
    ahead = np.where(after[known], ends[known] - times, np.inf)
    side = np.where(back <= ahead, known - 1, known + 1)
    nearest = np.minimum(back, ahead)
    beyond = emotions[np.clip(side, 0, len(emotions) - 1)]
    return nearest, np.where(np.isfinite(nearest), beyond, "")


def _between(low: float, high: float) -> str:
    return f"{low:g} s or more" if np.isinf(high) else f"{low:g} to {high:g} s"
