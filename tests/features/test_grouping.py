import pytest

from sertools import features, models
from sertools.features.grouping import _STARTS, FAMILIES


@pytest.mark.parametrize(
    ("variant", "sizes"),
    [("eGeMAPSv02", (10, 11, 51, 10, 6)), ("ComParE_2016", (78, 264, 5600, 390, 41))],
)
def test_every_feature_has_exactly_one_family(variant, sizes):
    names = models.load(f"opensmile:{variant}").get_feature_names_out()
    found = features.families(names)
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
    assert features.families([name]).tolist() == [family]


def test_what_has_no_family_is_refused():
    with pytest.raises(ValueError, match="'embedding_7' is of no known family"):
        features.families(["loudnessPeaksPerSec", "embedding_7"])
