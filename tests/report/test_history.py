import json
import threading

import pytest

from sertools.report import history, write_index

RUN = {"run": "a-1", "status": "ok", "started": "2026-01-01T00:00:00+00:00"}


def lines(out):
    return (out / history.NAME).read_text().splitlines()


def test_a_run_made_again_does_not_hide_the_earlier_one(tmp_path):
    for day in ("01", "02"):
        started = f"2026-01-{day}T00:00:00+00:00"
        history.note(tmp_path, {**RUN, "started": started})
    assert [one["started"][:10] for one in history.read(tmp_path)] == [
        "2026-01-01",
        "2026-01-02",
    ]


def test_a_run_that_is_noted_twice_is_there_once(tmp_path):
    history.note(tmp_path, RUN)
    history.note(tmp_path, RUN)
    assert len(lines(tmp_path)) == 2
    assert len(history.read(tmp_path)) == 1


def test_a_line_cut_off_costs_that_line_alone(tmp_path):
    history.note(tmp_path, RUN)
    with (tmp_path / history.NAME).open("a") as file:
        file.write('{"run": "b-2", "status": "o')
    history.note(tmp_path, {**RUN, "run": "c-3"})
    assert [one["run"] for one in history.read(tmp_path)] == ["a-1", "c-3"]


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
    (tmp_path / history.NAME).write_text(line + "\n")
    history.note(tmp_path, RUN)
    assert [one["run"] for one in history.read(tmp_path)] == ["a-1"]


def test_many_writers_lose_nothing(tmp_path):
    def write(name):
        for number in range(20):
            history.note(tmp_path, {**RUN, "run": f"{name}-{number}"})

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(history.read(tmp_path)) == 80
    assert all(json.loads(line) for line in lines(tmp_path))


def test_runs_that_lie_there_are_gathered_once(tmp_path, write_run):
    write_run(tmp_path)
    write_run(tmp_path, ".hidden-00000000")
    for _ in range(2):
        (one,) = history.gather(tmp_path)
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
    assert history.gather(tmp_path / "nowhere") == []
