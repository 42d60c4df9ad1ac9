"""The timeline that one plays from a click."""

import os
import time

import numpy as np
import pandas as pd
import pytest
import soundfile
import traitlets

from sertools import audio, features, models, widgets
from sertools.metadata import TimelineMetadata
from sertools.widgets._timeline import BANDS, RATE, AudioBuffer

TRAINED = "trained:emodb_egemaps"


SPEECH = 6.0
"""Seconds between the starts of two stretches of speech below; each lasts 4 s."""


def sound(seconds: float) -> np.ndarray:
    """Give bursts of 4 s with pauses of 2 s."""
    moments = np.arange(round(seconds * RATE)) / RATE
    voice = 0.3 * np.sin(2 * np.pi * 220 * moments) * (moments % SPEECH < 4)
    return voice.astype(np.float32)


def scores(seconds: float) -> pd.DataFrame:
    """Give two windows a burst: angry, then neither; the next are sad."""
    starts = np.arange(0, seconds, SPEECH)
    rows = []
    for k, start in enumerate(starts):
        sure = 0.1 if k % 2 else 0.9
        rows.append([start, start + 2, sure, 1 - sure])
        rows.append([start + 2, start + 4, 0.52, 0.48])
    table = pd.DataFrame(rows, columns=["start", "end", "angry", "sad"])
    TimelineMetadata(model="made up", seconds=seconds).attach(table)
    return table


MADE = f"""\
import numpy as np, pandas as pd, soundfile, time
from sertools import widgets
from sertools.metadata import TimelineMetadata
RATE, SPEECH = {RATE}, {SPEECH}
"""


@pytest.fixture(scope="module")
def shown():
    return widgets.timeline(sound(60), {"made up": scores(60)})


def test_segments_join_what_is_said_alike(shown):
    table = shown.segments()
    assert list(table.columns[:3]) == ["model", "start", "end"]
    assert table["verdict"].tolist()[:4] == ["angry", "not sure", "sad", "not sure"]


def test_segments_of_the_selection(shown):
    shown.selection = [6.5, 8.5]
    assert shown.segments()["start"].tolist() == [6.0, 8.0]
    shown.selection = None
    assert len(shown.segments()) == 20


@pytest.mark.parametrize("span", [[3, 2], [-1, 2], [0, 61], [1], [1, 2, 3]])
def test_a_selection_lies_in_the_recording(shown, span):
    with pytest.raises(traitlets.TraitError, match=r"recording of 60\.0 s"):
        shown.selection = span
    assert shown.selection is None


def test_the_cursor_stays_on_the_recording(shown):
    shown.at = 99
    assert shown.at == 60
    shown.at = 0


def test_models_tables_and_names_all_go(tmp_path):
    wave = np.random.default_rng(0).normal(0, 0.1, 2 * RATE)
    trained = models.load(TRAINED)
    both = widgets.timeline(wave, [TRAINED, trained], hop=1, window=1, method="energy")
    assert list(both.tables) == [TRAINED, f"{TRAINED} (2)"]
    assert len(both.tables[TRAINED]) == 2
    table = features.timeline(trained, wave, progress=False)
    assert list(widgets.timeline(wave, table).tables) == [TRAINED]
    mixed = widgets.timeline(wave, [table, trained])
    assert list(mixed.tables) == [TRAINED, f"{TRAINED} (2)"]


def test_random_weights_are_said():
    table = scores(60)
    model = "whisper:tiny (random weights)"
    TimelineMetadata.update(table, model=model, random_weights=True)
    made = widgets.timeline(sound(60), {"mine": table})
    assert list(made.tables) == ["mine (random weights)"]


