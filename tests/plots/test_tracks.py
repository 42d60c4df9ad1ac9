import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sertools import plots


@pytest.fixture
def table():
    seconds = pd.Index(np.arange(5) / 100, name="seconds")
    return pd.DataFrame(
        {
            "Loudness_sma3": [0.0, 0.5, 1.0, 0.5, 0.0],
            "F0semitoneFrom27.5Hz_sma3nz": [0.0, 20.0, 21.0, 0.0, 22.0],
            "F1amplitudeLogRelF0_sma3nz": [-201.0, -3.0, -4.0, -201.0, -5.0],
        },
        index=seconds,
    )


def drawn(panel):
    return panel.lines[0].get_ydata()


def test_without_axes_there_is_one_panel_a_descriptor(table):
    panels = plots.descriptors(table, list(table.columns))
    assert panels.shape == (3,)
    assert len({panel.figure.number for panel in panels}) == 1
    assert panels[-1].get_xlabel() == "seconds"
    assert panels[0].get_xlim() == (0, 0.04)


def test_no_voice_is_a_gap_and_silence_is_not(table):
    loudness, pitch, formant = plots.descriptors(table, list(table.columns))
    assert drawn(loudness).tolist() == [0, 0.5, 1, 0.5, 0]
    assert np.isnan(drawn(pitch)).tolist() == [True, False, False, True, False]
    assert np.isnan(drawn(formant)).tolist() == [True, False, False, True, False]
    assert pitch.lines[0].get_marker() == "."  # or a single voiced frame is lost


def test_the_table_is_left_as_it_is(table):
    before = table.copy()
    plots.descriptors(table)
    pd.testing.assert_frame_equal(table, before)


def test_the_telling_ones_come_first_where_none_is_named(table):
    titles = [panel.get_title(loc="left") for panel in plots.descriptors(table)]
    assert titles == [
        "pitch, semitones above 27.5 Hz (F0semitoneFrom27.5Hz_sma3nz)",
        "loudness (Loudness_sma3)",
    ]
    plain = pd.DataFrame(np.ones((3, 9)), columns=[f"c{i}" for i in range(9)])
    assert len(plots.descriptors(plain)) == 6


def test_axes_of_ones_own(table):
    _, ax = plt.subplots()
    assert plots.descriptors(table, "Loudness_sma3", ax=ax) is ax
    _, two = plt.subplots(2)
    panels = plots.descriptors(table, list(table.columns[:2]), ax=two)
    assert list(panels) == list(two)
    with pytest.raises(ValueError, match="2 descriptors need 2 Axes, not 1"):
        plots.descriptors(table, list(table.columns[:2]), ax=ax)


def test_unknown_names_and_empty_tables_are_refused(table):
    with pytest.raises(ValueError, match=r"descriptors: pitch\. Known: Loud"):
        plots.descriptors(table, ["pitch"])
    with pytest.raises(ValueError, match="none named"):
        plots.descriptors(table, [])
    with pytest.raises(ValueError, match="is empty"):
        plots.descriptors(table.iloc[:0])
    assert plt.get_fignums() == []
