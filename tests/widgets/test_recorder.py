"""The recorder: what is heard is scored, and nothing of it is stored."""

import io
import json

import numpy as np
import pytest
import soundfile

from sertools import (
    ExternalModelAdapter,
    datasets,
    features,
    intended_use,
    models,
    widgets,
)
from sertools.widgets import _recorder

RATE = 16_000


@pytest.fixture(scope="module")
def clip():
    return datasets.load("demo")["path"].iloc[0]


@pytest.fixture
def recorder():
    return widgets.recorder()


def tone(seconds, rate=RATE):
    return (0.3 * np.sin(np.arange(int(seconds * rate)) / 10)).astype(np.float32)


def sent(recorder, data, piece=1000, **about):
    """Send bytes as the page does; give Python's answer to the last question."""
    answers = []
    recorder.send = lambda content, buffers=None: answers.append(content)
    for start in range(0, max(len(data), 1), piece):
        question = {"ask": "piece", "id": 1, "transfer": "t", "start": start}
        recorder._answer(recorder, question, [memoryview(data[start : start + piece])])
    question = {"ask": "score", "id": 2, "transfer": "t", "name": "recording"} | about
    recorder._answer(recorder, question, [])
    return answers[-1]


def test_a_model_that_gives_features_is_refused():
    with pytest.raises(ValueError, match="mfcc gives features, not emotions"):
        widgets.recorder("mfcc")
    with pytest.raises(ValueError, match="longest"):
        widgets.recorder(longest=0)


def test_scores_are_those_of_the_model(recorder, clip):
    told = []
    recorder.observe(lambda change: told.append(change["new"]), "scores")
    recorder.hear(clip)
    assert recorder.scores == pytest.approx(
        ExternalModelAdapter("trained", device="cpu").predict(clip), abs=1e-6
    )
    assert list(recorder.scores.values()) == sorted(recorder.scores.values())[::-1]
    assert recorder.verdict == features.decide(recorder.scores)
    assert told == [recorder.scores]
    assert recorder.waveform.dtype == np.float32


def test_what_the_page_sends_in_pieces_is_what_is_scored(recorder):
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 0.1, 48_000).astype("<f4")
    assert "error" not in sent(recorder, samples.tobytes(), rate=48_000, clipped=True)
    assert len(recorder.waveform) == RATE
    assert "Too loud" in recorder._on_held()[0]["take"]["notes"][0]
    assert recorder._coming == {}


def test_a_file_comes_as_it_is(recorder, clip):
    with open(clip, "rb") as file:
        assert "error" not in sent(recorder, file.read(), name="a.flac")
    assert recorder.history["name"].tolist() == ["a.flac"]
    recorder.hear(clip)
    assert recorder.history["verdict"].nunique() == 1


@pytest.mark.parametrize(
    ("data", "about", "reason"),
    [
        (b"", {}, "recording: an empty file (0 bytes)."),
        (b"version https://git-lfs.github.com/spec/v1\n", {}, "a Git LFS pointer"),
        (tone(0.01).tobytes(), {"rate": RATE}, "10 ms of audio; at least 50 ms are"),
        (np.full(9000, np.nan, "<f4").tobytes(), {"rate": RATE}, "not numbers"),
    ],
    ids=["empty", "pointer", "short", "nan"],
)
def test_what_cannot_be_scored_says_why(recorder, data, about, reason):
    answer = sent(recorder, data, **about)
    assert reason in answer["error"]
    assert "array" not in answer["error"]
    assert recorder.waveform is None
    assert recorder.history.empty


def test_a_format_unknown_here_is_left_to_the_browser_a_cut_file_is_not(recorder):
    assert "not audio" in sent(recorder, b"no sound at all" * 9)["unreadable"]
    whole = io.BytesIO()
    soundfile.write(whole, tone(1), RATE, format="WAV")
    assert "cut short" in sent(recorder, whole.getvalue()[:-999])["error"]


def test_a_lost_piece_is_noticed(recorder):
    answers = []
    recorder.send = lambda content, buffers=None: answers.append(content)
    late = {"ask": "piece", "id": 1, "transfer": "t", "start": 8}
    recorder._answer(recorder, late, [b"1234"])
    recorder._answer(recorder, {"ask": "score", "id": 2, "transfer": "t"}, [])
    recorder._answer(recorder, {"ask": "nonsense", "id": 3}, [])
    assert ["A piece was lost" in answer["error"] for answer in answers[:2]] == [
        True
    ] * 2


def test_silence_is_called_silence(recorder):
    recorder.hear(np.full(RATE, 0.1))
    assert recorder.verdict == _recorder.SILENT
    assert recorder.scores is None
    long = np.random.default_rng(0).normal(0, 2e-4, 20 * RATE)
    recorder.hear(long)
    assert recorder.verdict == _recorder.SPEECHLESS