def test_what_cannot_work_is_said_first(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.wav"):
        widgets.timeline(tmp_path / "none.wav", TRAINED)
    with pytest.raises(ValueError, match="gives features, not emotions"):
        widgets.timeline(sound(20), [TRAINED, "mfcc"])
    with pytest.raises(ValueError, match="no timeline"):
        widgets.timeline(sound(20), {"a": pd.DataFrame({"start": [0], "end": [1]})})
    strange = scores(22).rename(columns={"angry": "furiousness"})
    with pytest.raises(ValueError, match="furiousness"):
        widgets.timeline(sound(22), {"a": strange})
    with pytest.raises(ValueError, match="another recording"):
        widgets.timeline(sound(20), scores(60))


def test_the_picture_tells_itself_in_words(shown):
    page = shown._static_html(sounds=True)
    assert page.count("<img") == 1 and page.count("<audio") == 1
    assert (
        "60.0 s; made up heard not sure 50%, angry 25%, sad 25% of the speech" in page
    )
    assert "The recording:" in page


def test_a_report_carries_a_minute_at_most(monkeypatch):
    monkeypatch.setenv("SERTOOLS_STATIC", "1")
    made = widgets.timeline(sound(90), {"made up": scores(90)})
    words, _ = made._repr_mimebundle_()
    assert "The recording, its first 60 s of 90:" in words["text/html"]
    made.selection = [70.0, 75.0]
    page = made._static_html(sounds=True)
    assert "The selection (from 70.0 s)" in page
    assert len(page) < 1_000_000


def test_a_recording_without_speech_is_shown_too():
    empty = scores(20).head(0)
    made = widgets.timeline(sound(20), {"made up": empty})
    assert "<img" in made._static_html(sounds=False)
    assert made.segments().empty


def test_an_hour_opens_at_once_and_is_sent_in_small_pieces():
    hour = np.tile(sound(60), 60)
    table = scores(3600)
    began = time.process_time()
    made = widgets.timeline(hour, {"made up": table})
    answer, pictures = made._on_view({"start": 0, "end": 3600, "columns": 2400}, [])
    assert time.process_time() - began < 15  # 3 s where nothing else runs
    assert answer["columns"] == 2400
    assert sum(map(len, pictures)) < 2_000_000
    _, (pcm,) = made._on_stretch({"start": 3590, "end": 4000}, [])
    assert len(pcm) == 10 * RATE * 2
    _, (pcm,) = made._on_stretch({"start": 0, "end": 3600}, [])
    assert len(pcm) < 2_000_000
    state = [part for one in made._models for part in one.values()]
    assert sum(len(part) for part in state if isinstance(part, bytes)) < 2_000_000


LISTEN = """() => {
    window.heard = [];
    const { prototype } = AudioBufferSourceNode;
    const start = prototype.start;
    prototype.start = function (...when) {
        window.heard.push(when);
        return start.apply(this, when);
    };
}"""


def told(notebook, words, wanted):
    """Say whether Python has heard of it; the page sends what it can, in turn."""
    return any(notebook.tell(f"print({words})") == wanted for _ in range(5))


def axe(page, root):
    """List what is wrong for those who cannot see or point."""
    found = pytest.importorskip("axe_playwright_python.sync_playwright")
    answer = found.Axe().run(page, context=root).response
    bad = ("serious", "critical")
    return [v["id"] for v in answer["violations"] if v["impact"] in bad]


@pytest.mark.slow
def test_click_drag_and_keys(lab):
    tables = "{'first': scores(120), 'second': scores(120).rename("
    tables += "columns={'angry': 'sad', 'sad': 'angry'})}"
    source = "\n".join(map(_source, (sound, scores)))
    notebook = lab(MADE + source, f"w = widgets.timeline(sound(120), {tables})\nw", "")
    notebook.run(0)
    notebook.run(1)
    page, root = notebook.page, notebook.widget("timeline")
    glass, now = root.locator(".glass"), root.locator(".now")
    page.wait_for_function(
        "document.querySelector('.sertools-timeline .overview canvas').width > 300"
    )
    page.evaluate(LISTEN)
    box = glass.bounding_box()

    def spot(moment):
        return box["x"] + box["width"] * moment / 120, box["y"] + 40

    # A click plays from there, over the edge of a piece, and again pauses.
    page.mouse.click(*spot(18.9))
    page.wait_for_function("window.heard.length >= 2")
    page.wait_for_timeout(1500)
    page.mouse.click(*spot(18.9))
    first, second = page.evaluate("window.heard.slice(0, 2)")
    assert second[0] == pytest.approx(first[0] + first[2], abs=1e-4)
    assert first[1] + first[2] == pytest.approx(20) and second[1] == pytest.approx(0)
    assert root.locator("button.main").get_attribute("aria-label") == "Play"
    page.wait_for_timeout(300)
    assert 19.9 < float(notebook.tell("print(w.at)")) < 25

    # Dragging selects, and plays to the end of the selection.
    page.mouse.move(*spot(60.5))
    page.mouse.down()
    page.mouse.move(*spot(61), steps=3)
    page.mouse.move(*spot(61.5), steps=3)
    page.mouse.up()
    page.wait_for_function(
        "document.querySelector('.sertools-timeline .main').title === 'Play'"
    )
    page.wait_for_timeout(300)
    start, end = map(float, notebook.tell("print(*w.selection)").split())
    assert (start, end) == pytest.approx((60.5, 61.5), abs=0.3)
    assert "Selected 1:00" in root.locator(".spoken").inner_text()
    assert now.inner_text().startswith("1:00.")
    page.mouse.move(*spot(61))
    assert "angry 0.90" in root.locator(".reading").inner_text()

    # Keys: a segment on, its end, all cleared.
    glass.focus()
    page.mouse.move(5, 5)
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+ArrowRight")
    said = glass.get_attribute("aria-valuetext")
    assert said == "1:02.0, first not sure, angry 0.52, second not sure, sad 0.52"
    page.keyboard.press("Enter")
    assert told(notebook, "w.selection, w.at", "[62.0, 64.0] 62.0")
    glass.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Escape")
    page.keyboard.press("]")
    assert told(notebook, "w.selection", "[0.0, 2.0]")

    # Zooming in asks for a closer picture; Python moves the cursor into view.
    views = "print(len(seen))"
    watch = "seen = []; old = w._on_view\nw._on_view = "
    notebook.tell(watch + "lambda q, b: seen.append(q) or old(q, b)\nprint(1)")
    glass.focus()
    for _ in range(4):
        page.keyboard.press("+")
    page.wait_for_timeout(800)
    assert int(notebook.tell(views)) >= 1
    notebook.tell("w.at = 100.0; w.selection = [99.0, 101.0]\nprint(1)")
    assert now.inner_text().startswith("1:40.0")
    assert root.locator(".glass .span").is_visible()

    # The legend, and the table for those who do not look.
    tall = root.locator(".stage").bounding_box()["height"]
    root.get_by_role("button", name="second", exact=True).click()
    root.locator(".toggle.emotion", has_text="sad").click()
    assert root.locator(".stage").bounding_box()["height"] < tall - 45
    root.locator("summary").click()
    root.locator(".segments tbody tr").last.wait_for()  # written once it is open
    assert root.locator(".segments tbody tr").count() == 80
    assert "not sure (angry first)" in root.locator(".segments").inner_text()
    assert axe(page, ".sertools-timeline") == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_enlarged_undone_and_taken_away(lab, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    show = """\
voice = 0.3 * np.sin(np.arange(8 * RATE) / 9)
table = pd.DataFrame({"start": [0, 4], "end": [4, 8], "angry": [0.9, 0.2]})
shown = widgets.timeline(voice, {"made up": table.assign(sad=1 - table.angry)})
shown"""
    notebook = lab(MADE + show, "", scheme=scheme)
    notebook.run(0)
    page, root = notebook.page, notebook.widget("timeline")
    large, glass = root.locator("dialog.enlarged"), root.locator(".glass")
    height = root.locator(".stage").bounding_box()["height"]
    glass.focus()
    page.keyboard.press("e")
    large.wait_for()
    page.wait_for_function(
        "([stage, before]) => stage.clientHeight > before + 200",
        arg=[root.locator(".stage").element_handle(), height],
    )
    page.wait_for_timeout(500)
    answer = axe.Axe().run(page, context="dialog[open]").response
    assert [v["id"] for v in answer["violations"]] == []
    if folder := os.environ.get("SERTOOLS_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/timeline-{scheme}.png")
    page.keyboard.press("Enter")  # its keys work there, too
    notebook.page.keyboard.press("Escape")
    large.wait_for(state="hidden")
    assert glass.evaluate("glass => glass === document.activeElement")
    notebook.expect("print(shown.selection)", "[0.0, 4.0]")
    glass.focus()
    page.keyboard.press("Control+z")
    notebook.expect("print(shown.selection)", "None")
    root.get_by_role("button", name="Enlarge").click()
    large.get_by_role("button", name="Close").click()
    large.wait_for(state="hidden")
    with page.expect_download() as download:
        root.get_by_role("button", name="Save CSV").click()
    table = pd.read_csv(download.value.path())
    assert table["verdict"].tolist() == ["angry", "sad"]


@pytest.mark.slow
def test_an_hour_in_the_browser(lab, tmp_path):
    source = "\n".join(map(_source, (sound, scores)))
    path = tmp_path / "hour.flac"
    write = f"soundfile.write({str(path)!r}, np.tile(sound(60), 60), RATE)\n"
    opened = f"w = widgets.timeline({str(path)!r}, {{'made up': scores(3600)}})\nw"
    notebook = lab(MADE + source + write, opened, "")
    page, sizes = notebook.page, []
    page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda sent: sizes.append(len(sent))),
    )
    page.reload()
    page.wait_for_function(
        "window.jupyterapp?.shell.currentWidget?.context?.sessionContext?.isReady"
    )
    notebook.run(0)
    notebook.run(1)
    began = time.perf_counter()
    root = notebook.widget("timeline")
    page.wait_for_function(
        "document.querySelector('.sertools-timeline .overview canvas').width > 300"
    )
    assert time.perf_counter() - began < 15
    glass = root.locator(".glass")
    glass.scroll_into_view_if_needed()
    glass.focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    for _ in range(9):
        page.keyboard.press("+")
    page.keyboard.press(" ")
    page.wait_for_function(
        "!document.querySelector('.sertools-timeline.waiting') && "
        "document.querySelector('.sertools-timeline .now').innerText > '59:24.5'"
    )
    page.keyboard.press(" ")
    page.wait_for_timeout(300)
    assert float(notebook.tell("print(w.at)")) > 3564
    assert 600_000 < max(sizes) < 2_000_000


