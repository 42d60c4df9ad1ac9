import numpy as np
import pandas as pd
import pytest

from sertools import features, models
from sertools.features._feature_groups import _STARTS, FAMILIES


@pytest.mark.parametrize(
    ("variant", "sizes"),
    [("eGeMAPSv02", (10, 11, 51, 10, 6)), ("ComParE_2016", (78, 264, 5600, 390, 41))],
)
def test_every_feature_has_exactly_one_family(variant, sizes):
    names = models.load(f"opensmile:{variant}").get_feature_names_out()
    found = features.feature_groups(names)
    assert found.index.tolist() == list(names)
    assert tuple(found.value_counts()[list(FAMILIES)]) == sizes
    for name in names:
        fitting = [f for f, starts in _STARTS.items() if name.startswith(starts)]
        assert len(fitting) == 1, name


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("F0semitoneFrom27.5Hz_sma3nz_amean", "pitch"),
        ("F1frequency_sma3nz_amean", "spectrum"),
        ("loudness_sma3_meanRisingSlope", "loudness"),
        ("loudnessPeaksPerSec", "rhythm"),
        ("logRelF0-H1-H2_sma3nz_amean", "voice quality"),
        ("F0final_sma_ff0_meanSegLen", "rhythm"),
        ("audspec_lengthL1norm_sma_meanPeakDist", "rhythm"),
        ("mfcc_sma[3]_meanPeakDist", "spectrum"),
        ("opensmile/jitterLocal_sma3nz_amean", "voice quality"),
        ("mfcc3_mean", "spectrum"),
    ],
)
def test_a_feature_is_about_what_its_descriptor_is_about(name, family):
    assert features.feature_groups([name]).tolist() == [family]


def test_what_has_no_family_is_refused():
    with pytest.raises(ValueError, match="'embedding_7' is of no known family"):
        features.feature_groups(["loudnessPeaksPerSec", "embedding_7"])


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
    return lambda drop=None: features.eta_squared(X, clips.assign(**drop or {}))


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
