"""The command line: odd arguments, outputs over inputs, modules beside it."""

import argparse
import functools
import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from _faults.sounds import CHECKOUT, speech, written
from _faults.trying import MARK, Said, Try, Verdict, command, ended

_ODD = (
    *("", " ", "-1", "0", "1e999", "nan", "inf", "x" * 5000, "\x1b[2J\x1b[31mred"),
    *("../../..", "/", "/dev/null/x", "~nobody/x", "a\tb", "a\nb\nc", "=", "=x", "x="),
    *("x=y=z", ",", ",,", "demo,demo", "{}", "[]", "null", "%s%n", "$(id)", "`id`"),
    *("\u202eevil", "é", "e\u0301", "demo=", "demo=/", "--", "-", "--json", "@file"),
    *(
        "1" * 400,
        "0x10",
        "1_000",
        "\u0661",
        "True",
        "https://127.0.0.1:9/x",
        "file:///etc",
    ),
)
_DEMO = (
    "--dataset demo --model duration_loudness --head logistic --max-clips 24".split()
)
_WRITTEN = {"--out", "--csv", "--labels", "--rttm", "--markdown"}
_OUTSIDE = ("/", "..", "~")  # nothing is ever written outside a try's own folder
# What each command needs before one odd thing is added to it.
_BASE = {
    "datasets": [],
    "models": [],
    "audit": ["demo"],
    "leakage": ["demo"],
    "evaluate": [*_DEMO, "--jobs", "1"],
    "train": [*_DEMO, "--jobs", "1", "--out", "made"],
    "predict": ["clip.wav", "--jobs", "1"],
    "compare": ["old", "new"],
    "new-notebook": ["mine"],
    "fetch": ["demo"],
    "report": ["no_such_notebook"],
}
_SLOW = {"--help", "--version", "--debug", "--intended-use", "--trust"}


def tries(seed: int) -> list[Try]:
    """List what is tried."""
    draw = random.Random(seed)
    made = [*_bare(), *_odd(draw), *_outputs()]
    made = [replace(one, batch=f"{n // 12}") for n, one in enumerate(made)]
    return [*_shadowed(), *made]


def _clip(folder: Path, n: int = 1) -> None:
    for number in range(n):
        name = f"clip{number or ''}.wav"
        (folder / name).write_bytes(written(samples=speech()[number * 40 :]))


def _words(words: list[str], folder: Path) -> Verdict:
    """Run a command: it answers, or says in a line what is wrong with its words."""
    _clip(folder)
    said = command(*words, cwd=folder)
    if said.code == 0 and words[:1] != ["predict"]:
        told = said.out + said.err
        if "\x1b" in told:
            return Verdict("unclear", "a control character is printed")
        return Verdict("right")
    lines = 12 if words[0] == "report" else 2  # mistakes in a plan, a line each
    return ended(said, [""], lines=lines)


def _bare():
    """Each command alone, with what it doesn't know, and with everything twice."""
    for name, base in _BASE.items():
        for words in (
            [],
            ["--no-such"],
            ["--jsn"],
            [*base, "more", "words", "than", "fit"],
            [*base, "--json", "--json"],
            [*base, "--no-such=\x1b[31m"],
            [*base, *base, *base],
            [*base, "\x1b]0;title\x07"],
            [*base, "x" * 5000],
        ):
            if name == "report" and not words:
                continue
            given = " ".join(words)[:50]
            body = functools.partial(_words, [name, *words])
            yield Try(f"{name} {given!r}", body, 60)
    for words in (["no_such"], ["--no-such"], [""], ["\x1b[31m"], ["pedict", "a.wav"]):
        yield Try(f"sertools {words[0]!r}", functools.partial(_words, words))


def _options() -> dict[str, list[argparse.Action]]:
    from sertools.cli import _main

    _, commands = _main._parser()
    return {name: commands[name]._actions for name in _BASE}


