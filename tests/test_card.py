import html

import pytest

from sertools.card import Card

EVIL = "<img src=x onerror=alert(1)>"


def test_it_is_a_dict():
    card = Card(name="demo", n_clips=192)
    assert card["n_clips"] == 192
    assert dict(card) == {"name": "demo", "n_clips": 192}


def test_it_shows_itself_in_aligned_lines():
    assert repr(Card(name="demo", n_clips=2798)) == "name     demo\nn_clips  2798"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "unknown"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        (["angry", "sad"], "angry, sad"),
        (("a", 1), "a, 1"),
        ([], "none"),
        ((), "none"),
        ("기쁨", "기쁨"),
    ],
    ids=str,
)
def test_values_are_shown_as_words(value, shown):
    card = Card(fact=value)
    assert repr(card) == f"fact  {shown}"
    assert f">{shown}</td>" in card._repr_html_()


def test_everything_from_outside_is_escaped():
    page = Card({EVIL: EVIL, "list": [EVIL], "amp": "a & b"})._repr_html_()
    assert "<img" not in page
    assert page.count("&lt;img") == 3
    assert "a & b" in html.unescape(page)
    assert "a & b" not in page


def test_an_empty_card_shows_nothing():
    assert repr(Card()) == ""
    assert Card()._repr_html_() == "<table></table>"


def test_a_notebook_shows_the_table_and_a_terminal_the_lines():
    formatter = pytest.importorskip("IPython.core.formatters").DisplayFormatter()
    data, _ = formatter.format(Card(name="demo"))
    assert data["text/plain"] == "name  demo"
    assert "<td" in data["text/html"]
