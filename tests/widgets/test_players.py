import base64
import io
import re

import numpy as np
import pandas as pd
import pytest
import soundfile

from sertools import widgets
from sertools.widgets import _players


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


def test_what_is_known_can_be_heard():
    heard = [_players.known(it) for it in ("a.wav", np.zeros(800), None, np.nan)]
    assert heard == [True, True, False, False]


def test_a_picture_is_no_wider_than_asked():
    shades = _players.shades(np.zeros(_players.RATE, np.float32), most=60)
    assert shades.shape == (80, 51) and shades.dtype == np.uint8


def test_samples_stand_for_a_file():
    tone = np.sin(np.arange(16_000) / 9)
    made = widgets.players(pd.DataFrame({"path": [tone, None]}, ["clean", "gone"]))
    assert made.sounds[0].startswith(b"RIFF")
    assert made.sounds[1] == "no file is known"


MADE = """\
import numpy as np, pandas as pd
from sertools import widgets
tone = 0.01 * np.sin(np.arange(30 * 16_000) / 20)
table = pd.DataFrame({"path": [tone, tone]}, index=["a", "b"])
times = {"start": [0.0], "end": [30.0], "angry": [0.9], "sad": [0.1]}
"""
SOUNDING = """() => [
    ...[...document.querySelectorAll("audio")].map(player => !player.paused),
    ...[...document.querySelectorAll(".sertools-clip_browser")]
        .map(list => list.querySelector(".row.playing") !== null),
    document.querySelector(".sertools-timeline button.main").title === "Pause",
]"""


@pytest.mark.slow
def test_no_two_players_sound_at_once(lab):
    shown = ("widgets.players(table)", *["widgets.clip_browser(table)"] * 2)
    line = "widgets.timeline(tone, pd.DataFrame(times))"
    notebook = lab(MADE, *shown, line, size=(1280, 3000))
    for cell in range(5):
        notebook.run(cell)
    page = notebook.page
    plain = page.locator("audio")
    lists = page.locator(".sertools-clip_browser")
    main = notebook.widget("timeline").locator("button.main")
    lists.nth(1).locator(".row").first.wait_for()

    def click(n):
        return lists.nth(n).locator(".row .play").nth(n).click()

    begin = (
        *[lambda n=n: plain.nth(n).evaluate("player => player.play()") for n in (0, 1)],
        *[lambda n=n: click(n) for n in (0, 1)],
        main.click,
    )
    for n in (0, 1, 2, 0, 3, 4, 2, 4, 1, 3, 2):
        begin[n]()
        alone = str([k == n for k in range(5)]).lower()
        page.wait_for_function(f"() => String(({SOUNDING})()) === String({alone})")
