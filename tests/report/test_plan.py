import numpy as np
import pytest
import soundfile

import sertools
from sertools import report
from sertools.report import _plan
from sertools.report._kernel import Limits
from sertools.report._notebooks import read
from sertools.report._plan import Request, expand, inputs, planned, run_name


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
    with pytest.raises(report.PlanErrors) as caught:
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
    with pytest.raises(report.PlanErrors) as caught:
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
    with pytest.raises(report.PlanErrors) as caught:
        report.plan([path], given)
    assert said in str(caught.value)


def test_a_column_may_be_what_is_held_out(notebook):
    path = notebook("x = 1", parameters='folds: str = "speaker"')
    assert report.plan([path], {"folds": "session"})[0].values["folds"] == "session"


@pytest.fixture
def corpus(tmp_path):
    """Make a corpus of two clips with a table."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for number, name in enumerate(("a.wav", "b.wav")):
        soundfile.write(folder / name, np.full(800, number / 9), 16000)
    (folder / "t.csv").write_text("path,emotion,speaker\na.wav,sad,x\nb.wav,happy,y\n")
    return folder / "t.csv"


def digest(table):
    return inputs("toy", {"dataset": "folder", "root": str(table)})["corpus folder"]


def test_the_name_is_readable_and_tells_runs_apart(notebook):
    source, other = read(notebook("x = 1")), read(notebook("x = 2"))
    name, digest = run_name("toy", source, {"seed": 1})
    assert run_name("toy", source, {"seed": 1}) == (name, digest)
    assert run_name("toy", source, {"seed": 2})[0] != name
    assert run_name("toy", other, {"seed": 1}) != (name, digest)
    assert run_name("toy", source, {"seed": 1}, read={"corpus demo": "ab"})[0] != name
    assert run_name("../A b", source, {"dataset": "x/y"})[0].startswith("a-b-x-y-")


def test_a_changed_line_of_sertools_makes_runs_new(notebook, tmp_path, monkeypatch):
    source, house = read(notebook("x = 1")), tmp_path / "sertools"
    house.mkdir()
    monkeypatch.setattr(sertools, "__file__", str(house / "__init__.py"))
    names = []
    for line in ("one = 1", "one = 2", "one = 1"):
        (house / "code.py").write_text(line)
        _plan._code.cache_clear()
        names.append(run_name("toy", source, {})[0])
    _plan._code.cache_clear()
    assert names[0] == names[2] != names[1]


def test_a_corpus_may_know_nothing_of_its_speakers(tmp_path):
    (tmp_path / "sad").mkdir()
    soundfile.write(tmp_path / "sad" / "a.wav", np.zeros(800), 16000)
    assert len(digest(tmp_path)) == 64


def test_a_corpus_is_known_by_its_audio_and_labels_not_by_its_place(corpus, tmp_path):
    before = digest(corpus)
    moved = corpus.parent.rename(tmp_path / "moved") / corpus.name
    assert digest(moved) == before
    text = moved.read_text()
    moved.write_text(text.replace("sad", "angry"))
    assert digest(moved) != before
    moved.write_text(text)
    assert digest(moved) == before
    soundfile.write(moved.with_name("a.wav"), np.full(800, 0.5), 16000)
    assert digest(moved) != before


def test_weights_are_known_by_their_content(tmp_path, monkeypatch):
    folder = tmp_path / "weights" / "toy"
    folder.mkdir(parents=True)
    (folder / "model").write_text("one")
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(tmp_path / "weights"))
    first = inputs("toy", {"weights": ""})
    assert set(first) == {"weights toy"}
    assert inputs("other", {"model": "toy"}) == first
    assert inputs("toy", {"weights": "tiny"}) == {}
    given = inputs("toy", {"weights": str(folder)})
    assert given == {"weights": first["weights toy"]}
    (folder / "model").write_text("second")
    assert inputs("toy", {"weights": ""}) != first


def test_what_is_not_there_does_not_matter_yet(tmp_path):
    assert inputs("toy", {"dataset": "folder", "root": str(tmp_path / "gone")}) == {}
    assert inputs("toy", {"dataset": "savee", "weights": "nowhere.h5"}) == {}


def test_a_changed_corpus_is_another_run(notebook, corpus):
    path, given = notebook("x = 1"), {"dataset": "folder", "root": str(corpus)}
    (before,) = report.plan([path], given)
    corpus.write_text(corpus.read_text().replace("sad", "angry"))
    (after,) = report.plan([path], given)
    assert before.name != after.name
    assert before.inputs != after.inputs
