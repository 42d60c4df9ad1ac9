import pandas as pd
import pytest

from sertools import evaluation, plots
from sertools.evaluation import Comparison
from sertools.plots.ranking import alike


def made(differ, names="abc", low=0.4):
    models = pd.DataFrame(
        {
            "uar": [0.7, 0.6, 0.5],
            "low": low,
            "high": 0.8,
            "uar_outside": [0.7, 0.6, 0.3],
        },
        index=list(names),
    )
    pairs = pd.DataFrame([("a", "b"), ("a", "c"), ("b", "c")], columns=["a", "b"])
    pairs["p_joint"] = [0.01 if pair in differ else 0.5 for pair in ("ab", "ac", "bc")]
    return Comparison(models, pairs, ["happy", "sad"], 100, 10)


@pytest.mark.parametrize(
    ("differ", "runs"),
    [
        ((), [(0, 2)]),
        (("ac",), [(0, 1), (1, 2)]),
        (("ab", "ac"), [(1, 2)]),
        (("ab", "ac", "bc"), []),
        (("ab",), [(1, 2)]),
    ],
)
def test_brackets_join_runs_of_which_no_pair_differs(differ, runs):
    assert alike(made(differ)) == runs


def test_where_nothing_can_be_tested_nothing_is_joined_and_it_says_so():
    comparison = made(())
    comparison.pairs["p_joint"] = float("nan")
    assert alike(comparison) == []
    ax = plots.comparison(comparison)
    assert any("too few speakers" in text.get_text() for text in ax.texts)


def test_points_are_the_scores_and_the_second_scoring_is_marked():
    ax = plots.comparison(made(()))
    points = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert points == [0.7, 0.6, 0.5]
    marks = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "|"]
    assert marks == [0.3]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b", "c"]
    assert ax.texts[0].get_text() == "0.70 (0.40 to 0.80)"


def test_models_without_an_interval_have_a_point_alone():
    ax = plots.comparison(made((), low=float("nan")))
    assert ax.texts[0].get_text() == "0.70 (no interval)"


def test_what_is_not_ranked_stands_under_a_line_and_is_not_joined():
    comparison = made(())
    comparison.models["apart"] = ["", "", "leaking folds, the same speakers"]
    comparison.pairs = comparison.pairs.iloc[:1]
    assert alike(comparison, ["a", "b"]) == [(0, 1)]
    assert alike(comparison, ["c"]) == []
    ax = plots.comparison(comparison)
    heights = ax.get_yticks()
    assert heights[2] > heights[1] + 1.5
    assert "apart, not ranked: leaking folds" in [t.get_text() for t in ax.texts]


def test_published_scores_are_hollow_and_say_what_they_measure():
    comparison = made(())
    comparison.published = evaluation.published("emodb")
    ax = plots.comparison(comparison)
    (mark,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert mark.get_markerfacecolor() == "none"
    assert mark.get_xdata()[0] == 0.73
    assert ax.get_yticklabels()[-1].get_text() == "openSMILE, SVM"
    assert "0.73 accuracy, 7 emotions" in [text.get_text() for text in ax.texts]
    chance = next(line for line in ax.lines if line.get_label().startswith("chance"))
    assert max(chance.get_ydata()) < mark.get_ydata()[0]
