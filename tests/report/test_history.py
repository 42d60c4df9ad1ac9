import json
import threading

import pytest

from sertools.report import _history, write_index
from sertools.report._history import before, changes, everywhere, identity

RUN = {"run": "a-1", "status": "ok", "started": "2026-01-01T00:00:00+00:00"}


def lines(out):
    return (out / _history.NAME).read_text().splitlines()


def test_a_run_made_again_does_not_hide_the_earlier_one(tmp_path):
    for day in ("01", "02"):
        started = f"2026-01-{day}T00:00:00+00:00"
        _history.note(tmp_path, {**RUN, "started": started})
    assert [one["started"][:10] for one in _history.read(tmp_path)] == [
        "2026-01-01",
        "2026-01-02",
    ]


def test_a_run_that_is_noted_twice_is_there_once(tmp_path):
    _history.note(tmp_path, RUN)
    _history.note(tmp_path, RUN)
    assert len(lines(tmp_path)) == 2
    assert len(_history.read(tmp_path)) == 1


def test_a_line_cut_off_costs_that_line_alone(tmp_path):
    _history.note(tmp_path, RUN)
    with (tmp_path / _history.NAME).open("a") as file:
        file.write('{"run": "b-2", "status": "o')
    _history.note(tmp_path, {**RUN, "run": "c-3"})
    assert [one["run"] for one in _history.read(tmp_path)] == ["a-1", "c-3"]


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "nonsense \x00",
        '{"run": 3, "started": "x", "status": "ok"}',
        '{"run": "b", "started": null, "status": "ok"}',
        '{"run": "b", "started": "x", "status": "running"}',
        '{"run": "b", "started": "x", "status": "ok", "parameters": [1]}',
        '{"run": "b", "started": "x", "status": "ok", "metrics": 5}',
    ],
)
def test_what_is_no_entry_is_passed_over(tmp_path, line):
    (tmp_path / _history.NAME).write_text(line + "\n")
    _history.note(tmp_path, RUN)
    assert [one["run"] for one in _history.read(tmp_path)] == ["a-1"]


def test_many_writers_lose_nothing(tmp_path):
    def write(name):
        for number in range(20):
            _history.note(tmp_path, {**RUN, "run": f"{name}-{number}"})

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(_history.read(tmp_path)) == 80
    assert all(json.loads(line) for line in lines(tmp_path))


def test_runs_that_lie_there_are_gathered_once(tmp_path, write_run):
    write_run(tmp_path)
    write_run(tmp_path, ".hidden-00000000")
    for _ in range(2):
        (one,) = _history.gather(tmp_path)
    assert one["run"] == "toy-demo-svm-00000000"
    assert one["metrics"]["n_speakers"] == 8
    assert len(lines(tmp_path)) == 1


def test_an_index_keeps_what_was_overwritten(tmp_path, write_run):
    import shutil

    first = write_run(tmp_path)
    write_index(tmp_path)
    shutil.rmtree(first)
    write_run(tmp_path, right=0.5, started="2026-01-02T02:00:00+00:00")
    text = write_index(tmp_path).read_text()
    assert "1 earlier one in the history" in text
    assert "\N{MINUS SIGN}0.250" in text


def test_no_folder_no_history(tmp_path):
    assert _history.gather(tmp_path / "nowhere") == []


OLD = {
    "run": "a-1",
    "notebook": "toy",
    "status": "ok",
    "started": "2026-01-01",
    "parameters": {"dataset": "demo", "head": "svm", "seed": 0, "root": "here"},
    "packages": {"numpy": "2.4.5", "scipy": "1.17"},
    "platform": "Linux x86_64",
    "source_sha256": "ab" * 32,
    "corpus_sha256": "cd" * 32,
    "weights_sha256": None,
    "git_commit": "0123456789",
}


def said(old, new):
    return [str(change) for change in changes(old, new)]


def test_nothing_changed():
    assert changes(OLD, OLD) == []


def test_where_files_lie_is_no_change():
    moved = {**OLD["parameters"], "root": "there", "weights": "/a/model.pt"}
    assert changes(OLD, {**OLD, "parameters": moved}) == []
    assert identity(OLD) == identity({**OLD, "parameters": moved})


def test_random_weights_are_another_experiment():
    tiny = {**OLD, "parameters": {**OLD["parameters"], "weights": "tiny"}}
    assert identity(OLD) != identity(tiny)


def test_all_that_can_change_is_named_parameters_first():
    new = {
        **OLD,
        "parameters": {**OLD["parameters"], "head": "logistic"},
        "packages": {"numpy": "2.4.6", "torch": "2.11"},
        "source_sha256": "ef" * 32,
        "corpus_sha256": "01" * 32,
        "git_commit": "9876543210",
    }
    assert said(OLD, new) == [
        "head svm → logistic",
        "source abababab → efefefef",
        "corpus cdcdcdcd → 01010101",
        "commit of sertools 01234567 → 98765432",
        "numpy 2.4.5 → 2.4.6",
        "scipy 1.17 → none",
        "torch none → 2.11",
    ]


def test_what_a_failed_run_could_not_tell_is_no_change():
    assert changes(OLD, {**OLD, "status": "failed", "corpus_sha256": None}) == []


def test_the_run_before_is_the_last_ok_one_of_the_same_experiment():
    later = [
        {**OLD, "run": "a-2", "started": "2026-01-02"},
        {**OLD, "run": "a-3", "started": "2026-01-03", "status": "failed"},
        {
            **OLD,
            "run": "b-4",
            "started": "2026-01-04",
            "parameters": {**OLD["parameters"], "head": "logistic"},
        },
        {**OLD, "run": "a-5", "started": "2026-01-05"},
    ]
    history = [OLD, *later]
    assert before(history[4], history)["run"] == "a-2"
    assert before(history[3], history)["run"] == "a-2"  # the nearest there is
    assert before(OLD, history) is None


def test_another_corpus_is_nothing_to_hold_it_against():
    other = {**OLD["parameters"], "dataset": "emodb"}
    run = {**OLD, "run": "b", "started": "2026-01-02", "parameters": other}
    assert before(run, [OLD, run]) is None


def test_what_changed_everywhere_needs_several_runs():
    assert everywhere([("a", "b"), ("b", "c")]) == ["b"]
    assert everywhere([("a", "b")]) == everywhere([]) == []
