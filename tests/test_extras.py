import shlex
import subprocess
import sys
import textwrap
import tomllib

import pytest
from packaging.requirements import Requirement

from sertools import extras

MISSING = "sertools_has_no_such_module"


def test_a_missing_package_raises_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(extras.EXTRAS, MISSING, "torch")
    with pytest.raises(ModuleNotFoundError) as caught:
        extras.require(MISSING)
    wanted = "pip install 'silero-vad>=6.2' 'torch==2.11.0' 'torchaudio==2.11.0'"
    assert str(caught.value).endswith(wanted)
    assert caught.value.name == MISSING


def test_a_package_of_no_extra_is_named_itself():
    with pytest.raises(ModuleNotFoundError, match=f"pip install {MISSING}$"):
        extras.require(MISSING)


def test_a_package_that_is_there_but_broken_keeps_its_own_error(tmp_path, monkeypatch):
    (tmp_path / "broken_inside.py").write_text(f"import {MISSING}")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match=f"No module named '{MISSING}'"):
        extras.require("broken_inside")


def test_available_does_not_import(tmp_path, monkeypatch):
    (tmp_path / "noisy_module.py").write_text("raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)
    assert extras.available("noisy_module")
    assert not extras.available(MISSING)


def test_every_module_comes_with_an_extra_that_exists(checkout):
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    assert set(extras.EXTRAS.values()) <= set(project["optional-dependencies"])


def test_remedies_name_packages_and_never_another_project(checkout):
    project = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    assert project["name"] == extras.DISTRIBUTION
    for extra in set(extras.EXTRAS.values()):
        words = shlex.split(extras.install(extra, "--force-reinstall"))
        assert words[:3] == ["pip", "install", "--force-reinstall"]
        names = {Requirement(word).name for word in words[3:]}
        assert names and not any(name.startswith("sertools") for name in names)
    core = {Requirement(line).name for line in project["dependencies"]}
    words = shlex.split(extras.install())[2:]
    assert {Requirement(word).name for word in words} == core
    assert shlex.split(extras.reinstall())[:4] == [
        *("pip", "install", "--force-reinstall", "--no-deps")
    ]


@pytest.mark.slow
def test_opensmile_survives_tensorflow():
    if not extras.available("tensorflow"):
        pytest.skip("tensorflow is not installed")
    code = """
        from sertools import extras
        extras.require("tensorflow")
        import numpy, opensmile
        wave = numpy.sin(numpy.arange(16000) / 20).astype("float32")
        print(opensmile.Smile()(wave, 16000).size)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.strip() == "6373"
