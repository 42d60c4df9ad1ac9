import numpy as np
import pandas as pd
import pytest

from sertools import features


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    index = pd.Index([f"x/{i}" for i in range(30)], name="clip")
    speakers = [f"s{i % 3}" for i in range(30)]
    X = pd.DataFrame(rng.normal(5, 3, (30, 4)), index, list("abcd"), np.float32)
    X["a"] += np.arange(30) % 3 * np.float32(100)
    X["d"] = np.float32(0.1)
    X.attrs = {"model": "shape", "excluded": []}
    corpora = ["x"] * 15 + ["y"] * 15
    clips = pd.DataFrame({"speaker": speakers, "dataset": corpora}, index=index)
    return X, clips


def test_no_standardising_is_the_same_table(table):
    X, clips = table
    assert features.standardize(X, clips, "none") is X


@pytest.mark.parametrize(
    ("how", "group"), [("corpus", "dataset"), ("speaker", "speaker")]
)
def test_each_group_has_mean_0_and_deviation_1(how, group, table):
    X, clips = table
    before = X.copy()
    S = features.standardize(X, clips.sample(frac=1, random_state=0), how)
    assert X.equals(before)
    assert (S.dtypes == np.float32).all()
    assert S.index.equals(X.index)
    assert S.columns.equals(X.columns)
    assert S.attrs == X.attrs
    for _, rows in S.groupby(clips[group]):
        assert rows[["a", "b", "c"]].mean().to_numpy() == pytest.approx(0, abs=1e-5)
        deviation = rows[["a", "b", "c"]].std(ddof=0).to_numpy()
        assert deviation == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("how", ["corpus", "speaker"])
def test_a_feature_that_does_not_vary_becomes_0(how, table):
    X, clips = table
    X["c"] = np.float32(1e6)
    S = features.standardize(X, clips, how)
    assert (S[["c", "d"]] == 0).all(axis=None)


def test_a_speaker_of_one_clip_becomes_0(table):
    X, clips = table
    clips.iloc[0, 0] = "alone"
    S = features.standardize(X, clips, "speaker")
    assert (S.iloc[0] == 0).all()
    assert np.isfinite(S).all(axis=None)


def test_standardising_by_speaker_needs_to_know_them_all(table):
    X, clips = table
    with pytest.raises(ValueError, match="speaker of 15 of 30 clips is unknown"):
        features.standardize(X, clips.iloc[:15], "speaker")
    clips.loc[clips.index[3:5], "speaker"] = None
    with pytest.raises(ValueError, match="speaker of 2 of 30 clips is unknown"):
        features.standardize(X, clips, "speaker")


@pytest.mark.parametrize("how", ["", "fold", None, "Speaker"])
def test_another_way_of_standardising_is_refused_with_the_known_ones(how, table):
    with pytest.raises(ValueError, match="Known: none, corpus, speaker"):
        features.standardize(*table, how)