def _odd(draw: random.Random):
    """One option of a command with an odd value, drawn."""
    for name, actions in _options().items():
        able = [
            action.option_strings[0]
            for action in actions
            if action.option_strings
            and not {*action.option_strings} & _SLOW
            and action.nargs != 0
        ]
        for option in able:
            odd = [v for v in _ODD if option not in _WRITTEN or _inside(v)]
            for value in draw.sample(odd, 2 if name in ("evaluate", "train") else 4):
                given = (
                    [f"{option}={value}"] if draw.random() < 0.7 else [option, value]
                )
                if option == "-p":
                    given = [option, "seed", value]
                words = [name, *_BASE[name], *given]
                body = functools.partial(_words, words)
                yield Try(f"{name} {option} {value[:30]!r}", body, 60)
        for value in draw.sample(_ODD, 5):
            if name in ("evaluate", "train"):
                continue
            if name == "new-notebook" and not _inside(value):
                continue
            yield Try(
                f"{name} {value[:30]!r}", functools.partial(_words, [name, value]), 60
            )


def _inside(value: str) -> bool:
    return not value.startswith(_OUTSIDE)


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _outputs():
    """Name outputs that are inputs, or things of somebody's."""
    predict = ["predict", "clip.wav", "--jobs", "1"]
    several = ["predict", "clip.wav", "clip1.wav", "--jobs", "1"]
    places = {
        "the recording": "clip.wav",
        "the recording by another path": "corpus/../clip.wav",
        "another recording": "clip1.wav",
        "a link to the recording": "link.wav",
        "a second name of the recording": "hard.wav",
        "a table of one's own": "table.csv",
        "a notebook": "mine.ipynb",
        "a text": "notes.txt",
        "a plan": "plan.yaml",
        "a folder of recordings": "corpus",
        "a card": "head/card.json",
        "the folder itself": ".",
        "a device": "device",
        "a pipe": "pipe",
        "a link to nothing": "nothing.csv",
        "through a file": "notes.txt/below.csv",
    }
    for what, place in places.items():
        for option in ("--csv", "--labels", "--rttm"):
            for words in (predict, several):
                if words is several and option != "--labels":
                    continue
                given = [*words, option, place]
                body = functools.partial(_over, given, what)
                yield Try(f"predict {len(words) - 3} {option} {what}", body, 40)
        for name in ("evaluate", "train"):
            base = [name, *_BASE["evaluate"], "--out", place]
            yield Try(f"{name} --out {what}", functools.partial(_over, base, what), 60)
        words = ["new-notebook", "mine", "--out", place]
        yield Try(f"new-notebook --out {what}", functools.partial(_over, words, what))
        words = ["report", "light.ipynb", "--out", place]
        if what not in ("the folder itself", "a folder of recordings"):
            yield Try(f"report --out {what}", functools.partial(_over, words, what), 60)
        words = ["compare", "old", "new", "--markdown", place]
        yield Try(f"compare --markdown {what}", functools.partial(_over, words, what))
    own = ["evaluate", "--dataset", "folder", "--root", "corpus", "--model"]
    own += ["duration_loudness", "--head", "logistic", "--folds", "random", "--out"]
    yield Try(
        "evaluate --out its own corpus",
        functools.partial(_over, [*own, "corpus"], ""),
        60,
    )


def _device(path: Path) -> None:
    """Make a device that takes nothing; never a real one, which might be replaced."""
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
    except PermissionError:
        os.mkfifo(path)


def _furnished(folder: Path) -> None:
    """Lay out what somebody may have lying beside each other."""
    import nbformat

    _clip(folder, 2)
    (folder / "link.wav").symlink_to("clip.wav")
    os.link(folder / "clip.wav", folder / "hard.wav")
    (folder / "table.csv").write_text("path,emotion\nclip.wav,happy\nclip1.wav,sad\n")
    (folder / "notes.txt").write_text("my notes of ten years\n")
    (folder / "plan.yaml").write_text("notebooks: opensmile\n")
    (folder / "nothing.csv").symlink_to("gone/away.csv")
    os.mkfifo(folder / "pipe")
    _device(folder / "device")
    for emotion in ("happy", "sad"):
        place = folder / "corpus" / emotion
        place.mkdir(parents=True)
        for number in range(4):
            samples = speech()[number * 90 :]
            (place / f"{number}.wav").write_bytes(written(samples=samples))
    (folder / "corpus" / "metrics.json").write_text('{"mine": true}')
    (folder / "head").mkdir()
    (folder / "head" / "card.json").write_text('{"mine": true}')
    cell = nbformat.v4.new_code_cell("1 + 1")
    for name in ("mine.ipynb", "light.ipynb"):
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / name)
    for number, name in enumerate(("old", "new")):
        (folder / name).mkdir()
        run = {"schema_version": 1, "status": "ok", "notebook": "x", "run": "x"}
        (folder / name / "run.json").write_text(json.dumps(run))
        metrics = {"schema_version": 1, "uar": 0.5 + number / 10}
        (folder / name / "metrics.json").write_text(json.dumps(metrics))


