import json

import pytest

from sertools.report.resuming import lock, made, outcome_of, put, settle, sweep

NAME = "toy-demo-0123abcd"


@pytest.fixture
def final(tmp_path):
    return tmp_path / NAME


def folder(path, status="ok", report=True, note=""):
    path.mkdir()
    (path / "run.json").write_text(json.dumps({"status": status, "note": note}))
    if report:
        (path / "report.html").write_text("a page")
    return path


def note(final):
    return outcome_of(final)["note"]


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_only_a_whole_run_counts(tmp_path):
    assert outcome_of(folder(tmp_path / "a")) is not None
    assert outcome_of(folder(tmp_path / "b", "failed")) is not None
    assert outcome_of(folder(tmp_path / "c", "running")) is None
    assert outcome_of(folder(tmp_path / "d", report=False)) is None
    assert outcome_of(tmp_path / "e") is None


def test_a_second_making_is_told_from_the_first(tmp_path, final):
    assert made(final) is None
    put(folder(tmp_path / "w1"), final)
    first = made(final)
    put(folder(tmp_path / "w2", note="new"), final)
    assert made(final) not in (None, first)
    assert note(final) == "new"
    assert names(tmp_path) == [NAME]


def test_what_was_whole_but_for_its_name_gets_it(tmp_path, final):
    folder(tmp_path / f".{NAME}.00000001", "running")
    folder(tmp_path / f".{NAME}.00000002", note="whole")
    settle(final)
    assert note(final) == "whole"
    assert names(tmp_path) == [NAME]


def test_what_was_to_be_replaced_comes_back(tmp_path, final):
    folder(tmp_path / f".{NAME}.00000001", "running")
    folder(tmp_path / f".{NAME}.00000002.old", note="old")
    settle(final)
    assert note(final) == "old"
    assert names(tmp_path) == [NAME]


def test_the_new_goes_before_the_old(tmp_path, final):
    folder(tmp_path / f".{NAME}.00000001.old", note="old")
    folder(tmp_path / f".{NAME}.00000002", note="new")
    settle(final)
    assert note(final) == "new"


def test_sweeping_leaves_alone_what_somebody_is_making(tmp_path, final):
    busy = folder(tmp_path / f".{NAME}.00000001", "running")
    dead = folder(tmp_path / ".other-99999999.00000001", "running")
    (tmp_path / ".other-99999999.lock").touch()
    (tmp_path / ".git").mkdir()
    with lock(final):
        sweep(tmp_path)
        assert busy.exists()
    assert not dead.exists()
    assert (tmp_path / ".git").exists()
    sweep(tmp_path)
    assert names(tmp_path) == [".git"]
