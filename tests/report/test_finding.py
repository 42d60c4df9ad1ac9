import pytest

from sertools import report
from sertools.report.finding import find, read


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
