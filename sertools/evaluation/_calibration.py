"""Calibration: reliability, and the expected calibration error with its bias.

How far the probabilities of a result can be trusted.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import erf

from sertools import display
from sertools.display import span
from sertools.evaluation import _proper_scoring
from sertools.evaluation._notes import carried
from sertools.evaluation.intervals import (
    Evaluated,
    accuracy,
    jackknife,
    right_by_speaker,
)


def places(confidence: np.ndarray, bins: int) -> np.ndarray:
    """Give the bin of each confidence in [0, 1]; bins are equally wide."""
    return np.clip((confidence * bins).astype(int), 0, bins - 1)


def calibration_error(
    confidence: np.ndarray,
    right: np.ndarray,
    speakers: np.ndarray | None = None,
    bins: int = 10,
) -> tuple[float, float]:
    """Give the expected calibration error (ECE), plain and with chance taken out.

    Naeini et al. (2015), doi:10.1609/aaai.v29i1.9602; on its bias, which the second
    number mends, Kumar, Liang and Ma (2019), arXiv:1909.10155.
    """
    place = places(confidence, bins)
    total = np.bincount(place, confidence - right, minlength=bins)
    noise = np.bincount(place, confidence * (1 - confidence), minlength=bins)
    if speakers is not None:
        noise = np.maximum(noise, _between(confidence - right, place, speakers, bins))
    seen = np.abs(total).sum()
    debiased = seen * _share_of_gaps(np.abs(total), np.sqrt(noise))
    return float(seen / len(right)), float(debiased / len(right))


def _between(gaps: np.ndarray, place: np.ndarray, speakers, bins: int) -> np.ndarray:
    """Estimate the variance over speakers of each bin's summed gaps."""
    _, speaker = np.unique(speakers, return_inverse=True)
    sums, clips = np.zeros((2, speaker.max() + 1, bins))
    np.add.at(sums, (speaker, place), gaps)
    np.add.at(clips, (speaker, place), 1)
    mean = sums.sum(axis=0) / np.maximum(clips.sum(axis=0), 1)
    people = (clips > 0).sum(axis=0)
    return (
        np.square(sums - clips * mean).sum(axis=0) * people / np.maximum(people - 1, 1)
    )


def _share_of_gaps(gaps: np.ndarray, noise: np.ndarray) -> float:
    """Find the share of the gaps that shows all of them once chance is added."""
    noise = np.maximum(noise, 1e-12)

    def excess(share: float) -> float:
        middle = share * gaps / noise
        folded = np.sqrt(2 / np.pi) * np.exp(-np.square(middle) / 2)
        folded += middle * erf(middle / np.sqrt(2))
        return (noise * folded).sum() - gaps.sum()

    if excess(0.0) >= 0:
        return 0.0
    return 1.0 if excess(1.0) <= 0 else float(brentq(excess, 0.0, 1.0))


def class_wise_error(
    probabilities: np.ndarray,
    codes: np.ndarray,
    speakers: np.ndarray | None = None,
    bins: int = 10,
) -> tuple[float, float]:
    """Average the calibration error class by class (Kull et al. 2019, 1910.12656)."""
    each = [
        calibration_error(column, codes == number, speakers, bins)
        for number, column in enumerate(probabilities.T)
    ]
    plain, debiased = np.mean(each, axis=0)
    return float(plain), float(debiased)


def null_calibration_error(
    probabilities: np.ndarray, bins: int = 10, draws: int = 300, seed: int = 0
) -> np.ndarray:
    """Draw what a perfectly calibrated model with these probabilities would show."""
    rng = np.random.default_rng(seed)
    n, k = probabilities.shape
    ends = np.cumsum(probabilities, axis=1)
    ends /= ends[:, -1:]
    top, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    cells = places(probabilities, bins) + bins * np.arange(k)
    expected = np.bincount(cells.ravel(), probabilities.ravel(), minlength=k * bins)
    found = np.empty((draws, 2))
    rows, place = np.arange(n), places(sure, bins)
    for draw in range(draws):
        true = np.minimum((rng.random((n, 1)) > ends).sum(axis=1), k - 1)
        gaps = np.bincount(place, sure - (true == top), minlength=bins)
        seen = np.bincount(cells[rows, true], minlength=k * bins)
        found[draw] = np.abs(gaps).sum() / n, np.abs(expected - seen).sum() / (n * k)
    return found


