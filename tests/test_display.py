import html
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from sertools import ExternalModelAdapter, display, evaluation, features, models, report
from sertools.display import Card, headed
from sertools.report._run import RunResult

TABLES = {
    "plain": pd.DataFrame({"a": [1, 2]}),
    "named index": pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name="clip")),
    "two levels": pd.DataFrame(
        [[1, 2]],
        columns=pd.MultiIndex.from_product([["A"], ["b", "c"]]),
        index=pd.MultiIndex.from_tuples([("x", "y")]),
    ),
    "empty": pd.DataFrame(columns=["a", "b"]),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=list(TABLES))
def test_every_header_of_a_pandas_table_heads_something(table):
    page = headed(table.to_html())
    headers = re.findall(r"<th\b([^>]*)>(.*?)</th>", page, flags=re.DOTALL)
    assert headers
    for told, text in headers:
        assert text.strip()
        assert re.search(r'scope="(col|row)"', told)
    cells = re.compile(r"<t[dh]\b")
    assert len(cells.findall(page)) == len(cells.findall(table.to_html()))


def test_columns_and_rows_are_told_apart():
    page = headed(TABLES["plain"].to_html())
    assert '<th scope="col">a</th>' in page
    assert '<th scope="row">0</th>' in page


def test_twice_is_as_good_as_once():
    page = headed(TABLES["named index"].to_html(), "Clips")
    assert headed(page, "Something else") == page


@pytest.mark.parametrize(
    "page",
    [
        "<p>no table, 1 < 2 &amp; <th></p>",
        '<table><caption>a</caption><tr><th scope="col">a</th></tr></table>',
        "<table><tr><td>only cells</td></tr></table>",
    ],
)
def test_what_is_well_stays(page):
    assert headed(page) == page


def test_a_table_is_named_once():
    assert headed("<TABLE class='x'></TABLE>", 'a "b"') == (
        "<table aria-label=\"a &quot;b&quot;\" class='x'></TABLE>"
    )
    named = "<table><caption>mine</caption></table>"
    assert headed(named, "ours") == named


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


def test_nothing_is_written_where_there_is_nothing():
    assert display.dotted([]) == ""
    assert display.named({"dataset": None}, "dataset", "model") == ""
    assert "<thead>" not in display.rows([["a"]])


def test_what_bites_is_written_harmlessly():
    attack = "<img src=x onerror=alert(1)>"
    for page in (display.dotted([attack]), display.rows([[attack]], [attack])):
        assert "<img" not in page
        assert "&lt;img" in page


def test_an_interval_may_show_its_sign_and_fewer_digits():
    assert display.span(-0.5, 0.25, "+", 2) == "[-0.50, +0.25]"
    assert display.span(None, None) == "(no interval)"


def shown(thing) -> tuple[str, str]:
    formatter = DisplayFormatter()
    formatter.active_types = ["text/plain", "text/html"]
    data, _ = formatter.format(thing)
    return data["text/plain"], data.get("text/html", "")


def test_every_system_shows_itself_without_loading_anything():
    code = (
        "import sys; from sertools import models\n"
        "names = set(models.names()) - {'huggingface'}  # needs an id\n"
        "shown = [models.load(name) for name in names]\n"
        "for model in shown:\n"
        "    assert model.title in model._repr_html_(), model\n"
        "    assert 'text/html' in model._repr_mimebundle_(), model\n"
        "    assert 'backend' in dir(model) and '_backend' not in vars(model), model\n"
        "heavy = {'torch', 'tensorflow', 'opensmile', 'whisper'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_system_says_how_it_was_made():
    _, page = shown(models.load("opensmile:ComParE_2016"))
    assert "ComParE_2016" in page and "openSMILE" in page
    _, page = shown(models.load("opensmile+mfcc"))
    assert "OpenSMILE()" in page


def test_a_pipeline_shows_its_systems():
    from sklearn.pipeline import make_pipeline

    steps = make_pipeline(models.load("trained:emodb_egemaps"))
    _, page = shown(steps)
    assert "Trained" in page


THINGS = {
    "adapter": lambda: ExternalModelAdapter("opensmile", device="cpu"),
    "degraded": lambda: features.with_degradation(models.load("mfcc"), "noise:10"),
    "heard": lambda: evaluation.contamination("opensmile", _clips()),
    "closing": lambda: report.record(None),
    "finished": lambda: RunResult("toy-1", Path("runs/toy-1"), {"status": "ok"}),
}


SAID = {
    "adapter": "trained:emodb_egemaps",
    "degraded": "noise:10",
    "heard": "Pretraining overlap: no.",
    "closing": "Nothing was saved.",
    "finished": "toy-1: ok",
}


def _clips():
    from sertools import datasets

    return datasets.load("demo")


def test_whatever_shows_a_page_does_so_by_the_one_base():
    for path in Path(display.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        own = path.name in ("display.py", "_dark_theme.py")  # the second is a figure
        by_hand = "def _repr_html_" in text and not own
        assert not by_hand, f"{path} shows itself by hand; let it be a Display"
        for before, name in re.findall(r"(.*)\nclass (\w+)\([\w.]*Display\b", text):
            assert "@dataclass" not in before or "repr=False" in before, name


def test_parts_are_shown_one_after_the_other():
    class Answer(display.Display):
        def _parts(self):
            yield display.heading("2 < 3")
            yield display.Part(["  text"], "<b>page</b>")
            yield display.notes(["so"], also_html=["first"])

    assert repr(Answer()) == "2 < 3\n  text\n  so"
    page = "<p>2 &lt; 3</p><b>page</b><ul><li>first</li><li>so</li></ul>"
    assert Answer()._repr_html_() == page


@pytest.mark.parametrize("name", THINGS)
def test_text_and_page_say_the_same(name):
    text, page = shown(THINGS[name]())
    assert SAID[name] in text
    assert SAID[name] in page


def test_a_failed_run_says_so():
    run = {"status": "failed", "error": {"name": "ZeroDivisionError"}}
    text = repr(RunResult("toy-1", Path("runs/toy-1"), run, "skipped"))
    assert text.startswith("toy-1: failed (ZeroDivisionError), skipped; ")


def test_a_planned_run_does_not_recite_its_notebook():
    (planned,) = report.plan(["opensmile"], given={"dataset": "demo"})
    assert len(repr(planned)) < 1500