def _over(words: list[str], what: str, folder: Path) -> Verdict:
    """Ask for an output over something that is there: nothing of it may change."""
    _furnished(folder)
    before = _digests(folder)
    said = command(*words, cwd=folder)
    after = _digests(folder)
    changed = [name for name, digest in before.items() if after.get(name) != digest]
    if changed:
        told = f"exit {said.code}, and {', '.join(changed)} is changed or gone"
        return Verdict("wrong", told)
    if said.code == 0 and what in ("a device", "a pipe", "through a file"):
        return Verdict("wrong", f"exit 0: {said.out[-200:]}")
    return ended(said, [words[-1], Path(words[-1]).name, "notes.txt", "old"])


_SPY = f"""\
open({{place!r}} + "/{MARK}", "w").close()
import sys
here = __file__.rpartition("/")[0]
path, sys.path = sys.path, [p for p in sys.path if p not in ("", ".", here)]
del sys.modules[__name__]
sys.modules[__name__] = __import__(__name__)
sys.path = path
"""
_NAMES = (
    *("json", "random", "numpy", "pandas", "pickle", "queue", "secrets", "statistics"),
    *("sitecustomize", "usercustomize", "joblib", "soundfile", "ipykernel", "string"),
    *("sertools", "ipykernel_launcher", "uuid", "tempfile", "cmd", "platform"),
)


def _shadowed():
    """Files of the current folder named like modules: none is ever imported."""
    for name, words in {
        "predict a folder": ["predict", ".", "--json"],
        "evaluate": [
            "evaluate",
            *"--dataset folder --root .".split(),
            *"--model opensmile --head logistic --folds random".split(),
        ],
        "leakage": ["leakage", "folder", "--root", ".", "--folds", "random"],
        "doctor": ["doctor"],
        "report": ["report", "light.ipynb", "--out", "../runs"],
    }.items():
        body = functools.partial(_beside_modules, words)
        yield Try(f"{name}, in a folder of modules", body, 100, 2000)
    yield Try("such a module, imported", _imported, control=True)


def _modules(folder: Path) -> None:
    for name in _NAMES:
        (folder / f"{name}.py").write_text(_SPY.format(place=str(folder)))


def launched(words: list[str], folder: Path, seconds: float = 90) -> Said:
    """Run a command as its script does: in a new interpreter, from a folder."""
    script = Path(os.environ["TMPDIR"], "bin", "sertools")
    script.parent.mkdir(exist_ok=True)
    script.write_text("import sys\nfrom sertools.cli import main\nsys.exit(main())\n")
    surroundings = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        [sys.executable, str(script), *words],
        cwd=folder,
        env=surroundings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
    )
    out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
    return Said(done.returncode, out, err)


def _beside_modules(words: list[str], folder: Path) -> Verdict:
    import nbformat

    _clip(folder, 12)
    for number in range(12):
        place = folder / ("happy", "sad")[number % 2]
        place.mkdir(exist_ok=True)
        shutil.copy(folder / f"clip{number or ''}.wav", place / f"{number}.wav")
    source = "import os, numpy\nfrom sertools import features\nos.getcwd()"
    cells = [nbformat.v4.new_code_cell(text) for text in ("seed: int = 0  # x", source)]
    cells[0].metadata["tags"] = ["parameters"]
    # The notebook lies elsewhere: what lies beside one's own is one's own.
    (folder.parent / "books").mkdir()
    book = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(book, folder.parent / "books" / "light.ipynb")
    words = [word.replace("light", "../books/light") for word in words]
    _modules(folder)
    said = launched(words, folder)
    if words[0] == "doctor" and said.code == 1 and "Traceback" not in said.err:
        return Verdict("right")  # what is broken on this machine is not the question
    return ended(said, ["clip", "folder", "report"], lines=12)


def _imported(folder: Path) -> Verdict:
    _modules(folder)
    subprocess.run(
        [sys.executable, "-c", "import json, random"], cwd=folder, check=True
    )
    return Verdict("right")