def _source(function) -> str:
    import inspect

    return inspect.getsource(function)


@pytest.fixture(scope="module")
def chirps():
    """Give 30 s: a tone that climbs each second, silent in the middle third."""
    seconds = np.arange(30 * RATE) / RATE
    tone = 0.5 * np.sin(2 * np.pi * (300 + 1500 * (seconds % 1)) * (seconds % 1))
    tone[10 * RATE : 20 * RATE] = 0
    return tone.astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_file_is_decoded_in_pieces_as_it_would_be_at_once(tmp_path, chirps, rate):
    stereo = np.stack([chirps, 0.5 * chirps], axis=1)
    soundfile.write(tmp_path / "a.flac", stereo, rate)
    reel = AudioBuffer(tmp_path / "a.flac")
    whole = audio.load(tmp_path / "a.flac", RATE)
    assert abs(len(reel.samples) - len(whole)) <= 1
    n = min(len(whole), len(reel.samples))
    assert np.abs(reel.waveform[:n] - whole[:n]).max() < 1e-3


def test_stretches_put_together_are_the_recording(chirps):
    reel = AudioBuffer(chirps)
    edges = np.r_[np.arange(0, 30, 7.3), 30]
    parts = [reel.stretch(*span) for span in np.c_[edges[:-1], edges[1:]]]
    assert np.array_equal(np.concatenate(parts), reel.samples)
    assert reel.stretch(29.9, 99).size == 0.1 * RATE


