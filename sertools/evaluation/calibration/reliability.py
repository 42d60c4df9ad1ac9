"""Whether probabilities mean what they say, and 80 % is right 8 times out of 10."""

import html
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from sertools.evaluation import wording
from sertools.evaluation.calibration import proper
from sertools.evaluation.calibration.binning import (
    calibration_error,
    class_wise_error,
    if_calibrated,
    places,
)
from sertools.evaluation.intervals import accuracy, jackknife, right_by_speaker
from sertools.evaluation.result import Result
from sertools.evaluation.standing import carried
from sertools.evaluation.wording import span

__all__ = ["Calibration", "measure"]

_BINS = 10


@dataclass(repr=False)
class Calibration:
    """How far the probabilities of a result can be trusted.

    Parameters
    ----------
    scores : DataFrame
        One row a score: ``value``, ``low``, ``high`` (95 % over speakers) and
        ``reference``, what a constant guess of how often each emotion comes
        would have. ``log_loss`` (nats), ``brier`` (0 to 2), ``confidence`` (the
        mean probability of what is predicted), ``accuracy``, and
        ``overconfidence``, the one minus the other.
    errors : DataFrame
        The expected calibration error, ``top_label`` and ``class_wise``:
        ``value``, the usual estimate, which errs high; ``debiased``, with chance
        taken out; ``if_calibrated`` and ``seldom_over``, the mean and the 95th
        percentile of what a perfectly calibrated model with these very
        probabilities shows.
    bins : DataFrame
        One row a bin of the confidence that has clips: ``left``, ``right``,
        ``n_clips``, ``n_speakers``, ``confidence``, ``accuracy``, and its 95 %
        interval over speakers, ``low`` and ``high``.
    speakers : DataFrame or None
        One row a speaker: ``n_clips``, ``log_loss``, ``brier``, ``confidence``,
        ``accuracy``; ``None`` if speakers are unknown.
    n_clips, n_speakers : int
        What was looked at; speakers ``None`` if unknown.
    notes : list of str
        What a reader must know.
    """

    scores: pd.DataFrame
    errors: pd.DataFrame
    bins: pd.DataFrame
    speakers: pd.DataFrame | None
    n_clips: int
    n_speakers: int | None
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        lines = [self._head()]
        for name, words, guess in self._scores():
            lines.append(f"  {name:20} {words}{guess and '  ' + guess}")
        lines += [f"  {name:20} {words}" for name, words in self._errors()]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        rows = [*self._scores(), *((*row, "") for row in self._errors())]
        return (
            f"<p>{html.escape(self._head())}</p>"
            + wording.rows(rows)
            + wording.dotted(self.notes)
        )

    def _head(self) -> str:
        who = wording.speakers(self.n_speakers)
        return f"Can the probabilities be trusted? {self.n_clips} clips, {who}"

    def _scores(self) -> list[tuple[str, str, str]]:
        shown = []
        for name in ("log_loss", "brier", "overconfidence"):
            row = self.scores.loc[name]
            sign = "+" if name == "overconfidence" else ""
            text = f"{row['value']:{sign}.3f}  {span(row['low'], row['high'], sign)}"
            guess = f"a constant guess: {row['reference']:.3f}"
            shown.append((_TITLES[name], text, "" if sign else guess))
        said, right = self.scores.loc[["confidence", "accuracy"], "value"]
        told = f"it says {said:.0%} on average, and is right {right:.0%} of the time"
        return [*shown[:2], (*shown[2][:2], told)]

    def _errors(self) -> list[tuple[str, str]]:
        return [
            (
                _TITLES[name],
                f"{row['value']:.3f}  (debiased {row['debiased']:.3f}; chance alone "
                f"makes {row['if_calibrated']:.3f}, seldom over "
                f"{row['seldom_over']:.3f})",
            )
            for name, row in self.errors.iterrows()
        ]


_TITLES = {
    "log_loss": "log loss",
    "brier": "Brier",
    "overconfidence": "too sure by (below 0: not sure enough)",
    "top_label": "ECE",
    "class_wise": "ECE, class by class",
}


