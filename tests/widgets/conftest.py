"""A real JupyterLab, and Chromium in front of it."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import nbformat
import pytest

SETTINGS = (
    *("--no-browser", "--ServerApp.token=", "--ServerApp.password="),
    *("--ServerApp.disable_check_xsrf=True", "--ServerApp.allow_root=True"),
    "--LabApp.expose_app_in_browser=True",
)
PREFERENCES = {
    "notification": {"fetchNews": "false", "checkForUpdates": False},
    "themes": {"adaptive-theme": True},  # light or dark, as the browser prefers
}
SETUP = """\
from sertools import datasets, evaluation, features, models, plots, widgets
clips = datasets.load("demo")
X = features.extract(models.load("mfcc"), clips, progress=False)
result = evaluation.cross_validate("logistic", X, clips, folds="speaker")
"""


@pytest.fixture(scope="session")
def setup() -> str:
    """Give the first cell of most notebooks here: clips, X, a result."""
    return SETUP


@pytest.fixture(scope="session")
def server(browser, tmp_path_factory):
    """Start JupyterLab, and give its folder and its address."""
    folder = tmp_path_factory.mktemp("lab")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    environment = {
        **os.environ,
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    }
    environment.pop("SERTOOLS_STATIC", None)
    settings = home / "settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, values in PREFERENCES.items():
        (settings / f"{name}.jupyterlab-settings").write_text(json.dumps(values))
    command = [sys.executable, "-m", "jupyterlab", *SETTINGS]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={folder}"]
    log = open(home / "log", "w")  # noqa: SIM115
    process = subprocess.Popen(
        command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/api/status", process, home / "log")
        yield folder, address
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        log.close()


def _wait_for(address, process, log):
    for _ in range(300):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


RUN = """index => {
    const { content } = jupyterapp.shell.currentWidget;
    content.activeCellIndex = index;
    jupyterapp.commands.execute("notebook:run-cell");
}"""
READY = """() => {
    const { sessionContext } = window.jupyterapp?.shell.currentWidget?.context ?? {};
    return sessionContext?.isReady && sessionContext.session?.kernel?.status === "idle"
        && document.querySelector(".jp-CodeCell .jp-InputPrompt");
}"""
DONE = """([index, before]) => {
    const cell = document.querySelectorAll(".jp-CodeCell")[index];
    const prompt = cell.querySelector(".jp-InputPrompt").innerText;
    return /^\\[\\d+\\]/.test(prompt) && prompt !== before;
}"""
WRITE = """([index, code]) => {
    const { content } = jupyterapp.shell.currentWidget;
    content.widgets[index].model.sharedModel.setSource(code);
}"""


class Notebook:
    """A notebook open in JupyterLab, and what one does with it."""

    def __init__(self, page, troubles):
        self.page, self.troubles = page, troubles

    def cell(self, index):
        """Give a code cell."""
        return self.page.locator(".jp-CodeCell").nth(index)

    def run(self, index, timeout=90):
        """Run one cell, and wait until it is done."""
        before = self.cell(index).locator(".jp-InputPrompt").first.inner_text()
        self.page.evaluate(RUN, index)
        self.page.wait_for_function(
            DONE, arg=[index, before], timeout=1000 * timeout, polling=100
        )
        cell = self.cell(index)
        error = cell.locator("[data-mime-type='application/vnd.jupyter.error']")
        assert not error.count(), error.first.inner_text()
        return cell

    def tell(self, code):
        """Run code in the last cell, and give what it printed."""
        last = self.page.locator(".jp-CodeCell").count() - 1
        self.page.evaluate(WRITE, [last, code])
        outputs = self.run(last).locator(".jp-OutputArea-output")
        return outputs.last.inner_text().strip() if outputs.count() else ""

    def expect(self, code, said, seconds=15):
        """Run code until it prints what is expected: widgets talk beside the cells."""
        end = time.monotonic() + seconds
        while (heard := self.tell(code)) != said:
            assert time.monotonic() < end, f"{code}\nsaid {heard!r}, not {said!r}"
            self.page.wait_for_timeout(200)

    def widget(self, name):
        """Give the root of a widget that is on the page."""
        root = self.page.locator(f".sertools-{name}").last
        root.wait_for(timeout=30_000)
        return root


@pytest.fixture
def lab(browser, server):
    """Give a function that opens a notebook of given cells, ready to run.

    At the end nothing was fetched from anywhere else, and no script failed.
    """
    folder, address = server
    made, troubles = [], []

    def opened(*cells, scheme="light", size=(1280, 1000), permissions=(), **options):
        name = f"n{len(list(folder.glob('*.ipynb')))}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, folder / name)
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            permissions=["microphone", *permissions],
            **options,
        )
        made.append(context)
        page = context.new_page()
        page.on("request", lambda r: _note_foreign(r.url, address, troubles))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"{address}/lab/workspaces/{name[:-6]}/tree/{name}?reset")
        page.wait_for_function(READY, timeout=90_000, polling=200)
        return Notebook(page, troubles)

    yield opened
    for context in made:
        context.close()
    assert troubles == []


def _note_foreign(url, address, troubles):
    socket_address = address.replace("http", "ws")
    if not url.startswith((address, socket_address, "data:", "blob:")):
        troubles.append(url[:200])
