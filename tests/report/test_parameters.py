import pytest

from sertools import report
from sertools.report import Parameter

DECLARED = [
    Parameter("dataset", str, "demo"),
    Parameter("seed", int, 0),
    Parameter("rate", float, 0.5),
    Parameter("strict", bool, False),
]


def test_declarations_are_read_with_type_default_and_help(notebook):
    path = notebook(
        parameters='dataset: str = "demo"  # corpus: demo, emodb\n'
        "seed: int = -1\nrate: float = 1  # a # within\n"
        "strict: bool = False  # stop early\nfree = 2.5  # no type given"
    )
    assert report.parameters(path) == [
        Parameter("dataset", str, "demo", "corpus: demo, emodb"),
        Parameter("seed", int, -1),
        Parameter("rate", float, 1.0, "a # within"),
        Parameter("strict", bool, False, "stop early"),
        Parameter("free", float, 2.5, "no type given"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("out: str = None", "not str"),
        ("n: int = len('abc')", "literal"),
        ("n: int = 1.5", "not int"),
        ("names: list = []", "only str, int, float and bool"),
        ("names = ['a']", "only str, int, float and bool"),
        ("a = b = 1", "not of the form"),
        ("import os", "not of the form"),
        ("n: int =", "syntax"),
    ],
)
def test_anything_but_literals_is_refused(notebook, line, reason):
    with pytest.raises(ValueError, match=f"(?i)parameters cell of toy: .*{reason}"):
        report.parameters(notebook(parameters=line))


def test_a_notebook_without_a_parameters_cell_is_refused(tmp_path):
    import nbformat

    path = tmp_path / "bare.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    with pytest.raises(ValueError, match="no cell tagged 'parameters'"):
        report.parameters(path)


def test_text_is_read_as_the_declared_type():
    given = {"dataset": "007", "seed": "42", "rate": "1e-3", "strict": "Yes"}
    assert report.check(DECLARED, given) == {
        "dataset": "007",
        "seed": 42,
        "rate": 0.001,
        "strict": True,
    }


def test_what_is_not_given_keeps_its_default():
    assert report.check(DECLARED, {"strict": "no", "rate": 2}) == {
        "dataset": "demo",
        "seed": 0,
        "rate": 2.0,
        "strict": False,
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dataset", 7),
        ("dataset", None),
        ("seed", "1.0"),
        ("seed", ""),
        ("seed", True),
        ("seed", 1.0),
        ("rate", "nan"),
        ("rate", float("inf")),
        ("rate", "fast"),
        ("strict", "maybe"),
        ("strict", 1),
    ],
)
def test_a_mistyped_value_is_refused(name, value):
    with pytest.raises(ValueError, match=f"{name} takes .*, not {value!r}"):
        report.check(DECLARED, {name: value})


def test_all_mistakes_are_told_at_once():
    given = {"datset": "emodb", "seed": "x", "strict": "maybe", "dataset": "emodb"}
    with pytest.raises(ValueError, match="no parameter 'datset'") as caught:
        report.check(DECLARED, given)
    message = str(caught.value)
    assert "did you mean dataset?" in message
    assert "seed takes a whole number (int), not 'x'" in message
    assert "strict takes yes, no, true or false (bool), not 'maybe'" in message
    assert "Parameters: dataset, seed, rate, strict." in message
