import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import soundfile
from matplotlib.text import Text

from sertools import labels, plots
from sertools.plots._audio import _spread


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


@pytest.fixture
def table():
    seconds = pd.Index(np.arange(5) / 100, name="seconds")
    return pd.DataFrame(
        {
            "Loudness_sma3": [0.0, 0.5, 1.0, 0.5, 0.0],
            "F0semitoneFrom27.5Hz_sma3nz": [0.0, 20.0, 21.0, 0.0, 22.0],
            "F1amplitudeLogRelF0_sma3nz": [-201.0, -3.0, -4.0, -201.0, -5.0],
        },
        index=seconds,
    )


def drawn(panel):
    return panel.lines[0].get_ydata()


def test_without_axes_there_is_one_panel_a_descriptor(table):
    panels = plots.descriptors(table, list(table.columns))
    assert panels.shape == (3,)
    assert len({panel.figure.number for panel in panels}) == 1
    assert panels[-1].get_xlabel() == "seconds"
    assert panels[0].get_xlim() == (0, 0.04)


def test_no_voice_is_a_gap_and_silence_is_not(table):
    loudness, pitch, formant = plots.descriptors(table, list(table.columns))
    assert drawn(loudness).tolist() == [0, 0.5, 1, 0.5, 0]
    assert np.isnan(drawn(pitch)).tolist() == [True, False, False, True, False]
    assert np.isnan(drawn(formant)).tolist() == [True, False, False, True, False]
    assert pitch.lines[0].get_marker() == "."  # or a single voiced frame is lost


def test_the_table_is_left_as_it_is(table):
    before = table.copy()
    plots.descriptors(table)
    pd.testing.assert_frame_equal(table, before)


def test_the_telling_ones_come_first_where_none_is_named(table):
    titles = [panel.get_title(loc="left") for panel in plots.descriptors(table)]
    assert titles == [
        "pitch, semitones above 27.5 Hz (F0semitoneFrom27.5Hz_sma3nz)",
        "loudness (Loudness_sma3)",
    ]
    plain = pd.DataFrame(np.ones((3, 9)), columns=[f"c{i}" for i in range(9)])
    assert len(plots.descriptors(plain)) == 6


def test_axes_of_ones_own(table):
    _, ax = plt.subplots()
    assert plots.descriptors(table, "Loudness_sma3", ax=ax) is ax
    _, two = plt.subplots(2)
    panels = plots.descriptors(table, list(table.columns[:2]), ax=two)
    assert list(panels) == list(two)
    with pytest.raises(ValueError, match="2 descriptors need 2 Axes, not 1"):
        plots.descriptors(table, list(table.columns[:2]), ax=ax)


def test_unknown_names_and_empty_tables_are_refused(table):
    with pytest.raises(ValueError, match=r"descriptors: pitch\. Known: Loud"):
        plots.descriptors(table, ["pitch"])
    with pytest.raises(ValueError, match="none named"):
        plots.descriptors(table, [])
    with pytest.raises(ValueError, match="is empty"):
        plots.descriptors(table.iloc[:0])
    assert plt.get_fignums() == []


def heard(n, **classes):
    seconds = pd.Index(np.arange(n) * 0.48, name="seconds")
    return pd.DataFrame({k: np.full(n, v) for k, v in classes.items()}, index=seconds)


def names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_the_loudest_classes_are_drawn_the_best_on_average_on_top():
    table = heard(4, Sigh=0.1, Speech=0.9, Shout=0.2, Hum=0.0)
    table.loc[0.48, "Hum"] = 0.8
    ax = plots.frame_scores(table, top=3)
    assert names(ax) == ["Speech", "Hum", "Shout"]
    low, high = ax.get_ylim()
    assert low > high


def test_few_frames_have_their_numbers_and_many_a_scale():
    few = plots.frame_scores(heard(3, Speech=0.9, Sigh=0.1))
    assert [text.get_text() for text in few.texts] == ["0.90", "0.10"] * 3
    many = plots.frame_scores(heard(150, happy=0.2, sad=0.8))
    assert not many.texts
    assert many.collections[0].colorbar is not None


def test_the_last_frame_is_as_long_as_the_one_before_it():
    ax = plots.frame_scores(heard(3, a=0.5))
    assert ax.get_xlim() == pytest.approx((0, 1.44))
    assert plots.frame_scores(heard(1, a=0.5)).get_xlim() == (0, 1)


def test_it_draws_on_the_axes_it_is_given():
    import matplotlib.pyplot as plt

    _, own = plt.subplots()
    assert plots.frame_scores(heard(2, a=0.1), ax=own) is own


def test_an_empty_table_is_refused():
    with pytest.raises(ValueError, match="empty"):
        plots.frame_scores(pd.DataFrame())


PITCH, LOUDNESS = "F0semitoneFrom27.5Hz_sma3nz", "Loudness_sma3"


def track(pitch, frames=50):
    seconds = np.arange(frames) / 100
    table = pd.DataFrame(
        {PITCH: pitch, LOUDNESS: 1.0}, pd.Index(seconds, name="seconds")
    )
    table.iloc[10:15, 0] = 0.0
    return table


