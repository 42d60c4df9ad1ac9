import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest

from sertools.cli import lab, main
from sertools.cli._kernelspec import ThisInterpreter
from sertools.cli.lab import command


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """Register another python3 and a kernel of its own in the home folder."""
    data = tmp_path / "home" / ".local" / "share" / "jupyter"
    spec = {"argv": ["/bin/false", "{connection_file}"], "language": "python"}
    for name, shown in (("python3", "WRONG"), ("mine", "Mine")):
        folder = data / "kernels" / name
        folder.mkdir(parents=True)
        (folder / "kernel.json").write_text(json.dumps({**spec, "display_name": shown}))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PATH", str(data))
    for name in ("CONFIG_DIR", "DATA_DIR", "RUNTIME_DIR", "PREFER_ENV_PATH"):
        monkeypatch.delenv(f"JUPYTER_{name}", raising=False)
    return tmp_path


# What is opened


def test_a_checkout_opens_at_its_quickstart():
    folder, start = lab.place(None)
    assert folder.name == "notebooks"
    assert start == "00_quickstart.ipynb"


def test_one_notebook_can_be_named(tmp_path):
    (tmp_path / "my own.ipynb").write_text("{}")
    assert lab.place(str(tmp_path / "my own.ipynb")) == (tmp_path, "my own.ipynb")
    assert [path.name for path in tmp_path.iterdir()] == ["my own.ipynb"]


def test_the_quickstart_comes_before_whatever_sorts_first(tmp_path):
    (tmp_path / "00_a.ipynb").write_text("{}")
    assert lab.place(str(tmp_path))[1] == "00_quickstart.ipynb"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.ipynb"], 1, "There is no notebook at nowhere.ipynb"),
        (["taken"], 1, "Name a folder of yours: sertools lab FOLDER"),
        (["taken/below"], 1, "Name a folder of yours: sertools lab FOLDER"),
        (["--notebook-dir=x"], 2, "Name the folder itself: sertools lab FOLDER"),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_line(
    words, code, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("taken").touch()
    assert main(["lab", *words]) == code
    captured = capsys.readouterr()
    assert said in captured.err
    assert len(captured.err.splitlines()) == 1


def test_without_jupyterlab_it_says_how_to_get_it(tmp_path):
    """In a Python that finds everything but JupyterLab."""
    hiding = (
        "import importlib.util as u, sys; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'jupyterlab' else find(name)\n"
        "from sertools.cli import main; sys.exit(main(['lab']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", hiding], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "Install it with: pip install jupyterlab" in line


# What is handed to JupyterLab


@pytest.fixture
def started(monkeypatch):
    """Catch the start of JupyterLab: its command line and environment."""
    seen = []
    monkeypatch.setattr(os, "execve", lambda *words: seen.append(words))

    def start(*words):
        main(["lab", *words])
        _, command, environment = seen.pop()
        return command, environment

    return start


def test_options_with_values_are_handed_on_and_are_no_folders(started, tmp_path):
    target = str(tmp_path / "two words")
    for words in (
        (target, "--no-browser", "--port", "8890", "--ip", "0.0.0.0"),
        ("--no-browser", "--port=8890", target, "--ip=0.0.0.0"),
    ):
        command, _ = started(*words)
        assert {"--no-browser", "--port=8890", "--ip=0.0.0.0"} <= set(command)
        assert f"--ServerApp.root_dir={target}" in command
    assert not Path("8890").exists()


def test_what_is_given_comes_instead_of_ours(started, tmp_path):
    command, _ = started(str(tmp_path), "--LabApp.default_url=/lab/tree/x.ipynb")
    urls = [word for word in command if "default_url" in word]
    assert urls == ["--LabApp.default_url=/lab/tree/x.ipynb"]


def test_settings_of_others_stay_behind_ours(started, tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/theirs")
    _, environment = started(str(tmp_path))
    ours, theirs = environment["JUPYTER_CONFIG_PATH"].split(os.pathsep)
    assert theirs == "/theirs"
    (defaults,) = Path(ours, "labconfig").glob("*.json")
    assert defaults.stem == "default_setting_overrides"  # the name JupyterLab looks for
    (settings,) = json.loads(defaults.read_text()).values()
    assert settings == {"fetchNews": "false", "checkForUpdates": False}


# The kernel


def test_python3_is_this_interpreter_whatever_is_registered(elsewhere):
    kernels = ThisInterpreter()
    spec = kernels.get_kernel_spec("python3")
    assert spec.argv[0] == sys.executable
    assert spec.display_name == "Python 3"  # what the notebooks say
    listed = kernels.get_all_specs()
    assert listed["python3"]["spec"]["argv"][0] == sys.executable
    assert listed["mine"]["spec"]["display_name"] == "Mine"
    assert "WRONG" not in json.dumps(listed)


@pytest.fixture
def server(elsewhere):
    """Start `sertools lab` as a newcomer does; give its process and address."""
    command = [sys.executable, "-m", "sertools", "lab", str(elsewhere / "two words")]
    log = elsewhere / "log"
    with log.open("w") as said:
        process = subprocess.Popen(
            [*command, "--no-browser", "--port", "8890", "--allow-root"],
            stderr=said,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + 60
        address = None
        while address is None and time.monotonic() < deadline:
            time.sleep(0.1)
            address = re.search(r"http://127\S+/lab/tree/\S+token=\w+", log.read_text())
        assert address, log.read_text()
        yield process, address[0]
    finally:
        family = psutil.Process(process.pid).children(recursive=True)
        for member in (process, *family):
            member.kill()
        process.wait()


@pytest.mark.slow
def test_a_newcomer_sees_the_quickstart_and_it_runs(server, browser):
    from playwright.sync_api import expect

    process, address = server
    assert "/lab/tree/00_quickstart.ipynb?" in address
    requests = []
    with browser.new_context(viewport={"width": 1400, "height": 1000}) as context:
        page = context.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.goto(address)
        page.get_by_text("Python 3 | Idle").wait_for(timeout=60_000)
        page.locator(".jp-MarkdownCell").first.click()
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        prompt = page.locator(".jp-CodeCell .jp-InputPrompt").last
        cells = nbformat.read(lab.place(None)[0] / "00_quickstart.ipynb", 4).cells
        n = sum(cell.cell_type == "code" for cell in cells)
        expect(prompt).to_have_text(f"[{n}]:", timeout=120_000)  # all, one by one
        assert page.get_by_text("Nothing was saved.").is_visible()
        troubles = "[data-mime-type='application/vnd.jupyter.error'], .jp-Dialog"
        assert page.locator(f"{troubles}, .Toastify__toast").count() == 0
    kernels = [
        child.cmdline()[0]
        for child in psutil.Process(process.pid).children(recursive=True)
        if "ipykernel_launcher" in child.cmdline()
    ]
    assert kernels == [sys.executable]
    ours = re.compile(r"(http|ws)://127\.0\.0\.1|data:|blob:")
    assert [url for url in requests if not ours.match(url)] == []


def test_what_the_user_says_goes_before_what_we_say():
    words = command(Path("/a b"), "my own.ipynb", ["--ServerApp.root_dir=/x"])
    assert words[-1] == "--ServerApp.root_dir=/x"
    assert "--ServerApp.root_dir=/a b" not in words
    assert "--LabApp.default_url=/lab/tree/my%20own.ipynb" in words
