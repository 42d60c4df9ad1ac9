"""Selective classification: the risk-coverage curve.

What silence buys: errors among the clips that a model is surest of.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from sertools import display
from sertools.display import span
from sertools.evaluation import _proper_scoring
from sertools.evaluation._notes import carried
from sertools.evaluation.intervals import (
    FIELDS,
    MIN_SPEAKERS,
    Evaluated,
    around,
    groups,
)

_SHOWN = (1.0, 0.9, 0.8, 0.6, 0.4)
_FEWEST = 10  # clips of which an error is given an interval


@dataclass(repr=False)
class RiskCoverage(display.Display):
    """A risk-coverage curve: what a model gains if it may keep silent.

    Parameters
    ----------
    curve : DataFrame
        One row for each number of clips answered, the surest first:
        ``coverage`` (the share answered), ``n_clips``, ``confidence`` (of the
        least sure of them), ``error``, its 95 % interval over speakers ``low``
        and ``high``, ``uar_error`` (1 - UAR; missing once an emotion has no
        clip left), and ``oracle``, the error of one who knows which answers are
        wrong. Clips of equal confidence share their errors.
    areas : dict
        Mean errors over all coverages: ``value``, ``low``, ``high`` of the
        model, ``oracle``, and ``random``, where silence falls by chance.
    answers : DataFrame
        Every clip: clip, emotion, predicted, speaker, sex, fold, path,
        confidence.
    notes : list of str
        What a reader must know.
    """

    curve: pd.DataFrame
    areas: dict
    answers: pd.DataFrame
    notes: list[str] = field(default_factory=list)

    @property
    def gain(self) -> float | None:
        """The share of what silence could buy that it does buy: 1 for the oracle.

        0 where silence falls by chance, below 0 where the model is surest when
        it is wrong; ``None`` if no answer is wrong, or all.
        """
        possible = self.areas["random"] - self.areas["oracle"]
        if possible < 1e-12:
            return None
        return (self.areas["random"] - self.areas["value"]) / possible

    def at(self, coverage: float) -> pd.Series:
        """Give the row of the curve that answers this share of the clips."""
        n = len(self.curve)
        return self.curve.iloc[min(max(round(coverage * n), 1), n) - 1]

    def by(self, column: str, coverage: float = 0.8) -> pd.DataFrame:
        """Say on whom the silence falls.

        Parameters
        ----------
        column : str
            ``emotion``, ``speaker``, ``sex`` or any other column of `answers`.
        coverage : float, default 0.8
            The share of all clips that is answered; clips exactly as sure as the
            last of them are answered with it.

        Returns
        -------
        DataFrame
            One row a group: ``n_clips``, ``answered`` (the share), ``error``
            before, and ``error_answered``.

        Raises
        ------
        ValueError
            If there is no such column.
        """
        group = groups(self.answers, column)
        sure = self.answers["confidence"] >= self.at(coverage)["confidence"]
        wrong = self.answers["emotion"] != self.answers["predicted"]
        return pd.DataFrame(
            {
                "n_clips": wrong.groupby(group).size(),
                "answered": sure.groupby(group).mean(),
                "error": wrong.groupby(group).mean(),
                "error_answered": wrong[sure].groupby(group[sure]).mean(),
            }
        )

    def _parts(self):
        yield display.heading(
            f"If it may keep silent where it is least sure: {len(self.curve)} clips"
        )
        rows = self._rows()
        lines = [
            f"  {row.coverage:5.0%} answered   error {row.error:.3f}  "
            f"{span(row.low, row.high)}"
            for row in rows.itertuples()
        ]
        columns = ["coverage", "n_clips", "confidence", "error", "low", "high"]
        shown = rows[[*columns, "uar_error", "oracle"]].round(3)
        table = display.frame(shown, "Errors by coverage", index=False)
        yield display.Part(lines, table)
        yield display.notes([self._sum(), *self.notes])

    def _rows(self) -> pd.DataFrame:
        n = len(self.curve)
        return self.curve.iloc[[max(round(share * n), 1) - 1 for share in _SHOWN]]

    def _sum(self) -> str:
        areas = self.areas
        mean = f"Mean error over all coverages {areas['value']:.3f}"
        between = span(areas["low"], areas["high"])
        ends = f"{areas['random']:.3f} by chance, {areas['oracle']:.3f} at best"
        share = "" if self.gain is None else f": {self.gain:.0%} of what could be had"
        return f"{mean} {between}; {ends}{share}."


def risk_coverage(result: Evaluated) -> RiskCoverage:
    """Draw the risk-coverage curve (selective classification).

    The clips are sorted by confidence; see `Result.risk_coverage`.
    """
    said = _proper_scoring.answers(result, "be silent about")
    sure = said.probabilities.max(axis=1)
    wrong = said.probabilities.argmax(axis=1) != said.codes
    order = np.argsort(-sure, kind="stable")
    kept = np.arange(1, len(sure) + 1)
    errors = _errors(sure, wrong)
    low, high, ends = _intervals(sure, wrong, said.speakers, errors)
    curve = pd.DataFrame(
        {
            "coverage": kept / len(sure),
            "n_clips": kept,
            "confidence": sure[order],
            "error": errors,
            "low": low,
            "high": high,
            "uar_error": _uar_errors(sure, wrong, result.predictions["emotion"]),
            "oracle": np.maximum(kept - (~wrong).sum(), 0) / kept,
        }
    )
    areas = {
        "value": float(errors.mean()),
        "low": ends[0],
        "high": ends[1],
        "oracle": float(curve["oracle"].mean()),
        "random": float(wrong.mean()),
    }
    answers = result.predictions[list(FIELDS)].assign(confidence=sure)
    notes = carried(result)
    if said.speakers is None:
        notes.append("Who speaks is unknown: no intervals.")
    return RiskCoverage(curve, areas, answers, notes)


def _errors(sure: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Give the error of the 1, 2, ... surest clips; equals share their errors."""
    values, place, count = np.unique(-sure, return_inverse=True, return_counts=True)
    shared = np.bincount(place, wrong, minlength=len(values)) / count
    return np.cumsum(np.repeat(shared, count)) / np.arange(1, len(sure) + 1)


