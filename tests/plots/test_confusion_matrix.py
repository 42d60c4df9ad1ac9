import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sertools import evaluation, labels, plots
from sertools.plots import _confusion_matrix, _style


def words(artists):
    return [artist.get_text() for artist in artists]


@pytest.fixture
def small():
    """Make three happy clips (two right) and one sad clip (wrong)."""
    return pd.DataFrame(
        {
            "clip": list("abcd"),
            "emotion": ["happy", "happy", "happy", "sad"],
            "speaker": ["1", "1", "2", "2"],
            "calm": [0.0, 0.1, 0.8, 0.1],
            "happy": [0.9, 0.7, 0.1, 0.8],
            "sad": [0.1, 0.2, 0.1, 0.1],
        }
    )


def cells(ax, columns, rows):
    return np.array(words(ax.texts[: columns * rows])).reshape(rows, columns).tolist()


def test_cells_hold_counts_and_row_per_cent(small):
    ax = plots.confusion_matrix(evaluation.from_predictions(small))
    assert cells(ax, 3, 2) == [
        ["1\n33 %", "2\n67 %", "0\n0 %"],
        ["0\n0 %", "1\n100 %", "0\n0 %"],
    ]
    assert words(ax.get_yticklabels()) == ["happy (3)", "sad (1)"]
    assert words(ax.get_xticklabels()) == ["calm", "happy", "sad"]


def test_counts_alone_without_normalisation(small):
    ax = plots.confusion_matrix(evaluation.from_predictions(small), normalize=None)
    assert cells(ax, 3, 2) == [["1", "2", "0"], ["0", "1", "0"]]


def test_shade_is_the_share_of_the_row(small):
    ax = plots.confusion_matrix(evaluation.from_predictions(small))
    shade = ax.images[0].get_array()
    np.testing.assert_allclose(shade, [[1 / 3, 2 / 3, 0], [0, 1, 0]])


def test_right_answers_are_framed_by_name_not_by_place(small):
    ax = plots.confusion_matrix(evaluation.from_predictions(small))
    middles = [(p.get_x() + p.get_width() / 2, p.get_y() + 0.47) for p in ax.patches]
    np.testing.assert_allclose(middles, [(1, 0), (2, 1)])


def test_an_emotion_that_the_model_cannot_say_is_named(small):
    table = small.drop(columns="sad").assign(calm=1 - small["happy"])
    ax = plots.confusion_matrix(evaluation.from_predictions(table))
    assert "not among the classes: sad" in " ".join(words(ax.texts))
    assert len(ax.patches) == 1


def test_heading_gives_uar_and_interval(result, small):
    drawn = result(["angry", "happy", "sad"], speakers=4)
    score = drawn.scores()["uar"]
    head = plots.confusion_matrix(drawn).get_title(loc="left")
    assert f"UAR {score['value']:.2f}" in head
    assert f"{score['low']:.2f} to {score['high']:.2f}" in head
    ax = plots.confusion_matrix(evaluation.from_predictions(small))
    assert "no interval" in ax.get_title(loc="left")


@pytest.mark.parametrize("n", [3, 4, 7, 10])
def test_text_stays_within_its_cell(n, result, laid_out):
    ax = plots.confusion_matrix(result(labels.EMOTIONS[:n], speakers=10, clips=12))
    texts = ax.texts[: n * n]
    for text, box in zip(texts, laid_out(ax, texts), strict=True):
        column, row = text.get_position()
        corners = [(column - 0.5, row + 0.5), (column + 0.5, row - 0.5)]
        (left, bottom), (right, top) = ax.transData.transform(corners)
        assert left < box.x0 < box.x1 < right
        assert bottom < box.y0 < box.y1 < top
    boxes = laid_out(ax, ax.get_xticklabels())
    assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))


def test_text_shrinks_in_a_small_axes(result):
    _, ax = plt.subplots(figsize=(4, 3), layout="constrained")
    plots.confusion_matrix(result(labels.EMOTIONS), ax=ax)
    assert ax.texts[0].get_fontsize() < 9


def test_black_numbers_stand_out_on_every_shade(result):
    ax = plots.confusion_matrix(result(labels.EMOTIONS[:4]))
    image = ax.images[0]
    colours = image.cmap(image.norm(np.linspace(0, 1, 101)))[:, :3]
    linear = np.where(
        colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4
    )
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    assert ((luminance + 0.05) / 0.05 >= 7).all()  # WCAG 2, level AAA
    assert {text.get_color() for text in ax.texts[:16]} <= {"black", _style.MUTED}
    assert (np.diff(luminance) < 0).all()


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.004, "<1 %"), (0.5, "50 %"), (0.997, ">99 %"), (1, "100 %")],
)
def test_no_share_is_rounded_to_none_or_all(share, text):
    assert _confusion_matrix._per_cent(share) == text


def test_unknown_normalisation_is_refused(small):
    with pytest.raises(ValueError, match="'row' or None, not 'column'"):
        plots.confusion_matrix(evaluation.from_predictions(small), normalize="column")
