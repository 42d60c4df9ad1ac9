import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from sertools import features, labels, plots
from sertools.metadata import TimelineMetadata
from sertools.plots import _emotion_timeline


def course(seconds, hop=0.5, window=1.0, seed=0):
    """Make a timeline with a pause in the middle, and its windows."""
    starts = np.arange(0, seconds - window + 1e-9, hop)
    middle = seconds / 2
    starts = starts[(starts + window <= middle - 1) | (starts >= middle + 1)]
    scores = np.random.default_rng(seed).dirichlet([1, 1, 1], len(starts))
    made = pd.DataFrame({"start": starts, "end": starts + window})
    made = made.join(pd.DataFrame(scores, columns=["angry", "happy", "sad"]))
    TimelineMetadata.update(
        made, seconds=float(seconds), model="loud", recording="talk.wav"
    )
    return made


@pytest.fixture
def windows():
    return course(12)


TRUTH = pd.DataFrame(
    {"start": [0.0, 7.0], "end": [5.0, 12.0], "emotion": ["happy", "sad"]}
)


def line(ax, name):
    (found,) = [one for one in ax.lines if one.get_label() == name]
    return found.get_data()


def words(ax):
    return " ".join(text.get_text() for text in ax.texts).replace("\n", " ")


def test_a_lane_an_emotion_with_its_share_of_the_time(windows):
    ax = plots.emotion_timeline(windows)
    names = [label.get_text() for label in ax.get_yticklabels()]
    told = features.decisions(windows)
    seconds = (told["end"] - told["start"])[told["verdict"] == "angry"].sum()
    share = seconds / (told["end"] - told["start"]).sum()
    assert names[0] == f"angry {100 * share:.0f} %"
    assert [name.split()[0] for name in names] == ["angry", "happy", "sad", "verdict"]
    assert ax.get_xlim() == (0, 12)
    assert ax.get_title(loc="left") == "talk.wav, loud"


def test_lines_are_the_scores_and_break_at_silence(windows):
    x, y = line(plots.emotion_timeline(windows), "sad")
    told = features.decisions(windows)
    bottom = 1  # of three lanes over one strip
    heights = (y[~np.isnan(x)] - bottom) / 0.86
    assert np.allclose(heights, np.repeat(told["sad"], 2))
    assert np.isnan(x).sum() == 1  # one pause


def test_the_band_is_of_the_windows_not_of_the_smoothed_curve(windows):
    smooth = features.smooth(windows, 3)
    heights = []
    for behind in (None, windows):
        ax = plots.emotion_timeline(smooth, behind)
        band = ax.collections[1].get_paths()  # after silence: the first lane's
        tops = np.concatenate([path.vertices[:, 1] for path in band])
        heights.append(tops.max())
    assert heights[1] > heights[0]
    assert heights[1] == pytest.approx(3 + 0.86 * windows["angry"].max())


def test_a_verdict_is_filled_in_its_lane_and_named_below(windows):
    sure = windows.assign(angry=0.1, happy=0.8, sad=0.1)
    ax = plots.emotion_timeline(sure)
    assert "happy" in [text.get_text() for text in ax.texts]
    unsure = windows.assign(angry=0.35, happy=0.4, sad=0.25)
    ax = plots.emotion_timeline(unsure)
    assert "not sure" in [text.get_text() for text in ax.texts]
    assert "(100 % of the speech)" in words(ax)
    assert any(c.get_hatch() for c in ax.collections)
    assert not any(c.get_hatch() for c in plots.emotion_timeline(sure).collections)


def test_the_truth_is_named_and_underlines_its_lane(windows):
    ax = plots.emotion_timeline(windows, truth=TRUTH)
    assert ax.get_yticklabels()[-1].get_text() == "truth"
    assert {"happy", "sad"} <= {text.get_text() for text in ax.texts}
    ink = mpl.colors.to_rgba("#222222")
    bars = [c for c in ax.collections if tuple(c.get_facecolor()[0]) == ink]
    spans = [
        path.get_extents().intervalx.tolist() for c in bars for path in c.get_paths()
    ]
    assert sorted(spans) == [[0, 5], [7, 12]]


def test_an_hour_is_averaged_and_says_so():
    long = course(3600)
    ax = plots.emotion_timeline(long)
    assert "Averaged over 10 s" in words(ax)
    x, y = line(ax, "happy")
    assert len(x) < 800
    first = features.decisions(long).query("start < 10")
    seconds = first["end"].clip(upper=10) - first["start"]
    mean = np.average(first["happy"], weights=seconds)
    assert (y[0] - 2) / 0.86 == pytest.approx(mean)
    ax.figure.canvas.draw()
    assert ax.get_xlabel() == "hours:minutes:seconds"
    assert ax.get_xticklabels()[-1].get_text() == "1:00:00"


