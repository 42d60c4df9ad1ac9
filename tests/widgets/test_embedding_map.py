"""The map of clips that one hears and draws around."""

import numpy as np
import pandas as pd
import pytest
import traitlets

from sertools import evaluation, plots, widgets
from sertools.widgets import _scripts

EMOTIONS = ["angry", "happy", "sad"]


def table(n=30):
    rng = np.random.default_rng(0)
    index = pd.Index([f"made/{i}" for i in range(n)], name="clip")
    emotions = np.resize(EMOTIONS, n)
    clips = pd.DataFrame(
        {
            "emotion": emotions,
            "speaker": [f"made/{i % 5}" for i in range(n)],
            "sex": [("female", "male", None)[i % 3] for i in range(n)],
            "dataset": "made",
        },
        index=index,
    )
    X = pd.DataFrame(rng.normal(size=(n, 4)), index=index).add_prefix("f")
    X["f0"] += 4 * clips["emotion"].map(EMOTIONS.index)
    return X, clips


def answered(clips):
    scores = pd.DataFrame(0.1, clips.index, EMOTIONS)
    scores["happy"] += 0.7
    return evaluation.from_predictions(clips.join(scores).reset_index())


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_points_lie_where_the_plot_draws_them(method):
    X, clips = table()
    places = widgets.embedding_map(X, clips, method=method, seed=3).positions
    ax = plots.embeddings(X, clips, method, seed=3)
    drawn = np.concatenate([c.get_offsets() for c in ax.collections])
    order = np.argsort(clips["emotion"].to_numpy(), kind="stable")
    np.testing.assert_array_equal(places.to_numpy()[order], drawn)
    assert places.columns.tolist() == ["x", "y"]


def test_rows_are_found_by_name_and_only_those_of_the_features_are_shown():
    X, clips = table()
    points = widgets.embedding_map(X.iloc[10:], clips.iloc[::-1], method="pca")
    assert points.table.index.tolist() == X.index[10:].tolist()
    assert points._marks["emotion"]["angry"] == ("^", "#D55E00")
    assert len(points._places) == 4 * 2 * 20


def test_places_may_be_given():
    X, clips = table()
    first = widgets.embedding_map(X, clips, method="pca")
    again = widgets.embedding_map(X, clips, method=first.positions.iloc[::-1])
    pd.testing.assert_frame_equal(again.positions, first.positions)
    plain = widgets.embedding_map(X.to_numpy(), clips, method=np.ones((30, 2)))
    assert (plain.positions == 1).all(axis=None)
    assert "Places as given." in plain._static_html(sounds=False) + str(plain._about)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ("mds", "Unknown method 'mds'. Known: umap, tsne, pca"),
        (np.ones((29, 2)), r"shape \(29, 2\); X has 30 rows"),
        (np.full((30, 2), np.nan), "no finite place for clip 'made/0'"),
        (pd.DataFrame({"x": [1], "y": [2]}, ["made/0"]), "no place for clip 'made/1'"),
    ],
)
def test_unfit_methods_are_refused(method, message):
    with pytest.raises(ValueError, match=message):
        widgets.embedding_map(*table(), method=method)


def test_an_unknown_clip_is_named():
    X, clips = table()
    with pytest.raises(ValueError, match="1 rows of X are not in .* 'made/0'"):
        widgets.embedding_map(X, clips.iloc[1:], method="pca")


def test_a_result_adds_colours_and_links():
    X, clips = table()
    result = answered(clips.iloc[:24])
    points = widgets.embedding_map(X, clips, result, method="pca")
    assert set(points._marks) == {
        *("emotion", "predicted", "speaker", "sex", "dataset", "answer")
    }
    assert set(widgets.embedding_map(X, clips, method="pca")._marks) == {
        *("emotion", "speaker", "sex", "dataset")
    }
    matrix = widgets.confusion(result)
    points.selection = ["made/4", "made/1"]
    assert points.selected.index.tolist() == ["made/1", "made/4"]
    assert matrix._rows == [1, 4]
    matrix.selection = ["made/4", "made/5"]
    assert points._rows == [4, 5]
    with pytest.raises(traitlets.TraitError, match="no clip 'x'"):
        points.selection = ["x"]


