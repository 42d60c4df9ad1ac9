import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import widgets


@pytest.fixture
def tone(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, 0.3 * np.sin(np.arange(4800) / 10), 48_000)
    return path


def test_each_row_carries_its_own_sound(tone):
    table = pd.DataFrame({"clip": ["x/a"], "path": [str(tone)], "emotion": ["sad"]})
    page = widgets.players(table)._repr_html_()
    data = re.search(r"data:audio/wav;base64,([^']+)'", page).group(1)
    samples, rate = soundfile.read(io.BytesIO(base64.b64decode(data)))
    assert (len(samples), rate) == (1600, 16_000)
    assert np.abs(samples).max() == pytest.approx(0.3, abs=0.02)
    assert "x/a" in page
    assert "sad" in page


def test_a_file_that_cannot_be_played_says_why(tmp_path):
    table = pd.DataFrame({"path": [str(tmp_path / "gone.wav")]}, index=["gone"])
    assert "no such file" in widgets.players(table)._repr_html_()


def test_names_from_outside_are_escaped(tone):
    name = "<img src=x onerror=alert(1)>"
    table = pd.DataFrame({"path": [str(tone)], "text": [name]}, index=[name])
    page = widgets.players(table)._repr_html_()
    assert "<img" not in page
    assert "&lt;img" in page


def test_no_more_than_the_limit(tone):
    table = pd.DataFrame({"path": [str(tone)] * 5}, index=list("abcde"))
    assert len(widgets.players(table, limit=3).sounds) == 3


def test_rows_without_files_are_refused():
    with pytest.raises(ValueError, match="path"):
        widgets.players(pd.DataFrame({"emotion": ["sad"]}))


def test_samples_stand_for_a_file():
    tone = np.sin(np.arange(16_000) / 9)
    made = widgets.players(pd.DataFrame({"path": [tone, None]}, ["clean", "gone"]))
    assert made.sounds[0].startswith(b"RIFF")
    assert made.sounds[1] == "no file is known"
