"""The confusion matrix that one clicks."""

import threading

import pandas as pd
import pytest

from sertools import evaluation, widgets

KIND = """
kinds = matrix.selected.groupby(["emotion", "predicted"])
print(len(matrix.selection), kinds.ngroups)
"""


@pytest.mark.slow
def test_a_cell_is_picked_by_mouse_and_keyboard(lab, setup):
    notebook = lab(setup, "matrix = widgets.confusion(result)\nmatrix", "")
    notebook.run(0)
    notebook.run(1)
    root = notebook.widget("confusion")
    cells = root.locator("td.wrong:not(.none)")
    first, second = cells.nth(0), cells.nth(1)
    n = [int(cell.locator("b").inner_text()) for cell in (first, second)]
    assert "All mistakes" in root.locator(".heading").inner_text()

    first.click()
    assert first.get_attribute("aria-selected") == "true"
    assert f"{n[0]} clip" in root.locator(".heading").inner_text()
    assert root.locator(".cliplist .row").count() == n[0]
    notebook.expect(KIND, f"{n[0]} 1")

    second.click(modifiers=["Shift"])
    notebook.expect(KIND, f"{sum(n)} 2")

    root.locator("td[role=gridcell]").first.focus()
    right = int(root.locator("td.right b").first.inner_text())
    for key in ("Home", "Enter"):
        notebook.page.keyboard.press(key)
    assert f"{right} clip" in root.locator(".heading").inner_text()
    first.focus()
    notebook.page.keyboard.press("Escape")
    notebook.expect("print(matrix.selection)", "[]")
    assert "All mistakes" in root.locator(".heading").inner_text()

    notebook.tell("matrix.selection = list(matrix.table.index[:4]); print()")
    assert root.locator(".strip").inner_text().startswith("4 of 192 clips")
    root.get_by_text("Show all clips").click()
    notebook.expect("print(matrix.selection)", "[]")


@pytest.mark.slow
def test_clips_are_seen_and_heard(lab, setup):
    notebook = lab(setup, "matrix = widgets.confusion(result)\nmatrix", "")
    notebook.run(0)
    notebook.run(1)
    root = notebook.widget("confusion")
    drawn = """list => [...list.querySelectorAll(".spectrogram")]
        .some(c => c.width > 20 && c.height === 80)"""
    notebook.page.wait_for_function(
        f"() => ({drawn})(document.querySelector('.sertools-confusion .cliplist'))"
    )
    rows = root.locator(".cliplist .row")
    rows.nth(1).locator(".play").click()
    root.locator(".row.playing").wait_for()
    assert rows.nth(1).get_attribute("aria-selected") == "true"
    root.locator(".cliplist").focus()
    notebook.page.keyboard.press("Escape")
    assert root.locator(".row.playing").count() == 0
    notebook.page.keyboard.press("ArrowDown")
    notebook.page.keyboard.press("Enter")  # plays through from here
    root.locator(".row.playing").wait_for()
    third, fourth = rows.nth(2), rows.nth(3)
    assert "playing" in third.get_attribute("class")
    notebook.page.wait_for_function(
        "row => row.classList.contains('playing')", arg=fourth.element_handle()
    )
    notebook.page.keyboard.press("Escape")
    notebook.tell("matrix.table['path'] = 'gone.wav'; print()")
    rows.nth(0).locator(".play").click()
    trouble = root.locator(".trouble")
    trouble.wait_for()
    assert "gone.wav" in trouble.inner_text()


@pytest.fixture
def result():
    rows = [
        ("a", "happy", "1", 0.9, 0.1),
        ("b", "happy", "1", 0.2, 0.8),
        ("c", "sad", "2", 0.4, 0.6),
        ("d", "sad", "2", 0.7, 0.3),
    ]
    table = pd.DataFrame(rows, columns=["clip", "emotion", "speaker", "happy", "sad"])
    return evaluation.from_predictions(table)


def test_widgets_of_a_result_filter_each_other(result):
    one, two = widgets.confusion(result), widgets.confusion(result)
    one.selection = ["b", "d"]
    assert one._rows is None  # what it was picked from stays in sight
    assert two._rows == [1, 3]
    two.selection = ["c", "d"]
    assert one._rows == [2, 3]
    assert one._standing["n"] == two._standing["n"] == 1
    assert one._standing["uar"]["value"] == 0
    assert one._standing["by_answers"]
    two.linked.clear()
    assert one.selection == two.selection == []
    assert one._rows is None
    assert one._standing["uar"]["value"] == 0.5


def seen(widget, view="a", page=1):
    widget._on_here({"view": view, "page": page}, [])


def unseen(widget, view="a", page=1):
    widget._on_gone({"view": view, "page": page}, [])


def test_a_widget_that_nobody_sees_filters_nothing(result):
    one, two = widgets.confusion(result), widgets.confusion(result)
    seen(one)
    seen(one, "b")
    one.selection = ["a"]
    assert two._rows == [0]
    unseen(one)
    assert two._rows == [0]  # the other view still shows it
    unseen(one, "b")
    assert two._rows is None
    two.selection = ["b"]
    assert one._rows is None  # nor is it told any more: cells run again and again
    two.selection = []
    seen(one, "c")  # shown again, with what was picked in it
    assert two._rows == [0]


def test_a_page_that_is_reloaded_leaves_no_view_behind(result):
    one, two = widgets.confusion(result), widgets.confusion(result)
    seen(one)
    one.selection = ["a"]
    seen(one, "b", page=2)  # and nobody said that the first went
    unseen(one, "b", page=2)
    assert two._rows is None


def test_picks_of_two_threads_all_arrive(result):
    """A page picks in a thread of its own, amid the telling of what a cell picked."""
    one, two, three = (widgets.confusion(result) for _ in range(3))
    page = threading.Thread(target=setattr, args=(two, "selection", ["c", "d"]))

    def amid(_):
        if page.ident is None:  # the first that hears of the cell's pick
            page.start()
            page.join(0.3)  # longer than a pick takes, if nothing makes it wait

    for widget in (one, two, three):
        widget.observe(amid, "_standing")
    one.selection = ["b", "c"]
    page.join(30)
    assert (one._rows, two._rows, three._rows) == ([2, 3], [1, 2], [2])
    assert [widget._standing["n"] for widget in (one, two, three)] == [1, 1, 1]


def test_other_results_are_left_alone(result):
    other = evaluation.from_predictions(result.predictions.assign(predicted=None))
    one, apart = widgets.confusion(result), widgets.confusion(other)
    one.selection = ["a"]
    assert apart._rows is None


def test_a_clip_that_is_not_there_is_refused(result):
    with pytest.raises(Exception, match="no clip 'z'"):
        widgets.confusion(result).selection = ["z"]


def test_the_page_can_pick_and_is_told_why_not(result):
    one = widgets.confusion(result)
    one._picked = [2, 0]
    assert one.selection == ["a", "c"]
    assert one.selected["speaker"].tolist() == ["1", "2"]
    said = []
    one.send = lambda answer, buffers: said.append((answer, buffers))
    one._answer(one, {"ask": "sound", "row": 0, "id": "x"}, [])
    assert said == [({"id": "x", "error": "a: no file is known."}, [])]


def test_a_report_keeps_a_picture(result, monkeypatch):
    data, _ = widgets.confusion(result)._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "happy 50% heard right" in data["text/html"]
    monkeypatch.setenv("SERTOOLS_STATIC", "1")
    data, _ = widgets.confusion(result)._repr_mimebundle_()
    assert set(data) == {"text/plain", "text/html"}
