"""Imaginary clips with features, and a few that one can hear."""

import numpy as np
import pandas as pd
import pytest
import soundfile

THREE = ("angry", "happy", "sad")


@pytest.fixture
def corpus(imagined):
    """Give four imaginary speakers: clips, features."""
    return imagined()


@pytest.fixture
def recorded(corpus, tmp_path):
    """Give the same four, with files: the angry ones are loud."""
    clips, X = corpus
    rng = np.random.default_rng(0)
    paths = []
    for clip, emotion in clips["emotion"].items():
        loud = 0.3 if emotion == "angry" else 0.03
        paths.append(tmp_path / f"{clip.partition('/')[2]}.wav")
        soundfile.write(paths[-1], loud * rng.standard_normal(4_000), 16_000)
    return clips.assign(path=[str(path) for path in paths]), X


@pytest.fixture
def believed():
    """Draw a result whose truths come of its own probabilities, if `sharp` is 1.

    Otherwise the probabilities it gives are too sure (above 1) or not sure enough:
    `sharp` is the temperature that mends them. Speakers differ by `apart`.
    """
    from sertools import evaluation

    def make(speakers=6, clips=10, sharp=1.0, apart=0.0, seed=0):
        rng = np.random.default_rng(seed)
        who = np.repeat(np.arange(speakers), clips * len(THREE))
        scores = rng.normal(0, 1.5, (len(who), len(THREE)))
        habit = rng.normal(0, apart, (speakers, len(THREE)))[who]
        true = (scores + habit + rng.gumbel(size=scores.shape)).argmax(axis=1)
        said = np.exp(sharp * scores)
        table = pd.DataFrame(said / said.sum(axis=1, keepdims=True), columns=THREE)
        table["emotion"] = np.array(THREE)[true]
        table["speaker"] = [f"x/{number}" for number in who]
        return evaluation.from_predictions(table)

    return make
