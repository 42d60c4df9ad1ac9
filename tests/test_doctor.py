import json

import pytest

from sertools import doctor


@pytest.mark.slow
def test_nothing_fails_where_the_suite_runs():
    found = {check.name: check for check in doctor.examine()}
    assert not [check for check in found.values() if check.state == "fail"]
    assert {"python", "versions", "kernel", "packages", "audio files", "gpu"} <= set(
        found
    )
    assert found["opensmile"].message.endswith("88 features of a tone")


def test_a_check_that_does_not_hold_says_what_mends_it(monkeypatch, tmp_path):
    monkeypatch.setenv("SERTOOLS_DATA", str(tmp_path / "gone"))
    check = doctor._variables()
    assert (check.state, check.remedy.split()[:2]) == (
        "warn",
        ["unset", "SERTOOLS_DATA"],
    )
    assert str(tmp_path / "gone") in check.message
    monkeypatch.setenv("SERTOOLS_DATA", str(tmp_path))
    assert doctor._variables().state == "ok"


@pytest.mark.parametrize("variable", ["SERTOOLS_STORE", "SERTOOLS_CACHE"])
def test_a_folder_that_cannot_be_written_fails(monkeypatch, tmp_path, variable):
    (tmp_path / "file").touch()
    monkeypatch.setenv(variable, str(tmp_path / "file" / "inside"))
    look = doctor._store if variable == "SERTOOLS_STORE" else doctor._cache
    check = look()
    assert check.state == "fail"
    assert variable in check.remedy


@pytest.mark.parametrize(
    ("package", "version", "state"),
    [("scikit-learn", "1.2", "fail"), ("torch", "2.3", "warn")],
)
def test_a_version_that_does_not_fit_is_named(
    monkeypatch, tmp_path, package, version, state
):
    folder = tmp_path / f"{package.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Name: {package}\nVersion: {version}\n")
    monkeypatch.syspath_prepend(tmp_path)
    check = doctor._versions()
    assert check.state == state
    assert f"{package} {version} (wanted: {package}" in check.message
    assert check.remedy.startswith("pip install '")


def test_another_kernel_in_front_is_noticed(monkeypatch, tmp_path):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {"argv": ["/elsewhere/bin/python"], "display_name": "", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    check = doctor._kernel()
    assert check.state == "warn"
    assert "/elsewhere/bin/python" in check.message
    assert "ipykernel install --sys-prefix" in check.remedy


def test_a_crash_is_told_not_suffered():
    value, why = doctor._try("import os; os.abort()")
    assert value is None
    assert "crashed (signal 6)" in why


def test_a_broken_import_is_named_with_its_remedy(monkeypatch, tmp_path):
    (tmp_path / "asks_pkg_resources.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pkg_resources'\")"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    check = doctor._imports("extra x", ["json", "asks_pkg_resources"], "pip install x")
    assert check.state == "fail"
    assert "asks_pkg_resources" in check.message
    assert check.remedy == "pip install 'setuptools<82'"


def test_noise_on_the_way_does_not_hide_the_answer():
    assert doctor._try("print('noise'); print('[1]')") == ([1], "")


def test_the_nearest_folder_that_is_there(tmp_path):
    assert doctor._nearest(tmp_path / "a" / "b") == tmp_path
    assert doctor._nearest(tmp_path) == tmp_path
