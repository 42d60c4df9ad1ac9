import numpy as np
import pandas as pd
import pytest

from sertools import features


@pytest.fixture
def told():
    """Rank noise, a speaker's mark, the emotion itself and a constant."""
    index = pd.Index([f"x/{i}" for i in range(60)], name="clip")
    speakers = [f"s{i % 3}" for i in range(60)]
    emotions = ["happy", "happy", "happy", "sad", "sad", "sad"] * 10
    clips = pd.DataFrame({"speaker": speakers, "emotion": emotions}, index=index)
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"noise": rng.standard_normal(60)}, index, dtype=np.float32)
    X["speaker"] = np.float32(100) * (np.arange(60) % 3) + rng.standard_normal(60)
    X["emotion"] = (clips["emotion"] == "sad").astype(np.float32)
    X["constant"] = np.float32(3)
    return lambda drop=None: features.telling(X, clips.assign(**drop or {}))


def test_the_most_telling_feature_comes_first(told):
    table = told()
    assert table.index[0] == "emotion"
    assert table.loc["emotion"].tolist() == [1, 0]
    assert table.loc[["noise", "speaker"], "mean"].between(0, 0.3).all()


def test_a_feature_that_never_varies_tells_nothing_and_comes_last(told):
    table = told()
    assert table.index[-1] == "constant"
    assert np.isnan(table.loc["constant", "mean"])


def test_unknown_speakers_count_as_one(told):
    table = told({"speaker": None})
    assert table.loc["emotion"].tolist() == [1, 0]
    assert (table["std"].dropna() == 0).all()
