import pytest

from sertools import report
from sertools.cli import main


def found(*args, **options):
    with pytest.raises(report.PlanErrors) as caught:
        report.plan(*args, **options)
    return caught.value.found


def test_all_that_is_missing_is_named_before_anything_starts(notebook, tmp_path):
    path = notebook(
        "x = 1",
        parameters='dataset: str = "demo"\nroot: str = ""\nweights: str = ""\n'
        'standardize: str = "none"\nout: str = ""',
    )
    grid = {"root": [str(tmp_path / "gone")], "weights": ["nowhere.h5"]}
    mistakes = found([path], {"dataset": "emodb"}, grid)
    assert len(mistakes) == 2
    assert str(tmp_path / "gone") in mistakes[0]
    assert mistakes[1] == "weights: there is no file or folder nowhere.h5"
    (wrong,) = found([path], {"standardize": "speakr"})
    assert wrong.startswith("unknown standardize 'speakr'; known: none, corpus")


def test_our_notebooks_say_which_weights_they_lack(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path))
    plan = tmp_path / "plan.yaml"
    plan.write_text("notebooks: [yamnet, emotion2vec]\nout: " + str(tmp_path / "runs"))
    assert main(["report", str(plan)]) == 2
    said = capsys.readouterr().err
    assert "sertools fetch yamnet" in said and "sertools fetch emotion2vec" in said
    assert not (tmp_path / "runs").exists()
    (line,) = found(["quickstart"], {"model": "opensmile+yamnet"})
    assert "yamnet" in line
    assert report.plan(["yamnet"], {"weights": "tiny"})


def test_a_table_without_its_columns_is_found_too(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    given = {"dataset": "folder", "root": str(tmp_path / "t.csv")}
    (line,) = found(["quickstart"], given)
    assert "t.csv" in line


def test_a_remedy_is_one_that_reports_have(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_CACHE", str(tmp_path))
    monkeypatch.setenv("SERTOOLS_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (line,) = found(["quickstart"], {"dataset": "savee"})
    assert "-p root DIR" in line and "--root" not in line


def test_a_word_of_ones_own_notebook_may_mean_anything(notebook):
    path = notebook("x = 1", parameters='model: str = "my own"\ntrain: str = "long"')
    assert report.plan([path])
