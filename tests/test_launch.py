"""Where the notebooks can be opened: what is named there exists."""

import ast
import importlib.util
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parent.parent
ADDRESS = "https://github.com/OWNER/sertools"
QUICKSTART = "notebooks/00_quickstart.ipynb"


@pytest.fixture(scope="module")
def badges():
    spec = importlib.util.spec_from_file_location("x", CHECKOUT / "docs" / "badges.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path) -> Path:
    """Copy what an address is written into."""
    (tmp_path / "notebooks").mkdir()
    for name in ("pyproject.toml", "README.md", QUICKSTART):
        shutil.copyfile(CHECKOUT / name, tmp_path / name)
    return tmp_path


def texts(folder: Path) -> list[str]:
    names = ("pyproject.toml", "README.md", QUICKSTART)
    return [(folder / name).read_text(encoding="utf-8") for name in names]


# Badges


def test_badges_are_shown_only_where_they_lead_somewhere(badges):
    """One address, in pyproject.toml; README and quickstart follow it."""
    pyproject, readme, quickstart = texts(CHECKOUT)
    urls = tomllib.loads(pyproject)["project"].get("urls", {})
    address = urls.get("Repository")
    if address is None:
        for service in ("mybinder.org/v2", "colab.research", "codespaces.new"):
            assert service not in readme + quickstart, "badges without an address"
        return
    name = address.removeprefix("https://github.com/")
    assert readme.count(f"/{name}/") == 3
    assert f"git+{address}@" in quickstart


def test_an_address_is_written_once_however_often(badges, copy):
    badges.write("https://github.com/first/other", "old", checkout=copy)
    badges.write(ADDRESS, checkout=copy)
    before = texts(copy)
    badges.write(ADDRESS, checkout=copy)
    assert texts(copy) == before
    assert "first/other" not in "".join(before)
    pyproject, readme, quickstart = before
    assert tomllib.loads(pyproject)["project"]["urls"] == {"Repository": ADDRESS}
    assert readme.count("[![Open in ") == 3
    original = texts(CHECKOUT)
    if "[project.urls]" not in original[0]:  # nothing else has changed
        assert badges._URLS.sub("", pyproject) == original[0]
        assert badges._BADGES.sub("", readme) == original[1]
    cells = json.loads(quickstart)["cells"]
    assert len(cells) == 1 + sum(
        cell["id"] != badges.CELL for cell in json.loads(original[2])["cells"]
    )


def test_the_install_cell_stands_after_the_parameters_and_minds_colab_only(
    badges, copy
):
    badges.write(ADDRESS, checkout=copy)
    cells = json.loads((copy / QUICKSTART).read_text(encoding="utf-8"))["cells"]
    assert cells[1]["metadata"]["tags"] == ["parameters"]
    assert cells[2]["id"] == badges.CELL
    source = "".join(cells[2]["source"])
    assert len(source.splitlines()) <= 12
    assert max(map(len, source.splitlines())) <= 88
    called, modules = [], {}
    names = {"sys": type("sys", (), {"modules": modules})}
    names["get_ipython"] = lambda: type(
        "Shell", (), {"run_line_magic": lambda self, *words: called.append(words)}
    )()
    code = compile(ast.Module(ast.parse(source).body[1:], []), "cell", "exec")
    exec(code, names)
    assert called == []
    modules["google.colab"] = None
    exec(code, names)
    assert called == [("pip", f"install --quiet git+{ADDRESS}@main")]


def test_the_page_shows_the_very_badges(badges):
    page = (CHECKOUT / "docs" / "launch.md").read_text(encoding="utf-8")
    assert badges.badges(ADDRESS) in page
    for notebook in re.findall(r"notebooks/\d\w+\.ipynb", page):
        assert (CHECKOUT / notebook).exists()


@pytest.mark.parametrize("wrong", ["OWNER/sertools", "https://example.org/a/b", ""])
def test_other_addresses_are_refused(badges, wrong, capsys):
    with pytest.raises(SystemExit) as end:
        badges.main([wrong])
    assert end.value.code == 2
    assert "https://github.com/OWNER/NAME" in capsys.readouterr().err


# Binder


def test_binder_installs_the_core_on_a_python_that_is_allowed():
    folder = CHECKOUT / ".binder"
    version = (folder / "runtime.txt").read_text().strip().removeprefix("python-")
    settings = tomllib.loads(texts(CHECKOUT)[0])["project"]
    assert Requirement(f"x{settings['requires-python']}").specifier.contains(version)
    lines = (folder / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if line[:1] != "#"] == ["--editable ."]


def test_what_binder_copies_is_there():
    script = CHECKOUT / ".binder" / "postBuild"
    assert script.stat().st_mode & 0o111
    (pattern,) = re.findall(r"^cp (\S+)", script.read_text(), flags=re.MULTILINE)
    assert list(CHECKOUT.glob(pattern))


# The development container


def test_the_development_container_names_what_exists():
    text = (CHECKOUT / ".devcontainer" / "devcontainer.json").read_text()
    settings = json.loads(text)
    project = tomllib.loads(texts(CHECKOUT)[0])["project"]
    _, python = settings["image"].rsplit(":", 1)
    assert Requirement(f"x{project['requires-python']}").specifier.contains(python)
    (extra,) = re.findall(r"--editable '\.\[(\w+)\]'", settings["postCreateCommand"])
    assert extra in project["optional-dependencies"]
    assert settings["forwardPorts"] == [8888]
    assert "ms-toolsai.jupyter" in settings["customizations"]["vscode"]["extensions"]