def test_a_long_recording_is_scored_in_stretches(recorder):
    clips = datasets.select(datasets.load("demo"), max_clips=12)
    waveform, _ = features.concatenate_clips(clips, pause=(0.5, 1.0), seconds=18)
    recorder.hear(waveform)
    table = features.timeline(models.load("trained"), waveform, progress=False)
    assert len(recorder.stretches) == len(table) > 3
    lengths = table["end"] - table["start"]
    means = (table[["angry", "sad"]].mul(lengths, axis=0)).sum() / lengths.sum()
    assert recorder.scores["sad"] == pytest.approx(means["sad"])
    assert "mean over" in _recorder.recording_for_page(recorder._recording)["why"]


def test_nothing_is_written_but_what_is_asked_for(recorder, clip, tmp_path):
    target = tmp_path / "voice.wav"
    with pytest.raises(ValueError, match="Nothing to save"):
        recorder.save(target)
    recorder.hear(clip)
    assert recorder.save(target) == target
    samples, rate = soundfile.read(target)
    assert rate == RATE
    assert np.abs(samples - recorder.waveform).max() < 2**-14
    before = target.read_bytes()
    recorder.hear(tone(1))
    with pytest.raises(FileExistsError, match="already there"):
        recorder.save(target)
    assert target.read_bytes() == before
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_forgotten_is_gone(recorder, clip):
    recorder.hear(clip)
    recorder.hear(tone(1))
    recorder.forget()
    assert (recorder.waveform, recorder.scores, recorder.verdict) == (None, None, None)
    assert recorder._on_sound({"start": 0}, [])[1] == [b""]
    assert len(recorder.history) == 1
    recorder.forget(everything=True)
    assert recorder.history.empty


def test_synced_traits_hold_no_sound_and_no_scores(recorder, clip):
    before = recorder.get_state()
    recorder.hear(clip)
    after = recorder.get_state()
    assert {name for name in after if after[name] != before[name]} == {"_turn"}


def test_the_static_form_tells_the_use_and_the_last_scores(recorder, clip, monkeypatch):
    monkeypatch.setenv("SERTOOLS_STATIC", "1")
    recorder.hear(clip)
    page = recorder._repr_mimebundle_()[0]["text/html"]
    assert intended_use.LINE in page
    assert "JupyterLab" in page
    assert f"{max(recorder.scores.values()):.2f}" in page
    assert "<audio" not in page and "data:" not in page
    assert recorder.verdict in repr(recorder)


def test_random_weights_are_stamped(clip):
    recorder = widgets.recorder(models.load("trained", weights="tiny"))
    recorder.hear(clip)
    assert recorder._about["random"] == _recorder.RANDOM
    assert _recorder.RANDOM.capitalize() in recorder._static_html(True)


SAVE = """async () => {
    const { commands } = jupyterapp;
    const toggle = "@jupyter-widgets/jupyterlab-manager:saveWidgetState";
    if (!commands.isToggled(toggle)) await commands.execute(toggle);
    await commands.execute("docmanager:save");
}"""


def saved(notebook, folder):
    """Save the notebook with its widgets, and give what is saved of them."""
    notebook.page.evaluate(SAVE)
    notebook.page.wait_for_timeout(300)
    path = max(folder.glob("*.ipynb"), key=lambda path: path.stat().st_mtime)
    file = json.loads(path.read_text())
    (state,) = file["metadata"]["widgets"].values()
    models = {
        name: {**model, "state": {**model["state"], "_turn": 0}}
        for name, model in state["state"].items()
    }
    return models, file["cells"][0]["outputs"]


def shown(root):
    """Wait for a result, and give its verdict and its scores."""
    root.locator(".seen[aria-busy=false]").wait_for(timeout=30_000)
    rows = [row.split() for row in root.locator(".bars li").all_inner_texts()]
    return root.locator(".verdict b").inner_text(), {n: float(p) for n, p in rows}


