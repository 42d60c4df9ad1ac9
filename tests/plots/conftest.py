"""Results to draw, made from tables of predictions; figures closed after each test."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sertools import evaluation


@pytest.fixture(autouse=True)
def _closed_figures():
    plt.close("all")
    yield
    plt.close("all")


@pytest.fixture
def predictions():
    """Make a table of predictions: every speaker says every emotion `clips` times."""

    def make(emotions, speakers=4, clips=3, classes=None, seed=0):
        rng = np.random.default_rng(seed)
        classes = sorted(classes or emotions)
        rows = [
            {"emotion": emotion, "speaker": f"demo/{speaker:02}"}
            for speaker in range(speakers)
            for emotion in emotions
            for _ in range(clips)
        ]
        table = pd.DataFrame(rows)
        table.insert(0, "clip", [f"demo/{i:04}" for i in range(len(table))])
        odd = table["speaker"].str[-2:].astype(int) % 2 == 1
        table["sex"] = np.where(odd, "male", "female")
        scores = rng.random((len(table), len(classes)))
        for column, name in enumerate(classes):
            scores[table["emotion"] == name, column] += 0.6
        return table.join(
            pd.DataFrame(scores / scores.sum(axis=1, keepdims=True), columns=classes)
        )

    return make


@pytest.fixture
def result(predictions):
    """Make a Result, with the same arguments."""

    def make(*args, **kwargs):
        return evaluation.from_predictions(predictions(*args, **kwargs))

    return make


@pytest.fixture
def laid_out():
    """Draw a figure and give the boxes of artists, in pixels."""

    def boxes(ax, artists):
        ax.figure.canvas.draw()
        return [artist.get_window_extent() for artist in artists]

    return boxes
