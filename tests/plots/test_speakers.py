import itertools

import numpy as np
import pytest

from sertools import evaluation, labels, plots


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