def test_what_lasts_longer_than_a_span_is_drawn_throughout():
    long = course(3600)
    known = pd.DataFrame({"start": [5.0], "end": [1795.0], "emotion": ["sad"]})
    ax = plots.emotion_timeline(long, truth=known)
    ink = mpl.colors.to_rgba("#222222")
    bars = [c for c in ax.collections if tuple(c.get_facecolor()[0]) == ink]
    paths = [path for c in bars for path in c.get_paths()]
    spans = [path.get_extents().intervalx.tolist() for path in paths]
    assert spans == [[0, 1800]]  # to the ten seconds that it is averaged over
    part = plots.emotion_timeline(long, truth=known, part=(2000, 2030))
    assert part.get_yticklabels()[-1].get_text() == "truth"  # of which there is none


def test_minutes_are_written_as_minutes():
    ax = plots.emotion_timeline(course(300, hop=1))
    ax.figure.canvas.draw()
    assert ax.get_xlabel() == "minutes:seconds"
    assert ax.get_xticklabels()[1].get_text() == "0:30"


def test_a_part_is_drawn_as_it_is():
    long = course(3600)
    ax = plots.emotion_timeline(long, truth=TRUTH, part=(10, 40))
    assert ax.get_xlim() == (10, 40)
    assert "Averaged" not in words(ax)
    x, _ = line(ax, "sad")
    assert np.nanmax(x) < 42 and np.nanmin(x) > 8
    with pytest.raises(ValueError, match="no speech"):
        plots.emotion_timeline(long, part=(1799.5, 1800.5))


def test_colours_come_from_the_table_of_emotions(windows):
    ax = plots.emotion_timeline(windows)
    colours = {one.get_label(): one.get_color() for one in ax.lines}
    assert colours["sad"] == labels.colour("sad")


def test_random_weights_are_said(windows):
    model = "yamnet (random weights)"
    TimelineMetadata.update(windows, model=model, random_weights=True)
    assert "Random weights" in words(plots.emotion_timeline(windows))


def test_what_cannot_be_drawn_is_refused(windows):
    with pytest.raises(ValueError, match="no speech"):
        plots.emotion_timeline(windows[:0])
    with pytest.raises(ValueError, match="other emotions"):
        plots.emotion_timeline(windows, windows.rename(columns={"sad": "fear"}))
    with pytest.raises(ValueError, match="no timeline"):
        plots.emotion_timeline(pd.DataFrame({"a": [1]}))


ROWS = pd.DataFrame(
    {
        "start": [0.0, 4.0, 11.0, 30.0],
        "end": [4.0, 11.0, 13.0, 52.0],
        "verdict": ["sad", "happy", "happy", "sad"],
    }
)


def test_rows_are_cut_where_spans_meet_and_nothing_is_lost():
    parts = _emotion_timeline._cut_at_bins(ROWS, 10)
    assert parts["span"].tolist() == [0, 0, 1, 1, 3, 4, 5]
    assert parts["start"].tolist() == [0, 4, 10, 11, 30, 40, 50]
    total = (parts["end"] - parts["start"]).sum()
    assert total == pytest.approx((ROWS["end"] - ROWS["start"]).sum())


def test_the_longest_name_of_each_span():
    found = _emotion_timeline._longest_label(ROWS, "verdict", 10, 52)
    assert found["start"].tolist() == [0, 10, 30, 40, 50]
    assert found["end"].tolist() == [10, 20, 40, 50, 52]
    assert found["verdict"].tolist() == ["happy", "happy", "sad", "sad", "sad"]
    assert _emotion_timeline._longest_label(ROWS[:0], "verdict", 10, 52).empty


def test_neighbours_of_one_name_are_one_run_where_they_touch():
    found = _emotion_timeline._merge_runs(ROWS, "verdict")
    assert found["name"].tolist() == ["sad", "happy", "sad"]
    assert found["end"].tolist() == [4, 13, 52]
    apart = ROWS.assign(start=[0.0, 4.0, 11.5, 30.0])
    assert len(_emotion_timeline._merge_runs(apart, "verdict")) == 4
    assert _emotion_timeline._merge_runs(ROWS[:0], "verdict").empty


def test_outlines_have_two_points_a_row_and_a_gap_at_silence():
    x, y = _emotion_timeline._step_outline(
        ROWS.assign(sad=[0.1, 0.2, 0.3, 0.4]), ["sad"]
    )
    assert x[:6].tolist() == [0, 4, 4, 11, 11, 13] and np.isnan(x[6])
    assert y[-2:].tolist() == [0.4, 0.4] and len(x) == len(y) == 9