_BINS = 10


@dataclass(repr=False)
class Calibration(display.Display):
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
        taken out; ``null_calibration_error`` and ``seldom_over``, the mean and the 95th
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

    def _parts(self):
        who = display.speakers(self.n_speakers)
        head = f"Can the probabilities be trusted? {self.n_clips} clips, {who}"
        yield display.heading(head)
        rows = [*self._scores(), *((*row, "") for row in self._errors())]
        lines = [
            f"  {name:20} {text}{more and '  ' + more}" for name, text, more in rows
        ]
        yield display.Part(lines, display.rows(rows))
        yield display.notes(self.notes)

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
                f"makes {row['null_calibration_error']:.3f}, seldom over "
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


def reliability(result: Evaluated, bins: int = _BINS, seed: int = 0) -> Calibration:
    """Measure calibration: how far the probabilities of a result can be trusted.

    See `Result.calibration`.
    """
    if bins < 2:
        raise ValueError(f"bins must be at least 2, not {bins}.")
    said = _proper_scoring.answers(result, "calibrate")
    sure = said.probabilities.max(axis=1)
    right = said.probabilities.argmax(axis=1) == said.codes
    return Calibration(
        _scores(said, sure, right),
        _errors(said, sure, right, bins, seed),
        _bins(said, sure, right, bins),
        None if said.speakers is None else _by_speaker(said, sure, right),
        len(sure),
        result.n_speakers,
        _remarks(result, said),
    )


def _scores(
    said: _proper_scoring.Answers, sure: np.ndarray, right: np.ndarray
) -> pd.DataFrame:
    guess = _proper_scoring.prior_predictor(said)
    rows = {}
    for name, (loss, scale) in _proper_scoring.LOSSES.items():
        found = _proper_scoring.mean(
            loss(said.probabilities, said.codes), said.speakers, scale
        )
        rows[name] = {**found, "reference": float(loss(guess, said.codes).mean())}
    rows["confidence"] = _proper_scoring.mean(sure, said.speakers, "share")
    low, high = _share(right, said.speakers)
    rows["accuracy"] = {"value": float(right.mean()), "low": low, "high": high}
    rows["overconfidence"] = _proper_scoring.mean(sure - right, said.speakers)
    table = pd.DataFrame.from_dict(rows, orient="index", dtype=float)
    return table[["value", "low", "high", "reference"]]


def _errors(said, sure, right, bins: int, seed: int) -> pd.DataFrame:
    top = calibration_error(sure, right, said.speakers, bins)
    each = class_wise_error(said.probabilities, said.codes, said.speakers, bins)
    drawn = null_calibration_error(said.probabilities, bins, seed=seed)
    table = pd.DataFrame(
        [top, each], index=["top_label", "class_wise"], columns=["value", "debiased"]
    )
    table["null_calibration_error"] = drawn.mean(axis=0)
    table["seldom_over"] = np.quantile(drawn, 0.95, axis=0)
    return table


def _bins(said: _proper_scoring.Answers, sure, right, bins: int) -> pd.DataFrame:
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


def _by_speaker(said: _proper_scoring.Answers, sure, right) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "speaker": said.speakers,
            **{
                name: loss(said.probabilities, said.codes)
                for name, (loss, _) in _proper_scoring.LOSSES.items()
            },
            "confidence": sure,
            "accuracy": right.astype(float),
        }
    )
    groups = table.groupby("speaker")
    found = groups.mean()
    found.insert(0, "n_clips", groups.size())
    return found


def _remarks(result: Evaluated, said: _proper_scoring.Answers) -> list[str]:
    notes = []
    known = said.codes >= 0
    if strange := int((~known).sum()):
        absent = sorted(set(result.emotions) - set(result.classes))
        notes.append(
            f"{strange} clips are {', '.join(absent)}, which the model does not know: "
            "their log loss is infinite, and counts as 36."
        )
    true = said.probabilities[np.arange(len(known)), said.codes]
    if zeros := int((known & (true < _proper_scoring.LEAST)).sum()):
        notes.append(
            f"{zeros} clip{'s' * (zeros != 1)} had next to no probability for what is "
            f"true: each counts as 36, which makes {36 * zeros / len(true):.3f} of the "
            "mean log loss."
        )
    if said.speakers is None:
        notes.append("Who speaks is unknown: no intervals.")
    return notes + carried(result)
