import numpy as np
import pandas as pd
import pytest

from sertools.evaluation import probes


def space(clips, seed=0, **weights):
    """Make features that know what `weights` names, so strongly, and no more."""
    drawn = np.random.default_rng(seed)
    X = drawn.normal(size=(len(clips), 24))
    for name, weight in weights.items():
        codes = pd.factorize(clips[name])[0]
        X += weight * drawn.normal(size=(codes.max() + 1, 24))[codes]
    found = pd.DataFrame(X, index=clips.index)
    found.attrs["model"] = "+".join(weights) or "noise"
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
    X.attrs["random_weights"] = True
    assert probes(X, clips, by=["emotion"]).notes[0].startswith("Random weights: noise")


def test_clips_held_out_one_by_one_have_no_interval(clips):
    """Clips of one speaker are alike: an interval over clips would be too narrow."""
    found = answers(probes(space(clips), clips.drop(columns="text"), by=["speaker"]))
    assert found.loc["speaker", "held_out"].startswith("clips")
    assert np.isnan(found.loc["speaker", "low"])
    assert "(no interval)" in repr(probes(space(clips), clips[["emotion"]]))
