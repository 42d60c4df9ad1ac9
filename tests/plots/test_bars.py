import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sertools import labels, plots


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def numbers(ax):
    return [text.get_text() for text in ax.texts]


def test_class_scores_are_best_first_with_numbers_and_colours():
    ax = plots.class_scores({"sad": 0.25, "happy": 0.7, "fear": 0.05})
    assert names(ax) == ["happy", "sad", "fear"]
    assert numbers(ax) == ["0.70", "0.25", "0.05"]
    colours = [to_hex(bar.get_facecolor()) for bar in ax.patches]
    assert colours == [labels.colour(name).lower() for name in names(ax)]
    low, high = ax.get_ylim()
    assert low > high  # the first bar is on top


def test_class_scores_take_a_row_of_a_table():
    row = pd.DataFrame({"angry": [0.4], "calm": [0.6]}).iloc[0]
    assert names(plots.class_scores(row)) == ["calm", "angry"]


def test_class_scores_outside_0_to_1_fit():
    ax = plots.class_scores({"sad": -2.0, "happy": 3.0})
    low, high = ax.get_xlim()
    assert low < -2 < 3 < high


@pytest.mark.parametrize("draw", [plots.class_scores, plots.importances])
def test_nothing_and_nan_are_refused(draw):
    with pytest.raises(ValueError, match="There are no"):
        draw({})
    with pytest.raises(ValueError, match="of sad are no numbers"):
        draw({"happy": 1.0, "sad": np.nan})


def test_importances_draw_the_furthest_from_zero():
    ax = plots.importances({"a": 0.01, "b": -0.3, "c": 0.2}, top=2)
    assert names(ax) == ["b", "c"]
    assert numbers(ax) == ["\N{MINUS SIGN}0.30", "0.20"]


def test_importances_with_a_spread_have_error_bars():
    table = pd.DataFrame({"mean": [0.1, 0.3], "std": [0.02, 0.05]}, index=["a", "b"])
    ax = plots.importances(table)
    lines = np.concatenate([c.get_segments() for c in ax.collections])
    np.testing.assert_allclose(lines[0][:, 0], [0.25, 0.35])
    np.testing.assert_allclose(lines[1][:, 0], [0.08, 0.12])


def test_small_importances_keep_two_digits():
    assert numbers(plots.importances({"a": 0.00042, "b": 0.0}))[0] == "0.00042"


def test_importances_say_what_is_wrong():
    with pytest.raises(ValueError, match="lacks std"):
        plots.importances(pd.DataFrame({"mean": [0.1]}))
    with pytest.raises(ValueError, match="at least 1, not 0"):
        plots.importances({"a": 1.0}, top=0)
