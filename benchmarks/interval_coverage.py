"""Simulate how often the intervals of the scores hold the true value.

A 95 % interval should hold the value that the score would have over all speakers in
95 of 100 experiments. Here that value is known, because the experiments are drawn:
each speaker is easier or harder than others (one normal effect a speaker, one a
speaker and emotion, on the logit scale of the recall), and speakers have unequal
numbers of clips, of some emotions none. From each experiment three intervals of the
pooled UAR are made, and it is counted how often they hold the true value:

- *jackknife*: delete-one-speaker jackknife on the logit scale with t(G-1), by
  `sertools.evaluation.intervals.jackknife` itself;
- *bootstrap*: percentile bootstrap over speakers;
- *clips*: normal interval that takes all clips for independent.

    python benchmarks/interval_coverage.py
"""

import argparse
import time
from typing import NamedTuple

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from sertools.evaluation.intervals import jackknife

SPEAKERS = (3, 4, 10, 24, 91)
EFFECTS = {"small": (0.3, 0.5), "large": (0.8, 1.2)}
RESAMPLES = 499


class Case(NamedTuple):
    """What is drawn: clips a speaker and emotion, true UAR, how speakers differ."""

    clips: tuple[float, ...]
    uar: float
    effect: str
    spread: float = 0.3  # standard deviation of a speaker's log number of clips


# Clips a speaker as in EmoDB (its seven classes, and four of them) and RAVDESS.
SEVEN = (12.7, 8.1, 4.6, 6.9, 7.1, 6.2, 7.9)
SIX = (8.0, 8.0, 8.0, 8.0, 8.0, 4.0)
FOUR = (12.7, 7.1, 7.9, 6.2)
USUAL = [
    Case(clips, uar, effect)
    for clips, uar in ((SEVEN, 0.45), (SIX, 0.70), (FOUR, 0.85))
    for effect in EFFECTS
]
HARD = {
    "nearly perfect": Case(FOUR, 0.98, "large"),
    "nearly perfect, three clips an emotion": Case((3.0,) * 4, 0.95, "large"),
    "a few speakers hold most of the clips": Case(SIX, 0.70, "large", spread=1.0),
}


def main() -> None:
    """Draw the experiments and print the coverage."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--experiments", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(options.seed)
    print(f"{options.experiments} experiments a line\n")
    found = [show(case, options.experiments, rng) for case in USUAL]
    covered = np.array(found) * 100
    print(f"jackknife: {covered.min():.1f} to {covered.max():.1f} % (due: 93 to 97)\n")
    print("Harder than one should meet:\n")
    for title, case in HARD.items():
        print(title)
        show(case, options.experiments, rng)
    print(f"{time.perf_counter() - start:.0f} s")


def show(case: Case, size: int, rng: np.random.Generator) -> list[float]:
    """Print a case's table; give the coverage of the speakers' interval."""
    print(f"UAR {case.uar:.2f}, {len(case.clips)} emotions, {case.effect} effects")
    print("  speakers   jackknife   bootstrap   clips   its width")
    middle = solve(case)
    found = []
    for speakers in SPEAKERS:
        n, correct = draw(case, middle, size, speakers, rng)
        low, high = over_speakers(n, correct)
        ends = (low, high), bootstrap(n, correct, rng), independent(n, correct)
        held = [np.mean((a <= case.uar) & (case.uar <= b)) for a, b in ends]
        ours, drawn, naive = (100 * share for share in held)
        width = np.median(high - low)
        print(
            f"  {speakers:8}   {ours:9.1f}   {drawn:9.1f}   {naive:5.1f}   {width:9.3f}"
        )
        found.append(held[0])
    print(flush=True)
    return found


def solve(case: Case) -> np.ndarray:
    """Find the emotions' middle logits that make the true UAR what the case says.

    The true UAR is the mean over emotions of the recall expected from a new speaker,
    a logit-normal mean, here by Gauss-Hermite quadrature.
    """
    points, weights = np.polynomial.hermite_e.hermegauss(61)
    noise = np.hypot(*EFFECTS[case.effect]) * points
    unequal = np.linspace(-1, 1, len(case.clips))

    def true_uar(shift: float) -> float:
        recall = expit(shift + unequal[:, None] + noise) @ weights / weights.sum()
        return recall.mean()

    low, high = -10.0, 10.0
    for _ in range(60):
        shift = (low + high) / 2
        low, high = (shift, high) if true_uar(shift) < case.uar else (low, shift)
    return shift + unequal


def draw(
    case: Case, middle: np.ndarray, size: int, speakers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw experiments: clips and right answers, (size, speakers, emotions) each."""
    by_speaker, by_both = EFFECTS[case.effect]
    talk = rng.normal(0, case.spread, (size, speakers, 1))
    n = rng.poisson(np.array(case.clips) * np.exp(talk - case.spread**2 / 2))
    shift = rng.normal(0, by_speaker, (size, speakers, 1))
    shift = shift + rng.normal(0, by_both, n.shape)
    return n, rng.binomial(n, expit(middle + shift))


def uar(correct: np.ndarray, n: np.ndarray) -> np.ndarray:
    """Average the recalls of the emotions that have clips (the last axis)."""
    there = n > 0
    return (correct / np.maximum(n, 1)).sum(-1) / np.maximum(there.sum(-1), 1)


def over_speakers(n: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make the package's own intervals, one experiment after the other."""
    here = np.arange(n.shape[2])
    counts = np.zeros((*n.shape[1:], n.shape[2]))  # speaker, emotion, predicted
    ends = np.empty((len(n), 2))
    for place in range(len(n)):
        counts[:, here, here] = correct[place]
        counts[:, here, here - 1] = n[place] - correct[place]
        ends[place] = jackknife(counts)[1:]
    return ends[:, 0], ends[:, 1]


def bootstrap(
    n: np.ndarray, correct: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Make percentile bootstrap intervals: whole speakers are drawn again."""
    size, speakers, emotions = n.shape
    times = rng.multinomial(speakers, np.full(speakers, 1 / speakers), RESAMPLES)
    times, n, correct = (table.astype(float) for table in (times, n, correct))
    total = np.zeros((RESAMPLES, size))
    there = np.zeros((RESAMPLES, size))
    for emotion in range(emotions):
        clips = times @ n[:, :, emotion].T
        total += times @ correct[:, :, emotion].T / np.maximum(clips, 1)
        there += clips > 0
    low, high = np.quantile(total / np.maximum(there, 1), [0.025, 0.975], axis=0)
    return low, high


def independent(n: np.ndarray, correct: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Make normal intervals as if each clip were of a speaker of its own."""
    total, right = n.sum(1), correct.sum(1)
    recall = right / np.maximum(total, 1)
    variance = (recall * (1 - recall) / np.maximum(total, 1)).sum(-1)
    half = norm.ppf(0.975) * np.sqrt(variance) / n.shape[-1]
    score = uar(right, total)
    return score - half, score + half


if __name__ == "__main__":
    main()