def test_the_picture_is_told_in_words():
    X, clips = table()
    page = widgets.embedding_map(X, clips, method="pca")._static_html(sounds=True)
    assert 'alt="PCA of 30 clips. Of a clip&#x27;s 10 nearest' in page
    assert "angry" in page
    assert "<audio" not in page
    bare = widgets.embedding_map(X, clips[["speaker"]], method="pca")
    assert "PCA of 30 clips." in bare._static_html(sounds=False)
    nameless = widgets.embedding_map(X, clips[[]].assign(n=1), method="pca")
    assert "<img" in nameless._static_html(sounds=False)


def test_every_marker_of_the_plots_has_a_shape_in_the_browser():
    text = _scripts.script("shapes.js")
    markers = {*"osD^vPX*<>phd8."} - {*"o."}  # these are discs
    for marker in markers:
        assert any(f"\n  {name}: " in text for name in (marker, f'"{marker}"')), marker


RING = """canvas => {
    const { data, width } = canvas.getContext("2d")
        .getImageData(0, 0, canvas.width, canvas.height);
    const rows = Array.from({ length: data.length / 4 }, (_, k) => k);
    const drawn = rows.filter(k => data[4 * k + 3] > 60);
    const mean = of => drawn.reduce((sum, k) => sum + of(k), 0) / drawn.length;
    const middle = [mean(k => k % width), mean(k => Math.floor(k / width))];
    return middle.map(place => place / devicePixelRatio);
}"""
"""Where the ring around the point is that keys act on."""


def drag(page, box, corners):
    """Draw around a part of the map, given in shares of its width and height."""
    x, y, width, height = (box[name] for name in ("x", "y", "width", "height"))
    places = [(x + width * a, y + height * b) for a, b in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


@pytest.fixture
def shown(lab, setup):
    cell = 'points = widgets.embedding_map(X, clips, result, method="pca")\npoints'
    notebook = lab(setup, cell, "")
    notebook.run(0)
    notebook.run(1)
    root = notebook.widget("embedding_map")
    root.locator(".cliplist .row").first.wait_for()
    root.scroll_into_view_if_needed()
    return notebook, root, root.locator("canvas[tabindex]")


LEFT = [(0.01, 0.01), (0.5, 0.01), (0.5, 0.99), (0.01, 0.99)]


RIGHT = [(0.5, 0.02), (0.9, 0.02), (0.9, 0.98), (0.5, 0.98)]


@pytest.mark.slow
def test_drawing_around_clips_picks_and_lists_them(shown):
    notebook, root, canvas = shown
    page, heading = notebook.page, root.locator(".heading")
    assert heading.inner_text().startswith("192 clips")
    box = canvas.bounding_box()
    drag(page, box, LEFT)
    left = int(heading.inner_text().split()[1])
    assert 20 < left < 192
    notebook.expect("print(len(points.selection))", str(left))
    notebook.expect(
        "x = points.positions['x']\n"
        "print(x[points.selection].max() < x.drop(points.selection).min() + 0.1)",
        "True",
    )
    assert f"{left} clips picked." in canvas.get_attribute("aria-label")
    page.keyboard.down("Shift")
    drag(page, box, RIGHT)
    page.keyboard.up("Shift")
    both = int(heading.inner_text().split()[1])
    assert both > left
    notebook.expect("print(len(points.selection))", str(both))
    canvas.focus()
    page.keyboard.press("Escape")
    notebook.expect("print(points.selection)", "[]")

    # A click picks one; the wheel alone scrolls, with Ctrl it comes nearer.
    canvas.focus()
    page.keyboard.press("Home")
    root.locator(".hovercard").wait_for()
    page.keyboard.press("Enter")
    name = root.locator(".hovercard b").inner_text()
    notebook.expect("print(points.selection)", f"['{name}']")
    canvas.focus()
    page.keyboard.press("Escape")
    before = root.locator(".map canvas").first.evaluate("c => c.toDataURL()")
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.wheel(0, -1)
    page.wait_for_timeout(150)
    same = "before => document.querySelector('.map canvas').toDataURL() === before"
    assert page.evaluate(same, before)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_function(f"before => !({same})(before)", arg=before)
    root.get_by_role("button", name="Show the whole map").click()
    page.wait_for_function(same, arg=before)

    # What is hidden in the legend cannot be picked, and a pick elsewhere filters.
    sad = root.get_by_role("button", name="sad, 32 clips")
    sad.click()
    assert sad.get_attribute("aria-pressed") == "false"
    assert heading.inner_text().startswith("160 clips")
    sad.click()
    notebook.tell(
        "other = widgets.confusion(result)\n"
        "some = result.predictions\n"
        "other.selection = list(some.loc[some['emotion'] == 'fear', 'clip']); print()"
    )
    page.wait_for_function(
        "() => document.querySelector('.sertools-embedding_map .heading')"
        ".innerText.startsWith('32 clips')"
    )
    drag(page, box, [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)])
    notebook.expect("print(set(points.selected['emotion']))", "{'fear'}")


