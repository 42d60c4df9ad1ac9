"""Simulate how often groups that fare alike are said to fare differently.

The experiments are drawn: a model whose recall is the same for women and men, for every
text, for normal and strong intensity and for every duration, on the average over
speakers. But speakers differ (a normal effect on the logit scale, and one for each
emotion), each speaker has habits of their own (with this text better, with that one
worse: again normal, mean zero), emotions differ in recall and in duration, and numbers
of clips are unequal. Each experiment is judged at 5 %, and it is counted how often
something is found, which is always wrong:

- *anything*: `sertools.evaluation.subgroups` finds any difference at all (joint p);
- *sex*, *text*: one property alone, by p before it is made to hold for all;
- *by clips*: chi squared of right and wrong over sexes, or over texts (the larger of
  the two shares), which takes clips for independent.

The last line plants a difference (women better by 0.9 on the logit scale) to show
that it is found.

    python benchmarks/subgroups.py
"""

import argparse
import time

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import chi2_contingency

from sertools.evaluation import from_predictions, subgroups

EMOTIONS = np.array(["angry", "happy", "neutral", "sad"])
MIDDLE = np.array([1.4, 0.2, 0.7, 1.2])
"""Recall of each emotion, on the logit scale."""
TEXTS = 4
SPEAKERS = (10, 24)


def main() -> None:
    """Draw the experiments and print how often something is found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(options.seed)
    print(f"{options.experiments} experiments a line; found at 5 %")
    print("speakers   anything      sex     text   by clips")
    worst = 0.0
    for speakers in SPEAKERS:
        found = [judge(draw(speakers, rng)) for _ in range(options.experiments)]
        anything, sex, text, sexes, texts = 100 * np.mean(found, axis=0)
        worst = max(worst, anything)
        print(
            f"{speakers:8} {anything:8.1f} % {sex:6.1f} % {text:6.1f} % "
            f"{max(sexes, texts):8.1f} %"
        )
    verdict = "met" if worst <= 6 else "MISSED"
    print(f"anything at most {worst:.1f} % (due: at most 6): {verdict}")
    planted = [judge(draw(24, rng, 0.9))[0] for _ in range(options.experiments // 5)]
    print(f"women better by 0.9 (logit), 24 speakers: found in {np.mean(planted):.0%}")
    print(f"{time.perf_counter() - start:.0f} s")


def draw(speakers: int, rng: np.random.Generator, planted: float = 0) -> pd.DataFrame:
    """Draw one experiment: a table of predictions."""
    habits = rng.normal(0, 0.7, speakers), rng.normal(0, 0.5, (speakers, 4))
    by_text, by_strength = rng.normal(0, 0.5, (2, speakers, TEXTS))
    takes = rng.integers(1, 4, speakers)
    rows = [
        (speaker, emotion, text, strong, rng.normal(emotion / 2, 1))
        for speaker in range(speakers)
        for emotion in range(4)
        for text in range(TEXTS)
        for strong in range(2)
        for _ in range(takes[speaker])
        if rng.random() < 0.8
    ]
    table = pd.DataFrame(rows, columns=["s", "e", "t", "strong", "duration"])
    s, e, t, strong = (table[name].to_numpy() for name in ("s", "e", "t", "strong"))
    chance = MIDDLE[e] + habits[0][s] + habits[1][s, e] + by_text[s, t]
    chance += by_strength[s, strong] + planted * (s % 2 - 0.5)
    right = rng.random(len(table)) < expit(chance)
    wrong = (e + rng.integers(1, 4, len(table))) % 4
    return pd.DataFrame(
        {
            "clip": [f"x/{i}" for i in range(len(table))],
            "emotion": EMOTIONS[e],
            "predicted": EMOTIONS[np.where(right, e, wrong)],
            "speaker": [f"x/{i:02}" for i in s],
            "sex": np.where(s % 2, "female", "male"),
            "text": [f"t{i}" for i in t],
            "intensity": np.where(strong, "strong", "normal"),
            "duration": table["duration"],
        }
    )


def judge(table: pd.DataFrame) -> list[bool]:
    """Say who finds a difference in an experiment."""
    result = from_predictions(table.drop(columns=["text", "intensity", "duration"]))
    by = ["sex", "text", "intensity", "duration"]
    groups = subgroups(result, table.set_index("clip"), by).groups
    sex, text = (groups[groups["property"] == name]["p"] for name in ("sex", "text"))
    right = table["emotion"] == table["predicted"]
    counted = [pd.crosstab(table[name], right) for name in ("sex", "text")]
    return [
        (groups["p_joint"] <= 0.05).any(),
        sex.min() <= 0.05,
        text.iloc[0] <= 0.05,
        *(chi2_contingency(table).pvalue <= 0.05 for table in counted),
    ]


if __name__ == "__main__":
    main()
