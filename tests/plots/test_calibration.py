import itertools

import numpy as np
import pandas as pd
import pytest

from sertools import calibration, evaluation, labels, plots


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


def lines(ax):
    return {line.get_label().split(",")[0]: line for line in ax.lines}


def test_the_curves_are_those_of_risk_coverage(result):
    drawn = result(["happy", "sad", "fear"], speakers=6)
    curve = drawn.risk_coverage().curve
    found = lines(plots.risk_coverage(drawn))
    x, y = found["error"].get_data()
    np.testing.assert_allclose(x, curve["coverage"][9:])
    np.testing.assert_allclose(y, curve["error"][9:])
    np.testing.assert_allclose(found["oracle"].get_ydata(), curve["oracle"])
    by_class = found["1 \N{MINUS SIGN} UAR"].get_ydata()
    np.testing.assert_allclose(by_class, curve["uar_error"][9:])


def test_the_areas_stand_in_the_legend_and_lines_differ_without_colour(result):
    drawn = result(["happy", "sad", "fear"], speakers=6)
    ax = plots.risk_coverage(drawn)
    areas = drawn.risk_coverage().areas
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"error, area {areas['value']:.3f}" in legend
    assert f"oracle, area {areas['oracle']:.3f}" in legend
    assert f"silent by chance, area {areas['random']:.3f}" in legend
    assert "95 % over speakers" in legend
    styles = [line.get_linestyle() for line in ax.lines if len(line.get_xdata()) > 1]
    assert sorted(styles) == sorted({"-", "--", "-.", ":"})


def test_the_error_is_written_at_the_end_and_at_four_in_five(result):
    drawn = result(["happy", "sad", "fear"], speakers=6)
    found = drawn.risk_coverage()
    shown = [text.get_text() for text in plots.risk_coverage(drawn).texts]
    assert f"{found.at(0.8)['error']:.3f}" in shown
    assert f"{found.at(1)['error']:.3f}" in shown


def test_a_model_that_never_errs_can_be_drawn(predictions):
    table = predictions(["happy", "sad"])
    table["emotion"] = table[["happy", "sad"]].idxmax(axis=1)
    ax = plots.risk_coverage(evaluation.from_predictions(table))
    assert ax.get_ylim() == (0, 0.1)


def marks(ax):
    """Give the coverage drawn at each place."""
    dots = [line for line in ax.lines if line.get_linestyle() == "None"]
    return {y: x for dot in dots for x, y in zip(*dot.get_data(), strict=True)}


@pytest.mark.parametrize("speakers", [2, 10, 45])
def test_every_speaker_has_a_mark_the_best_covered_on_top(speakers, result):
    drawn = result(labels.EMOTIONS[:3], speakers=speakers)
    sets = calibration.prediction_sets(drawn, level=0.7)
    ax = plots.set_coverage(sets)
    found = marks(ax)
    expected = sorted(sets.by("speaker")["coverage"], reverse=True)
    np.testing.assert_allclose([found[place] for place in range(speakers)], expected)
    low, high = ax.get_ylim()
    assert low > high


def test_reached_and_missed_differ_in_shape(result):
    sets = calibration.prediction_sets(
        result(labels.EMOTIONS[:3], speakers=10), level=0.7
    )
    ax = plots.set_coverage(sets)
    reached = (sets.by("speaker")["coverage"] >= 0.7).sum()
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"level reached ({reached})" in legend
    assert f"level missed ({10 - reached})" in legend
    dots = [line for line in ax.lines if line.get_linestyle() == "None"]
    assert len({dot.get_marker() for dot in dots}) == 2


def test_names_do_not_overlap_and_sizes_stand_beside(result, laid_out):
    sets = calibration.prediction_sets(
        result(labels.EMOTIONS[:3], speakers=12), level=0.7
    )
    ax = plots.set_coverage(sets)
    boxes = laid_out(ax, ax.get_yticklabels())
    assert all(a.y0 > b.y1 for a, b in itertools.pairwise(boxes))
    assert sum(text.get_text().endswith(" a set") for text in ax.texts) == 12
    note = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    assert "No guarantee" in note
