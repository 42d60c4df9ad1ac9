"""What the documents say holds: their code runs, their commands and links exist."""

import ast
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from matplotlib import pyplot

from sertools import cli, datasets
from sertools.cli import _main

CHECKOUT = Path(__file__).resolve().parent.parent
TAUGHT = ["README.md", *(f"docs/{p.name}" for p in CHECKOUT.glob("docs/*.md"))]
FURTHER = ["CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md", "data/README.md"]
# What a line of shell needs that is not in a bare checkout.
ABSENT = {"emodb", "ravdess", "yamnet", "plan.yaml", "runs/NAME", "lab", "doctor"}


def read(page: str) -> str:
    return (CHECKOUT / page).read_text(encoding="utf-8")


def blocks(page: str, *kinds: str) -> list[str]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", read(page), flags=re.M | re.S)
    return [text for kind, text in found if kind in kinds]


def commands(page: str) -> list[list[str]]:
    """Give what stands after `sertools`; what is only named is asked for help."""
    shell = "\n".join(blocks(page, "bash", "yaml")).replace("\\\n", " ")
    prose = re.sub(r"^```.*?^```", "", read(page), flags=re.M | re.S)
    lines = re.findall(r"^\s*(?:- )?(?:run: )?sertools( .*|)$", shell, flags=re.M)
    named = re.findall(r"`sertools( [^`]*)`", prose)
    lines += [line if " " in line.strip() else f"{line} --help" for line in named]
    return [words for line in lines if "COMMAND" not in (words := split(line))]


def split(line: str) -> list[str]:
    """Split a line of shell into words, up to a comment, a pipe or a redirection."""
    words = shlex.shlex(line, posix=True, punctuation_chars="|&>")
    words.whitespace_split = True
    kept = []
    for word in words:
        if set(word) <= set("|&>"):
            break
        kept.append(word)
    return kept


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Give a folder with what the documents call one's own recordings."""
    folder = tmp_path_factory.mktemp("place")
    clips = datasets.select(datasets.load("demo"), max_clips=96)
    (folder / "my").mkdir()
    mine = clips[["emotion", "speaker"]].assign(path=clips.index.str.split("/").str[-1])
    mine["path"] += ".wav"
    mine.to_csv(folder / "my" / "clips.csv")
    for name, path in zip(mine["path"], clips["path"], strict=True):  # quieter
        soundfile.write(folder / "my" / name, soundfile.read(path)[0] / 2, 16_000)
    half = clips["speaker"].isin(sorted(set(clips["speaker"]))[:4])
    halves = half.map({True: "train", False: "test"})
    clips.assign(split=halves).to_csv(folder / "split.csv")
    shutil.copyfile(clips["path"].iloc[0], folder / "voice.wav")
    heard = [soundfile.read(path)[0] for path in clips["path"].iloc[:12]]
    pause = np.zeros(8_000)
    talk = np.concatenate([part for clip in heard for part in (clip, pause)])
    soundfile.write(folder / "talk.wav", talk, 16_000)
    return folder


@pytest.fixture(scope="module")
def job(place) -> Path:
    """Run the command above the README's picture; give its folder."""
    above = read("README.md").partition("(docs/report.png)")[0]
    words = split(re.findall(r"`sertools (report [^`]*)`", above)[-1])
    assert f"sertools {' '.join(words)}\n" in read("Makefile"), "make report"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert cli.main(words) == 0
    (folder,) = (place / "runs").glob("*/")
    return folder


# Words and links


def test_the_readme_can_be_read_in_five_minutes():
    assert len(read("README.md").split()) <= 1200


@pytest.mark.parametrize("page", [*TAUGHT, *FURTHER])
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, anchor = target.partition("#")
        leads = (CHECKOUT / page).parent / path if path else CHECKOUT / page
        assert leads.exists(), target
        assert not anchor or anchor in headings(leads), target


def headings(page: Path) -> set[str]:
    """Give the anchors of a page, as GitHub makes them of its headings."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    found = re.findall(r"^#+ (.*)$", text, flags=re.M)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in found}


def test_the_readme_leads_to_every_page():
    for page in TAUGHT[1:]:
        assert f"]({page})" in read("README.md")


# Python


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in TAUGHT if blocks(p, "python")])
def test_python_runs_as_printed(page, place, monkeypatch):
    monkeypatch.chdir(place)
    names = {}
    for block in blocks(page, "python"):
        for step in ast.parse(block).body:
            if isinstance(step, ast.Expr):  # as a notebook shows it
                assert repr(eval(ast.unparse(step), names))
            else:
                exec(ast.unparse(step), names)
    pyplot.close("all")


def test_the_examples_in_contributing_work(tmp_path):
    house = {}
    for block in blocks("CONTRIBUTING.md", "python"):
        exec(block, house)
    (tmp_path / "s01_joy_kitchen.wav").touch()
    clips = house["Moods"]().load(tmp_path)
    assert clips.loc["moods/s01_joy_kitchen", "emotion"] == "happy"
    assert clips.loc["moods/s01_joy_kitchen", "sex"] == "female"
    embedding = house["LoudnessRange"]().embed([np.full(16000, 0.1)])
    assert np.allclose(embedding, -20, atol=0.01)


# Shell


@pytest.mark.parametrize("page", [page for page in TAUGHT if commands(page)])
def test_every_command_is_one(page):
    for words in commands(page):
        if "--help" in words:
            assert cli.main(words) == 0
            continue
        given = _main._read(words)
        if given.unknown:  # JupyterLab's own
            assert given.command == "lab"


@pytest.mark.slow
def test_what_needs_no_download_runs_as_printed(job, place, monkeypatch, capsys):
    monkeypatch.chdir(place)
    shutil.copytree("runs", "baseline")
    ran = set()
    for words in commands("docs/commands.md"):
        if ABSENT.isdisjoint(re.split(r"[ ,=]", " ".join(words))):
            assert cli.main(words) == 0, words
            ran.add(words[0])
    assert ran >= {"evaluate", "train", "predict", "report", "compare", "leakage"}
    assert len(Path("runs/history.jsonl").read_text().splitlines()) == 1


# The picture


@pytest.mark.slow
def test_the_picture_says_what_its_command_says(job):
    told = re.search(r"!\[(.*?)\]\(docs/report.png\)", read("README.md"))[1]
    metrics = json.loads((job / "metrics.json").read_text())
    uar, baseline = metrics["uar"], metrics["baseline"]["uar"]
    shown = [*uar.values(), baseline["value"], metrics["chance"]]
    assert re.findall(r"0\.\d+", told) == [f"{value:.3f}" for value in shown]
