import matplotlib.pyplot as plt
import numpy as np
import pytest

from sertools import evaluation, plots
from sertools.evaluation._robustness import Robustness


@pytest.fixture
def found(predictions):
    """Give results that get worse with the noise; answers of 8 speakers."""

    def make(*specs, spoilt=0, matched=()):
        results = {}
        for number, spec in enumerate(["clean", *specs]):
            table = predictions(["happy", "sad"], speakers=8)
            swap = np.random.default_rng(0).random(len(table)) < number * spoilt
            table.loc[swap, ["happy", "sad"]] = table.loc[swap, ["sad", "happy"]].values
            results[spec] = evaluation.from_predictions(table)
        again = {spec: results["clean"] for spec in matched}
        return Robustness(results, again)

    return make


def ticks(panel):
    return [label.get_text() for label in panel.get_xticklabels()]


def test_levels_of_one_kind_are_a_curve_from_clean_to_worst(found):
    panels = plots.robustness(found("noise:0", "noise:20", "noise:10"))
    assert len(panels) == 1
    assert ticks(panels[0]) == ["clean", "20", "10", "0"]
    assert panels[0].get_xlabel() == "dB SNR"
    assert panels[0].get_title(loc="left") == "noise"


def test_the_worst_of_a_room_is_the_longest_echo_and_gain_has_two_sides(found):
    panels = plots.robustness(
        found("reverberation:1", "reverberation:0.3", "gain:10", "gain:-20", "gain:20")
    )
    assert ticks(panels[0]) == ["clean", "0.3", "1"]
    assert ticks(panels[1]) == ["-20", "clean", "10", "20"]


def test_what_has_one_level_shares_a_panel_and_nothing_joins_it(found):
    panels = plots.robustness(found("noise:10", "noise:0", "telephone", "mp3:16"))
    assert [p.get_title(loc="left") for p in panels] == ["noise", "one level each"]
    assert ticks(panels[1]) == ["clean", "telephone", "mp3:16"]
    joined = [len(line.get_xdata()) for line in panels[1].lines[2:]]
    assert set(joined) == {1}


def test_names_of_levels_are_turned_only_where_they_would_collide(found):
    few = plots.robustness(found("noise:10", "noise:0", "telephone", "truncation:1"))
    assert {label.get_rotation() for label in few[1].get_xticklabels()} == {0}
    specs = ("telephone", "truncation:1", "reverberation:0.6", "clipping:10")
    many = plots.robustness(found("noise:10", "noise:0", *specs))
    assert {label.get_rotation() for label in many[1].get_xticklabels()} == {30}


def test_the_numbers_stand_by_their_dots_and_a_filled_one_differs(found):
    made = found("noise:20", "noise:0", spoilt=0.45)
    panel = plots.robustness(made)[0]
    numbers = [text.get_text() for text in panel.texts[:3]]
    scores = [made.clean.scores()["uar"]["value"], *made.levels["uar"]]
    assert numbers == [f"{score:.2f}" for score in scores]
    dots = [line for line in panel.lines if line.get_marker() == "o"]
    filled = [dot.get_markerfacecolor() != "white" for dot in dots]
    assert filled == [True, *(made.levels["p_joint"] <= 0.05)]
    assert made.levels.at["noise:0", "p_joint"] <= 0.05


def test_heads_trained_on_the_same_are_drawn_and_said(found):
    plain = plots.robustness(found("noise:10", "noise:0"))[0]
    both = plots.robustness(found("noise:10", "noise:0", matched=("noise:10",)))[0]
    assert not [line for line in plain.lines if line.get_marker() == "D"]
    assert [line for line in both.lines if line.get_marker() == "D"]
    assert "Orange" in both.figure.get_supxlabel()
    assert "Orange" not in plain.figure.get_supxlabel()


def test_as_many_axes_as_panels(found):
    made = found("noise:10", "noise:0", "telephone")
    _, panels = plt.subplots(1, 2)
    assert list(plots.robustness(made, ax=panels)) == list(panels)
    with pytest.raises(ValueError, match="2 kinds of degradation need 2 Axes, not 1"):
        plots.robustness(made, ax=panels[0])
