import itertools

import numpy as np
import pytest

from sertools import evaluation, labels, plots


def marks(ax):
    """Give the coverage drawn at each place."""
    dots = [line for line in ax.lines if line.get_linestyle() == "None"]
    return {y: x for dot in dots for x, y in zip(*dot.get_data(), strict=True)}


@pytest.mark.parametrize("speakers", [2, 10, 45])
def test_every_speaker_has_a_mark_the_best_covered_on_top(speakers, result):
    drawn = result(labels.EMOTIONS[:3], speakers=speakers)
    sets = evaluation.conformal(drawn, level=0.7)
    ax = plots.set_coverage(sets)
    found = marks(ax)
    expected = sorted(sets.by("speaker")["coverage"], reverse=True)
    np.testing.assert_allclose([found[place] for place in range(speakers)], expected)
    low, high = ax.get_ylim()
    assert low > high


def test_reached_and_missed_differ_in_shape(result):
    sets = evaluation.conformal(result(labels.EMOTIONS[:3], speakers=10), level=0.7)
    ax = plots.set_coverage(sets)
    reached = (sets.by("speaker")["coverage"] >= 0.7).sum()
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"level reached ({reached})" in legend
    assert f"level missed ({10 - reached})" in legend
    dots = [line for line in ax.lines if line.get_linestyle() == "None"]
    assert len({dot.get_marker() for dot in dots}) == 2


def test_names_do_not_overlap_and_sizes_stand_beside(result, laid_out):
    sets = evaluation.conformal(result(labels.EMOTIONS[:3], speakers=12), level=0.7)
    ax = plots.set_coverage(sets)
    boxes = laid_out(ax, ax.get_yticklabels())
    assert all(a.y0 > b.y1 for a, b in itertools.pairwise(boxes))
    assert sum(text.get_text().endswith(" a set") for text in ax.texts) == 12
    note = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    assert "No guarantee" in note
