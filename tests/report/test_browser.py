"""Open the pages in Chromium with the network off."""

import os
import shutil

import pytest

from sertools import report

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True}
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")


def chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, names)), ""
    )


@pytest.fixture(scope="module")
def browser():
    """Give a browser, or say what is missing."""
    if not chromium():
        pytest.skip("no Chromium here: install it, or name it in $CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


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
