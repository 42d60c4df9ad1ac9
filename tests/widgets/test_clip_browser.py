"""The table of clips that one filters, plays through and tags."""

import os

import pandas as pd
import pytest

from sertools import datasets, evaluation, widgets


@pytest.mark.slow
def test_filter_sort_walk_and_tag(lab, setup):
    show = "browser = widgets.clip_browser(clips, result)\nbrowser"
    notebook = lab(setup, show, "matrix = widgets.confusion(result)\nmatrix", "")
    for cell in range(3):
        notebook.run(cell)
    page = notebook.page
    root, matrix = notebook.widget("clip_browser"), notebook.widget("confusion")
    count = "print(len(browser.selection), set(browser.selected['emotion']))"
    assert root.locator(".row").count() < 30  # of 192: the rest is not in the page

    root.get_by_label("emotion", exact=True).select_option("happy")
    assert root.locator(".row").first.get_attribute("aria-setsize") == "32"
    notebook.expect(count, "32 {'happy'}")
    total = "cells => cells.reduce((sum, cell) => sum + Number(cell.textContent), 0)"
    cells = matrix.locator("td[role=gridcell] b")
    page.wait_for_function(
        f"cells => ({total})(cells) === 32", arg=cells.element_handles()
    )
    assert matrix.locator(".strip").inner_text().startswith("32 of 192 clips")

    root.get_by_label("Sort", exact=True).select_option("name")
    first = root.locator(".row").first.locator("b").inner_text()
    root.get_by_label("Sort the other way").click()
    assert root.locator(".row").first.locator("b").inner_text() > first

    root.locator(".cliplist").focus()
    for key in ("Home", "ArrowDown", "2"):  # the second clip is unclear
        page.keyboard.press(key)
    second = root.locator(".row").nth(1)
    assert second.locator(".tag").inner_text() == "unclear"
    name = second.locator("b").inner_text()
    notebook.expect("print(browser.tags)", str({name: "unclear"}))
    notebook.expect(
        "print(browser.tagged['tag'].dropna().to_dict())", f"{{{name!r}: 'unclear'}}"
    )
    root.get_by_label("A new tag").fill("laughs")
    page.keyboard.press("Enter")
    notebook.expect(
        "print(browser.tags, browser.words[-1])", f"{{{name!r}: 'laughs'}} laughs"
    )
    root.get_by_label("emotion", exact=True).select_option("")
    root.get_by_label("tag", exact=True).select_option("laughs")
    notebook.expect("print(browser.selection)", f"[{name!r}]")

    root.get_by_label("Search").fill("no such clip")
    assert "No clip passes" in root.locator(".tagging").inner_text()
    notebook.tell("browser.selection = list(clips.index[5:8]); print()")
    page.wait_for_function(
        "root => root.querySelectorAll('.row').length === 3", arg=root.element_handle()
    )
    assert root.get_by_label("Search").input_value() == ""
    root.get_by_text("Show all clips").click()
    notebook.expect("print(browser.selection)", "[]")


