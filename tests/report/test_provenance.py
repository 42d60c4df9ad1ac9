import pytest

from sertools.report.provenance import licences, surroundings

OPENSMILE = "audEERING research licence"


def test_what_a_result_recorded_comes_first():
    found = licences({}, {"licenses": ["emodb: CC-BY-4.0", "opensmile: its own"]})
    assert found == ["emodb: CC-BY-4.0", "opensmile: its own"]


def test_a_run_without_a_result_is_about_what_its_parameters_name():
    run = {"notebook": "opensmile", "parameters": {"dataset": "emodb", "seed": 0}}
    found = licences(run, {})
    assert found[0] == "emodb: CC-BY-4.0"
    assert OPENSMILE in found[1]


def test_nothing_is_there_twice():
    run = {"notebook": "opensmile", "parameters": {"dataset": "ravdess"}}
    recorded = ["ravdess: CC-BY-NC-SA-4.0", f"opensmile:ComParE_2016: {OPENSMILE}"]
    found = licences(run, {"licenses": recorded})
    assert len(found) == 2


@pytest.mark.parametrize("name", ["ravdess", "tess", "savee"])
def test_no_commercial_use_is_said_in_words(name):
    (line,) = licences({"parameters": {"dataset": name}}, {})
    assert "no commercial use" in line


def test_a_report_says_licences_and_intended_use(ok_run, failed_run):
    for run, licence in ((ok_run, "openSMILE: research"), (failed_run, "demo: CC0")):
        text = (run / "report.html").read_text()
        assert "not for decisions about people" in text
        assert licence in text


def test_a_run_knows_what_it_needs_to_be_repeated(ok_run):
    import json

    run = json.loads((ok_run / "run.json").read_text())
    needed = {*surroundings(), "source_sha256", "parameters", "packages", "git_commit"}
    assert run.keys() >= needed | {"git_dirty", "corpus_sha256", "weights_sha256"}
    assert run["notebook_path"].endswith("02_toy.ipynb")
    assert run["packages"]["python"]