def test_samples_are_kept_as_a_file_is():
    reel = AudioBuffer(0.5 * np.sin(np.arange(32_000) / 9))
    assert (reel.seconds, len(reel.stretch(0.5, 1.0))) == (2.0, 8000)
    shades, low, _ = reel.picture(0, 2, columns=50)
    assert (shades.shape, low.shape) == ((80, 50), (50,))


def test_the_picture_shows_where_it_is_loud(chirps):
    shades, low, high = AudioBuffer(chirps).picture(0, 30, columns=300)
    assert shades.shape == (BANDS, 300) and shades.dtype == np.uint8
    assert shades[:, 110:190].max() == 0 and shades[:, :90].max(axis=0).min() > 200
    assert (high[:90] > 15_000).all() and (low[210:] < -15_000).all()
    assert not high[110:190].any()


def test_closer_is_as_bright_and_finer(chirps):
    reel = AudioBuffer(chirps)
    far, _, _ = reel.picture(2, 4, columns=100)  # 20 ms each
    near, low, _ = reel.picture(2, 4, columns=1000)  # 2 ms each
    grouped = near.reshape(BANDS, 100, 10).max(axis=2).astype(int)
    loud = far > 150
    assert np.abs(grouped - far)[loud].mean() < 12
    assert low.shape == (1000,)
    assert reel.picture(2, 2.001, columns=500)[0].shape == (BANDS, 16)


def test_a_picture_has_a_width_that_can_be_sent(chirps):
    shades, _, _ = AudioBuffer(chirps).picture(-5, 99, columns=10**9)
    assert shades.shape == (BANDS, 4000)


def test_silence_has_a_picture():
    shades, low, high = AudioBuffer(np.zeros(RATE)).picture(0, 1, 50)
    assert shades.shape == (BANDS, 50) and not low.any() and not high.any()


def test_a_file_that_is_no_recording_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.wav"):
        AudioBuffer(tmp_path / "nothing.wav")
    (tmp_path / "a.wav").write_text("no audio at all, just words")
    with pytest.raises(ValueError, match="not audio"):
        AudioBuffer(tmp_path / "a.wav")
