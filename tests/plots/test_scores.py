import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sertools import evaluation, labels, plots
from sertools.evaluation._comparison import Comparison
from sertools.plots._scores import indistinguishable


def test_points_intervals_and_numbers_are_the_scores(result):
    drawn = result(["angry", "happy", "sad"], speakers=5)
    ax = plots.scores(drawn)
    for place, score in enumerate(drawn.scores().values()):
        bar, point = ax.lines[2 * place : 2 * place + 2]
        np.testing.assert_allclose(bar.get_xdata(), [score["low"], score["high"]])
        np.testing.assert_allclose(point.get_xdata(), [score["value"]])
        text = f"{score['value']:.2f} ({score['low']:.2f} to {score['high']:.2f})"
        assert ax.texts[place].get_text() == text
    assert [t.get_text() for t in ax.get_yticklabels()] == [
        "UAR",
        "accuracy",
        "macro F1",
    ]


def test_two_speakers_have_no_interval_and_the_plot_says_so(result):
    ax = plots.scores(result(["happy", "sad"], speakers=2))
    assert ax.texts[0].get_text().endswith("(no interval)")
    assert "it takes 3 speakers" in ax.get_xlabel()
    assert all(len(set(line.get_xdata())) == 1 for line in ax.lines)


def test_chance_and_baseline_are_labelled_lines(result):
    drawn = result(["angry", "happy", "sad", "fear"])
    drawn.baseline = {"uar": {"value": 0.41, "low": 0.3, "high": 0.5}}
    ax = plots.scores(drawn)
    lines = {t.get_text() for t in ax.get_legend().get_texts()}
    assert lines == {"chance 0.25", "duration and loudness alone 0.41"}
    assert {tuple(line.get_xdata()) for line in ax.lines[-2:]} == {
        (0.25, 0.25),
        (0.41, 0.41),
    }


def test_warnings_are_written_on_the_plot(result):
    drawn = result(["happy", "sad"])
    drawn.warnings = ["speakers are in training and test"]
    text = " ".join(t.get_text() for t in plots.scores(drawn).texts)
    assert "! speakers are in training and test" in text.replace("\n", " ")


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


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def drawn_scores(ax):
    dots = [line for line in ax.lines if line.get_linestyle() == "None"]
    return {
        float(y): float(x)
        for line in dots
        for x, y in zip(*line.get_data(), strict=True)
    }


@pytest.mark.parametrize("speakers", [2, 4, 24, 91])
def test_every_speaker_has_a_dot_sorted_best_first(speakers, result):
    drawn = result(labels.EMOTIONS[:4], speakers=speakers)
    ax = plots.speaker_recall(drawn)
    dots = drawn_scores(ax)
    values = [dots[place] for place in range(speakers)]
    expected = sorted(drawn.by("speaker")["uar"], reverse=True)
    np.testing.assert_allclose(values, expected)
    low, high = ax.get_ylim()
    assert low > high


@pytest.mark.parametrize("speakers", [2, 4, 24])
def test_labels_do_not_overlap(speakers, result, laid_out):
    ax = plots.speaker_recall(result(labels.EMOTIONS[:4], speakers=speakers))
    assert len(ax.get_yticklabels()) == speakers
    boxes = laid_out(ax, ax.get_yticklabels())
    assert all(a.y0 > b.y1 for a, b in itertools.pairwise(boxes))
    legend, label = laid_out(ax, [ax.get_legend(), ax.xaxis.label])
    assert legend.y1 < label.y0


def test_many_speakers_are_a_strip_with_two_names(result):
    ax = plots.speaker_recall(result(labels.EMOTIONS[:4], speakers=91))
    assert [t.get_text() for t in ax.get_yticklabels()][:2] == ["1", "10"]
    assert sum(": " in text.get_text() for text in ax.texts[:2]) == 2


def test_sex_is_a_marker_and_lines_are_labelled(result):
    drawn = result(["happy", "sad"], speakers=4)
    ax = plots.speaker_recall(drawn)
    mean = drawn.by("speaker")["uar"].mean()
    assert legend(ax) == ["female (2)", "male (2)", f"mean {mean:.2f}", "chance 0.50"]
    markers = {line.get_marker() for line in ax.lines[:2]}
    assert len(markers) == 2


def test_the_corpus_is_left_out_of_the_names(result):
    ax = plots.speaker_recall(result(["happy", "sad"], speakers=2))
    assert {t.get_text() for t in ax.get_yticklabels()} == {"00 (6)", "01 (6)"}


def test_unknown_sex_has_a_mark_of_its_own(predictions):
    table = predictions(["happy", "sad"]).assign(sex=None)
    ax = plots.speaker_recall(evaluation.from_predictions(table))
    assert legend(ax)[0] == "sex unknown (4)"


def test_unknown_speakers_are_refused(predictions):
    table = predictions(["happy", "sad"]).assign(speaker=None)
    with pytest.raises(ValueError, match="do not say who speaks"):
        plots.speaker_recall(evaluation.from_predictions(table))


def test_clips_of_unknown_speakers_are_counted(predictions):
    table = predictions(["happy", "sad"], speakers=4)
    table.loc[table["speaker"] == "demo/03", "speaker"] = None
    ax = plots.speaker_recall(evaluation.from_predictions(table))
    assert len(drawn_scores(ax)) == 3
    note = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    assert "not shown: 6 clips whose speaker is unknown" in note


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
    assert indistinguishable(made(differ)) == runs


def test_where_nothing_can_be_tested_nothing_is_joined_and_it_says_so():
    comparison = made(())
    comparison.pairs["p_joint"] = float("nan")
    assert indistinguishable(comparison) == []
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
    assert indistinguishable(comparison, ["a", "b"]) == [(0, 1)]
    assert indistinguishable(comparison, ["c"]) == []
    ax = plots.comparison(comparison)
    heights = ax.get_yticks()
    assert heights[2] > heights[1] + 1.5
    assert "apart, not ranked: leaking folds" in [t.get_text() for t in ax.texts]


def test_published_scores_are_hollow_and_say_what_they_measure():
    comparison = made(())
    comparison.published = evaluation.published_results("emodb")
    ax = plots.comparison(comparison)
    (mark,) = [line for line in ax.lines if line.get_marker() == "D"]
    assert mark.get_markerfacecolor() == "none"
    assert mark.get_xdata()[0] == 0.73
    assert ax.get_yticklabels()[-1].get_text() == "openSMILE, SVM"
    assert "0.73 accuracy, 7 emotions" in [text.get_text() for text in ax.texts]
    chance = next(line for line in ax.lines if line.get_label().startswith("chance"))
    assert max(chance.get_ydata()) < mark.get_ydata()[0]