@pytest.mark.slow
def test_a_filter_that_lets_nothing_through_shows_nothing_anywhere(lab, setup):
    show = "browser = widgets.clip_browser(clips, result)\nbrowser"
    other = "matrix = widgets.confusion(result)\nmatrix"
    points = 'widgets.embedding_map(X, clips, result, method="pca")'
    notebook = lab(setup, show, other, points, "")
    for cell in range(4):
        notebook.run(cell)
    root, matrix, space = map(
        notebook.widget, ("clip_browser", "confusion", "embedding_map")
    )
    everywhere = (root, matrix, space)
    root.get_by_label("emotion", exact=True).select_option("happy")
    matrix.get_by_text("32 of 192 clips").wait_for()

    root.get_by_label("Search").fill("no such clip")
    for widget in everywhere:
        widget.get_by_text("0 of 192 clips").wait_for()
    assert root.locator(".row").count() == 0
    assert set(matrix.locator("td[role=gridcell] b").all_inner_texts()) == {"0"}
    assert matrix.locator(".heading").inner_text().startswith("All mistakes: 0 clips")
    assert space.locator(".heading").inner_text().startswith("0 clips")
    notebook.expect("print(browser.selection, matrix._rows)", "[] []")

    # What is typed on lets something through again, and so does the way back to all.
    root.get_by_label("Search").fill("")
    matrix.get_by_text("32 of 192 clips").wait_for()
    root.get_by_label("Search").fill("no such clip")
    matrix.get_by_text("0 of 192 clips").wait_for()
    matrix.get_by_text("Show all clips").click()
    for widget in everywhere:
        widget.get_by_text("192 clips · 8 speakers").wait_for()
    assert root.get_by_label("Search").input_value() == ""
    assert root.locator(".row").first.get_attribute("aria-setsize") == "192"

    # A pick from Python takes its place.
    root.get_by_label("Search").fill("no such clip")
    matrix.get_by_text("0 of 192 clips").wait_for()
    notebook.tell("browser.selection = list(clips.index[5:8]); print()")
    matrix.get_by_text("3 of 192 clips").wait_for()
    assert root.locator(".row").count() == 3


@pytest.mark.slow
def test_a_question_mark_shows_the_keys(lab, setup):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    show = "widgets.clip_browser(clips, result)"
    notebook = lab(setup, show, "widgets.confusion(result)", "")
    for cell in range(3):
        notebook.run(cell)
    page, root = notebook.page, notebook.widget("clip_browser")
    keys, held = root.get_by_role("dialog"), root.locator(".cliplist")
    held.focus()
    page.keyboard.press("?")
    keys.wait_for()
    told = [
        line.split("\t")
        for line in keys.locator("table").first.inner_text().split("\n")
    ]
    assert ["Enter", "plays through"] in told and ["1 to 9", "tag the clip"] in told
    answer = axe.Axe().run(page, context="dialog[open]").response
    assert [v["id"] for v in answer["violations"]] == []
    page.keyboard.press("2")  # says nothing to the list below
    page.keyboard.press("Escape")
    keys.wait_for(state="hidden")
    assert held.evaluate("list => list === document.activeElement")
    assert root.locator(".tag").count() == 0
    root.get_by_label("Search").focus()
    page.keyboard.press("?")  # a text may hold one
    assert root.get_by_label("Search").input_value() == "?"
    assert not keys.is_visible()

    # By its button, with Tab and Enter; and each widget tells its own.
    matrix = notebook.widget("confusion")
    matrix.locator(".cliplist").focus()
    button = matrix.get_by_role("button", name="Keys")
    for _ in range(8):  # undo, copy and save may come before it
        page.keyboard.press("Tab")
        if reached := button.evaluate("button => button === document.activeElement"):
            break
    assert reached
    page.keyboard.press("Enter")
    matrix.get_by_role("dialog").wait_for()
    assert "Shift with Enter" in matrix.get_by_role("dialog").inner_text()
    matrix.get_by_role("button", name="Close").click()
    matrix.get_by_role("dialog").wait_for(state="hidden")


