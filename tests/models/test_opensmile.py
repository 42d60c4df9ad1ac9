import numpy as np
import opensmile
import pytest

from sertools import models
from sertools.models import _functionals as system

WIDTHS = {"eGeMAPSv02": 88, "ComParE_2016": 6373}
DESCRIPTORS = {"eGeMAPSv02": 25, "ComParE_2016": 65}
SEMITONES = 12 * np.log2(150 / 27.5)  # of 150 Hz above openSMILE's 27.5 Hz


@pytest.fixture(params=WIDTHS)
def variant(request):
    return request.param


def smile(variant, level):
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet[variant],
        feature_level=opensmile.FeatureLevel[level],
    )


@pytest.fixture(scope="module")
def hum(make_voice):
    """Half a second of silence, a second at 150 Hz, half a second of silence."""
    pause = np.zeros(8_000, np.float32)
    return np.concatenate([pause, make_voice(150, 1.0), pause])


def test_the_numbers_are_openSMILEs_own(variant, voices, voice_files):
    model, own = models.load(f"opensmile:{variant}"), smile(variant, "Functionals")
    embedding = model.embed(voices)
    assert embedding.shape == (len(voices), WIDTHS[variant])
    assert list(model.get_feature_names_out()) == own.feature_names
    for row, waveform, path in zip(embedding, voices, voice_files, strict=True):
        expected = own.process_signal(waveform, 16_000).to_numpy()[0]
        assert np.array_equal(row, expected.astype(np.float32))
        assert np.array_equal(row, own.process_file(path).to_numpy()[0])


def test_the_package_gives_the_same_where_its_library_cannot_be_had_alone(
    variant, voices, monkeypatch
):
    direct = system.Functionals(variant, 16_000)
    expected = direct.embed(voices)
    monkeypatch.setattr(system, "_CONFIGS", {})
    packaged = system.Functionals(variant, 16_000)
    assert np.array_equal(packaged.embed(voices), expected)
    assert packaged.get_feature_names_out() == direct.get_feature_names_out()
    assert type(packaged.smile) is not type(direct.smile)


def test_what_is_too_short_for_a_frame_gives_no_numbers(monkeypatch):
    model, click = models.load("opensmile"), np.zeros(16, np.float32)
    assert np.isnan(model.backend.embed([click])).all()


def test_it_runs_in_worker_processes():
    assert models.load("opensmile").run_in_workers


def test_the_version_of_openSMILE_is_part_of_the_signature():
    signature = models.load("opensmile").signature()
    assert signature["opensmile"] == opensmile.__version__
    assert signature != models.load("opensmile:ComParE_2016").signature()


def test_descriptors_are_openSMILEs_own_frame_by_frame(variant, hum):
    table = models.load(f"opensmile:{variant}").descriptors(hum)
    expected = smile(variant, "LowLevelDescriptors").process_signal(hum, 16_000)
    assert table.shape[1] == DESCRIPTORS[variant]
    assert np.array_equal(table.to_numpy(), expected.to_numpy(), equal_nan=True)
    assert table.index.name == "seconds"
    assert table.index[0] == 0
    assert np.allclose(np.diff(table.index)[:-1], 0.01)  # openSMILE's last one may not
    assert 1.9 < table.index[-1] < 2


def test_descriptors_follow_the_voice(hum):
    table = models.load("opensmile").descriptors(hum)
    pitch, loudness = table["F0semitoneFrom27.5Hz_sma3nz"], table["Loudness_sma3"]
    assert np.median(pitch.loc[0.6:1.4]) == pytest.approx(SEMITONES, abs=0.5)
    assert (pitch.loc[:0.4] == 0).all()
    assert loudness.loc[0.6:1.4].min() > 10 * loudness.loc[:0.4].max()


def test_descriptors_of_a_file_are_those_of_its_samples(voices, voice_files):
    model = models.load("opensmile")
    assert model.descriptors(voice_files[0]).equals(model.descriptors(voices[0]))
