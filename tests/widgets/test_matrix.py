"""The confusion matrix that one clicks."""

import pandas as pd
import pytest

from sertools import evaluation, widgets


@pytest.fixture
def notebook(lab, setup):
    opened = lab(setup, "matrix = widgets.confusion(result)\nmatrix", "")
    opened.run(0)
    opened.run(1)
    return opened


def test_a_click_shows_the_clips_and_tells_python(notebook):
    root = notebook.widget("confusion")
    cell = root.locator("td.wrong:not(.none)").first
    n = int(cell.locator("b").inner_text())
    cell.click()
    assert cell.get_attribute("aria-selected") == "true"
    assert f"{n} clip" in root.locator(".heading").inner_text()
    assert root.locator(".cliplist .row").count() == min(n, 12)
    said = notebook.tell(
        "print(len(matrix.selection), matrix.selected[['emotion', 'predicted']].drop_duplicates().shape[0])"
    )
    assert said == f"{n} 1"
