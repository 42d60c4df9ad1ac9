import matplotlib.pyplot as plt
import numpy as np
import pytest
import soundfile

from sertools import plots


def tone(hertz, seconds=1.0, sr=16_000):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * sr)) / sr)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "voice.wav"
    soundfile.write(path, tone(440, 1.5, 44_100), 44_100)
    return path


@pytest.mark.parametrize("draw", [plots.waveform, plots.spectrogram])
def test_seconds_are_the_clips_own(draw, file):
    ax = draw(file)
    assert ax.get_xlim() == pytest.approx((0, 1.5), abs=1e-3)
    assert ax.get_title(loc="left") == "voice.wav"
    assert draw(tone(440, 0.5, 8000), sr=8000).get_xlim() == (0, 0.5)


def test_an_axes_of_ones_own_keeps_its_title(file):
    _, ax = plt.subplots()
    ax.set_title("mine", loc="left")
    assert plots.waveform(file, ax=ax).get_title(loc="left") == "mine"


def test_no_peak_of_a_long_clip_is_lost():
    samples = np.zeros(160_000)
    samples[77_777] = 0.9
    vertices = plots.waveform(samples).collections[0].get_paths()[0].vertices
    assert vertices[:, 1].max() == pytest.approx(0.9)
    assert len(vertices) < 8000


@pytest.mark.parametrize("kind", ["mel", "linear"])
@pytest.mark.parametrize("hertz", [300, 1000, 5000])
def test_a_tone_is_loudest_at_its_own_pitch(kind, hertz):
    ax = plots.spectrogram(tone(hertz), kind=kind)
    mesh = ax.collections[0]
    level = mesh.get_array()
    edges = mesh.get_coordinates()[:, 0, 1]
    band = level[:, level.shape[1] // 2].argmax()
    assert edges[band] - 20 <= hertz <= edges[band + 1] + 20
    assert (level.min(), level.max()) == (-80, 0)
    assert ax.get_ylim() == (0, 8000)


def test_time_runs_from_left_to_right():
    samples = np.concatenate([np.zeros(8000), tone(1000, 0.5)])
    mesh = plots.spectrogram(samples).collections[0]
    loudest = mesh.get_array().max(axis=0)
    middles = (mesh.get_coordinates()[0, 1:, 0] + mesh.get_coordinates()[0, :-1, 0]) / 2
    assert (loudest[middles < 0.47] == -80).all()
    assert (loudest[(middles > 0.53) & (middles < 0.97)] > -10).all()


def test_long_recordings_have_no_more_columns_than_a_screen_shows():
    mesh = plots.spectrogram(tone(440, 60)).collections[0]
    assert mesh.get_array().shape[1] <= 3001


@pytest.mark.parametrize("draw", [plots.waveform, plots.spectrogram])
def test_silence_is_drawn_and_named(draw):
    assert draw(np.zeros(16_000)).get_title(loc="left") == "a silent clip"


def test_a_silent_spectrogram_is_dark():
    level = plots.spectrogram(np.zeros(16_000)).collections[0].get_array()
    assert (level == -80).all()


def test_refusals_leave_no_figure(tmp_path):
    with pytest.raises(ValueError, match="Known: mel, linear"):
        plots.spectrogram(tone(440), kind="bark")
    with pytest.raises(FileNotFoundError):
        plots.waveform(tmp_path / "none.wav")
    with pytest.raises(ValueError, match="NaN"):
        plots.spectrogram(np.full(16_000, np.nan))
    assert plt.get_fignums() == []


def test_a_real_clip(real_data):
    path = real_data / "emodb" / "wav" / "03a01Fa.wav"
    assert plots.waveform(path).get_xlim()[1] == pytest.approx(1.898, abs=0.01)
    assert plots.spectrogram(path).collections[0].get_array().max() == 0
