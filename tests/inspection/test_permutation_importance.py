import numpy as np
import pandas as pd
import pytest

from sertools import evaluation, inspection, plots


@pytest.fixture
def heard(imagined):
    """Give features of which three tell the emotion, and three nothing."""
    clips, X = imagined(6, clips=4, features=6, apart=3)
    rng = np.random.default_rng(1)
    X[["f3", "f4", "f5"]] = rng.standard_normal((len(X), 3)).astype("f4")
    return X, clips


FAMILIES = {f"f{i}": "voice" if i < 3 else "hiss" for i in range(6)}


def test_what_is_heard_drops_and_what_is_noise_does_not(heard):
    found = inspection.permutation_importance("logistic", *heard, FAMILIES, repeats=10)
    table = found.table
    assert table.index.tolist() == ["voice", "hiss"]
    assert table.at["voice", "drop"] == pytest.approx(found.uar - 1 / 3, abs=0.1)
    assert abs(table.at["hiss", "drop"]) < 0.1
    assert (
        table.at["voice", "low"] < table.at["voice", "drop"] < table.at["voice", "high"]
    )
    assert table.at["voice", "p_joint"] < 0.05 < table.at["hiss", "p_joint"]
    assert table.at["voice", "alone"] > 0.7
    assert table.at["hiss", "alone"] == pytest.approx(1 / 3, abs=0.15)
    assert table["n_features"].tolist() == [3, 3]


def test_all_features_score_as_cross_validate_says(heard):
    X, clips = heard
    plain = evaluation.cross_validate("logistic", X, clips, baseline=False)
    found = inspection.permutation_importance("logistic", X, clips, FAMILIES, repeats=1)
    assert found.uar == pytest.approx(plain.scores()["uar"]["value"])
    only = evaluation.cross_validate(
        "logistic", X[["f0", "f1", "f2"]], clips, baseline=False
    ).scores()["uar"]
    row = found.table.loc["voice"]
    told = {"value": row["alone"], "low": row["alone_low"], "high": row["alone_high"]}
    assert told == pytest.approx(only)


def test_what_differs_between_speakers_alone_is_not_shuffled(heard):
    X, clips = heard
    X = X.assign(who=clips["speaker"].str[-1].astype("f4"))
    found = inspection.permutation_importance(
        "svm", X, clips, FAMILIES | {"who": "who"}, repeats=2
    )
    assert found.table.at["who", "drop"] == 0


def test_a_family_can_be_replaced_by_one_that_knows_the_same(heard):
    X, clips = heard
    twins = X[["f0", "f1", "f2"]].add_suffix("b")
    families = FAMILIES | dict.fromkeys(twins.columns, "twin")
    alone = inspection.permutation_importance("logistic", X, clips, FAMILIES, repeats=3)
    both = inspection.permutation_importance(
        "logistic", X.join(twins), clips, families, repeats=3
    )
    assert both.table.at["voice", "drop"] < alone.table.at["voice", "drop"] - 0.1
    assert both.table.at["twin", "alone"] > 0.7
    assert "stand in for each other" in both.notes[-1]


def test_the_same_seed_gives_the_same(heard):
    one = inspection.permutation_importance(
        "logistic", *heard, FAMILIES, repeats=2, seed=5
    )
    two = inspection.permutation_importance(
        "logistic", *heard, FAMILIES, repeats=2, seed=5
    )
    pd.testing.assert_frame_equal(one.table, two.table)


def test_it_shows_itself_and_its_drops_can_be_drawn(heard):
    found = inspection.permutation_importance("logistic", *heard, FAMILIES, repeats=2)
    assert "voice" in repr(found)
    assert "trained on it alone" in repr(found)
    assert "<td>" in found._repr_html_()
    bars = plots.importances(found.drops())
    assert bars.get_yticklabels()[0].get_text() == "voice"


def test_what_makes_no_sense_is_refused(heard):
    X, clips = heard
    with pytest.raises(ValueError, match="'f5' has no family"):
        inspection.permutation_importance(
            "svm", X, clips, {f"f{i}": "a" for i in range(5)}
        )
    with pytest.raises(ValueError, match="One family only"):
        inspection.permutation_importance("svm", X, clips, dict.fromkeys(X, "a"))
    with pytest.raises(ValueError, match="repeats must be at least 1"):
        inspection.permutation_importance("svm", X, clips, FAMILIES, repeats=0)
    with pytest.raises(ValueError, match="'f0' is of no known family"):
        inspection.permutation_importance("svm", X, clips)


def test_speakers_unknown_of_one_clip_leave_no_interval(heard):
    X, clips = heard
    clips = clips.assign(speaker=clips["speaker"].where(clips.index != clips.index[0]))
    found = inspection.permutation_importance(
        "logistic", X, clips, FAMILIES, "random", repeats=1
    )
    assert found.n_speakers is None
    assert found.table[["low", "alone_low", "alone_high"]].isna().all(axis=None)


def test_clips_without_features_are_no_matter_and_strangers_are_named(heard):
    X, clips = heard
    with pytest.raises(ValueError, match="rows of features belong to no clip"):
        inspection.permutation_importance(
            "logistic", X, clips.iloc[1:], FAMILIES, repeats=1
        )
