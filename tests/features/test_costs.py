"""What a system costs is measured, or it is said that it was not."""

import pytest

from sertools import datasets, features, models
from sertools.features.costs import megabytes


@pytest.fixture(scope="module")
def clips():
    return datasets.select(datasets.load("demo"), max_clips=6)


def test_time_is_measured_where_nothing_came_from_the_store(clips, tmp_path):
    model = models.load("duration_loudness")
    cold = features.extract(model, clips, store=tmp_path, jobs=1, progress=False)
    assert 0 < cold.attrs["seconds_per_clip"] < 10
    warm = features.extract(model, clips, store=tmp_path, jobs=1, progress=False)
    assert warm.attrs["seconds_per_clip"] is None
    kept = features.extract(model, clips[:3], store=tmp_path / "x", jobs=1)
    assert kept.attrs["seconds_per_clip"] > 0
    some = features.extract(model, clips, store=tmp_path / "x", jobs=1)
    assert some.attrs["seconds_per_clip"] is None  # half of it came from the store


def test_a_fused_system_takes_the_time_of_its_parts(clips):
    model = models.load("duration_loudness+opensmile")
    X = features.extract(model, clips, store=False, jobs=1, progress=False)
    alone = features.extract(model.parts[0], clips, store=False, jobs=1, progress=False)
    assert X.attrs["seconds_per_clip"] > 0
    assert alone.attrs["megabytes"] == X.attrs["megabytes"] == 0


def test_weights_are_weighed(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 1_500_000)
    assert megabytes(models.load("opensmile+mfcc")) == 0
    assert megabytes(models.load("whisper", weights=tmp_path / "a")) == 1.5
    assert 0 < megabytes(models.load("trained:emodb_egemaps")) < 0.1


def test_random_weights_have_no_size_worth_telling():
    assert megabytes(models.load("whisper", weights="tiny")) is None
