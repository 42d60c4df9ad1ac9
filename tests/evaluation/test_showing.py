from html.parser import HTMLParser

import pandas as pd
import pytest

from sertools import evaluation

ATTACK = "<img src=x onerror=alert(1)>"


class Tags(HTMLParser):
    """Collect the names and attributes of the tags of a page."""

    def __init__(self, page):
        super().__init__()
        self.seen, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, *(name for name, _ in attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def result(recorded):
    clips, X = recorded
    return evaluation.cross_validate("logistic", X, clips)


def hostile(result):
    """Put a name that bites wherever a name can stand."""
    return evaluation.Result(
        result.predictions.assign(clip=ATTACK, speaker=ATTACK),
        info=dict.fromkeys(("dataset", "model", "head", "folds"), ATTACK),
        excluded=[{"clip": ATTACK, "reason": ATTACK}],
        left_out={ATTACK: 2},
        warnings=[ATTACK],
        baseline=result.baseline,
    )


def test_in_a_terminal_it_is_a_few_plain_lines(result):
    lines = repr(result).splitlines()
    score = result.scores()["uar"]
    assert lines[0] == "mine / logistic / speaker: 48 clips, 4 speakers, 3 emotions"
    interval = f"[{score['low']:.3f}, {score['high']:.3f}]"
    assert lines[1] == f"  UAR       {score['value']:.3f}  {interval}"
    assert lines[2].startswith("  accuracy  ")
    assert lines[3].startswith("  macro F1  ")
    assert lines[4] == "  chance    0.333"
    assert lines[5].startswith(f"  baseline  {result.baseline['uar']['value']:.3f}  [")
    assert lines[6].startswith("  recall    angry ")
    assert len(lines) == 7


def test_in_a_notebook_it_is_a_table_with_the_same_numbers(result):
    page = Tags(result._repr_html_())
    words = " ".join(page.text)
    for score in result.scores().values():
        assert f"{score['value']:.3f}" in words
        assert f"[{score['low']:.3f}, {score['high']:.3f}]" in words
    assert f"{result.baseline['uar']['value']:.3f}" in words
    assert "95 % over speakers" in words
    allowed = {"p", "table", "thead", "tbody", "tr", "th", "td", "b"}
    assert {tag for tag, *_ in page.seen} <= allowed


def test_names_that_bite_are_shown_and_do_nothing(result):
    page = Tags(hostile(result)._repr_html_())
    assert not any(tag == "img" or "onerror" in rest for tag, *rest in page.seen)
    assert "".join(page.text).count(ATTACK) == 8


def test_warnings_and_clips_left_out_stand_under_the_scores(result):
    noted = evaluation.Result(
        result.predictions,
        excluded=[
            {"clip": "mine/a", "reason": "no such file"},
            {"clip": "mine/b", "reason": "an empty file (0 bytes)"},
        ],
        left_out={"emotion not asked for": 23},
        warnings=["Beware."],
    )
    for text in (repr(noted), "\n".join(Tags(noted._repr_html_()).text)):
        assert "Beware." in text
        assert "2 excluded, the first: mine/a (no such file)." in text
        assert "23 clips left out: emotion not asked for." in text


def test_where_there_is_no_interval_it_says_so():
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    result = evaluation.from_predictions(table)
    for text in (repr(result), result._repr_html_()):
        assert "(no interval)" in text
        assert "speakers unknown" in text
        assert "baseline" not in text
        assert "None" not in text
