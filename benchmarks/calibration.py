"""Simulate what calibration can be known by, and what sets of emotions can promise.

Clips are drawn with known truth: each has logits of its own, each speaker further ones
of theirs (one normal effect a speaker and emotion), and the true emotion is drawn from
the softmax of the sum. The model knows the clip's logits alone, times a factor: above 1
it is too sure. It knows nothing of the speaker. Three questions:

- *calibration error*: the true one, over very many speakers, beside the plain estimate,
  the one with chance taken out, and what a perfectly calibrated model is said to show;
- *losses*: how often the 95 % intervals over speakers hold the true log loss and Brier
  score; the log loss before and after the temperature of the other speakers;
- *sets of emotions*: coverage of clips at level 0.9, of the worst speaker in each
  experiment, and the share of speakers who reach 0.9, of sets made for clips and of
  sets made for 80 % of the speakers.

With ``--root`` it then does the same for real clips, EmoDB by default: what
`sertools.evaluation` says of three heads on eGeMAPS features, speakers held out.

    python benchmarks/calibration.py [--root EMODB]
"""

import argparse
import time

import numpy as np
import pandas as pd
from scipy.special import softmax

from sertools import calibration, datasets, evaluation, features, models
from sertools.evaluation import _proper_scoring
from sertools.evaluation._calibration import calibration_error, null_calibration_error

CLASSES = ["angry", "happy", "neutral", "sad"]
CLIPS = 32  # a speaker
SPEAKERS = (5, 10, 24)
SHARPNESS = {"calibrated": 1.0, "too sure": 1.7, "not sure enough": 0.5}
APART = {"alike": 0.0, "different": 0.8}  # spread of the speakers' own logits
HEADS = ("svm", "logistic", "random_forest")


