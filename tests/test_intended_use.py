import re

from sertools import intended_use


def test_no_word_of_the_page_is_lost_and_no_mark_is_left():
    parts = intended_use.paragraphs()
    words = " ".join(f"{part['lead']} {part['text']}" for part in parts).split()
    page = re.sub(r"^(# |- )|[*`]", "", intended_use.page(), flags=re.MULTILINE)
    assert words == page.split()
    assert not re.search(r"[*`#]", " ".join(words))


def test_each_part_is_of_its_kind():
    parts = intended_use.paragraphs()
    assert [part["kind"] for part in parts].count("heading") == 1
    assert [part["kind"] for part in parts].count("item") == 2
    assert parts[2]["lead"] == "What it does not mean."
