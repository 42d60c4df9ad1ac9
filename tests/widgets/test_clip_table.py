"""Clips by name: odd tables are taken, or refused in one clear line."""

import time

import numpy as np
import pandas as pd
import psutil
import pytest
import traitlets

from sertools import evaluation, widgets
from sertools.widgets import _clip_table


@pytest.fixture
def answers():
    return pd.DataFrame(
        {
            "clip": ["a", "b", "c"],
            "emotion": ["happy", "sad", "sad"],
            "speaker": ["1", "2", "2"],
            "predicted": ["happy", "happy", "sad"],
        }
    )


@pytest.fixture
def result(answers):
    return evaluation.from_predictions(answers)


def test_names_that_are_numbers_find_their_answers(answers):
    clips = answers.drop(columns="clip")  # named 0, 1, 2
    result = evaluation.from_predictions(clips)
    browser = widgets.clip_browser(clips[["emotion"]], result)
    assert browser.table["predicted"].tolist() == ["happy", "happy", "sad"]
    browser.selection = [1]
    assert browser.selection == ["1"]


def test_the_result_says_what_was_answered(answers, result):
    stale = answers.assign(predicted="angry", happy="by ear")
    browser = widgets.clip_browser(stale, result)
    assert browser.table["predicted"].tolist() == ["happy", "happy", "sad"]
    assert browser.table["happy"].tolist() == [1, 1, 0]


@pytest.mark.parametrize("kind", [pd.Index, pd.Series, np.array, tuple])
def test_a_selection_is_whatever_holds_names(result, kind):
    matrix = widgets.confusion(result)
    matrix.selection = kind(["c", "a"])
    assert matrix.selection == ["a", "c"]


def test_scores_are_of_the_clips_that_have_an_answer(answers, result):
    names = ["a", "b", "x", "y"]
    clips = pd.DataFrame({"emotion": "sad", "speaker": "1"}, names)
    browser = widgets.clip_browser(clips, result)
    assert [browser._standing[name] for name in ("n", "of", "answered")] == [4, 4, 2]
    assert browser._standing["accuracy"]["value"] == 0.5
    browser.selection = ["x", "y"]
    assert browser._standing["answered"] == 0
    assert "uar" not in browser._standing  # not 0.0: nobody was asked
    strangers = widgets.clip_browser(clips[2:], result)
    assert strangers._standing["answered"] == 0


def test_a_tag_goes_on_in_a_table_with_a_column_of_names(answers):
    browser = widgets.clip_browser(answers.assign(tag=[None, "keep", None]))
    assert browser.tags == {"b": "keep"}
    assert browser.tagged["tag"].dropna().to_dict() == {"b": "keep"}


def test_a_word_is_one_tag(answers):
    assert widgets.clip_browser(answers, words="keep").words == ["keep"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("demo", "a table is needed, not a str"),
        (pd.DataFrame({"emotion": ["sad", "sad"]}, [1, "1"]), "'1' is there twice"),
        (pd.DataFrame({"emotion": ["sad", "sad"]}, ["a", None]), "Row 1 has no"),
        (pd.DataFrame({"sex": ["male"]}, [["a"], ["b"]]), "several levels"),
    ],
)
def test_a_table_without_clear_names_is_refused(table, said):
    with pytest.raises((TypeError, ValueError), match=said):
        widgets.clip_browser(table)


def test_what_is_no_result_is_refused(answers):
    for show in (widgets.confusion, lambda it: widgets.clip_browser(answers, it)):
        with pytest.raises(TypeError, match=r"not a DataFrame.*from_predictions"):
            show(answers)


def test_words_are_packed_as_levels_and_codes():
    table = pd.DataFrame({"sex": ["male", None, "female"], "age": [1.5, None, 2]})
    packed = _clip_table.columns(table, ["sex", "age", "missing"])
    assert packed["sex"]["levels"] == ["female", "male"]
    assert np.frombuffer(packed["sex"]["codes"], "<i4").tolist() == [1, -1, 0]
    ages = np.frombuffer(packed["age"]["values"], "<f4")
    assert ages[[0, 2]].tolist() == [1.5, 2] and np.isnan(ages[1])
    assert "missing" not in packed


def test_names_of_clips_are_words_whatever_holds_them():
    class Some(traitlets.HasTraits):
        clips = _clip_table.Names()

    assert Some(clips=pd.Index(["a", "b"])).clips == ["a", "b"]
    table = pd.DataFrame({"clip": [1, 2], "sex": ["male", "female"]})
    assert _clip_table.named(table).index.tolist() == ["1", "2"]


def test_a_file_that_nobody_names_is_said_so():
    table = pd.DataFrame({"path": [None], "emotion": ["sad"]}, ["a"])
    assert widgets.players(table).sounds == ["no file is known"]


def test_what_is_no_model_is_refused():
    for show in (lambda it: widgets.timeline(np.zeros(32_000), it), widgets.recorder):
        with pytest.raises(TypeError, match="not 5"):
            show(5)