def main() -> None:
    """Draw the experiments and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--experiments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--root", default="", help="recordings to look at, too")
    parser.add_argument("--dataset", default="emodb")
    parser.add_argument("--emotions", default="angry,happy,neutral,sad")
    options = parser.parse_args()
    start, rng = time.perf_counter(), np.random.default_rng(options.seed)
    print(f"{options.experiments} experiments a line, {CLIPS} clips a speaker\n")
    errors(options.experiments, rng)
    losses(options.experiments, rng)
    sets(options.experiments, rng)
    if options.root:
        real(options)
    print(f"{time.perf_counter() - start:.0f} s")


def draw(speakers: int, sharp: float, apart: float, rng, clips: int = CLIPS):
    """Draw what the model says, the true emotions, and who speaks."""
    who = np.repeat(np.arange(speakers), clips)
    scores = rng.normal(0, 1.5, (len(who), len(CLASSES)))
    habit = rng.normal(0, apart, (speakers, len(CLASSES)))[who]
    true = (scores + habit + rng.gumbel(size=scores.shape)).argmax(axis=1)
    return softmax(sharp * scores, axis=1), true, who


def cases():
    """Go through the kinds of models and of speakers."""
    for model, sharp in SHARPNESS.items():
        for kind, apart in APART.items():
            yield f"{model:16} {kind:10}", sharp, apart


def errors(size: int, rng) -> None:
    """Print the true calibration error, and what estimates make of it."""
    print("Expected calibration error, 10 bins (mean of the estimates)")
    print(
        "  model            speakers    number    true   plain   debiased   by chance"
    )
    for title, sharp, apart in cases():
        said, true, _ = draw(20_000, sharp, apart, rng, 16)
        known = calibration_error(said.max(axis=1), said.argmax(axis=1) == true)[0]
        for speakers in SPEAKERS:
            found = np.empty((size, 3))
            for row in found:
                said, true, who = draw(speakers, sharp, apart, rng)
                right = said.argmax(axis=1) == true
                row[:2] = calibration_error(said.max(axis=1), right, who)
                row[2] = null_calibration_error(said, draws=20)[:, 0].mean()
            plain, debiased, chance = found.mean(axis=0)
            print(
                f"  {title} {speakers:6}   {known:5.3f}   {plain:5.3f}"
                f"   {debiased:8.3f}   {chance:9.3f}"
            )
    print(flush=True)


def losses(size: int, rng) -> None:
    """Print how often intervals hold the true losses, and what a temperature buys."""
    print("Intervals that hold the true loss, %; log loss before and after calibration")
    print("  model            speakers    number   log loss   Brier   before    after")
    for title, sharp, apart in cases():
        said, true, _ = draw(20_000, sharp, apart, rng, 16)
        known = [loss(said, true).mean() for loss, _ in _proper_scoring.LOSSES.values()]
        for speakers in SPEAKERS:
            held, change = np.empty((size, 2)), np.empty((size, 2))
            for place in range(size):
                result = made(*draw(speakers, sharp, apart, rng))
                metrics = result.metrics()
                found = [metrics[name] for name in _proper_scoring.LOSSES]
                held[place] = [
                    f["low"] <= t <= f["high"]
                    for f, t in zip(found, known, strict=True)
                ]
                after = calibration.calibrate(result).metrics()["log_loss"]
                change[place] = found[0]["value"], after["value"]
            log_loss, brier = 100 * held.mean(axis=0)
            before, after = change.mean(axis=0)
            print(
                f"  {title} {speakers:6}   {log_loss:8.1f}   {brier:5.1f}"
                f"   {before:6.3f}   {after:6.3f}"
            )
    print(flush=True)


def sets(size: int, rng) -> None:
    """Print what sets of emotions cover: clips, the worst speaker, speakers."""
    print("Sets of emotions at level 0.9 (too sure; made for clips | for speakers)")
    print("  speakers    number   clips   worst   reach it   size", end="")
    print("   |   clips   worst   reach it   size")
    for kind, apart in APART.items():
        for speakers in SPEAKERS:
            found = [[], []]
            for _ in range(size):
                result = made(*draw(speakers, 1.7, apart, rng))
                for place, share in enumerate((None, 0.8)):
                    made_for = calibration.prediction_sets(result, 0.9, share)
                    own = made_for.by("speaker")["coverage"]
                    width = made_for.sets["size"].mean()
                    covered = made_for.coverage["value"]
                    found[place].append(
                        (covered, own.min(), (own >= 0.9).mean(), width)
                    )
            sides = [np.mean(side, axis=0) for side in found]
            told = [
                f"{clips:5.3f}   {worst:5.3f}   {reach:8.3f}   {width:4.2f}"
                for clips, worst, reach, width in sides
            ]
            print(f"  {kind:10} {speakers:7}   {told[0]}   |   {told[1]}")
    print(flush=True)


def made(said, true, who) -> evaluation.Result:
    """Make a result of what was drawn."""
    table = pd.DataFrame(said, columns=CLASSES)
    table["emotion"] = np.array(CLASSES)[true]
    table["speaker"] = [f"x/{number:03}" for number in who]
    return evaluation.from_predictions(table)


def real(options) -> None:
    """Print what is found on real clips, head by head."""
    clips = datasets.load(options.dataset, root=options.root)
    clips = datasets.select(clips, options.emotions)
    X = features.extract(models.load("opensmile"), clips, progress=False)
    print(f"{options.dataset}, {options.emotions}: {len(clips)} clips, eGeMAPSv02")
    for head in HEADS:
        result = evaluation.cross_validate(head, X, clips, baseline=False)
        calibrated = calibration.calibrate(result)
        print(f"\n{head}\n{result.calibration()}\nafter {calibrated.calibration()}")
        print(result.risk_coverage())
        for share in (None, 0.8):
            found = calibration.prediction_sets(calibrated, 0.9, share)
            print(found)
            print(found.by("speaker").round(3).to_string())
    print(flush=True)


if __name__ == "__main__":
    main()
