import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.patches import Rectangle

from sertools import plots
from sertools.evaluation._cross_corpus import CrossCorpus

FORMS = ["none", "corpus", "speaker"]


@pytest.fixture
def board(result):
    """Make boards of so many corpora, all scores unlike."""

    def make(n=2, forms=FORMS, without=()):
        names = [f"corpus{number}" for number in range(n)]
        trained = [*names, *(["all others"] if n > 2 else [])]
        keys = [(a, b, form) for form in forms for a in trained for b in names]
        kept = [key for key in keys if key not in without]
        results = {k: result(["sad", "happy"], seed=i) for i, k in enumerate(kept)}
        return CrossCorpus(results, names, list(forms))

    return make


def cells(ax):
    """Give the value and interval texts by the place they stand at."""
    found = {}
    for text in ax.texts:
        if re.fullmatch(r"\d\.\d\d( to \d\.\d\d)?", text.get_text()):
            place = tuple(np.round(getattr(text, "xy", text.get_position()), 2))
            found.setdefault(place, []).append(text.get_text())
    return found


def test_each_cell_holds_its_score_and_interval(board):
    made = board()
    expected = []
    for (_, _, form), result in made.results.items():
        uar = result.scores()["uar"]
        if form == "none":
            span = f"{uar['low']:.2f} to {uar['high']:.2f}"
            expected.append([f"{uar['value']:.2f}", span])
    ax = plots.cross_corpus(made, "none")
    assert list(cells(ax).values()) == expected


def test_standardisations_stand_side_by_side_with_mean_and_worst(board):
    made = board()
    ax = plots.cross_corpus(made)
    told = " ".join(text.get_text() for text in ax.texts)
    assert "features as they are" in told and "standardised by speaker" in told
    for _, row in made.summary().iterrows():
        assert f"mean {row['mean']:.2f}, worst {row.worst:.2f}" in told
    assert "chance 0.50" in told
    assert len(cells(ax)) == 12


def test_the_diagonal_is_set_apart_by_frame_and_not_by_colour_alone(board):
    ax = plots.cross_corpus(board(3), "none")
    frames = [p for p in ax.patches if isinstance(p, Rectangle)]
    dashed = [p for p in frames if p.get_linestyle() == "--"]
    assert len(frames) == 12 and len(dashed) == 3
    for patch in dashed:
        red, green, blue, _ = patch.get_facecolor()
        assert red == pytest.approx(green) == pytest.approx(blue)
    assert "all others" in [label.get_text() for label in ax.get_yticklabels()]


def test_the_deeper_the_blue_the_better(board):
    made = board()
    ax = plots.cross_corpus(made, "none")
    blue = {p.get_xy(): p.get_facecolor()[0] for p in ax.patches}
    found = made.matrix("none")
    left, right = (-0.47, 0.53), (0.53, -0.47)  # lower left and upper right cells
    near = {
        place: next(v for xy, v in blue.items() if np.allclose(xy, place))
        for place in (left, right)
    }
    better = found.at["corpus1", "corpus0"] > found.at["corpus0", "corpus1"]
    assert (near[left] < near[right]) is bool(better)


def test_what_could_not_be_computed_stays_empty(board):
    missing = ("corpus0", "corpus0", "none")
    ax = plots.cross_corpus(board(without=[missing]), "none")
    assert len(cells(ax)) == 3
    assert sum(p.get_facecolor()[3] == 0 for p in ax.patches) == 1


@pytest.mark.parametrize("n", [2, 3, 5])
def test_numbers_do_not_run_into_each_other(board, laid_out, n):
    ax = plots.cross_corpus(board(n, ["none", "speaker"]))
    texts = [t for t in ax.texts if " to " in t.get_text() and len(t.get_text()) == 12]
    assert len(texts) >= n * n  # some have no interval: all their speakers are alike
    boxes = laid_out(ax, texts)
    for first, second in itertools.pairwise(boxes):
        assert not first.overlaps(second)


def test_a_narrow_axes_leaves_the_intervals_out(board):
    _, (left, _) = plt.subplots(1, 2, layout="constrained")
    ax = plots.cross_corpus(board(), ax=left)
    assert all(len(texts) == 1 for texts in cells(ax).values())


def test_a_standardisation_that_was_not_tried_is_refused(board):
    with pytest.raises(ValueError, match="Not tried: 'speaker'. Here: none"):
        plots.cross_corpus(board(forms=["none"]), "speaker")
