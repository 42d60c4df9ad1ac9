"""Figures in a notebook follow its theme."""

import os

import pytest

CORNER = """image => {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.getContext("2d").getImageData(2, 2, 1, 1).data[3];
}"""


@pytest.mark.slow
def test_a_plot_is_dark_where_the_page_is(lab, setup):
    show = "plots.confusion_matrix(result)\nplots.scores(result);"
    notebook = lab(setup, show, "plots.waveform(clips.path.iloc[0]);", scheme="dark")
    for cell in range(3):
        notebook.run(cell)
    page = notebook.page
    light, dark = (
        page.locator(f".sertools-figure .{name}") for name in ("light", "dark")
    )
    dark.first.wait_for()
    assert (light.count(), dark.count()) == (3, 3)
    assert not any(image.is_visible() for image in light.all())
    assert dark.first.evaluate(CORNER) == 0  # the page is seen through it
    if folder := os.environ.get("SERTOOLS_SCREENSHOTS"):
        page.screenshot(path=f"{folder}/figures-dark.png")
    page.emulate_media(color_scheme="light")
    light.first.wait_for()
    assert not any(image.is_visible() for image in dark.all())
    assert light.first.evaluate(CORNER) == 255
    if folder:
        page.screenshot(path=f"{folder}/figures-light.png")
