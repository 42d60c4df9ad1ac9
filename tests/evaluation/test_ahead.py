import pytest

from sertools import datasets, features, models
from sertools.evaluation import _ahead
from sertools.metadata import FeaturesMetadata


@pytest.fixture
def clips(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_STORE", str(tmp_path / "store"))
    return datasets.select(datasets.load("demo"), max_clips=6)


def baseline(clips):
    return features.extract(models.load("duration_loudness"), clips, progress=False)


def test_the_baseline_is_heard_meanwhile(clips):
    with _ahead.preparing("svm", clips):
        pass
    assert (
        FeaturesMetadata.of(baseline(clips)).seconds_per_clip is None
    )  # came from the store


def test_what_fails_is_left_to_whoever_needs_it(clips):
    with _ahead.preparing("no_such_head", clips):
        pass
    assert FeaturesMetadata.of(baseline(clips)).seconds_per_clip > 0


def test_an_error_meanwhile_is_not_held_back(clips):
    with pytest.raises(OSError, match="disk"), _ahead.preparing("svm", clips):
        raise OSError("disk full")