@pytest.mark.slow
def test_a_voice_is_recorded_scored_and_forgotten(lab, server):
    folder, _ = server
    cell = "from sertools import widgets\nrecorder = widgets.recorder()\nrecorder"
    notebook = lab(cell, "")
    notebook.run(0)
    root = notebook.widget("recorder")
    assert intended_use.LINE in root.inner_text()
    before = saved(notebook, folder)
    files = {path for path in folder.rglob("*") if path.suffix != ".ipynb"}

    root.locator(".panel").focus()
    notebook.page.keyboard.press("r")
    record = root.get_by_role("button", name="Stop")
    record.wait_for()
    notebook.page.wait_for_timeout(1500)
    assert root.locator(".meter").get_attribute("aria-valuetext").endswith("decibels")
    record.click()
    verdict, scores = shown(root)
    told = notebook.tell(
        "import json; wave = recorder.waveform\n"
        "print(json.dumps([len(wave) / recorder.model.sampling_rate, float(wave.std()),"
        " recorder.verdict, recorder.scores]))"
    )
    seconds, loudness, word, known = json.loads(told)
    assert 1.2 < seconds < 3
    assert loudness > 0.01
    assert verdict == word
    assert scores == pytest.approx(known, abs=0.0051)

    picture = root.get_by_role("slider")
    picture.press("End")
    assert float(picture.get_attribute("aria-valuenow")) == round(seconds, 1)
    picture.press("Home")
    root.get_by_role("button", name="Play", exact=True).click()
    root.get_by_role("button", name="Stop", exact=True).wait_for()
    with notebook.page.expect_download() as download:
        root.get_by_role("button", name="Download WAV").click()
    samples, rate = soundfile.read(download.value.path())
    assert len(samples) / rate == pytest.approx(seconds, abs=0.01)

    assert saved(notebook, folder) == before  # no sound, no scores
    assert {p for p in folder.rglob("*") if p.suffix != ".ipynb"} == files

    root.get_by_role("button", name="Forget").click()
    root.locator(".take").wait_for(state="hidden")
    assert notebook.tell("print(recorder.waveform, recorder.scores)") == "None None"
    assert len(notebook.tell("print(len(recorder.history))")) == 1

    record = root.get_by_role("button", name="Record")
    record.click()
    root.get_by_role("button", name="Stop").wait_for()
    notebook.page.keyboard.press("Escape")
    record.wait_for()
    assert "Discarded" in root.locator(".doing-now").inner_text()
    assert notebook.tell("print(recorder.waveform)") == "None"


REFUSE = """name => {
    navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException("no", name));
}"""


WITHOUT = """secure => {
    const fact = (value) => ({ value, configurable: true });
    Object.defineProperty(navigator, "mediaDevices", fact(undefined));
    Object.defineProperty(window, "isSecureContext", fact(secure));
}"""


DROP = """async root => {
    const context = new AudioContext();
    const target = context.createMediaStreamDestination();
    const oscillator = context.createOscillator();
    oscillator.connect(target);
    oscillator.start();
    const recorder = new MediaRecorder(target.stream, { mimeType: "audio/webm" });
    const parts = [];
    recorder.ondataavailable = ({ data }) => parts.push(data);
    recorder.start();
    await new Promise((done) => setTimeout(done, 900));
    await new Promise((done) => {
        recorder.onstop = done;
        recorder.stop();
    });
    await context.close();
    const carried = new DataTransfer();
    carried.items.add(new File(parts, "voice.webm"));
    const event = { dataTransfer: carried, bubbles: true, cancelable: true };
    root.querySelector(".panel").dispatchEvent(new DragEvent("drop", event));
}"""


@pytest.mark.slow
def test_files_are_scored_and_refusals_say_what_mends_them(lab, clip, tmp_path):
    cell = "from sertools import widgets\nrecorder = widgets.recorder(longest=0.6)\n"
    notebook = lab(f"{cell}recorder", "")
    notebook.run(0)
    root, page = notebook.widget("recorder"), notebook.page
    chooser = root.locator("input[type=file]")
    trouble = root.locator(".trouble")

    chooser.set_input_files(clip)
    verdict, _ = shown(root)
    told = json.loads(notebook.tell("import json; print(json.dumps(recorder.scores))"))
    adapter = ExternalModelAdapter("trained", device="cpu")
    assert told == pytest.approx(adapter.predict(clip), abs=1e-6)
    assert verdict == features.decide(told)

    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page, context=".sertools-recorder").response["violations"]
    assert [fault["id"] for fault in found] == []

    soundfile.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    chooser.set_input_files(tmp_path / "silent.wav")
    root.get_by_text(_recorder.SILENT, exact=True).wait_for()

    (tmp_path / "bad.wav").write_text("this is no sound")
    chooser.set_input_files(tmp_path / "bad.wav")
    trouble.wait_for()
    assert "bad.wav: not audio that libsndfile can read" in trouble.inner_text()
    assert root.locator(".verdict").inner_text().startswith("silent")

    root.evaluate(DROP)
    root.get_by_text("Decoded by the browser").wait_for()
    assert notebook.tell("print(recorder.waveform.std() > 0.1)") == "True"

    record = root.get_by_role("button", name="Record")
    record.click()
    root.get_by_text("recording, 0.6 s").wait_for()
    assert notebook.tell("print(len(recorder.waveform) / 16000)") == "0.6"

    for name, words in {
        "NotAllowedError": "may not use the microphone",
        "NotFoundError": "No microphone is found",
    }.items():
        page.evaluate(REFUSE, name)
        record.click()
        root.get_by_text(words).wait_for()
    for secure, words in ((True, "offers no microphone"), (False, "over plain http")):
        page.evaluate(WITHOUT, secure)
        record.click()
        root.get_by_text(words).wait_for()
