"""What of the widgets an executed notebook keeps."""

import re

import nbformat
import pytest

from sertools import report

START = """\
import pandas as pd
from sertools import datasets, evaluation, features, widgets

clips = datasets.load("demo")[:60]
guess = clips.assign(predicted="sad")
result = evaluation.from_predictions(guess)
X = pd.DataFrame({"a": range(60), "b": range(0, 120, 2)}, clips.index)
model = "trained:emodb_egemaps" """
SHOWN = (
    "widgets.confusion(result)",
    'widgets.embedding_map(X, clips, method="pca")',
    "widgets.clip_browser(clips)",
    'widgets.timeline(clips["path"].iloc[0], model)',
    "widgets.recorder(model)",
)


@pytest.mark.slow
def test_pictures_stand_in_for_what_one_clicks(tmp_path, browser):
    cells = [nbformat.v4.new_markdown_cell("# Widgets\n\nWhat stays of them?")]
    cells += [nbformat.v4.new_code_cell('out: str = ""  # where to save')]
    cells[-1].metadata["tags"] = ["parameters"]
    cells += [nbformat.v4.new_code_cell(source) for source in (START, *SHOWN)]
    source = tmp_path / "widgets.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), source)
    folder = report.run(source, {}, tmp_path / "runs")

    made = nbformat.read(folder / "notebook.ipynb", as_version=4)
    assert "widgets" not in made.metadata
    for cell in made.cells[-len(SHOWN) :]:
        (output,) = (o for o in cell.outputs if o.output_type != "stream")
        assert set(output.data) == {"text/plain", "text/html"}, cell.source

    page = (folder / "report.html").read_text()
    assert not re.search(r"<script[^>]+src=|https?://[^\"' ]+\.js", page)
    context = browser.new_context(offline=True)
    view = context.new_page()
    asked, complaints = [], []
    view.on("request", lambda request: asked.append(request.url[:60]))
    view.on("console", lambda message: complaints.append(message.text))
    view.goto((folder / "report.html").as_uri())
    pictures = "images => images.every(i => i.naturalWidth > 0 && i.alt.length > 20)"
    assert view.locator(".cells img").count() >= 3
    assert view.eval_on_selector_all(".cells img", pictures)
    assert view.locator("audio").count() >= 3
    assert [url for url in asked[1:] if not url.startswith("data:")] == []
    assert complaints == []
    context.close()
