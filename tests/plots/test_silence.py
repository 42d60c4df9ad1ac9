import numpy as np

from sertools import evaluation, plots


def lines(ax):
    return {line.get_label().split(",")[0]: line for line in ax.lines}


def test_the_curves_are_those_of_the_abstention(result):
    drawn = result(["happy", "sad", "fear"], speakers=6)
    curve = drawn.abstention().curve
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
    areas = drawn.abstention().areas
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"error, area {areas['value']:.3f}" in legend
    assert f"oracle, area {areas['oracle']:.3f}" in legend
    assert f"silent by chance, area {areas['random']:.3f}" in legend
    assert "95 % over speakers" in legend
    styles = [line.get_linestyle() for line in ax.lines if len(line.get_xdata()) > 1]
    assert sorted(styles) == sorted({"-", "--", "-.", ":"})


def test_the_error_is_written_at_the_end_and_at_four_in_five(result):
    drawn = result(["happy", "sad", "fear"], speakers=6)
    found = drawn.abstention()
    shown = [text.get_text() for text in plots.risk_coverage(drawn).texts]
    assert f"{found.at(0.8)['error']:.3f}" in shown
    assert f"{found.at(1)['error']:.3f}" in shown


def test_a_model_that_never_errs_can_be_drawn(predictions):
    table = predictions(["happy", "sad"])
    table["emotion"] = table[["happy", "sad"]].idxmax(axis=1)
    ax = plots.risk_coverage(evaluation.from_predictions(table))
    assert ax.get_ylim() == (0, 0.1)
