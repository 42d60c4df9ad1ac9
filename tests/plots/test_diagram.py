import numpy as np
import pandas as pd
import pytest

from sertools import evaluation, plots


def words(ax):
    return " ".join(text.get_text() for text in ax.texts).replace("\n", " ")


def points(ax):
    return ax.collections[-1].get_offsets().data


def test_each_bin_is_a_point_at_its_confidence_and_share(result):
    drawn = result(["happy", "sad", "fear"], speakers=6)
    table = drawn.calibration().bins
    ax = plots.reliability(drawn)
    np.testing.assert_allclose(points(ax), table[["confidence", "accuracy"]])


def test_the_strip_beneath_counts_every_clip(result):
    drawn = result(["happy", "sad", "fear"], speakers=6)
    ax = plots.reliability(drawn)
    counts = drawn.calibration().bins["n_clips"]
    assert len(ax.patches) == len(counts)
    heights = np.array([bar.get_height() for bar in ax.patches])
    np.testing.assert_allclose(heights / heights.max(), counts / counts.max())
    shown = [text.get_text() for text in ax.texts]
    assert all(str(n) in shown for n in counts)
    assert max(bar.get_y() + bar.get_height() for bar in ax.patches) < 0


def test_the_gap_the_diagonal_and_the_intervals_are_named(result):
    ax = plots.reliability(result(["happy", "sad"], speakers=4))
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["as sure as right", "gap", "95 % over speakers"]
    assert "too sure" in words(ax)
    assert "not sure enough" in words(ax)


def test_unknown_speakers_leave_no_interval(predictions):
    table = predictions(["happy", "sad"]).assign(speaker=None)
    ax = plots.reliability(evaluation.from_predictions(table))
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["as sure as right", "gap"]


def test_bins_can_be_chosen(result):
    drawn = result(["happy", "sad"])
    assert len(points(plots.reliability(drawn, bins=2))) == 1


def test_answers_without_probabilities_are_refused():
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    with pytest.raises(ValueError, match="without probabilities"):
        plots.reliability(evaluation.from_predictions(table))
