import itertools

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from sertools import labels, plots
from sertools.plots.melody import _spread

PITCH, LOUDNESS = "F0semitoneFrom27.5Hz_sma3nz", "Loudness_sma3"


def track(pitch, frames=50):
    seconds = np.arange(frames) / 100
    table = pd.DataFrame(
        {PITCH: pitch, LOUDNESS: 1.0}, pd.Index(seconds, name="seconds")
    )
    table.iloc[10:15, 0] = 0.0
    return table


def drawn(panel):
    return {
        line.get_label(): line for line in panel.lines if line.get_label()[0] != "_"
    }


def test_pitch_is_in_semitones_from_the_median_with_gaps():
    pitch, loudness = plots.contours({"sad": track(36.0), "happy": track(40.0)})
    lines = drawn(pitch)
    assert list(lines) == ["happy", "sad"]
    values = lines["happy"].get_ydata()
    assert np.isnan(values[10:15]).all()
    assert set(values[:10]) == {2.0}
    assert pitch.get_ylabel() == f"semitones from {27.5 * 2 ** (38 / 12):.0f} Hz"
    assert not np.isnan(drawn(loudness)["sad"].get_ydata()).any()
    assert loudness.get_xlabel() == "seconds"


def test_emotions_differ_by_more_than_colour():
    tracks = {name: track(30.0 + i) for i, name in enumerate(labels.EMOTIONS[:8])}
    lines = drawn(plots.contours(tracks, "pitch")[0]).values()
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
    ends = {line.get_xdata()[-1] for line in drawn(panels[0]).values()}
    assert ends == {1.0}
    assert panels[-1].get_xlabel() == "share of the clip"


def test_a_voice_that_is_never_heard_leaves_its_panel_empty():
    silent = track(0.0)
    ax = plots.contours({"sad": silent}, "pitch")[0]
    assert np.isnan(drawn(ax)["sad"].get_ydata()).all()


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
    lines = drawn(ax)
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
