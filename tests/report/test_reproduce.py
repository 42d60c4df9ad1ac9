import json
import shutil

import nbformat
import pytest

from sertools import report
from sertools.report._schema import read_json


@pytest.fixture
def run(ok_run, tmp_path):
    """Give a copy of a run, to spoil."""
    return shutil.copytree(ok_run, tmp_path / "runs" / ok_run.name)


def repeat(run, **options):
    return report.repeat(run, **{"trust": True, "progress": False, **options})


def rewrite(path, **fields):
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))


def test_the_same_numbers(ok_run, tmp_path):
    found = repeat(ok_run, out=tmp_path)
    assert found.identical
    assert found.differences == ()
    assert "numbers are the same" in repr(found)
    assert read_json(found.folder / "run.json")["parameters"]["seed"] == 3
    assert found.folder.parent == tmp_path


def test_other_numbers_are_named_with_what_changed(run, tmp_path):
    metrics = run / "metrics.json"
    rewrite(metrics, uar={"value": 0.9, "low": 0.702, "high": 0.845})
    rewrite(run / "run.json", packages={"numpy": "1.0"}, corpus_sha256="00" * 32)
    found = repeat(run)
    assert not found.identical
    assert [str(change) for change in found.differences] == ["uar.value 0.9 → 0.781"]
    said = repr(found)
    assert "numpy 1.0 → " in said
    assert "corpus 00000000 → abababab" in said
    assert found.folder.exists()  # to look at
    shutil.rmtree(found.folder.parent)


def test_what_passes_with_the_hour_is_no_difference(run, tmp_path):
    rewrite(run / "metrics.json", more={"seconds_per_clip": 0.5})
    assert repeat(run, out=tmp_path / "again").identical


def test_the_notebook_of_the_run_counts_wherever_its_file_is(run, tmp_path):
    rewrite(run / "run.json", notebook_path="/nowhere/02_toy.ipynb")
    found = repeat(run, out=tmp_path / "again")
    assert found.identical
    assert not [change for change in found.changes if change.kind == "notebook"]


def test_a_notebook_changed_by_hand_is_not_taken_for_the_one_that_ran(run, tmp_path):
    notebook = nbformat.read(run / "notebook.ipynb", as_version=4)
    notebook.cells[-1].source = "1 / 0"
    nbformat.write(notebook, run / "notebook.ipynb")
    assert repeat(run, out=tmp_path / "again").identical  # by the file it came from
    rewrite(run / "run.json", notebook_path="/nowhere/02_toy.ipynb")
    with pytest.raises(ValueError, match="Unknown notebook 'toy'"):
        repeat(run)


def test_a_newer_notebook_in_its_place_is_said(run, tmp_path):
    source = read_json(run / "run.json")["notebook_path"]
    newer = nbformat.read(source, as_version=4)
    newer.cells[2].source += "\n\nMore words."
    nbformat.write(newer, tmp_path / "02_toy.ipynb")
    (run / "notebook.ipynb").unlink()
    rewrite(run / "run.json", notebook_path=str(tmp_path / "02_toy.ipynb"))
    found = repeat(run, out=tmp_path / "again")
    assert found.identical
    assert [change.kind for change in found.changes] == ["notebook"]


def test_a_second_run_that_fails_is_no_repetition(run, tmp_path):
    from sertools.report._reproduce import _held_against

    again = shutil.copytree(run, tmp_path / "again")
    error = {"cell": None, "name": "OSError", "message": "no space left"}
    rewrite(again / "run.json", status="failed", error=error)
    (again / "metrics.json").unlink()
    about, metrics = (read_json(run / f"{name}.json") for name in ("run", "metrics"))
    found = _held_against(run, about, metrics, again)
    assert not found.identical
    assert "no space left" in repr(found)


