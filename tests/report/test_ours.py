import copy

import nbformat
import pytest

from sertools import report
from sertools.report._notebooks import read
from sertools.report._ours import is_ours


def test_what_ships_is_ours_and_what_a_new_one_starts_as(tmp_path):
    assert all(is_ours(read(path)) for path in report.notebooks().values())
    assert is_ours(read(report.new_notebook("my_question", tmp_path)))


@pytest.fixture
def quickstart():
    return read(report.notebooks()["quickstart"])


def test_words_and_values_may_differ(quickstart):
    quickstart.cells[0].source = "# Another title"
    quickstart.cells[1].source = quickstart.cells[1].source.replace("demo", "emodb")
    assert is_ours(quickstart)


def test_a_letter_of_code_may_not(quickstart):
    for number, cell in enumerate(quickstart.cells):
        if cell.cell_type == "code" and number != 1:
            other = copy.deepcopy(quickstart)
            other.cells[number].source += " "
            assert not is_ours(other)


@pytest.mark.parametrize("code", ["import os", "!true", "x = open('a')", "f'{1}'", "("])
def test_the_parameters_may_hold_nothing_but_values(quickstart, code):
    quickstart.cells[1].source += f"\n{code}"
    assert not is_ours(quickstart)


def test_a_second_cell_of_parameters_is_code(quickstart):
    tagged = {"tags": ["parameters"]}
    quickstart.cells.append(nbformat.v4.new_code_cell("import os", metadata=tagged))
    assert not is_ours(quickstart)
