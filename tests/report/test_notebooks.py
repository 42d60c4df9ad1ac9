import ast
import re

import nbformat
import pytest

from sertools import report
from sertools.cli import main
from sertools.report._notebooks import find, read


def test_a_path_is_a_notebook(notebook):
    path = notebook("x = 1")
    assert find(path) == path.resolve()
    assert find(str(path)) == path.resolve()


def test_names_are_the_part_after_the_number():
    for name, path in report.notebooks().items():
        assert path.name.endswith(f"_{name}.ipynb")
        assert find(name) == path.resolve()
        assert find(path.name) == path.resolve()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match="Unknown notebook 'nonesuch'") as caught:
        find("nonesuch")
    assert all(name in str(caught.value) for name in report.notebooks())


def test_near_matches_come_first():
    for name in report.notebooks():
        with pytest.raises(ValueError, match=f"Did you mean .*{name}"):
            find(f"{name}x")


def test_a_path_without_a_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no notebook at"):
        find(tmp_path / "absent.ipynb")


def test_what_is_no_notebook_is_refused(tmp_path):
    path = tmp_path / "a.ipynb"
    path.write_text("not json")
    with pytest.raises(ValueError, match=r"a\.ipynb is not a notebook"):
        read(path)


SHARED = {"dataset", "root", "emotions", "head", "folds", "seed", "max_clips", "out"}


@pytest.fixture
def path(tmp_path):
    return report.new_notebook("my_own-question", tmp_path / "new")


def test_it_has_the_form_of_a_notebook(path):
    cells = nbformat.read(path, as_version=4).cells
    assert cells[0].source.startswith("# My own question: ")
    assert "?" in cells[0].source
    assert re.search(r"About \w+ minutes", cells[0].source)
    assert cells[1].metadata["tags"] == ["parameters"]
    declared = {parameter.name: parameter for parameter in report.parameters(path)}
    assert declared.keys() >= SHARED
    assert all(parameter.help for parameter in declared.values())
    assert cells[-1].source == "report.record(result, out=out)"
    for cell in cells:
        assert not cell.get("outputs")
        if cell.cell_type == "code" and not cell.metadata.get("tags"):
            assert len(cell.source.splitlines()) <= 12
            assert max(map(len, cell.source.splitlines())) <= 88
            tree = ast.walk(ast.parse(cell.source))
            assert not any(isinstance(n, ast.FunctionDef | ast.ClassDef) for n in tree)


def test_nothing_is_overwritten(path):
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="Choose another name"):
        report.new_notebook(path.stem, path.parent)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["", "../up", "a b", ".hidden", "a/b.ipynb", "x{y}"])
def test_a_name_is_a_name(tmp_path, name):
    with pytest.raises(ValueError, match="no name for a notebook"):
        report.new_notebook(name, tmp_path)


def test_a_file_is_no_folder(path):
    with pytest.raises(ValueError, match="is a file, not a folder"):
        report.new_notebook("other", path)


def test_names_in_other_scripts_are_names(tmp_path):
    path = report.new_notebook("감정.ipynb", tmp_path)
    assert path.name == "감정.ipynb"
    assert "감정" in nbformat.read(path, as_version=4).cells[0].source


def test_the_command(tmp_path, capsys):
    line = ["new-notebook", "mine", "--out", str(tmp_path)]
    assert main(line) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(tmp_path / "mine.ipynb")
    assert "sertools report" in captured.err
    assert main(line) == 2
    assert "is there already" in capsys.readouterr().err
    assert main(["new-notebook", "a/b"]) == 2


@pytest.mark.slow
def test_it_runs_is_repeated_and_does_not_fall(path, tmp_path):
    run = report.run(path, {"max_clips": 48}, tmp_path / "runs", progress=False)
    about = (run / "run.json").read_text()
    assert '"status": "ok"' in about, about
    assert "<audio" in (run / "report.html").read_text()
    found = report.repeat(run, tmp_path / "again", progress=False)
    assert found.identical
    assert found.predictions == 0
    (verdict,) = report.check_regressions(run, found.folder).verdicts
    assert verdict.answer == "did not fall"
