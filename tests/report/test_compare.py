import json

import pytest

from sertools import report
from sertools.cli import main
from sertools.report._compare import CANNOT_TELL, DID_NOT, FELL, signed

LATER = "2026-01-02T02:00:00+00:00"


@pytest.fixture
def pair(tmp_path, write_run):
    """Write an old and a new run of one experiment."""

    def write(right, **more):
        old = write_run(tmp_path / "old", **more)
        new = write_run(tmp_path / "new", right=right, started=LATER, **more)
        return old, new

    return write


def answers(gate):
    return [one.answer for one in gate.verdicts]


def test_a_fall_of_every_speaker_is_a_fall(pair):
    found = report.check_regressions(*pair(0.5))
    assert answers(found) == [FELL]
    (one,) = found.verdicts
    assert one.difference == pytest.approx(-0.25)
    assert one.p == pytest.approx(2 / 2**8)
    assert one.high < -0.02


def test_a_fall_within_the_limit_is_none(pair):
    old, new = pair(0.5)
    assert answers(report.check_regressions(old, new, fail_below=-0.3)) == [DID_NOT]


def test_a_rise_is_no_fall_whichever_stands_first(pair):
    old, new = pair(0.5)
    (one,) = report.check_regressions(new, old).verdicts
    assert one.answer == DID_NOT
    assert one.difference == pytest.approx(0.25)
    assert 0.2 < one.low <= one.high < 0.3


@pytest.mark.parametrize(("speakers", "answer"), [(5, CANNOT_TELL), (6, FELL)])
def test_with_five_speakers_nothing_can_be_told(pair, speakers, answer, capsys):
    old, new = pair(0.5, speakers=speakers)
    (one,) = report.check_regressions(old, new).verdicts
    assert one.answer == answer
    assert ("5 speakers are too few" in one.why) is (speakers == 5)
    assert main(["compare", str(old), str(new)]) == (1 if speakers == 6 else 0)
    assert answer in capsys.readouterr().out


def test_the_same_answers_did_not_fall_even_with_few_speakers(pair):
    assert answers(report.check_regressions(*pair(0.75, speakers=3))) == [DID_NOT]


def test_a_fall_of_some_may_be_chance(tmp_path, write_run):
    import pandas as pd

    old = write_run(tmp_path / "old")
    new = write_run(tmp_path / "new", started=LATER)
    table = pd.read_parquet(new / "predictions.parquet")
    hit = table.index[(table["speaker"] == "s0") & (table["emotion"] == "angry")]
    table.loc[hit, ["angry", "sad"]] = [0.0, 1.0]  # all of one speaker's
    table.loc[hit, "predicted"] = "sad"
    table.to_parquet(new / "predictions.parquet", index=False)
    (one,) = report.check_regressions(old, new).verdicts
    assert one.difference < -0.02
    assert one.answer == CANNOT_TELL
    assert one.p > 0.05


def test_only_shared_clips_are_compared_and_that_is_said(tmp_path, write_run):
    old = write_run(tmp_path / "old")
    new = write_run(tmp_path / "new", skip=4, started=LATER)
    (one,) = report.check_regressions(old, new).verdicts
    assert one.n_clips == 8 * 20
    assert any("32 clips of the old run are left out" in note for note in one.notes)
    assert one.difference == 0


def test_folders_of_runs_are_matched_by_what_was_run(tmp_path, write_run):
    old, new = tmp_path / "old", tmp_path / "new"
    write_run(old, "toy-a-00000000")
    write_run(old, "toy-b-00000000", head="logistic")
    write_run(old, "toy-c-00000000", seed=1)
    write_run(new, "toy-x-11111111", right=0.5, started=LATER, root="elsewhere")
    write_run(new, "toy-y-11111111", head="logistic", started=LATER)
    write_run(new, "toy-z-11111111", seed=2, started=LATER)
    found = report.check_regressions(old, new)
    assert [(one.old, one.new, one.answer) for one in found.verdicts] == [
        ("toy-a-00000000", "toy-x-11111111", FELL),
        ("toy-b-00000000", "toy-y-11111111", DID_NOT),
    ]
    assert found.only_old == ("toy-c-00000000",)
    assert found.only_new == ("toy-z-11111111",)
    assert found.headline == "1 fell, 1 did not fall"
    assert "toy-z-11111111" in repr(found)
    assert "toy-c-00000000" in found.markdown()
    assert "toy-c-00000000" in found._repr_html_()


def test_the_newest_of_several_counts(tmp_path, write_run):
    old, new = tmp_path / "old", tmp_path / "new"
    write_run(old)
    write_run(new, "toy-1-11111111", right=0.5)
    write_run(new, "toy-2-22222222", started=LATER)
    found = report.check_regressions(old, new)
    assert [one.new for one in found.verdicts] == ["toy-2-22222222"]
    assert "1 older run" in found.notes[0]


def test_an_older_run_does_not_hide_that_the_newest_failed(tmp_path, write_run):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        write_run(folder, "toy-1-11111111")
        write_run(folder, "toy-b-11111111", head="logistic")
    error = {"cell": None, "name": "MemoryError", "message": "too much"}
    write_run(new, "toy-2-22222222", error=error, started=LATER)
    found = report.check_regressions(old, new)
    assert [one.new for one in found.verdicts] == ["toy-b-11111111"]
    assert found.only_old == ("toy-1-11111111",)
    assert found.only_new == ("toy-2-22222222 (failed: MemoryError)",)


