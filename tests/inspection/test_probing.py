import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import pairwise_distances, silhouette_score

from sertools.inspection import _probing, probes
from sertools.metadata import FeaturesMetadata


def space(clips, seed=0, **weights):
    """Make features that know what `weights` names, so strongly, and no more."""
    drawn = np.random.default_rng(seed)
    X = drawn.normal(size=(len(clips), 24))
    for name, weight in weights.items():
        codes = pd.factorize(clips[name])[0]
        X += weight * drawn.normal(size=(codes.max() + 1, 24))[codes]
    found = pd.DataFrame(X, index=clips.index)
    FeaturesMetadata.update(found, model="+".join(weights) or "noise")
    return found


@pytest.fixture(scope="module")
def clips(imagined):
    return imagined(speakers=6, clips=4)[0]


def answers(found):
    return found.table.set_index("property")


def test_a_space_of_emotion_knows_emotion_and_no_more(clips):
    found = answers(probes(space(clips, emotion=1.5), clips))
    assert found.loc["emotion", "uar"] > 0.9
    assert found.loc["emotion", "p"] == 1 / 200
    assert found.loc["emotion", "share"] > 0.3
    for other in ("speaker", "sex", "text"):
        row = found.loc[other]
        assert row["low"] < row["chance"] + 0.1
        assert abs(row["share"]) < 0.05
        assert row["p"] > 0.02


def test_a_space_of_speakers_knows_speakers_and_no_emotion(clips):
    found = answers(probes(space(clips, speaker=1.5), clips))
    assert found.loc["speaker", "uar"] > 0.9
    assert found.loc["speaker", "share"] > 0.3
    row = found.loc["emotion"]
    assert row["low"] < row["chance"] + 0.1
    assert abs(row["share"]) < 0.05
    assert found.loc["sex", "p"] > 1 / 20  # speakers alone are no sex


def test_noise_knows_nothing(clips):
    found = answers(probes(space(clips), clips))
    assert (found["low"] < found["chance"]).all()
    assert (found["share"].abs() < 0.03).all()
    assert (found["known"] < 0.25).all()


def test_what_is_held_out_is_said_and_held_out(clips):
    """The words of each speaker are a giveaway in training, and nowhere else."""
    who = clips.assign(cell=clips["speaker"] + clips["text"])
    X = space(who, cell=3)
    found = answers(probes(X, clips, by=["speaker", "emotion"]))
    assert found["held_out"].to_dict() == {"speaker": "texts", "emotion": "speakers"}
    assert found.loc["speaker", "uar"] < 0.4
    flattering = answers(probes(X, clips.drop(columns="text"), by=["speaker"]))
    assert flattering.loc["speaker", "uar"] > 0.9
    assert "texts unknown: flatters" in flattering.loc["speaker", "held_out"]


def test_with_two_texts_there_is_no_interval(clips):
    two = clips[clips["text"].isin(["t0", "t1"])]
    found = answers(probes(space(two, speaker=1.5), two, by=["speaker", "emotion"]))
    assert np.isnan(found.loc["speaker", "low"])
    assert found.loc["emotion", "low"] < found.loc["emotion", "high"]


def test_several_spaces_stand_side_by_side_on_the_clips_they_share(clips):
    spaces = {"a": space(clips, emotion=1.5), "b": space(clips).iloc[6:]}
    found = probes(spaces, clips, by=["emotion"])
    assert found.table["model"].tolist() == ["a", "b"]
    assert set(found.table["n_clips"]) == {len(clips) - 6}
    text, page = repr(found), found._repr_html_()
    assert "emotion" in text and "held out: speakers" in text
    assert "<table" in page and "silhouette" in page


def test_the_same_seed_gives_the_same_answers(clips):
    X = space(clips, emotion=0.5)
    first, second = (probes(X, clips, by=["emotion"]).table for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_what_is_unknown_is_said(clips):
    found = probes(space(clips), clips, by=["emotion", "intensity"])
    assert found.notes == ["intensity: it is not known of these clips."]
    with pytest.raises(ValueError, match="Nothing to ask for. age: it is not known"):
        probes(space(clips), clips, by=["age"])
    with pytest.raises(ValueError, match="belong to no clip"):
        probes(space(clips), clips.iloc[1:])


def test_random_weights_are_pointed_out(clips):
    X = space(clips)
    FeaturesMetadata.update(X, random_weights=True)
    assert probes(X, clips, by=["emotion"]).notes[0].startswith("Random weights: noise")


def test_clips_held_out_one_by_one_have_no_interval(clips):
    """Clips of one speaker are alike: an interval over clips would be too narrow."""
    found = answers(probes(space(clips), clips.drop(columns="text"), by=["speaker"]))
    assert found.loc["speaker", "held_out"].startswith("clips")
    assert np.isnan(found.loc["speaker", "low"])
    assert "(no interval)" in repr(probes(space(clips), clips[["emotion"]]))


def points(apart, n=60, seed=0):
    drawn = np.random.default_rng(seed)
    groups = np.arange(n) % 3
    return drawn.normal(size=(n, 4)) + apart * np.eye(3, 4)[groups], groups


@pytest.mark.parametrize("apart", [0, 1, 5])
def test_the_silhouette_is_that_of_scikit_learn(apart):
    X, groups = points(apart)
    groups[0] = 7  # alone in its group
    found = _probing.silhouette(pairwise_distances(X), groups)
    assert found == pytest.approx(silhouette_score(X, groups))


def test_the_share_of_groups_that_say_nothing_is_nothing():
    shares = [_probing.share(*points(0, seed=seed)) for seed in range(40)]
    assert abs(np.mean(shares)) < 0.01
    assert _probing.share(*points(5)) > 0.6


def test_the_share_is_that_of_the_variance_between():
    X = np.array([[0.0], [2.0], [4.0], [6.0]])
    # within: 1 + 1 + 1 + 1 over 2; whole: 20 over 3
    assert _probing.share(X, np.array(list("aabb"))) == pytest.approx(1 - 2 / (20 / 3))


def test_names_are_shuffled_within_strata():
    groups = np.array(list("abab" * 5))
    strata = np.repeat(np.arange(5), 4)
    drawn = np.random.default_rng(0)
    moved = _probing.shuffled(groups, strata, drawn)
    assert (moved.reshape(5, 4).sum(axis=1) == 2).all()
    assert (moved != (groups == "b")).any()


def test_names_of_whole_strata_are_shuffled_where_a_stratum_has_one():
    sexes, speakers = np.repeat(list("fmfm"), 5), np.repeat(np.arange(4), 5)
    drawn = np.random.default_rng(0)
    every = [_probing.shuffled(sexes, speakers, drawn) for _ in range(50)]
    assert all((m.reshape(4, 5) == m.reshape(4, 5)[:, :1]).all() for m in every)
    assert len({tuple(m) for m in every}) == 6  # ways to choose two of four


def test_luck_gives_less_than_what_is_there():
    X, groups = points(2)
    distances = pairwise_distances(X)
    luck = _probing.silhouette_by_luck(distances, groups, np.zeros(60), draws=50)
    assert luck.max() < _probing.silhouette(distances, groups)
    again = _probing.silhouette_by_luck(distances, groups, np.zeros(60), draws=50)
    assert (luck == again).all()


def test_columns_that_never_change_are_left_out():
    X = np.c_[np.arange(4.0), np.full(4, 3.0)]
    assert _probing.scaled(X).shape == (4, 1)
