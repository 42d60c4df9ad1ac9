import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from sertools.report._page import clean, notices, number, scores, span, write_page


class Reader(HTMLParser):
    """Collect what a page would fetch, run, or show as text."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.scripts, self.handlers, self.text, self.tags = (
            [],
            [],
            [],
            [],
            [],
        )
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "srcset", "poster", "data") or (
                name == "href" and tag != "a"
            ):
                self.loads.append(value)
            if name.startswith("on"):
                self.handlers.append((tag, name))

    def handle_data(self, data):
        self.text.append(data)


def page(run):
    return (run / "report.html").read_text(encoding="utf-8")


@pytest.fixture(params=["ok_run", "failed_run", "dead_run"])
def text(request):
    return page(request.getfixturevalue(request.param))


def test_a_page_needs_nothing_from_elsewhere(text):
    reader = Reader(text)
    assert [load for load in reader.loads if not load.startswith("data:")] == []
    assert "script" not in reader.tags
    assert "link" not in reader.tags
    assert reader.handlers == []
    styles = " ".join(re.findall(r"<style.*?</style>|style=\"[^\"]*", text, re.DOTALL))
    assert not re.search(r"@import|url\((?!['\"]?data:)", styles)


def test_a_page_forbids_the_browser_to_fetch_or_run_anything(text):
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text).group(1)
    assert "default-src &#39;none&#39;" in policy
    assert "script-src &#39;none&#39;" in policy
    assert "http" not in policy


def test_the_headline_stands_as_number_and_picture(ok_run):
    text = page(ok_run)
    assert "How well does it hear?</h1>" in text
    assert "0.781" in text
    assert "95 % interval 0.702 to 0.845" in text
    assert (
        'aria-label="UAR 0.781, 95 % interval 0.702 to 0.845, chance 0.500, '
        'duration and loudness alone 0.412"' in text
    )
    assert 'class="dot" style="left:78.10%"' in text
    assert "no claim about felt emotion" in text
    assert "openSMILE: research and evaluation only" in text


def test_the_title_is_said_once(ok_run):
    assert Reader(page(ok_run)).tags.count("h1") == 1


def test_what_was_set_stands_out_from_the_defaults(ok_run):
    rows = re.findall(r'<tr class="changed"><th scope="row">(\w+)</th>', page(ok_run))
    assert rows == ["seed"]


def test_what_others_wrote_is_text_and_nothing_else(ok_run):
    reader = Reader(page(ok_run))
    shown = "".join(reader.text)
    assert "demo/<img src=x onerror=alert(1)>.wav" in shown
    assert "not audio: <script>alert(2)</script>" in shown
    assert "silent: <b onclick=alert(3)>a.wav</b>" in shown


def test_an_error_is_seen_at_once(failed_run):
    text = page(failed_run)
    assert 'class="banner" role="alert"' in text
    assert '<a href="#cell-4">cell 4 (load)</a>' in text
    assert 'id="cell-4"' in text
    assert "no corpus &lt;b&gt;here&lt;/b&gt;" in text
    assert "Traceback (most recent call last)" in text


def test_a_dead_kernel_is_seen_at_once(dead_run):
    text = page(dead_run)
    assert "This run failed in" in text
    assert text.count("The kernel died (exit status 3).") == 2


def test_code_is_folded_but_the_failing_cell(ok_run, failed_run):
    opened = re.compile(r"<input[^>]*checked")
    assert opened.findall(page(ok_run)) == []
    assert len(opened.findall(page(failed_run))) == 1


def test_a_very_long_output_is_cut_and_says_so(ok_run):
    text = page(ok_run)
    assert "more characters stand in notebook.ipynb" in text
    assert text.count("many ") < 5000


def test_a_picture_says_what_it_shows(ok_run):
    assert 'alt="Figure: Look"' in page(ok_run)


def test_a_page_can_be_made_again_from_the_files(ok_run, tmp_path):
    folder = shutil.copytree(ok_run, tmp_path / "copy")
    (folder / "report.html").unlink()
    write_page(folder)
    assert "0.781" in page(folder)


def test_without_an_interval_the_page_says_why(ok_run, tmp_path):
    folder = shutil.copytree(ok_run, tmp_path / "copy")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["uar"] = {"value": 0.5, "low": None, "high": None}
    metrics.update(baseline=None, n_speakers=None, per_class={}, excluded=[])
    (folder / "metrics.json").write_text(json.dumps(metrics))
    write_page(folder)
    assert "fewer than 3 speakers" in page(folder)
    assert 'class="range"' not in page(folder)


def test_scores_are_taken_as_they_come():
    assert scores({})["uar"] is None
    assert scores({"baseline": {"uar": 0.4}})["baseline"] == 0.4
    assert scores({"baseline": {"uar": {"value": 0.4}}})["baseline"] == 0.4


def test_synthetic_speech_and_random_weights_are_said_once():
    run = {"parameters": {"weights": "tiny"}}
    found = notices(run, {"dataset": "demo", "warnings": ["leaking folds"]})
    assert found[0] == "leaking folds"
    assert len(found) == 3
    said = {"dataset": "demo", "synthetic": True, "random_weights": True}
    assert notices(run, {**said, "warnings": ["both"]}) == ["both"]
    assert notices(run, {}) == []


@pytest.mark.parametrize(
    "html",
    [
        "<p>plain &amp; simple</p>",
        '<img alt="a" src="data:image/png;base64,AAAA"/>',
        '<a href="https://example.org/x?y=1#z">a link</a>',
        '<a href="#cell-3">inside</a>',
        '<p style="color: red">red</p>',
        '<audio controls=""><source src="data:audio/wav;base64,AAAA"/></audio>',
    ],
)
def test_what_is_harmless_stays(html):
    assert clean(html) == html


@pytest.mark.parametrize(
    "html",
    [
        "<script>run()</script>",
        '<script src="https://example.org/a.js"></script>',
        '<link rel="stylesheet" href="https://example.org/a.css">',
        '<iframe src="https://example.org"></iframe>',
        '<meta http-equiv="refresh" content="0;url=https://example.org">',
        '<base href="https://example.org">',
        '<object data="https://example.org/a.swf"></object>',
    ],
)
def test_what_runs_or_reaches_out_goes(html):
    assert clean(f"<p>before</p>{html}").startswith("<p>before</p>")
    assert "example.org" not in clean(html)
    assert "run()" not in clean(html)


@pytest.mark.parametrize(
    ("html", "gone"),
    [
        ('<b onclick="run()">x</b>', "onclick"),
        ("<svg/onload=run()>", "onload"),
        ('<a href="javascript:run()">x</a>', "javascript"),
        ('<a href=" JaVaScript:run()">x</a>', "run()"),
        ('<a href="data:text/html,<script>run()</script>">x</a>', "run()"),
        ('<img src="https://example.org/a.png">', "example.org"),
        ('<img srcset="https://example.org/a.png 2x">', "example.org"),
        ('<svg><image href="https://example.org/a.png"/></svg>', "example.org"),
        ('<svg><use xlink:href="https://example.org/a.svg#b"/></svg>', "example.org"),
        ('<video poster="//example.org/a.png"></video>', "example.org"),
        ('<p style="background: url(//example.org/a.png)">x</p>', "example.org"),
        ("<style>@import 'https://example.org/a.css';</style>", "example.org"),
        ("<style>p { background: url(https://example.org/a) }</style>", "example.org"),
        ('<form action="https://example.org"><input></form>', "example.org"),
    ],
)
def test_what_is_dangerous_inside_an_element_goes(html, gone):
    assert gone not in clean(html)


def test_a_picture_from_elsewhere_leaves_a_note():
    assert "picture from elsewhere" in clean('<img src="figures/a.png">')


def test_numbers_and_times_are_written_as_people_read_them():
    assert [number(0.78125), number(None)] == ["0.781", "–"]  # noqa: RUF001
    seconds = (None, 0.31, 42.4, 200.4, 7300)
    said = ["", "0.3 s", "42 s", "3 min 20 s", "2 h 1 min"]
    assert [span(value) for value in seconds] == said
