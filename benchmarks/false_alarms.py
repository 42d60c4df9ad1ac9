"""Simulate how often two equally good models are called different.

The experiments are drawn: two models whose recall is the same over all speakers, each
better with some speakers than with others (normal effects on the logit scale: one that
both share, one of each model's own, one for each emotion), and speakers with unequal
numbers of clips. Each experiment is tested at 5 % in two ways, and it is counted how
often the models are called different, which is always wrong:

- *speakers*: the exchange of the models' answers for whole speakers, by
  `sertools.evaluation._permutation_tests` itself;
- *clips*: McNemar's exact test, which takes all clips for independent.

    python benchmarks/false_alarms.py
"""

import argparse
import time

import numpy as np
from scipy.special import expit
from scipy.stats import binomtest

from sertools.evaluation._permutation_tests import sign_flip_test

SPEAKERS = (10, 24, 91)
EMOTIONS = 4
EFFECTS = {"small": 0.4, "large": 0.9}
"""Standard deviation of what one model makes of one speaker, on the logit scale."""


def main() -> None:
    """Draw the experiments and print how often either test is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--experiments", type=int, default=5000)
    parser.add_argument("--draws", type=int, default=2000, help="exchanges drawn")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(options.seed)
    print(f"{options.experiments} experiments a line; called different at 5 %")
    print("effects  speakers   by speakers   by clips")
    worst = 0.0
    for effect, spread in EFFECTS.items():
        for speakers in SPEAKERS:
            found = [
                experiment(speakers, spread, rng, options.draws)
                for _ in range(options.experiments)
            ]
            by_speakers, by_clips = 100 * np.mean(found, axis=0)
            worst = max(worst, by_speakers)
            print(
                f"{effect:7}  {speakers:8}   {by_speakers:9.1f} %   {by_clips:6.1f} %"
            )
    verdict = "met" if worst <= 6 else "MISSED"
    print(f"by speakers at most {worst:.1f} % (due: at most 6): {verdict}")
    print(f"{time.perf_counter() - start:.0f} s")


def experiment(
    speakers: int, spread: float, rng: np.random.Generator, draws: int
) -> tuple[bool, bool]:
    """Draw two equal models and one experiment; say who calls them different."""
    clips = rng.poisson(8 * rng.lognormal(0, 0.4, (speakers, 1)), (speakers, EMOTIONS))
    clips += 1
    shared = rng.normal(0, 0.7, (speakers, EMOTIONS))
    own = rng.normal(0, spread, (2, speakers, 1))
    own = own + rng.normal(0, spread / 2, (2, speakers, EMOTIONS))
    recall = expit(1.0 + shared + own)
    either = recall[0] * recall[1]
    chances = np.stack(
        [either, recall[0] - either, recall[1] - either, 1 - recall.sum(0) + either], -1
    )
    outcome = rng.multinomial(clips, chances.clip(0, 1))  # both, first, second, none
    first, second = outcome[..., 1], outcome[..., 2]
    weight = 1 / (EMOTIONS * clips.sum(axis=0))
    differences = ((first - second) * weight).sum(axis=1)
    p = sign_flip_test(differences[None], seed=int(rng.integers(2**31)), draws=draws).p[
        0
    ]
    n = int(first.sum() + second.sum())
    mcnemar = binomtest(int(first.sum()), n).pvalue if n else 1.0
    return p <= 0.05, mcnemar <= 0.05


if __name__ == "__main__":
    main()
