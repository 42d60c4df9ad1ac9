import numpy as np
import pandas as pd
import pytest

from sertools.evaluation import cross_corpus, cross_validate, transfer


@pytest.fixture
def corpora(imagined):
    """Join imaginary corpora, each with people and a microphone of its own."""

    def make(n=2):
        parts = []
        for number in range(n):
            clips, X = imagined(seed=number, speakers=3, clips=2)
            for column in ("speaker", "dataset"):
                clips[column] = clips[column].str.replace("mine", f"c{number}")
            names = clips.index.str.replace("mine", f"c{number}")
            clips.index = X.index = pd.Index(names, name="clip")
            microphone = np.random.default_rng(number).normal(0, 3, X.shape[1])
            parts.append((clips, X + np.float32(microphone)))
        return tuple(pd.concat(part) for part in zip(*parts, strict=True))

    return make


def test_each_cell_is_what_one_evaluation_finds(corpora):
    clips, X = corpora()
    board = cross_corpus("logistic", X, clips, ["none", "speaker"])
    assert set(board.results) == {
        (a, b, form)
        for a in ("c0", "c1")
        for b in ("c0", "c1")
        for form in ("none", "speaker")
    }
    across = transfer("logistic", X, clips, "c1", "c0", standardize="speaker")
    pd.testing.assert_frame_equal(
        board.results["c0", "c1", "speaker"].predictions, across.predictions
    )
    own = clips["dataset"] == "c0"
    within = cross_validate("logistic", X[own], clips[own], baseline=False)
    assert board.results["c0", "c0", "none"].scores() == within.scores()
    uar = within.scores()["uar"]
    assert board.matrix("none").at["c0", "c0"] == uar["value"]
    assert board.matrix("none", "low").at["c0", "c0"] == uar["low"]


def test_the_table_has_a_row_a_result(corpora):
    clips, X = corpora()
    table = cross_corpus("logistic", X, clips, "none").table()
    assert table["within"].tolist() == [True, False, False, True]
    assert set(table["n_clips"]) == {18} and set(table["n_speakers"]) == {3}
    assert (table["low"] <= table["uar"]).all()


def test_mean_and_worst_are_over_different_corpora(corpora):
    clips, X = corpora()
    board = cross_corpus("logistic", X, clips, "none")
    values = board.matrix("none")
    across = {"c0 -> c1": values.at["c0", "c1"], "c1 -> c0": values.at["c1", "c0"]}
    row = board.summary().loc["none"]
    assert row["mean"] == pytest.approx(np.mean(list(across.values())))
    assert row["worst_pair"] == min(across, key=across.get)
    assert row["worst"] == min(across.values())
    assert row["within"] == pytest.approx(np.diag(values).mean())


def test_with_three_corpora_each_is_also_left_out(corpora):
    clips, X = corpora(3)
    board = cross_corpus("logistic", X, clips, "none")
    assert board.trained_on == ["c0", "c1", "c2", "all others"]
    alone = transfer("logistic", X, clips, "c2", baseline=False)
    filtered = board.results["all others", "c2", "none"]
    pd.testing.assert_frame_equal(filtered.predictions, alone.predictions)
    assert filtered.train["datasets"] == ["c0", "c1"]
    others = board.matrix("none").loc["all others"]
    assert board.summary().at["none", "all_others"] == pytest.approx(others.mean())


def test_only_emotions_that_all_have_are_compared_in_every_cell(corpora):
    clips, X = corpora(3)
    rows = (clips["dataset"] == "c1") & (clips["emotion"] == "happy")
    clips.loc[rows, "emotion"] = "boredom"
    board = cross_corpus("logistic", X, clips, "none")
    assert board.emotions == ["angry", "sad"]
    assert board.chance == 0.5
    assert {len(result.emotions) for result in board.results.values()} == {2}
    assert "6 clips left out: boredom of c1, not in every corpus." in board.notes


def test_it_shows_itself(corpora):
    clips, X = corpora()
    board = cross_corpus("logistic", X, clips, ["none", "speaker"])
    shown, page = repr(board), board._repr_html_()
    for text in (shown, page):
        assert "2 corpora, each on each; logistic" in text
        assert "features as they are" in text
        assert "standardised by speaker" in text
        assert f"{board.matrix('none').at['c0', 'c1']:.3f} [" in text
        assert f"({board.matrix('none').at['c0', 'c0']:.3f} [" in text
        assert f"worst {board.summary().at['none', 'worst']:.3f}" in text
        assert "has other clips of theirs" in text
    assert page.count("<table") == 2


def test_unknown_speakers_leave_cells_empty_with_a_note(corpora):
    clips, X = corpora()
    clips.loc[clips["dataset"] == "c1", "speaker"] = None
    board = cross_corpus("logistic", X, clips)
    assert np.isnan(board.matrix("none").at["c1", "c1"])
    assert not np.isnan(board.matrix("none").at["c0", "c1"])
    assert board.matrix("speaker").notna().to_numpy().sum() == 1
    said = "c1 -> c1, standardize=none: The speaker of 18 of 18 clips is unknown"
    assert any(note.startswith(said) for note in board.notes)
    shown = repr(board)
    assert "no pair of corpora could be computed" in shown and "nan" not in shown


def test_one_corpus_is_refused(corpora):
    clips, X = corpora(1)
    with pytest.raises(ValueError, match="One corpus only \\(c0\\)"):
        cross_corpus("logistic", X, clips)


def test_an_unknown_head_or_form_is_refused_at_once(corpora):
    clips, X = corpora()
    with pytest.raises(ValueError, match="Did you mean logistic"):
        cross_corpus("logistc", X, clips)
    with pytest.raises(ValueError, match="Unknown standardize 'x'"):
        cross_corpus("logistic", X, clips, ["none", "x"])
    with pytest.raises(ValueError, match="Not tried: 'speaker'"):
        cross_corpus("logistic", X, clips, "none").matrix("speaker")
