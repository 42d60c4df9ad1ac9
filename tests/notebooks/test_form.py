"""Every notebook has the form that readers and reports rely on."""

import ast
import re

import nbformat
import pytest

from sertools import report
from sertools.files import folder

NOTEBOOKS = sorted(folder("notebooks").glob("*.ipynb"))
SHARED = {"dataset", "root", "emotions", "head", "folds", "seed", "max_clips", "out"}


def read(path):
    return nbformat.read(path, as_version=4)


def test_there_are_notebooks():
    assert {path.stem for path in NOTEBOOKS} >= {"00_quickstart", "02_opensmile"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestForm:
    def test_nothing_is_stored(self, path):
        for cell in read(path).cells:
            assert not cell.get("outputs")
            assert cell.get("execution_count") is None

    def test_it_opens_with_a_title_and_the_time_it_takes(self, path):
        first = read(path).cells[0]
        assert first.cell_type == "markdown"
        assert first.source.startswith("# ")
        assert "?" in first.source
        assert re.search(r"minute", first.source)

    def test_the_second_cell_declares_parameters(self, path):
        assert read(path).cells[1].metadata.get("tags") == ["parameters"]
        declared = {parameter.name: parameter for parameter in report.parameters(path)}
        assert declared.keys() >= SHARED
        assert declared["dataset"].default == "demo"
        assert all(parameter.help for parameter in declared.values())

    def test_cells_are_small_and_define_nothing(self, path):
        for cell in read(path).cells:
            if cell.cell_type != "code" or cell.metadata.get("tags"):
                continue
            assert len(cell.source.splitlines()) <= 12, cell.source
            kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
            tree = ast.parse(cell.source)
            assert not any(isinstance(node, kinds) for node in ast.walk(tree))

    def test_the_last_cell_records_the_result(self, path):
        assert read(path).cells[-1].source == "report.record(result, out=out)"