@pytest.mark.slow
def test_it_works_by_keyboard_and_is_heard(shown):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    notebook, root, canvas = shown
    page, spoken = notebook.page, root.locator(".spoken").first
    assert "PCA of 192 clips by emotion: 32 angry" in canvas.get_attribute("aria-label")
    canvas.focus()
    page.keyboard.press("Home")
    first = spoken.inner_text()
    assert "Around it" in first
    page.keyboard.press("ArrowRight")
    assert spoken.inner_text() != first
    page.keyboard.press(" ")
    root.locator(".hovercard.playing").wait_for()
    page.keyboard.press("n")
    notebook.expect("print(len(points.selection))", "11")
    canvas.focus()
    page.keyboard.press("a")
    notebook.expect("print(points.selected['emotion'].nunique())", "1")
    notebook.expect("print(len(points.selection))", "32")
    canvas.focus()
    page.keyboard.press("Escape")
    notebook.expect("print(points.selection)", "[]")
    found = axe.Axe().run(page, context=".sertools-embedding_map").response
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert serious == []

    # A hand that rests on a point hears it, unless that is switched off.
    canvas.focus()
    page.keyboard.press("Home")
    root.locator(".hovercard").wait_for()
    ring = canvas.evaluate(RING)
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + ring[0], box["y"] + ring[1])
    root.locator(".hovercard.playing").wait_for()
    assert root.locator(".hovercard .picture canvas").evaluate("c => c.width") > 20
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    root.locator(".hovercard").wait_for(state="hidden")
    # A browser that waits for a click says no; what a script does counts as one here.
    page.evaluate(
        """() => {
            window.play = HTMLMediaElement.prototype.play;
            HTMLMediaElement.prototype.play = async () => {
                throw new DOMException("no", "NotAllowedError");
            };
        }"""
    )
    page.mouse.move(box["x"] + ring[0], box["y"] + ring[1])
    root.get_by_text("before your first click").wait_for()
    page.evaluate("() => { HTMLMediaElement.prototype.play = window.play; }")
    page.mouse.click(box["x"] + ring[0], box["y"] + ring[1])
    root.get_by_text("before your first click").wait_for(state="hidden")
    page.mouse.move(box["x"] + 3, box["y"] + 3)
    root.locator(".hovercard").wait_for(state="hidden")

    toggle = root.get_by_label("Hear on hover")
    toggle.uncheck()
    page.mouse.move(box["x"] + ring[0], box["y"] + ring[1])
    root.locator(".hovercard").wait_for()
    page.wait_for_timeout(500)
    assert root.locator(".hovercard.playing").count() == 0
    notebook.run(1)
    root.get_by_label("Hear on hover").wait_for()
    assert not root.get_by_label("Hear on hover").is_checked()
