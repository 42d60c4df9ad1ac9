import numpy as np
import pandas as pd
import pytest

from sertools import plots


def heard(n, **classes):
    seconds = pd.Index(np.arange(n) * 0.48, name="seconds")
    return pd.DataFrame({k: np.full(n, v) for k, v in classes.items()}, index=seconds)


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_the_loudest_classes_are_drawn_the_best_on_average_on_top():
    table = heard(4, Sigh=0.1, Speech=0.9, Shout=0.2, Hum=0.0)
    table.loc[0.48, "Hum"] = 0.8
    ax = plots.frame_scores(table, top=3)
    assert names(ax) == ["Speech", "Hum", "Shout"]
    low, high = ax.get_ylim()
    assert low > high


def test_few_frames_have_their_numbers_and_many_a_scale():
    few = plots.frame_scores(heard(3, Speech=0.9, Sigh=0.1))
    assert [text.get_text() for text in few.texts] == ["0.90", "0.10"] * 3
    many = plots.frame_scores(heard(150, happy=0.2, sad=0.8))
    assert not many.texts
    assert many.collections[0].colorbar is not None


def test_the_last_frame_is_as_long_as_the_one_before_it():
    ax = plots.frame_scores(heard(3, a=0.5))
    assert ax.get_xlim() == pytest.approx((0, 1.44))
    assert plots.frame_scores(heard(1, a=0.5)).get_xlim() == (0, 1)


def test_it_draws_on_the_axes_it_is_given():
    import matplotlib.pyplot as plt

    _, own = plt.subplots()
    assert plots.frame_scores(heard(2, a=0.1), ax=own) is own


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="empty"):
        plots.frame_scores(pd.DataFrame())