def _uar_errors(sure: np.ndarray, wrong: np.ndarray, emotions) -> np.ndarray:
    """Give 1 - UAR of the surest clips, as long as every emotion has one."""
    values, place, count = np.unique(-sure, return_inverse=True, return_counts=True)
    true = np.asarray(emotions, str)
    total = np.zeros(len(sure))
    for name in np.unique(true):
        own = true == name
        n = np.repeat(np.bincount(place, own, len(values)) / count, count).cumsum()
        missed = np.bincount(place, own & wrong, len(values)) / count
        missed = np.repeat(missed, count).cumsum()
        total += np.divide(missed, n, out=np.full(len(n), np.nan), where=n > 1e-9)
    return total / len(np.unique(true))


def _intervals(sure, wrong, speakers, errors) -> tuple[np.ndarray, np.ndarray, tuple]:
    """Leave one speaker out at a time: intervals of the curve and of its mean."""
    n = len(sure)
    nothing = np.full(n, np.nan)
    if speakers is None or len(names := np.unique(speakers)) < MIN_SPEAKERS:
        return nothing, nothing, (None, None)
    coverage = np.arange(1, n + 1) / n
    curves = []
    for name in names:
        others = speakers != name
        part = _errors(sure[others], wrong[others])
        at = np.arange(1, len(part) + 1) / len(part)
        curves.append(np.interp(coverage, at, part))
    curves = np.array(curves)
    low, high = _around(errors, curves, 0.5 / np.arange(1, n + 1))
    few = (np.arange(1, n + 1) < _FEWEST) | (errors <= 0) | (errors >= 1)
    low[few] = high[few] = np.nan
    mean = errors.mean()
    if mean <= 0 or mean >= 1:
        return low, high, (None, None)
    ends = _around(mean, curves.mean(axis=1), 0.5 / n)
    return low, high, tuple(map(float, ends))


def _around(value, without: np.ndarray, edge) -> tuple:
    """Make the jackknife's interval on the logit scale, speakers along axis 0."""
    return around(value, without, lambda x: logit(np.clip(x, edge, 1 - edge)), expit)
