"""Figures that are light or dark, as the page is."""

from sertools import plots
from sertools.plots import _dark_theme


def test_a_report_has_one_picture(result, monkeypatch):
    figure = plots.scores(result(["sad", "happy"])).figure
    page = figure._repr_html_()
    assert page.count("<img") == page.count('alt="Scores"') == 2
    monkeypatch.setenv("SERTOOLS_STATIC", "1")
    assert figure._repr_html_() is None


def test_greys_turn_round_and_colours_keep_their_hue():
    assert _dark_theme.on_dark(0, 0, 0)[0] > 0.9
    assert _dark_theme.on_dark(1, 1, 1)[0] < 0.1
    red, green, blue = _dark_theme.on_dark(0, 0.45, 0.7)
    assert red < green < blue
    assert _dark_theme.on_dark(0.9, 0.6, 0.1) == (0.9, 0.6, 0.1)  # light enough