SECONDS, MEGABYTES = 3.0, 300
"""What is promised for 7442 clips."""


TABLE = """\
import numpy as np, pandas as pd
from sertools import datasets, evaluation, widgets
demo = datasets.load("demo")
rng, n, words = np.random.default_rng(0), 7442, sorted(demo["emotion"].unique())
clips = pd.DataFrame(
    {
        "path": np.resize(demo["path"], n),
        "emotion": np.resize(words, n),
        "label": np.resize(words, n),
        "speaker": [f"many/{i % 91:02}" for i in range(n)],
        "sex": np.where(np.arange(n) % 91 < 45, "female", "male"),
        "text": np.resize(demo["text"], n),
        "intensity": np.resize(["low", "high"], n),
        "dataset": "many",
    },
    index=pd.Index([f"many/{i:04}" for i in range(n)], name="clip"),
)
chances = pd.DataFrame(rng.dirichlet(np.full(len(words), 0.4), n), columns=words)
result = evaluation.from_predictions(clips.reset_index().join(chances))
codes = clips["emotion"].astype("category").cat.codes.to_numpy()
places = rng.normal(size=(n, 2)) + 2.5 * np.c_[np.cos(codes), np.sin(codes)]
places = pd.DataFrame(places, clips.index)
result
"""


SHOW = """\
from IPython.display import display
matrix = widgets.confusion(result)
points = widgets.embedding_map(places, clips, result, method=places)
browser = widgets.clip_browser(clips, result)
display(matrix, points, browser)
"""


ALL_SHOWN = """() => ["confusion", "embedding_map", "clip_browser"].every(
    name => document.querySelector(`.sertools-${name} .cliplist .row`))"""


SPOKEN = "() => document.querySelector('.sertools-embedding_map .spoken').innerText"


SCROLLED = (
    "() => document.querySelector('.sertools-clip_browser .cliplist').scrollTop > 9"
)


def megabytes(page):
    """Give the heap of the page's scripts when tidied up, and all its memory."""
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = session.send("Performance.getMetrics")["metrics"]
    heap = {metric["name"]: metric["value"] for metric in metrics}["JSHeapUsedSize"]
    session.detach()
    children = psutil.Process().children(recursive=True)
    pages = [child for child in children if "--type=renderer" in child.cmdline()]
    own = sum(child.memory_full_info().uss for child in pages)
    return {"heap": heap / 1e6, "renderers": own / 1e6}


def answers_many_clips(notebook):
    """Show all three, and give the seconds until each has answered a click or key."""
    page = notebook.page
    seconds, start = {}, time.perf_counter()
    notebook.run(1)
    page.wait_for_function(ALL_SHOWN)
    seconds["shown"] = time.perf_counter() - start
    page.locator(".sertools-confusion td.wrong:not(.none)").first.click()
    page.wait_for_selector("td.chosen")
    seconds["confusion"] = time.perf_counter() - start
    page.locator(".sertools-embedding_map canvas[tabindex]").focus()
    page.keyboard.press("Home")
    page.wait_for_function(SPOKEN)
    seconds["embedding_map"] = time.perf_counter() - start
    page.locator(".sertools-clip_browser .cliplist").focus()
    page.keyboard.press("End")
    page.wait_for_function(SCROLLED)
    seconds["clip_browser"] = time.perf_counter() - start
    return seconds


def best(found):
    """Give the quickest of several showings, until the last widget answered."""
    return min((max(seconds.values()) for seconds in found), default=float("inf"))


def tell(found, brushing, before, after):
    """Print the figures, for `pytest -s`."""
    rounded = [{name: round(s, 2) for name, s in seconds.items()} for seconds in found]
    lines = [f"shown and answered, seconds: {rounded}", f"brushing: {brushing:.2f} s"]
    for name, value in after.items():
        grown = value - before[name]
        lines.append(f"{name}: {value:.0f} MB, {grown:+.0f} by the widgets")
    print("", *lines, sep="\n")  # noqa: T201


@pytest.mark.slow
def test_7442_clips_are_usable_in_three_seconds_and_300_megabytes(lab):
    notebook = lab(TABLE, SHOW, "", size=(1280, 2600))
    notebook.run(0)
    before = megabytes(notebook.page)
    found = []
    while len(found) < 3 and best(found) > SECONDS:  # other programs may be busy
        found.append(answers_many_clips(notebook))
    notebook.page.wait_for_timeout(1000)
    after = megabytes(notebook.page)
    assert best(found) < SECONDS, found
    assert after["heap"] < MEGABYTES
    assert after["renderers"] - before["renderers"] < MEGABYTES

    # Brushing all of them by one pick of thousands, and back, stays quick, too.
    start = time.perf_counter()
    said = notebook.tell(
        "points.selection = list(points.table.index[:5000])\n"
        "print(len(browser._rows), len(matrix._rows))"
    )
    brushing = time.perf_counter() - start
    n, m = map(int, said.split())
    assert 0 < n <= m <= 5000
    assert brushing < SECONDS
    tell(found, brushing, before, after)
