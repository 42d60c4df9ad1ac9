import pytest

from sertools import report
from sertools.report.execution import Limits
from sertools.report.planning import Request, expand, planned


def test_a_grid_is_every_combination():
    grid = {"a": [1, 2], "b": ["x", "y", "z"]}
    assert len(expand(grid)) == 6
    assert expand(grid)[1] == {"a": 1, "b": "y"}
    assert expand({}) == [{}]


def test_each_notebook_gets_the_grid(notebook):
    one, two = notebook("x = 1", name="one.ipynb"), notebook("x = 2", name="two.ipynb")
    runs = report.plan(
        [one, two], {"seed": "3"}, {"head": ["svm", "logistic"]}, timeout=9, memory=500
    )
    assert [(r.notebook, r.values["head"]) for r in runs] == [
        ("one", "svm"),
        ("one", "logistic"),
        ("two", "svm"),
        ("two", "logistic"),
    ]
    assert {run.values["seed"] for run in runs} == {3}
    assert runs[1].settings == {"head": "logistic", "seed": 3}
    assert runs[0].limits == Limits(9, 500)
    assert len({run.name for run in runs}) == 4


def test_the_same_run_is_planned_once(notebook):
    path = notebook("x = 1")
    runs = planned([Request(path, {"seed": 0}), Request(path), Request(str(path))])
    assert len(runs) == 1


def test_all_mistakes_come_at_once_with_near_matches(notebook):
    path = notebook("x = 1")
    with pytest.raises(report.Mistakes) as caught:
        report.plan(
            [path, "quikstart"],
            {"sed": 1, "seed": "many", "head": "svm", "out": "x"},
            {"dataset": ["demo", "emobd"], "head": ["smv"], "root": []},
        )
    found = caught.value.found
    for part in (
        "did you mean seed?",
        "seed takes a whole number",
        "head is both fixed and in the grid",
        "--out",
        "Did you mean emodb?",
        "Did you mean svm?",
        "the grid gives root no value",
        "Did you mean quickstart?",
    ):
        assert any(part in line for line in found), part
    assert len(found) == 8


def test_a_parameter_that_one_notebook_lacks_is_told_with_its_name(notebook):
    full = notebook("x = 1", name="full.ipynb")
    bare = notebook("x = 1", name="bare.ipynb", parameters="seed: int = 0")
    with pytest.raises(report.Mistakes) as caught:
        report.plan([full, bare], grid={"head": ["svm", "logistic"]})
    assert caught.value.found == (
        "bare: there is no parameter 'head'; leave it out, or run full by itself",
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"folds": "spaeker"}, "Did you mean speaker?"),
        ({"folds": "published:x", "dataset": "ravdess"}, "published:emobox"),
        ({"emotions": "angry,sadd"}, "Did you mean sad?"),
    ],
)
def test_a_value_that_means_nothing_is_refused(notebook, given, said):
    more = 'dataset: str = "demo"\nfolds: str = "speaker"\nemotions: str = ""'
    path = notebook("x = 1", parameters=more)
    with pytest.raises(report.Mistakes) as caught:
        report.plan([path], given)
    assert said in str(caught.value)


def test_a_column_may_be_what_is_held_out(notebook):
    path = notebook("x = 1", parameters='folds: str = "speaker"')
    assert report.plan([path], {"folds": "session"})[0].values["folds"] == "session"
