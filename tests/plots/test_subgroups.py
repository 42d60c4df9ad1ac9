import numpy as np
import pytest

from sertools import evaluation, plots


@pytest.fixture
def found(result):
    drawn = result(["sad", "happy", "angry"], speakers=10, clips=8)
    women = drawn.predictions["sex"] == "female"
    drawn.predictions.loc[women, "predicted"] = "sad"
    return evaluation.subgroups(drawn)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_each_group_is_named_with_its_clips_and_speakers(found):
    ax = plots.subgroups(found)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names[:2] == ["female (120; 5)", "male (120; 5)"]
    assert names[2:4] == ["00 (24)", "01 (24)"]
    assert {"by sex", "by speaker"} <= set(texts(ax))


def test_dots_stand_at_the_scores_and_marks_say_what_was_found(found):
    ax = plots.subgroups(found, by="sex")
    female = found.groups.set_index("group").loc["female"]
    assert female["p_joint"] < 0.05
    dots = [
        line for line in ax.lines if line.get_marker() == "D" and len(line.get_xdata())
    ]
    assert dots[0].get_xdata()[0] == pytest.approx(female["uar"])
    male = found.groups.set_index("group").loc["male"]
    assert any(text.startswith(f"{male['uar']:.2f} (") for text in texts(ax))
    assert f"{female['uar']:.2f}" in texts(ax)  # all women are heard alike: no interval
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["differs from the rest", "mean of the groups", "chance"]


def test_what_cannot_be_tested_is_hollow(found):
    ax = plots.subgroups(found, by="speaker")
    dots = [
        line for line in ax.lines if line.get_marker() == "o" and len(line.get_xdata())
    ]
    assert len(dots) == 10
    assert {line.get_markerfacecolor() for line in dots} == {"white"}


def test_chance_is_that_of_the_emotions_compared(found):
    ax = plots.subgroups(found, by="sex")
    dotted = [line for line in ax.lines if line.get_linestyle() == ":"]
    np.testing.assert_allclose(dotted[0].get_xdata(), 1 / 3)


def test_groups_of_few_clips_are_listed(result):
    drawn = result(["sad", "happy"], speakers=10, clips=4)
    drawn.predictions.loc[drawn.predictions.index[:3], "sex"] = "other"
    found = evaluation.subgroups(drawn, by="sex")
    ax = plots.subgroups(found)
    assert "too few clips" in texts(ax)
    assert "other (3; 1)" in [label.get_text() for label in ax.get_yticklabels()]


def test_other_properties_are_refused(found):
    with pytest.raises(ValueError, match="Not looked at: age. Known: sex, speaker"):
        plots.subgroups(found, by=["sex", "age"])


def test_synthetic_speech_is_pointed_out(result):
    drawn = result(["sad", "happy"], speakers=8, clips=4)
    drawn.info["synthetic"] = True
    ax = plots.subgroups(evaluation.subgroups(drawn, by="sex"))
    assert any(text.startswith("! Synthetic speech") for text in texts(ax))