def drawn_melody(panel):
    return {
        line.get_label(): line for line in panel.lines if line.get_label()[0] != "_"
    }


def test_pitch_is_in_semitones_from_the_median_with_gaps():
    pitch, loudness = plots.contours({"sad": track(36.0), "happy": track(40.0)})
    lines = drawn_melody(pitch)
    assert list(lines) == ["happy", "sad"]
    values = lines["happy"].get_ydata()
    assert np.isnan(values[10:15]).all()
    assert set(values[:10]) == {2.0}
    assert pitch.get_ylabel() == f"semitones from {27.5 * 2 ** (38 / 12):.0f} Hz"
    assert not np.isnan(drawn_melody(loudness)["sad"].get_ydata()).any()
    assert loudness.get_xlabel() == "seconds"


def test_emotions_differ_by_more_than_colour():
    tracks = {name: track(30.0 + i) for i, name in enumerate(labels.EMOTIONS[:8])}
    lines = drawn_melody(plots.contours(tracks, "pitch")[0]).values()
    looks = {(line.get_marker(), line.get_linestyle()) for line in lines}
    assert len(looks) == 8
    assert len({line.get_color() for line in lines}) == 8


def test_each_line_is_named_at_its_end_and_names_do_not_collide():
    ax = plots.contours({n: track(30.0) for n in ("sad", "fear", "happy", "angry")})[0]
    names = {text.get_text(): text for text in ax.texts}
    assert {"sad", "fear", "happy", "angry"} <= names.keys()
    ax.figure.canvas.draw()
    boxes = [
        Text.get_window_extent(names[n]) for n in ("sad", "fear", "happy", "angry")
    ]
    edges = sorted((box.y0, box.y1) for box in boxes)
    assert all(low[1] <= high[0] + 2 for low, high in itertools.pairwise(edges))


def test_a_name_stands_once_by_the_pitch_or_else_by_the_loudness():
    pitch, loudness = plots.contours({"sad": track(30.0), "fear": track(0.0)})
    emotions = {"sad", "fear"}
    assert {text.get_text() for text in pitch.texts} & emotions == {"sad"}
    assert {text.get_text() for text in loudness.texts} & emotions == {"fear"}


def test_stretched_clips_have_one_length():
    clips = {"sad": track(30.0, 80), "happy": track(30.0, 40)}
    panels = plots.contours(clips, relative=True)
    ends = {line.get_xdata()[-1] for line in drawn_melody(panels[0]).values()}
    assert ends == {1.0}
    assert panels[-1].get_xlabel() == "share of the clip"


def test_a_voice_that_is_never_heard_leaves_its_panel_empty():
    silent = track(0.0)
    ax = plots.contours({"sad": silent}, "pitch")[0]
    assert np.isnan(drawn_melody(ax)["sad"].get_ydata()).all()


def test_clips_are_measured_and_what_the_model_said_is_told(tmp_path):
    soundfile = pytest.importorskip("soundfile")
    rows = []
    for emotion, hertz in (("happy", 220), ("sad", 110)):
        seconds = np.arange(16_000) / 16_000
        wave = sum(np.sin(2 * np.pi * hertz * k * seconds) / k for k in range(1, 9))
        soundfile.write(tmp_path / f"{emotion}.wav", 0.1 * wave, 16_000)
        rows.append(
            (emotion, str(tmp_path / f"{emotion}.wav"), "happy", "x/1", "Hello")
        )
    names = ["emotion", "path", "predicted", "speaker", "text"]
    clips = pd.DataFrame(rows, columns=names)
    ax = plots.contours(clips)[0]
    lines = drawn_melody(ax)
    gap = np.nanmedian(lines["happy"].get_ydata()) - np.nanmedian(
        lines["sad"].get_ydata()
    )
    assert gap == pytest.approx(12, abs=0.5)
    assert ax.get_title(loc="left") == "Hello (said by 1)"
    assert any("The model took sad as happy." in text.get_text() for text in ax.texts)
    with pytest.raises(ValueError, match="Two clips are sad"):
        plots.contours(clips.assign(emotion="sad"))


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="Unknown contour tempo. Known: pitch, loudn"):
        plots.contours({"sad": track(30.0)}, "tempo")
    with pytest.raises(ValueError, match="take 1 to 8 clips, not 0"):
        plots.contours({})
    with pytest.raises(ValueError, match="No pitch here"):
        plots.contours({"sad": track(30.0).drop(columns=PITCH)})
    ax = plots.contours({"sad": track(30.0)})[0]
    with pytest.raises(ValueError, match="2 contours need 2 Axes, not 1"):
        plots.contours({"sad": track(30.0)}, ax=ax)


def test_names_move_apart_and_keep_their_order():
    moved = _spread([0.5, 0.5, 0.99, 1.0])
    assert (np.diff(moved) >= 0.085 - 1e-9).all()
    assert moved.tolist() == pytest.approx([0.5, 0.585, 0.915, 1])
