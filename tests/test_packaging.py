"""What installs sertools says the same everywhere, and what it installs works."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

from sertools import extras

CHECKOUT = Path(__file__).resolve().parent.parent
SETTINGS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
EXTRAS = PROJECT["optional-dependencies"]
PINS = {
    name: line.partition(": ")
    for name, line in SETTINGS["tool"]["sertools"]["pins"].items()
}
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
INSTALL = (CHECKOUT / "docs" / "install.md").read_text(encoding="utf-8")
ENVIRONMENT = yaml.safe_load((CHECKOUT / "environment.yml").read_text(encoding="utf-8"))
FOR_PEOPLE = set(EXTRAS) - {"all", "test", "dev"}


def requirements() -> list[Requirement]:
    lines = [*PROJECT["dependencies"]]
    for extra in EXTRAS.values():
        lines += extra
    return [Requirement(line) for line in lines]


# One truth in several files


def test_every_pin_has_its_reason_and_nothing_else_is_pinned():
    for name, (_, colon, reason) in PINS.items():
        assert colon and len(reason.split()) > 4, f"{name}: no reason given"
    for wanted in requirements():
        operators = {specifier.operator for specifier in wanted.specifier}
        if operators - {">="}:
            assert wanted.name in PINS, f"{wanted} is pinned without a reason"
        if wanted.name in PINS:
            pinned = Requirement(f"{wanted.name}{PINS[wanted.name][0]}").specifier
            assert wanted.specifier == pinned


def test_torch_and_tensorflow_keep_in_step():
    assert PINS["torch"][0] == PINS["torchaudio"][0]
    assert PINS["tensorflow"][0] == PINS["tf-keras"][0]


@pytest.mark.parametrize("module", sorted(extras.EXTRAS))
def test_every_extra_s_package_can_be_imported_here(module):
    if not extras.available(module):
        pytest.skip(f"{module} is not installed")
    code = f"from sertools import extras; extras.require({module!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_core_holds_neither_torch_nor_tensorflow():
    core = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not core & {"torch", "torchaudio", "tensorflow", "keras", "transformers"}


def test_the_extra_all_is_all():
    (line,) = EXTRAS["all"]
    assert Requirement(line).extras == FOR_PEOPLE
    assert set(extras.EXTRAS.values()) == FOR_PEOPLE


def test_environment_yml_agrees():
    *conda, last = ENVIRONMENT["dependencies"]
    assert all(isinstance(line, str) for line in conda), "one final pip: block"
    assert last == {"pip": ["--editable .[all]"]}
    wanted = {Requirement(re.sub(r"(?<![=<>])=(?!=)", "==", line)) for line in conda}
    named = {requirement.name: requirement.specifier for requirement in wanted}
    (python,) = named.pop("python")
    assert Requirement(f"x{PROJECT['requires-python']}").specifier.contains(
        python.version
    )
    assert named.pop("pip") == ""
    assert {name: str(spec) for name, spec in named.items()} == {
        "setuptools": PINS["setuptools"][0]
    }


def test_the_page_on_installing_agrees():
    rows = re.findall(r"^\| (`.+?) \|", INSTALL, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(EXTRAS)
    for brackets in re.findall(r"pip install .*\[([\w,]+)\]", INSTALL):
        assert set(brackets.split(",")) <= set(EXTRAS)
    minor = PROJECT["requires-python"].removeprefix(">=")
    for page in (README, INSTALL):
        assert f"Python {minor} or later" in page
    for name, shown in {
        "torch": "torch and torchaudio",
        "tensorflow": "TensorFlow",
    }.items():
        version = re.search(r"\d+\.\d+(\.\d+)?", PINS[name][0])[0]
        assert f"{shown} {version}" in INSTALL


def test_the_systems_of_the_readme_name_extras_that_exist():
    table = README.partition("## Systems")[2].partition("\n## ")[0]
    named = set(re.findall(r"^\| `\S+` \| .* \| `(\w+)` \|", table, flags=re.MULTILINE))
    assert named and named <= set(EXTRAS)


# make


needs_make = pytest.mark.skipif(
    not shutil.which("make"), reason="make is not installed"
)


def make(*arguments: str) -> subprocess.CompletedProcess:
    clean = {name: v for name, v in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(
        command, cwd=CHECKOUT, env=clean, capture_output=True, text=True
    )


@needs_make
def test_make_help_lists_what_there_is():
    listed = set(re.findall(r"make (\w+)", make("help").stdout))
    assert listed == {"help", "report", "test", "lint"}


@needs_make
def test_an_old_python_is_refused_in_one_line(tmp_path):
    old = tmp_path / "python3.10"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = make("report", f"PYTHON={old}", f"VENV={tmp_path / 'new'}")
    assert done.returncode != 0
    (said,) = [line for line in done.stderr.splitlines() if line[:5] != "make:"]
    assert "needs Python 3.11 or later" in said
    assert not (tmp_path / "new").exists()


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_package_notebooks_and_demo_corpus_and_nothing_else(wheel):
    held = {Path(name) for name in zipfile.ZipFile(wheel).namelist()}
    tops = {path.parts[0] for path in held}
    distribution = PROJECT["name"].replace("-", "_")
    assert tops == {"sertools", f"{distribution}-{PROJECT['version']}.dist-info"}
    kept = {path for path in held if "_shipped" in path.parts}
    for name in ("notebooks", "data/demo"):
        files = {path for path in (CHECKOUT / name).rglob("*") if path.is_file()}
        files = {path for path in files if ".ipynb_checkpoints" not in path.parts}
        assert files
        assert {
            Path("sertools/_shipped", p.relative_to(CHECKOUT)) for p in files
        } <= kept
    code = {p.relative_to(CHECKOUT) for p in (CHECKOUT / "sertools").rglob("*.py")}
    assert code <= held
    unwanted = {"__pycache__", ".ipynb_checkpoints", "tests", "benchmarks", ".git"}
    assert not [path for path in held if unwanted & set(path.parts)]
    assert sum(info.file_size for info in zipfile.ZipFile(wheel).infolist()) < 12e6


@pytest.mark.slow
def test_the_wheel_runs_the_report_in_a_bare_environment_elsewhere(wheel, tmp_path):
    venv.create(tmp_path / "bare", symlinks=True)
    python = tmp_path / "bare" / "bin" / "python"
    install(python, wheel)
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SERTOOLS_", "PYTHON"))
    }
    clean["SERTOOLS_CACHE"] = str(tmp_path / "cache")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [python.parent / "sertools", "report", "opensmile", "-p", "dataset", "demo"],
        cwd=elsewhere,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    page = Path(done.stdout.splitlines()[-1])
    assert page.is_relative_to(elsewhere / "runs")
    assert page.stat().st_size > 100_000
    assert (page.parent / "metrics.json").exists()


def install(python: Path, wheel: Path) -> None:
    """Install a wheel as its users would; from the cache where it has all of it."""
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    command = [uv, "pip", "install", "--quiet", "--compile-bytecode"]
    command += ["--python", str(python), str(wheel)]
    first = subprocess.run([*command, "--offline"], capture_output=True)
    if first.returncode != 0:
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