def test_what_changed_is_named(tmp_path, write_run):
    old = write_run(tmp_path / "old", facts={"packages": {"numpy": "2.4.5"}})
    new = write_run(tmp_path / "new", facts={"packages": {"numpy": "2.4.6"}})
    found = report.check_regressions(old, new)
    assert "numpy 2.4.5 → 2.4.6" in repr(found)
    assert "numpy 2.4.5 → 2.4.6" in found.markdown()


def test_predictions_alone_are_enough(pair):
    old, new = pair(0.5)
    for folder in (old, new):
        for name in ("metrics.json", "run.json"):
            (folder / name).unlink()
    assert answers(report.check_regressions(old, new)) == [FELL]


def test_one_broken_result_does_not_stop_the_others(tmp_path, write_run):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        write_run(folder, "toy-a-00000000")
        write_run(folder, "toy-b-00000000", head="logistic")
    (new / "toy-a-00000000" / "predictions.parquet").write_bytes(b"PAR1 nothing")
    found = report.check_regressions(old, new)
    assert sorted(answers(found)) == sorted([CANNOT_TELL, DID_NOT])
    assert "cannot be read" in repr(found)


# The command


def test_json_is_one_value(pair, capsys):
    old, new = pair(0.5)
    assert main(["compare", str(old), str(new), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["fell"] == 1
    assert told["fail_below"] == -0.02
    assert told["pairs"][0]["answer"] == FELL


def test_the_limit_counts(pair, capsys):
    old, new = map(str, pair(0.5))
    assert main(["compare", old, new, "--fail-below", "-0.3"]) == 0
    assert main(["compare", old, new, "--fail-below", "-0.1"]) == 1


def test_markdown_is_a_table(pair, capsys, tmp_path):
    old, new = map(str, pair(0.5))
    page = tmp_path / "comment.md"
    assert main(["compare", old, new, "--markdown", str(page)]) == 1
    capsys.readouterr()
    assert main(["compare", old, new, "--markdown", "-"]) == 1
    text = capsys.readouterr().out
    assert text == page.read_text()
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 3
    assert len({row.count("|") for row in rows}) == 1
    assert "**fell**" in rows[-1]
    assert "not for decisions about people" in text


def _no_folder(tmp_path, write_run):
    return tmp_path / "nowhere", write_run(tmp_path / "new")


def _no_run(tmp_path, write_run):
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty", write_run(tmp_path / "new")


def _failed(tmp_path, write_run):
    error = {"cell": None, "name": "ValueError", "message": "no"}
    old = write_run(tmp_path / "old", error=error)
    return old, write_run(tmp_path / "new")


def _broken(tmp_path, write_run):
    old = write_run(tmp_path / "old")
    (old / "predictions.parquet").write_text("no parquet")
    return old, write_run(tmp_path / "new")


def _nothing_shared(tmp_path, write_run):
    write_run(tmp_path / "old", seed=1)
    write_run(tmp_path / "new", seed=2)
    return tmp_path / "old", tmp_path / "new"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_no_folder, "There is no folder"),
        (_no_run, "neither a run nor a folder of runs"),
        (_failed, "no result of a run that went well"),
        (_broken, "cannot be read"),
        (_nothing_shared, "Nothing to compare"),
    ],
)
def test_bad_input_is_one_line_and_2(tmp_path, write_run, capsys, make, said):
    old, new = make(tmp_path, write_run)
    assert main(["compare", str(old), str(new)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert len(captured.err.strip().splitlines()) == 1


@pytest.mark.parametrize("limit", ["0.02", "nan", "-2", "much"])
def test_a_limit_that_is_none_is_refused(pair, capsys, limit):
    old, new = map(str, pair(0.5))
    assert main(["compare", old, new, "--fail-below", limit]) == 2
    assert "--fail-below" in capsys.readouterr().err
    with pytest.raises(ValueError, match="such as -0.02"):
        report.check_regressions(old, new, 0.02)


def test_json_and_markdown_do_not_share_the_output(pair, capsys):
    old, new = map(str, pair(0.5))
    assert main(["compare", old, new, "--json", "--markdown", "-"]) == 2
    assert main(["compare", old, new, "--markdown", old]) == 2
    assert "Give --markdown another place" in capsys.readouterr().err


def test_what_goes_for_all_is_said_once(tmp_path, write_run):
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, version in ((old, "2.4.5"), (new, "2.4.6")):
        facts = {"packages": {"numpy": version}}
        write_run(folder, "toy-a-00000000", facts=facts)
        write_run(folder, "toy-b-00000000", facts=facts, head="logistic")
    found = report.check_regressions(old, new)
    assert repr(found).count("numpy 2.4.5 → 2.4.6") == 1
    assert found.notes[0] == "Changed everywhere: numpy 2.4.5 → 2.4.6."


def test_a_difference_has_a_sign():
    assert [signed(v) for v in (0.0123, -0.1, 0, None)] == [
        "+0.012",
        "-0.100",
        "+0.000",
        "",
    ]