def test_what_cannot_be_repeated(run, failed_run, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no run\.json"):
        repeat(tmp_path)
    with pytest.raises(ValueError, match="no result to hold a second run against"):
        repeat(failed_run)
    rewrite(run / "run.json", notebook=None)
    with pytest.raises(ValueError, match="not made by a notebook"):
        repeat(run)
    for wrong, said in (
        ({"notebook": 3}, r"run\.json: notebook should be a valid string, not 3\."),
        ({"notebook": "toy", "parameters": None}, r"run\.json: parameters should be"),
    ):
        rewrite(run / "run.json", **wrong)
        with pytest.raises(ValueError, match=said):
            repeat(run)


def test_the_run_itself_is_never_overwritten(run):
    about = (run / "run.json").read_bytes()
    with pytest.raises(ValueError, match="is there already"):
        repeat(run, out=run.parent)
    assert (run / "run.json").read_bytes() == about


def test_a_relative_path_is_found_where_it_was(tmp_path):
    from sertools.report._reproduce import _found_again

    (tmp_path / "corpus").mkdir()
    given = {"root": "corpus", "weights": "", "head": "svm"}
    assert _found_again(given, str(tmp_path)) == {
        **given,
        "root": str(tmp_path / "corpus"),
    }
    assert _found_again(given, None) == given


# What a folder of somebody else's may do


@pytest.fixture
def marked(run, tmp_path):
    """Put a notebook into the run that leaves a mark, with the digest it has."""
    from sertools.report._plan import run_name

    mark = tmp_path / "ran"
    notebook = nbformat.read(run / "notebook.ipynb", as_version=4)
    notebook.cells[-1].source = f"open({str(mark)!r}, 'w').close()"
    nbformat.write(notebook, run / "notebook.ipynb")
    kept = notebook.copy()
    kept.cells = [cell for cell in notebook.cells if "report_cell" in cell.metadata]
    rewrite(run / "run.json", source_sha256=run_name("toy", kept, {})[1])
    return run, mark


def test_code_that_is_not_ours_runs_only_with_trust(marked, tmp_path, capsys):
    from sertools.cli import main

    run, mark = marked
    with pytest.raises(ValueError, match=r"refused.*code of its own.*--trust"):
        repeat(run, out=tmp_path / "again", trust=False)
    assert main(["report", "--repeat", str(run)]) == 2
    assert "trust=True (--trust)" in capsys.readouterr().err
    assert not mark.exists()
    repeat(run, out=tmp_path / "again")
    assert mark.exists()


def test_a_notebook_elsewhere_is_not_run_either(marked, tmp_path):
    run, mark = marked
    (run / "notebook.ipynb").rename(tmp_path / "elsewhere.ipynb")
    rewrite(run / "run.json", notebook_path=str(tmp_path / "elsewhere.ipynb"))
    with pytest.raises(ValueError, match="refused"):
        repeat(run, trust=False)
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["../escaped", "/tmp/escaped", "a/b", "..\\escaped", "..", "x\0y"]
)
def test_a_name_that_is_a_place_is_refused(run, tmp_path, name):
    rewrite(run / "run.json", notebook=name)
    with pytest.raises(ValueError, match=r"run\.json: notebook should be the name"):
        repeat(run)
    assert not list(tmp_path.rglob("*escaped*"))


def test_a_run_may_not_trust_for_us(run, tmp_path):
    from sertools.report._plan import run_name

    ours = nbformat.read(report.notebooks()["speechbrain"], as_version=4)
    source = run_name("speechbrain", ours, {})[1]
    (tmp_path / "weights").mkdir()
    given = {"trust": True, "weights": str(tmp_path / "weights")}
    place = str(report.notebooks()["speechbrain"])
    about = {"notebook": "speechbrain", "notebook_path": place}
    rewrite(run / "run.json", parameters=given, source_sha256=source, **about)
    with pytest.raises(ValueError, match="its parameters trust them"):
        repeat(run, trust=False)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("run.json", "{", "not JSON, line 1"),
        ("run.json", "[]", "not an object"),
        ("run.json", "", "empty"),
        ("run.json", "[" * 100_000, "nested too deeply"),
        ("metrics.json", '{"uar": NaN}', "'NaN' is no number of JSON"),
        ("metrics.json", '{"uar": {"value": "x"}}', "uar"),
    ],
)
def test_damage_is_named(run, name, text, said):
    (run / name).write_text(text)
    with pytest.raises(ValueError) as caught:
        repeat(run)
    assert str(run / name) in str(caught.value) and said in str(caught.value)
    assert "\n" not in str(caught.value)


# The command


def test_the_command_says_whether_the_numbers_are_the_same(run, capsys, tmp_path):
    from sertools.cli import main

    line = ["report", "--repeat", str(run), "--trust"]
    assert main([*line, "--out", str(tmp_path / "again"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["identical"] is True
    assert told["differences"] == []
    rewrite(run / "metrics.json", n_clips=340)
    assert main([*line, "--out", str(tmp_path / "third")]) == 1
    assert "n_clips 340 → 339" in capsys.readouterr().out


def test_the_command_takes_a_run_and_nothing_else(run, capsys, tmp_path):
    from sertools.cli import main

    for line in (
        ["report", "--repeat", str(tmp_path)],
        ["report", "--repeat", str(run), "quickstart"],
        ["report", "--repeat", str(run), "-p", "seed", "1"],
        ["report", "--repeat", str(run), "--timeout", "1"],
        ["report", "--repeat", str(run), "--jobs", "2", "--force"],
        ["report", "quickstart", "--trust"],
    ):
        assert main(line) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert len(captured.err.strip().splitlines()) == 1
