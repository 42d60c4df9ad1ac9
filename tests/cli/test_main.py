import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import numpy as np
import pytest
import soundfile

import sertools
from sertools.cli import _output, lab, main

SERTOOLS = [sys.executable, "-m", "sertools"]


def run(*arguments, **options) -> subprocess.CompletedProcess:
    command = [*SERTOOLS, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    """Make a table of tones: loud is angry, soft is sad, two files are no good."""
    folder = tmp_path_factory.mktemp("recordings")
    random = np.random.default_rng(0)
    lines = ["path,emotion,speaker"]
    for speaker in "abcd":
        for emotion, level in (("angry", 0.5), ("sad", 0.05)):
            for take in range(3):
                name = f"{speaker}_{emotion}_{take}.wav"
                noise = random.standard_normal(8000 + 800 * take) * level
                soundfile.write(folder / name, noise.clip(-1, 1), 16000)
                lines.append(f"{name},{emotion},{speaker}")
    (folder / "empty.wav").touch()
    (folder / "sound.csv").write_text("\n".join(lines))
    faults = ["empty.wav,sad,a", "gone.wav,sad,b"]
    (folder / "faulty.csv").write_text("\n".join([*lines, *faults]))
    return folder


def evaluate(table: Path, *more: str) -> list[str]:
    fixed = ["--dataset", "folder", "--model", "duration_loudness", "--jobs", "1"]
    return ["evaluate", *fixed, "--head", "logistic", "--root", str(table), *more]


def notebook(folder: Path, *cells: str) -> Path:
    """Make a notebook of a parameters cell and some more cells."""
    made = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell(
        'dataset: str = "demo"\nn: int = 1  # how many'
    )
    parameters.metadata["tags"] = ["parameters"]
    made.cells = [parameters, *map(nbformat.v4.new_code_cell, cells)]
    nbformat.write(made, folder / "small.ipynb")
    return folder / "small.ipynb"


# The frame


def test_help_is_quick_and_lists_every_command():
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = run("--help")
        seconds.append(time.perf_counter() - start)
    assert done.returncode == 0
    listed = re.findall(r"^    ([\w-]+)(?:  |$)", done.stdout, flags=re.MULTILINE)
    assert listed == [
        *("datasets", "models", "fetch", "audit", "leakage", "evaluate", "train"),
        *("predict", "embed", "report", "compare", "new-notebook", "lab", "doctor"),
    ]
    assert min(seconds) < 0.7


def test_without_a_command_the_help_comes(capsys):
    assert main([]) == 0
    assert "COMMAND" in capsys.readouterr().out


def test_the_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"sertools {sertools.__version__}"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("evalute", "Did you mean evaluate"),
        ("--hlep", "Did you mean --help?"),
        ("datasets emobd", "Did you mean emodb?"),
        ("datasets --jsn", "Did you mean --json?"),
        ("models opensmlie", "Did you mean opensmile?"),
        ("fetch ravdes", "Did you mean ravdess?"),
        ("evaluate --dataset demo", "--model"),
        ("evaluate --dataset demo --model opensmile --had svm", "--head"),
        ("evaluate --dataset demo --model opensmile", "Add --head"),
        ("evaluate --dataset demo --model opensmile --head smv", "Did you mean svm?"),
        ("evaluate --dataset demo --model opensmile:x --head svm", "eGeMAPSv02"),
        (
            "evaluate --dataset demo --model mfcc --head svm --folds published:x",
            "split",
        ),
        ("evaluate --dataset demo --model mfcc --head svm --folds spaker", "speaker"),
        ("evaluate --dataset demo --model mfcc --head svm --emotions sadd", "mean sad"),
        ("evaluate --dataset demo --model mfcc --head svm --emotions calm", "No clips"),
        ("evaluate --dataset demo --model mfcc --head svm --merge calm", "OLD=NEW"),
        ("evaluate --dataset demo --model mfcc --head svm --merge clam=sad", "calm"),
        ("evaluate --dataset demo --model mfcc --head svm --seed one", "invalid int"),
        ("evaluate --dataset demo --model mfcc --head svm --standardize x", "corpus"),
        ("report no_such_notebook", "Unknown notebook"),
        ("report nowhere/at_all.ipynb", "no notebook at"),
    ],
)
def test_bad_usage_ends_with_2_and_one_or_two_lines(capsys, line, said):
    assert main(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert 1 <= len(captured.err.strip().splitlines()) <= 2
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("place", [0, 1, 2])
def test_debug_shows_the_traceback_wherever_it_stands(capsys, place):
    words = ["datasets", "emobd"]
    words.insert(place, "--debug")
    assert main(words) == 2
    assert "Traceback" in capsys.readouterr().err


def test_work_that_fails_ends_with_1(capsys, tmp_path):
    line = ["evaluate", "--dataset", "emodb", "--root", str(tmp_path)]
    assert main([*line, "--model", "mfcc", "--head", "svm"]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "no clips of EmoDB" in captured.err
    assert len(captured.err.strip().splitlines()) == 1


def test_a_reader_that_leaves_early_gets_no_traceback():
    code = "import sys; sys.stdin.readline()"
    with subprocess.Popen(
        [*SERTOOLS, "datasets"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as writer:
        subprocess.run([sys.executable, "-c", code], stdin=writer.stdout, check=True)
        writer.stdout.close()
        assert writer.stderr.read() == b""


def test_warnings_are_single_lines(capsys):
    import warnings

    with _output.calm():
        warnings.warn("first\n   second", UserWarning, stacklevel=1)
        warnings.warn("for developers", FutureWarning, stacklevel=1)
    assert capsys.readouterr().err == "warning: first second\n"


def test_numbers_are_plain_and_to_the_right(capsys):
    _output.table([("a", 2798, None), ("bb", 5, "x")], ("name", "clips", ""))
    assert capsys.readouterr().out == "name  clips\na      2798\nbb        5  x\n"


# Lists


def test_datasets(capsys):
    assert main(["datasets"]) == 0
    text = capsys.readouterr().out
    assert "1440" in text and "synthetic" in text
    assert main(["datasets", "--json"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert {"demo", "emodb", "ravdess", "folder"} <= {card["name"] for card in cards}
    assert main(["datasets", "emodb", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_clips"] == 535
    assert main(["datasets", "emodb"]) == 0
    assert "German" in capsys.readouterr().out


def test_models(capsys):
    assert main(["models"]) == 0
    assert "eGeMAPSv02" in capsys.readouterr().out
    assert main(["models", "--json"]) == 0
    assert "opensmile" in [card["name"] for card in json.loads(capsys.readouterr().out)]
    assert main(["models", "opensmile", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sampling_rate"] == 16000


def test_fetch_says_what_cannot_be_fetched(capsys):
    assert main(["fetch", "folder", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"folder": None}
    assert "nothing to download" in captured.err


# evaluate


def test_evaluate_says_how_it_went_and_saves_it(capsys, recordings, tmp_path):
    out = tmp_path / "new" / "folder"
    assert main(evaluate(recordings / "sound.csv", "--out", str(out))) == 0
    text = capsys.readouterr().out
    assert "24 clips, 4 speakers, 2 emotions" in text
    assert "UAR       1.000  [" in text and "chance    0.500" in text
    assert text.splitlines()[-1].startswith(f"Saved in {out}")
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["uar"]["value"] == 1.0
    assert metrics["excluded"] == []
    assert (out / "predictions.parquet").exists()
    status = json.loads((out / "run.json").read_text())
    assert (status["status"], status["error"]) == ("ok", None)
    assert status["notebook"] is None
    assert status["parameters"]["head"] == "logistic"
    assert 20 < status["peak_rss_mb"] < 20_000
    assert status["corpus_sha256"] == metrics["corpus_sha256"]


def test_evaluate_as_json_is_one_value_and_nothing_else(recordings):
    done = run(*evaluate(recordings / "sound.csv", "--json", "--emotions", "sad,angry"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_clips"] == 24


def test_a_clip_that_cannot_be_used_is_named_and_the_rest_evaluated(
    capsys, recordings, tmp_path
):
    table = recordings / "faulty.csv"
    assert main(evaluate(table, "--out", str(tmp_path))) == 0
    text = capsys.readouterr().out
    assert "24 clips" in text and "2 excluded" in text
    assert "gone.wav (no such file)" in text and "also excluded: " in text
    assert "empty.wav (" in text
    excluded = json.loads((tmp_path / "metrics.json").read_text())["excluded"]
    assert {row["clip"] for row in excluded} == {"folder/empty.wav", "folder/gone.wav"}
    assert all(row["reason"] for row in excluded)


def test_strict_stops_before_any_training_and_leaves_no_scores(
    capsys, recordings, tmp_path
):
    assert main(evaluate(recordings / "sound.csv", "--out", str(tmp_path))) == 0
    capsys.readouterr()
    table = recordings / "faulty.csv"
    assert main(evaluate(table, "--strict", "--out", str(tmp_path))) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "empty.wav" in captured.err and "gone.wav" in captured.err
    assert not (tmp_path / "metrics.json").exists()
    status = json.loads((tmp_path / "run.json").read_text())
    assert status["status"] == "failed"
    assert "empty.wav" in status["error"]["message"]


def test_strict_also_minds_what_the_table_left_out(capsys, recordings, tmp_path):
    rows = (recordings / "sound.csv").read_text() + "\na_sad_0.wav,sulky,a"
    table = recordings / "unknown.csv"
    table.write_text(rows)
    assert main(evaluate(table, "--strict")) == 1
    assert "sulky" in capsys.readouterr().err


def test_emotions_can_be_folded_and_clips_drawn(capsys, recordings):
    more = ["--merge", "sad=neutral", "--max-clips", "16", "--json"]
    assert main(evaluate(recordings / "sound.csv", *more)) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert metrics["classes"] == ["angry", "neutral"]
    assert metrics["n_clips"] == 16


def test_folds_can_follow_a_column(capsys, recordings):
    line = evaluate(recordings / "sound.csv", "--folds", "speaker", "--json")
    assert main(line) == 0
    assert json.loads(capsys.readouterr().out)["folds"] == "speaker"


# report


def test_report_lists_the_notebooks(capsys):
    assert main(["report", "--json"]) == 0
    assert {"quickstart", "opensmile"} <= set(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["-p", "datset", "demo"], "did you mean dataset"),
        (["-p", "n", "many"], "whole number"),
        (["-p", "dataset", "emobd"], "Did you mean emodb?"),
        (["-p", "out", "x"], "--out"),
        (["-p", "n", "1", "-p", "n", "2"], "set twice: n"),
    ],
)
def test_parameters_are_checked_before_anything_starts(capsys, tmp_path, given, said):
    path = notebook(tmp_path, "1 / 0")
    out = tmp_path / "runs"
    assert main(["report", str(path), *given, "--out", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_report_ends_with_the_path_of_the_page(capsys, tmp_path):
    path = notebook(tmp_path, "print('n is', n)")
    assert (
        main(["report", str(path), "-p", "n", "3", "--out", str(tmp_path / "r")]) == 0
    )
    page = Path(capsys.readouterr().out.splitlines()[-1])
    assert page.name == "report.html"
    assert "n is 3" in page.read_text(encoding="utf-8")


def test_a_cell_that_fails_is_named(capsys, tmp_path):
    path = notebook(tmp_path, "total = 1 / 0", "never = 1")
    line = ["report", str(path), "--out", str(tmp_path / "runs"), "--json"]
    assert main(line) == 1
    captured = capsys.readouterr()
    status = json.loads(captured.out)
    assert status["status"] == "failed"
    assert status["error"]["name"] == "ZeroDivisionError"
    assert "cell 2 (total = 1 / 0) failed: ZeroDivisionError" in captured.err
    assert Path(status["report"]).exists()


def test_a_kernel_that_dies_ends_with_1(capsys, tmp_path):
    path = notebook(tmp_path, "import os; os._exit(3)")
    assert main(["report", str(path), "--out", str(tmp_path / "runs")]) == 1
    assert "cell 2" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_one_line(tmp_path):
    path = notebook(tmp_path, "open('started', 'w'); import time; time.sleep(60)")
    process = subprocess.Popen(
        [*SERTOOLS, "report", str(path), "--out", str(tmp_path / "runs")],
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.splitlines()[-1] == "Stopped."
    assert "Traceback" not in said
    (run,) = (tmp_path / "runs").glob("*/run.json")
    assert json.loads(run.read_text())["error"]["name"] == "Interrupted"


# lab and doctor


def test_lab_opens_a_checkouts_own_notebooks():
    folder = lab.working_copy(None)
    assert folder.name == "notebooks"
    assert (folder / "00_quickstart.ipynb").exists()


def test_lab_copies_notebooks_elsewhere_and_spares_what_is_there(tmp_path):
    target = tmp_path / "mine"
    target.mkdir()
    (target / "00_quickstart.ipynb").write_text("my own")
    folder = lab.working_copy(str(target))
    assert folder == target.resolve()
    assert (folder / "00_quickstart.ipynb").read_text() == "my own"
    assert (folder / "02_opensmile.ipynb").exists()


@pytest.mark.slow
def test_lab_starts_jupyterlab_with_this_interpreter(tmp_path):
    options = ["--no-browser", "--port=0", "--allow-root", "--ServerApp.token=secret"]
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    process = subprocess.Popen(
        [*SERTOOLS, "lab", str(tmp_path / "mine"), *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    try:
        said = ""
        for line in process.stderr:
            said += line
            if "token=" in line:
                break
        assert "/lab/tree/00_quickstart.ipynb" in said
    finally:
        process.kill()
        process.communicate()


def test_doctor_finds_this_place_well():
    done = run("doctor", "--quick", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0, found
    assert {"name", "state", "message", "mend"} == set(found[0])


def test_doctor_ends_with_1_and_the_remedy_where_something_fails(tmp_path):
    (tmp_path / "file").touch()
    place = str(tmp_path / "file" / "store")
    done = run("doctor", "--quick", env={**os.environ, "SERTOOLS_STORE": place})
    assert done.returncode == 1
    assert f"fail  store: {place} cannot be written\n      mend it:" in done.stdout
