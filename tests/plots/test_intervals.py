import numpy as np

from sertools import plots


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
