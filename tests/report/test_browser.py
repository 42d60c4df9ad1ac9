"""Open the pages in Chromium with the network off."""

import datetime
import shutil

import pytest

from sertools import report

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}


@pytest.fixture
def visit(browser):
    """Open a page offline; at the end, nothing was fetched and nothing complained."""
    contexts, troubles = [], []

    def open_page(path, **options):
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        address = path.resolve().as_uri()
        page.on("request", lambda request: troubles.append(request.url[:200]))
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append("dialog"), dialog.dismiss()))
        page.goto(address)
        page.wait_for_timeout(100)
        troubles.remove(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [line for line in troubles if not line.startswith("data:")] == []


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("run", ["ok_run", "failed_run", "dead_run"])
def test_a_report_opens_alone(visit, request, run, options):
    page = visit(request.getfixturevalue(run) / "report.html", **options)
    assert page.locator("h1").is_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= options["viewport"]["width"]


def test_pictures_and_sound_are_in_the_page(visit, ok_run):
    page = visit(ok_run / "report.html")
    loaded = "images => images.every(i => i.naturalWidth > 0)"
    assert page.locator(".cells img").count() >= 1
    assert page.eval_on_selector_all(".cells img", loaded)
    assert page.locator("audio").evaluate(
        "sound => new Promise(done => { sound.onloadedmetadata = () => done(true);"
        " sound.onerror = () => done(false); sound.load(); })"
    )


def test_code_unfolds_by_mouse_and_by_keyboard(visit, ok_run):
    page = visit(ok_run / "report.html")
    sources = page.locator(".source")
    assert not sources.first.is_visible()
    page.locator(".fold").first.click()
    assert sources.first.is_visible()
    assert not sources.nth(2).is_visible()
    page.locator("#all-code").focus()
    page.keyboard.press("Space")
    assert sources.nth(2).is_visible()


def test_the_failing_cell_is_open(visit, failed_run):
    page = visit(failed_run / "report.html")
    page.get_by_role("link", name="cell 4").click()
    assert page.locator("#cell-4 .source").is_visible()
    assert page.locator(".source:visible").count() == 1


@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_index_opens_and_sorts(
    visit, ok_run, failed_run, dead_run, tmp_path, options
):
    for run in (ok_run, failed_run, dead_run):
        shutil.copytree(run, tmp_path / run.name)
    page = visit(report.write_index(tmp_path), **options)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= options["viewport"]["width"]
    first = page.locator("#runs tbody tr").first.locator("a")
    for heading, notebook in (("UAR", "toy"), ("run", "dies"), ("run", "wrong")):
        page.locator("th button", has_text=heading).evaluate("button => button.click()")
        assert first.inner_text() == notebook
    link = page.get_by_role("link", name="toy").get_attribute("href")
    assert (tmp_path / link).is_file()


# Can everybody use it?

SCHEMES = ("light", "dark")


def faults(page):
    """Let axe-core look for what keeps people out, everything unfolded."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(page).response["violations"]
    return [
        (fault["id"], fault["nodes"][0]["html"][:200])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory, write_run):
    """Write an index over a history: nights, heads, a fall, a failure, new versions."""
    out = tmp_path_factory.mktemp("nights") / "runs"
    start = datetime.datetime(2026, 1, 1, 2, tzinfo=datetime.UTC)
    for night in range(4):
        when = (start + datetime.timedelta(days=night)).isoformat(timespec="seconds")
        facts = {"packages": {"numpy": f"2.4.{night // 2}"}, "git_commit": None}
        for head, right in (("svm", 0.75), ("logistic", 0.75 - 0.25 * (night == 3))):
            name = f"toy-demo-{head}-{night // 2}0000000"
            shutil.rmtree(out / name, ignore_errors=True)
            write_run(out, name, right=right, started=when, facts=facts, head=head)
            report.write_index(out)
    cell = {"index": 3, "tag": "load", "line": "<b>load</b>()"}
    error = {"cell": cell, "name": "MemoryError", "message": "too <i>much</i>"}
    write_run(out, "toy-demo-linear-00000000", error=error, head="linear")
    return report.write_index(out)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_serious_fault_in_the_index(visit, runs, options, scheme):
    page = visit(runs, color_scheme=scheme, **options)
    assert faults(page) == []
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= options["viewport"]["width"]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("run", ["ok_run", "failed_run"])
def test_axe_finds_no_serious_fault_in_a_report(visit, request, run, scheme):
    page = visit(request.getfixturevalue(run) / "report.html", color_scheme=scheme)
    assert faults(page) == []


def test_the_index_says_what_fell_and_what_failed(visit, runs):
    page = visit(runs)
    assert "MemoryError: too <i>much</i>" in page.locator(".failures").inner_text()
    row = page.locator(".news tbody tr", has_text="logistic")
    assert "0.250" in row.inner_text()
    assert "numpy" not in row.inner_text()  # the night before had it, too
    assert page.locator(".panel").count() == 1
    assert page.locator(".point").count() == 8
    assert page.locator("a.point").count() == 4  # the others were made again


def test_marks_are_read_with_the_keyboard(visit, runs):
    page = visit(runs)
    stops = page.locator(".point[tabindex='0']")
    assert stops.count() == 1  # one stop a picture
    stops.focus()
    readout = page.locator(".readout")
    assert "2026-01-04" in readout.inner_text()
    page.keyboard.press("Home")
    assert "2026-01-01" in readout.inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert "2026-01-02" in readout.inner_text()
    page.keyboard.press("End")
    page.keyboard.press("Tab")
    assert readout.inner_text() == ""


def test_a_mark_opens_its_report(visit, runs):
    page = visit(runs)
    link = page.locator("a.point").last.get_attribute("href")
    assert (runs.parent / link).is_file()


def test_runs_are_found_by_words(visit, runs):
    page = visit(runs)
    page.locator("#find").fill("logistic 0.5")
    rows = page.locator("#runs tbody tr:visible")
    assert rows.count() == 1
    assert page.locator("#found").inner_text() == "1 of 5 runs"
    page.locator("#find").fill("")
    assert rows.count() == 5


def test_a_phone_sorts_too(visit, runs):
    page = visit(runs, **PHONE)
    page.locator("#order").select_option(label="UAR")
    values = page.locator("#runs .num").all_inner_texts()
    assert values == sorted(values, reverse=True)
    assert page.locator("#runs tbody tr").last.get_attribute("class") == "failed"


def test_paper_shows_tables_and_no_tools(visit, runs):
    page = visit(runs, **PHONE)
    page.emulate_media(media="print")
    assert not page.locator("#find").is_visible()
    assert page.locator("#runs thead").is_visible()
    assert page.locator(".panel svg").first.is_visible()