@pytest.mark.slow
def test_undo_and_a_table_to_take_away(lab, setup):
    show = "browser = widgets.clip_browser(clips, result)\nbrowser"
    notebook = lab(setup, show, "", permissions=["clipboard-read", "clipboard-write"])
    notebook.run(0)
    notebook.run(1)
    page, root = notebook.page, notebook.widget("clip_browser")
    undo, size = root.get_by_role("button", name="Undo"), "aria-setsize"
    first, held = root.locator(".row").first, root.locator(".cliplist")
    emotion = root.get_by_label("emotion", exact=True)
    assert undo.is_disabled()
    emotion.select_option("happy")
    held.focus()
    page.keyboard.press("1")
    first.locator(".tag").wait_for()
    page.keyboard.press("Control+z")  # the tag, then the filter
    first.locator(".tag").wait_for(state="detached")
    notebook.expect("print(browser.tags, len(browser.selection))", "{} 32")
    undo.click()
    assert (emotion.input_value(), first.get_attribute(size)) == ("", "192")
    assert undo.is_disabled()
    notebook.expect("print(browser.selection)", "[]")

    root.get_by_label("Search").press_sequentially("no such", delay=20)
    assert root.locator(".row").count() == 0
    undo.click()  # what is typed in one go is one step
    assert root.get_by_label("Search").input_value() == ""
    assert first.get_attribute(size) == "192"
    emotion.select_option("sad")
    root.get_by_text("Show all clips").click()
    root.locator(".row[aria-setsize='192']").first.wait_for()
    undo.click()
    assert emotion.input_value() == "sad"
    notebook.expect("print(len(browser.selection))", "32")

    held.focus()
    page.keyboard.press("2")
    root.get_by_role("button", name="Copy table").click()
    root.locator(".told", has_text="Copied 32 rows").wait_for()
    lines = page.evaluate("navigator.clipboard.readText()").splitlines()
    heads = lines[0].split("\t")
    assert (heads[0], heads[-1], len(lines)) == ("clip", "tag", 33)
    assert lines[1].split("\t")[-1] == "unclear"

    # Without Python, too: the page says so, and keeps all.
    page.evaluate(RESTART)
    root.get_by_text("is still here").wait_for(timeout=20_000)
    page.keyboard.press("Tab")
    held.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("1")
    root.locator(".tag", has_text="keep").wait_for()
    with page.expect_download() as download:
        root.get_by_role("button", name="Save CSV").click()
    assert download.value.suggested_filename == "clips.csv"
    table = pd.read_csv(download.value.path(), index_col="clip")
    assert table["tag"].fillna("").tolist()[:3] == ["unclear", "keep", ""]
    assert set(table["emotion"]) == {"sad"}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_spectrogram_is_enlarged(lab, setup, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    show = "widgets.clip_browser(clips, result)"
    notebook = lab(setup, show, scheme=scheme)
    notebook.run(0)
    notebook.run(1)
    page, root = notebook.page, notebook.widget("clip_browser")
    large = root.locator("dialog.enlarged")
    root.locator(".row").nth(2).locator(".picture").click()
    large.wait_for()
    assert root.locator(".row.playing").count() == 0
    inked = """canvas => canvas.getContext("2d").getImageData(
        canvas.width / 2, 0, 1, canvas.height).data.filter((v, k) => k % 4 === 3 && v)
        .length > 9"""
    for canvas in large.locator("canvas").all():
        page.wait_for_function(inked, arg=canvas.element_handle())
    answer = axe.Axe().run(page, context="dialog[open]").response
    assert [v["id"] for v in answer["violations"]] == []
    picture(page, f"enlarged-{scheme}")
    large.get_by_role("button", name="Play").click()
    large.get_by_role("button", name="Stop").wait_for()
    page.keyboard.press("Escape")
    large.wait_for(state="hidden")
    root.locator(".cliplist").focus()
    page.keyboard.press("e")
    large.wait_for()
    page.keyboard.press("Escape")
    large.wait_for(state="hidden")
    assert root.locator(".cliplist").evaluate("l => l === document.activeElement")


def picture(page, name):
    """Keep a picture of the page where somebody wants to look at it."""
    if folder := os.environ.get("SERTOOLS_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/{name}.png")


@pytest.fixture(scope="module")
def clips():
    return datasets.load("demo")


def test_tags_come_back_as_a_column(clips):
    browser = widgets.clip_browser(clips)
    name = clips.index[7]
    browser.tags = {name: "keep"}
    assert browser.tagged.loc[name, "tag"] == "keep"
    assert browser.tagged["tag"].count() == 1
    assert browser.tagged.drop(columns="tag").equals(clips)
    again = widgets.clip_browser(browser.tagged)  # and go on where they were
    assert again.tags == {name: "keep"}
    with pytest.raises(Exception, match="no clip 'gone'"):
        browser.tags = {"gone": "keep"}


def test_tables_that_cannot_be_shown_are_refused(clips):
    with pytest.raises(ValueError, match="no clips"):
        widgets.clip_browser(clips[:0])
    with pytest.raises(ValueError, match="there twice"):
        widgets.clip_browser(pd.concat([clips[:2], clips[:1]]))


def test_a_result_adds_its_answers(clips):
    some = clips[:4].assign(predicted="happy")
    result = evaluation.from_predictions(some)
    browser = widgets.clip_browser(clips[:6], result)
    assert browser.table["predicted"].tolist()[:4] == ["happy"] * 4
    assert browser.table["predicted"].isna().tolist()[4:] == [True, True]


def test_a_filter_that_lets_nothing_through_filters_the_others(clips):
    table = pd.DataFrame({"clip": clips.index, "emotion": clips["emotion"]})
    result = evaluation.from_predictions(table.assign(predicted="sad"))
    browser = widgets.clip_browser(clips, result)
    other = widgets.confusion(result)
    browser.set_state({"_picked": [], "_empty_filter": True})
    assert other._rows == []
    assert browser._rows is None  # what it was filtered from stays at hand
    assert browser._standing["n"] == other._standing["n"] == 0
    assert "<p>0 of 192 clips.</p>" in browser._static_html(sounds=True)
    browser._on_gone({"view": "a"}, [])
    assert other._rows is None
    browser._on_here({"view": "b", "page": 1}, [])
    assert other._rows == []
    browser.set_state({"_picked": [0], "_empty_filter": False})
    assert other._rows == [0]
    browser.set_state({"_picked": [], "_empty_filter": True})
    browser.selection = browser.table.index[:2]
    assert (other._rows, browser._empty_filter) == ([0, 1], False)
    browser.set_state({"_picked": [], "_empty_filter": True})
    other.linked.clear()
    assert (other._rows, browser._empty_filter) == (None, False)


def test_a_report_keeps_the_first_clips(clips, monkeypatch):
    monkeypatch.setenv("SERTOOLS_STATIC", "1")
    browser = widgets.clip_browser(clips)
    browser.selection = list(clips.index[:3])
    data, _ = browser._repr_mimebundle_()
    assert "3 of 192 clips" in data["text/html"]
    assert data["text/html"].count("<audio") == 3


RESTART = "() => jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()"


@pytest.mark.slow
def test_focus_stays_and_a_kernel_that_goes_is_missed(lab, setup):
    show = "matrix = widgets.confusion(result)\nmatrix"
    notebook = lab(setup, show, "widgets.clip_browser(clips, result)", "")
    for cell in range(3):
        notebook.run(cell)
    page = notebook.page
    root = notebook.widget("clip_browser")
    focused = "() => document.activeElement.innerText"

    button = root.locator(".tagging button", has_text="unclear")
    button.focus()
    page.keyboard.press("Enter")
    root.locator("[aria-pressed=true]", has_text="unclear").wait_for()
    assert "unclear" in page.evaluate(focused)  # the buttons were made anew

    notebook.tell("matrix.selection = matrix.table.index[:3]; print()")
    root.get_by_text("3 of 192 clips").wait_for()
    notebook.run(1)  # what nobody sees any more must not filter
    root.get_by_text("192 clips · 8 speakers").wait_for()

    notebook.tell("matrix.selection = matrix.table.index[:3]; print()")
    root.get_by_text("Show all clips").focus()
    page.keyboard.press("Enter")
    root.get_by_text("192 clips · 8 speakers").wait_for()
    assert "192 clips" in page.evaluate(focused)

    page.evaluate(RESTART)
    notices = page.get_by_text("Python is gone")
    notices.first.wait_for(timeout=20_000)
    assert notices.count() == 2  # each widget says so