def measure(result: Result, bins: int = _BINS, seed: int = 0) -> Calibration:
    """Measure how far the probabilities of a result can be trusted.

    See `Result.calibration`.
    """
    if bins < 2:
        raise ValueError(f"bins must be at least 2, not {bins}.")
    said = proper.answers(result, "calibrate")
    sure = said.probabilities.max(axis=1)
    right = said.probabilities.argmax(axis=1) == said.codes
    return Calibration(
        _scores(said, sure, right),
        _errors(said, sure, right, bins, seed),
        _bins(said, sure, right, bins),
        None if said.speakers is None else _by_speaker(said, sure, right),
        len(sure),
        result.n_speakers,
        _notes(result, said),
    )


def _scores(said: proper.Answers, sure: np.ndarray, right: np.ndarray) -> pd.DataFrame:
    guess = proper.prior_guess(said)
    rows = {}
    for name, (loss, scale) in proper.LOSSES.items():
        found = proper.mean(loss(said.probabilities, said.codes), said.speakers, scale)
        rows[name] = {**found, "reference": float(loss(guess, said.codes).mean())}
    rows["confidence"] = proper.mean(sure, said.speakers, "share")
    low, high = _share(right, said.speakers)
    rows["accuracy"] = {"value": float(right.mean()), "low": low, "high": high}
    rows["overconfidence"] = proper.mean(sure - right, said.speakers)
    table = pd.DataFrame.from_dict(rows, orient="index", dtype=float)
    return table[["value", "low", "high", "reference"]]


def _errors(said, sure, right, bins: int, seed: int) -> pd.DataFrame:
    top = calibration_error(sure, right, said.speakers, bins)
    each = class_wise_error(said.probabilities, said.codes, said.speakers, bins)
    drawn = if_calibrated(said.probabilities, bins, seed=seed)
    table = pd.DataFrame(
        [top, each], index=["top_label", "class_wise"], columns=["value", "debiased"]
    )
    table["if_calibrated"] = drawn.mean(axis=0)
    table["seldom_over"] = np.quantile(drawn, 0.95, axis=0)
    return table


def _bins(said: proper.Answers, sure, right, bins: int) -> pd.DataFrame:
    rows = []
    place = places(sure, bins)
    for number in np.unique(place):
        here = place == number
        who = None if said.speakers is None else said.speakers[here]
        low, high = _share(right[here], who)
        rows.append(
            {
                "left": number / bins,
                "right": (number + 1) / bins,
                "n_clips": int(here.sum()),
                "n_speakers": None if who is None else len(np.unique(who)),
                "confidence": sure[here].mean(),
                "accuracy": right[here].mean(),
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows).astype({"low": float, "high": float})


def _share(right: np.ndarray, speakers: np.ndarray | None) -> tuple:
    """Give the interval over speakers of the share that is right."""
    if speakers is None:
        return None, None
    return jackknife(right_by_speaker(right, speakers), accuracy)[1:]


def _by_speaker(said: proper.Answers, sure, right) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "speaker": said.speakers,
            **{
                name: loss(said.probabilities, said.codes)
                for name, (loss, _) in proper.LOSSES.items()
            },
            "confidence": sure,
            "accuracy": right.astype(float),
        }
    )
    groups = table.groupby("speaker")
    found = groups.mean()
    found.insert(0, "n_clips", groups.size())
    return found


def _notes(result: Result, said: proper.Answers) -> list[str]:
    notes = []
    known = said.codes >= 0
    if strange := int((~known).sum()):
        absent = sorted(set(result.emotions) - set(result.classes))
        notes.append(
            f"{strange} clips are {', '.join(absent)}, which the model does not know: "
            "their log loss is infinite, and counts as 36."
        )
    true = said.probabilities[np.arange(len(known)), said.codes]
    if zeros := int((known & (true < proper.LEAST)).sum()):
        notes.append(
            f"{zeros} clip{'s' * (zeros != 1)} had next to no probability for what is "
            f"true: each counts as 36, which makes {36 * zeros / len(true):.3f} of the "
            "mean log loss."
        )
    if said.speakers is None:
        notes.append("Who speaks is unknown: no intervals.")
    return notes + carried(result)
