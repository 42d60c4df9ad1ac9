import os

import pytest

from sertools import report
from sertools.cli import main

SEVEN = """
notebooks: [{path}, {folder}/gone.ipynb]
parameters:
  sed: 1
  seed: soon
grid:
  dataset: [demo, emobd]
  head: svm
jbos: 2
timeout: -5
"""


@pytest.fixture
def write(tmp_path):
    def writing(text):
        path = tmp_path / "plan.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return writing


def found(path, **more):
    with pytest.raises(report.PlanErrors) as caught:
        report.read_plan(path, **more)
    return caught.value.found


def test_a_plan_is_a_grid_and_single_runs(notebook, write):
    path = notebook("x = 1")
    plan = report.read_plan(
        write(
            f"notebooks: {path}\nparameters: {{seed: 3}}\n"
            f"grid: {{head: [svm, logistic]}}\nout: there\njobs: 2\ntimeout: 60\n"
            f"runs:\n  - {{notebook: {path}, parameters: {{seed: 4}}, memory: 900}}\n"
        )
    )
    assert (plan.out, plan.jobs) == ("there", 2)
    values = [(run.values["head"], run.values["seed"]) for run in plan.runs]
    assert values == [("svm", 3), ("logistic", 3), ("svm", 4)]
    assert [run.limits.timeout for run in plan.runs] == [60, 60, 60]
    assert [run.limits.memory for run in plan.runs] == [None, None, 900]


def test_the_command_line_goes_before_the_plan(notebook, write):
    path = notebook("x = 1")
    text = f"notebooks: {path}\ngrid: {{head: [svm, logistic]}}\ntimeout: 60\n"
    plan = report.read_plan(write(text), {"head": "average"}, timeout=5)
    assert [run.values["head"] for run in plan.runs] == ["average"]
    assert plan.runs[0].limits.timeout == 5


def test_seven_mistakes_are_named_at_once(notebook, write, tmp_path):
    path = write(SEVEN.format(path=notebook("x = 1"), folder=tmp_path))
    mistakes = found(path)
    parts = (
        "gone.ipynb",
        "there is no parameter 'sed' (did you mean seed?)",
        "seed takes a whole number (int), not 'soon'",
        "Did you mean emodb?",
        "grid.head should be a valid list, not 'svm'",
        "there is no key 'jbos' (did you mean jobs?)",
        "timeout should be greater than 0, not -5",
    )
    for part in parts:
        assert sum(part in line for line in mistakes) == 1, part
    assert len(mistakes) == 7


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("notebooks: [a, b", "is not YAML, line 1"),
        ("just words", "is no plan"),
        ("out: runs", "names no notebook"),
        ("jobs: 1\njobs: 2", "jobs is there twice (line 1 on)"),
        ("runs: [{parameters: {}}]", "runs[1].notebook is missing"),
        ("runs: [{notebook: quickstart, jobs: 2}]", "no key 'jobs' in runs[1]"),
        ("notebooks: quickstart\ngrid: {head: []}", "grid.head needs at least one"),
        (
            "notebooks: quickstart\nparameters: {seed: 1}\ngrid: {seed: [1, 2]}",
            "seed is both in parameters and in the grid",
        ),
        ("notebooks: quickstart\nparameters: {folds: no}", "folds takes text"),
        ("notebooks: quickstart\nparameters: {seed: [1]}", "parameters.seed takes one"),
        ("notebooks: quickstart\ntimeout: .inf", "timeout should be a finite number"),
        ("notebooks: quickstart\ngrid: {head: ['']}", "Unknown head ''"),
        ("notebooks: quickstart\nparameters: {on: 1}", "the name True is no text"),
    ],
)
def test_what_is_wrong_is_said_plainly(write, text, said):
    assert any(said in line for line in found(write(text)))


LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "more than 8 aliases"),
        ("#" * 2**20 + "\n", "too large: 1 MiB"),
        ("[" * 5000, "nested too deeply"),
        ("jobs: 2026-99-99", "is not YAML"),
        ("? [a]\n: 1\n? [a]\n: 2", "is not YAML"),
        (
            f"notebooks: quickstart\ngrid: {{head: [{'svm, ' * 200}], seed: "
            f"[{'1, ' * 200}]}}",
            "that would be 40,000 runs",
        ),
    ],
)
def test_bombs_are_refused_at_once(write, text, said):
    (line,) = found(write(text))
    assert said in line


def test_a_few_aliases_are_fine(write):
    text = "notebooks: &n [quickstart]\nparameters: {seed: 1}\nruns: []\nout: runs\n"
    assert len(report.read_plan(write(text.replace("runs: []\n", ""))).runs) == 1
    given = "parameters: &p {seed: 1}\nruns: [{notebook: quickstart, parameters: *p}]"
    assert report.read_plan(write(given)).runs[0].values["seed"] == 1


def test_a_wrong_value_of_any_length_is_a_line(write):
    (line,) = found(write(f"notebooks: quickstart\njobs: {'x' * 5000}"))
    assert len(line) < 200


def test_a_pipe_is_said_at_once(tmp_path, capsys):
    for name in ("plan.yaml", "a.ipynb"):
        os.mkfifo(tmp_path / name)
        assert main(["report", str(tmp_path / name)]) == 2
        assert "pipe" in capsys.readouterr().err


def test_what_is_no_plan_at_all_is_bad_usage(tmp_path, capsys):
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for name, said in (
        ("folder.yaml", "is a folder, not a plan."),
        ("bytes.yaml", "is not text in UTF-8, so no plan."),
        ("gone.yaml", f"There is no plan at {tmp_path / 'gone.yaml'}."),
    ):
        assert main(["report", str(tmp_path / name)]) == 2
        assert capsys.readouterr().err.rstrip().endswith(said)
