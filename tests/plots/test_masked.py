import numpy as np
import pandas as pd
import pytest

from sertools import evaluation, plots


@pytest.fixture
def found():
    times = pd.DataFrame({"start": [0, 0.2], "end": [0.3, 0.5], "drop": [0.1, -0.2]})
    bands = pd.DataFrame({"low": [0, 2000], "high": [2000, 8000], "drop": [0.3, 0.0]})
    tone = np.sin(np.arange(8000) / 9)
    return evaluation.Occlusion("sad", 0.7, times, bands, tone, 16_000, {"sad": 0.7})


def test_bars_stand_at_their_places_and_point_where_the_answer_goes(found):
    ax = plots.occlusion(found)
    over, beside = ax.child_axes
    middles = [bar.get_x() + bar.get_width() / 2 for bar in over.patches]
    assert middles == pytest.approx([0.15, 0.35])
    assert [bar.get_height() for bar in over.patches] == [-0.1, 0.2]
    assert [bar.get_y() for bar in beside.patches] == [0, 2000]
    assert [bar.get_width() for bar in beside.patches] == [-0.3, 0]
    assert over.get_ylim() == pytest.approx(beside.get_xlim())


def test_the_spectrogram_keeps_its_axes_and_has_no_colour_bar(found):
    ax = plots.occlusion(found)
    assert ax.get_xlabel() == "seconds"
    assert ax.get_xlim() == (0, 0.5)
    assert ax.get_ylim() == (0, 8000)
    assert ax.figure.axes == [ax]


def test_the_answer_is_named(found):
    over = plots.occlusion(found).child_axes[0]
    assert over.get_title(loc="left").endswith("sad 0.70")
    assert "20 dB" in " ".join(text.get_text() for text in over.texts).replace(
        "\n", " "
    )
