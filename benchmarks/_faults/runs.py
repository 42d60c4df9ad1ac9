"""Runs, plans and notebooks that are damaged, foreign or none."""

import functools
import json
import os
import random
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from _faults.trying import MARK, Try, Verdict, asked, command, ended, right

_ODD = (
    None,
    [],
    {},
    "",
    7,
    -1,
    True,
    "x",
    [1],
    [[]],
    {"a": 1},
    1e308,
    "\x1b[31m",
    "<script>alert(1)</script>",
    "../../..",
    "x" * 5000,
)
_BASE = "--dataset demo --model duration_loudness --head logistic --max-clips 48"


def tries(seed: int) -> list[Try]:
    """List what is tried."""
    draw = random.Random(seed)
    made = [*_documents(draw), *_predictions(draw), *_histories()]
    made = [replace(one, batch=f"{n // 30}") for n, one in enumerate(made)]
    light = [*_plans(draw), *_notebooks(draw)]
    light = [replace(one, batch=f"light {n // 12}") for n, one in enumerate(light)]
    return [*_foreign(), *light, *made]


@functools.cache
def _made() -> Path:
    """Make two runs of one experiment, once a process."""
    place = Path(tempfile.mkdtemp(prefix="runs-", dir=Path.home().parent.parent))
    for name, seed in (("old", "0"), ("new", "1")):
        words = [*_BASE.split(), "--seed", seed, "--folds", "random", "--jobs", "1"]
        said = command("evaluate", *words, "--out", place / name / "run", cwd=place)
        assert said.code == 0, said
        about = place / name / "run" / "run.json"
        run = json.loads(about.read_text(encoding="utf-8"))
        run |= {"run": "run", "notebook": "quickstart", "source_sha256": "0" * 64}
        run["parameters"] = {"seed": 0}
        about.write_text(json.dumps(run), encoding="utf-8")
    return place


def _copied(folder: Path) -> Path:
    """Give runs of this try's own: an old one, a new one, and one more beside it."""
    shutil.copytree(_made(), folder / "runs")
    shutil.copytree(folder / "runs" / "new" / "run", folder / "runs" / "new" / "beside")
    about = folder / "runs" / "new" / "beside" / "run.json"
    run = json.loads(about.read_text(encoding="utf-8"))
    about.write_text(json.dumps(run | {"run": "beside"}), encoding="utf-8")
    return folder / "runs"


def _ask(ask: str, damage, folder: Path) -> Verdict:
    """Damage a run, and compare it, list it, load it or ask for it again."""
    runs = _copied(folder)
    damage(runs / "new" / "run")
    if ask == "compare":
        said = command("compare", runs / "old" / "run", runs / "new" / "run")
        if said.code == 1 and not said.err.strip():
            said = said._replace(code=0)  # a score fell: an answer
        return ended(said, ["run", "new"], _numbers)
    if ask == "repeat":
        said = command(
            "report", "--repeat", runs / "new" / "run", "--out", folder / "r"
        )
        return ended(said, ["run"], _numbers)
    if ask == "index":
        return _listed(runs)
    from sertools import evaluation

    due = evaluation.load(runs / "old" / "run")

    def call():
        got = evaluation.load(runs / "new" / "run")
        return got.metrics()["uar"]["value"], len(got.predictions), repr(got)

    def judge(answer) -> Verdict:
        value, n, shown = answer
        sane = 0 <= value <= 1 and " nan" not in shown.lower()
        met = n == len(due.predictions) and sane and value > 0
        return right(met, f"UAR {value}, {n} rows")

    return asked(call, ["run"], judge)


def _numbers(said) -> Verdict:
    bad = " nan" in said.out.lower() or "\x1b" in said.out
    return right(not bad, said.out[:300])


def _listed(runs: Path) -> Verdict:
    """Write the index: the run beside the damaged one is in it, and nothing runs."""
    from sertools.report import _index

    def judge(path: Path) -> Verdict:
        page = path.read_text(encoding="utf-8")
        if "<script>alert(1)" in page:
            return Verdict("executed", "a script stands in the page")
        return right(
            "beside" in page and page.rstrip().endswith("</html>"), page[-200:]
        )

    return asked(lambda: _index.write_index(runs / "new"), ["run", "index"], judge)


def _documents(draw: random.Random):
    """`run.json` and `metrics.json`, key by key."""
    made = {
        "run.json": (
            "run",
            "notebook",
            "parameters",
            "status",
            "error",
            "packages",
            "started",
            "seconds",
            "limits",
            "source_sha256",
            "schema_version",
            "corpus_sha256",
        ),
        "metrics.json": (
            "uar",
            "dataset",
            "model",
            "head",
            "folds",
            "warnings",
            "n_clips",
            "classes",
            "licenses",
            "schema_version",
            "excluded",
            "per_class",
            "confusion_matrix",
            "training_corpora",
        ),
    }
    for name, keys in made.items():
        for key in keys:
            for value in draw.sample(_ODD, 3):
                for ask in draw.sample(["compare", "index", "load"], 2):
                    damage = functools.partial(_set, name, key, value)
                    body = functools.partial(_ask, ask, damage)
                    shown = repr(value)[:20]
                    yield Try(f"{ask}: {name} with {key}: {shown}", body)
        pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64
        for what, content in {
            "nothing": b"",
            "a list": b"[]",
            "NaN": b"NaN",
            "text": b"no JSON",
            "zeros": bytes(5000),
            "a Git LFS pointer": pointer,
            "UTF-16": "{}".encode("utf-16"),
            "deep": b"[" * 100_000,
            "half": None,
        }.items():
            for ask in ("compare", "index", "load", "repeat"):
                body = functools.partial(
                    _ask, ask, functools.partial(_put, name, content)
                )
                yield Try(f"{ask}: {what} as {name}", body)
        for what, make in {
            "a pipe": os.mkfifo,
            "a folder": os.mkdir,
            "a link to /dev/zero": lambda p: os.symlink("/dev/zero", p),
            "nothing": lambda p: None,
        }.items():
            for ask in ("compare", "index", "load", "repeat"):
                body = functools.partial(
                    _ask, ask, functools.partial(_make, name, make)
                )
                yield Try(f"{ask}: {what} in the place of {name}", body, 15)


def _set(name: str, key: str, value, run: Path) -> None:
    path = run / name
    content = json.loads(path.read_text(encoding="utf-8")) | {key: value}
    path.write_text(json.dumps(content), encoding="utf-8")


def _put(name: str, content: bytes | None, run: Path) -> None:
    path = run / name
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] if content is None else content)


def _make(name: str, make, run: Path) -> None:
    (run / name).unlink()
    make(run / name)


def _predictions(draw: random.Random):
    """Predictions that hold nonsense."""
    for what, change in {
        "NaN": lambda t: t.assign(**{_score(t): float("nan")}),
        "scores of 7": lambda t: t.assign(**{_score(t): 7.0}),
        "no rows": lambda t: t.iloc[:0],
        "a row twice": lambda t: t.iloc[[0, *range(len(t))]],
        "a column fewer": lambda t: t.drop(columns=t.columns[-1]),
        "no predictions": lambda t: t.drop(columns="predicted"),
        "an unknown emotion": lambda t: t.assign(predicted="no_such"),
        "numbers for emotions": lambda t: t.assign(predicted=3),
        "text for scores": lambda t: t.assign(**{_score(t): "x"}),
        "missing truths": lambda t: t.assign(emotion=None),
    }.items():
        for ask in ("load", "compare"):
            body = functools.partial(_ask, ask, functools.partial(_rewrite, change))
            yield Try(f"{ask}: predictions with {what}", body)
    for what, content in {
        "nothing": b"",
        "zeros": bytes(3000),
        "half": None,
        "noise": draw.randbytes(3000),
    }.items():
        for ask in ("load", "compare"):
            damage = functools.partial(_put, "predictions.parquet", content)
            yield Try(
                f"{ask}: {what} as predictions", functools.partial(_ask, ask, damage)
            )


def _score(table) -> str:
    return next(name for name in table if table[name].dtype.kind == "f")


def _rewrite(change, run: Path) -> None:
    import pandas as pd

    path = run / "predictions.parquet"
    change(pd.read_parquet(path)).to_parquet(path)


def _histories():
    """Give a history lines that are none."""
    for what, line in {
        "nothing": "",
        "text": "no JSON",
        "a list": "[]",
        "a number": "7",
        "no keys": "{}",
        "odd": '{"run": [], "metrics": 7, "started": {}}',
        "a script": '{"run": "<script>alert(1)</script>", "status": "ok"}',
        "deep": "[" * 100_000,
    }.items():
        yield Try(f"index: a history of {what}", functools.partial(_history, line))


def _history(line: str, folder: Path) -> Verdict:
    runs = _copied(folder)
    (runs / "new" / "history.jsonl").write_text(f"{line}\n" * 3)
    return _listed(runs)


def _foreign():
    """Repeat runs from elsewhere: no notebook is run unasked, or put elsewhere."""
    for what, name in {
        "a plain name": "foreign",
        "a name with ..": "../../../escaped",
        "an absolute name": None,
        "a name that ships": "quickstart",
        "no name": "",
        "a name of a path": "a/b",
        "a name with a NUL": "a\0b",
    }.items():
        body = functools.partial(_repeated, name)
        yield Try(f"repeat a foreign run of {what}", body, 90, 2000)
    yield Try("such a notebook, asked for", _asked_for, 90, 2000, control=True)


def _notebook(folder: Path):
    import nbformat

    from sertools.report._notebooks import CELL

    code = f"import os\nos.makedirs({str(folder / MARK)!r}, exist_ok=True)"
    tagged = {"tags": ["parameters"], CELL: 0}
    first = nbformat.v4.new_code_cell(
        'seed: int = 0  # x\nout: str = ""  # y', metadata=tagged
    )
    cells = [first, nbformat.v4.new_code_cell(code, metadata={CELL: 1})]
    return nbformat.v4.new_notebook(cells=cells)


def _repeated(name: str | None, folder: Path) -> Verdict:
    import nbformat

    from sertools.report._plan import run_name

    notebook, run = _notebook(folder), folder / "foreign-run"
    run.mkdir()
    nbformat.write(notebook, run / "notebook.ipynb")
    name = str(folder / "escaped") if name is None else name
    bare = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell.source) for cell in notebook.cells]
    )
    about = {"schema_version": 1, "status": "ok", "run": "foreign", "notebook": name}
    about |= {
        "parameters": {"seed": 0},
        "source_sha256": run_name("foreign", bare, {})[1],
    }
    (run / "run.json").write_text(json.dumps(about))
    (run / "metrics.json").write_text('{"schema_version": 1, "uar": {"value": 0.5}}')
    before = {*Path(os.environ["TMPDIR"]).parent.rglob("*.ipynb")}
    said = command("report", "--repeat", run, "--out", folder / "again", cwd=folder)
    place = Path(os.environ["TMPDIR"]).parent
    new = {p for p in place.rglob("escaped*")} - before
    if new:
        return Verdict("wrong", f"written outside: {new}")
    return ended(said, ["foreign", "run.json", "notebook"])


def _asked_for(folder: Path) -> Verdict:
    import nbformat

    nbformat.write(_notebook(folder), folder / "asked.ipynb")
    said = command("report", "asked.ipynb", "--out", folder / "runs", cwd=folder)
    return ended(said, ["asked"])


def _plans(draw: random.Random):
    """Plans that unfold, hold themselves, call Python, or are none."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n"
        for n in range(9)
    )
    named = "notebooks: [quickstart]\n"
    grid = "".join(f"  p{n}: [{', '.join(map(str, range(50)))}]\n" for n in range(6))
    seeds = ", ".join(map(str, range(300)))
    clips = f"  max_clips: [{seeds}]\n  seed: [{seeds}]\n  head: [svm, logistic]\n"
    plans = {
        "a bomb of aliases": bomb + named,
        "a bomb in parameters": f"{bomb}parameters: *i\n{named}",
        "a bomb in the grid": bomb.replace("a: &a", "grid:\n  seed: &a", 1).replace(
            "\n", "\n  "
        ),
        "a mapping that holds itself": "parameters: &p\n  a: *p\n" + named,
        "a list that holds itself": "notebooks: &n\n  - *n\n",
        "merge keys that unfold": "".join(
            f"m{n}: &m{n}\n  <<: [{', '.join([f'*m{n - 1}'] * 9)}]\n  k{n}: 1\n"
            if n
            else "m0: &m0 {k: 1}\n"
            for n in range(10)
        ),
        "a program": f"notebooks: !!python/object/apply:os.mkdir [{MARK}]\n",
        "an import": "notebooks: !!python/name:os.system\n",
        "nested 50000 deep": "notebooks: " + "[" * 50_000,
        "mappings nested 5000 deep": "notebooks: " + "{a: " * 5000,
        "a name of 5000 letters": f"notebooks: [{'x' * 5000}]\n",
        "a key of 5000 letters": f"{'k' * 5000}: 1\n" + named,
        "control characters": 'notebooks: ["\\e[31mred"]\n',
        "a NUL": 'notebooks: ["a\\0b"]\n',
        "a grid of 15 billion": named + "grid:\n" + grid,
        "a grid of 180000 that fit": named + "grid:\n" + clips,
        "a number of 5000 digits": f"jobs: {'9' * 5000}\n" + named,
        "jobs of a billion and no such notebook": "jobs: 1000000000\nnotebooks: [x]\n",
        "a limit of NaN": "timeout: .nan\n" + named,
        "a limit below nothing": "memory: -5\n" + named,
        "a date for a name": "notebooks: [2024-01-01]\n",
        "names with ..": "notebooks: [../../../etc/passwd]\n",
        "a notebook that is a device": "notebooks: [/dev/zero]\n",
        "keys that are lists": "? [a, b]\n: 1\n" + named,
        "keys that are mappings": "? {a: b}\n: 1\n" + named,
        "keys that are nothing": "? \n: 1\n" + named,
        "two documents": named + "---\n" + named,
        "tabs": "notebooks:\n\t- quickstart\n",
        "nothing": "",
        "a list": "- quickstart\n",
        "a word": "quickstart\n",
        "a recording of bytes": "\x00\x01\x02",
    }
    for what, text in plans.items():
        yield Try(f"a plan: {what}", functools.partial(_planned, text.encode()), 25)
    for number in range(4):
        body = functools.partial(_planned, draw.randbytes(600))
        yield Try(f"a plan: noise, {number}", body, 25)
    for what, make in {
        "a pipe": os.mkfifo,
        "a folder": os.mkdir,
        "a link to /dev/zero": lambda p: os.symlink("/dev/zero", p),
        "8 GB of zeros": _sparse,
        "nothing": lambda p: None,
    }.items():
        yield Try(f"a plan: {what} in its place", functools.partial(_no_plan, make), 15)


def _sparse(path) -> None:
    with open(path, "wb") as file:
        file.truncate(8_000_000_000)


def _planned(content: bytes, folder: Path) -> Verdict:
    """Read a plan from the command line; nothing of it may start."""
    (folder / "plan.yaml").write_bytes(content)
    said = command("report", "plan.yaml", "--out", "runs", cwd=folder)
    names = ["plan", "notebook", "parameters", "grid", "timeout", "memory", "jobs"]
    if said.code == 0:
        return Verdict("wrong", said.out[:300])
    return ended(said, names, lines=12)


def _no_plan(make, folder: Path) -> Verdict:
    make(folder / "plan.yaml")
    return ended(command("report", "plan.yaml", cwd=folder), ["plan.yaml"])


def _notebooks(draw: random.Random):
    """Notebooks that are none."""
    cell = {
        "cell_type": "code",
        "metadata": {},
        "source": "1",
        "outputs": [],
        "execution_count": None,
    }
    whole = {"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [cell]}
    odd = {
        "nothing": b"",
        "a list": b"[]",
        "a number": b"7",
        "null": b"null",
        "no keys": b"{}",
        "cells of 7": {**whole, "cells": 7},
        "cells of numbers": {**whole, "cells": [7]},
        "cells of nothing": {**whole, "cells": [{}]},
        "cells of no kind": {**whole, "cells": [{**cell, "cell_type": "x"}]},
        "a source of 7": {**whole, "cells": [{**cell, "source": 7}]},
        "a source of lists": {**whole, "cells": [{**cell, "source": [[]]}]},
        "metadata of 7": {**whole, "metadata": 7},
        "metadata of a cell of 7": {**whole, "cells": [{**cell, "metadata": 7}]},
        "tags of 7": {**whole, "cells": [{**cell, "metadata": {"tags": 7}}]},
        "version 99": {**whole, "nbformat": 99},
        "version 0": {**whole, "nbformat": 0},
        "version x": {**whole, "nbformat": "x"},
        "no version": {"cells": [cell], "metadata": {}},
        "version 3 without sheets": {"nbformat": 3, "metadata": {}},
        "deep": b"[" * 100_000,
        "zeros": bytes(5000),
        "noise": draw.randbytes(3000),
        "a web page": b"<!DOCTYPE html><html></html>",
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\n",
        "half": json.dumps(whole).encode()[:60],
        "UTF-16": json.dumps(whole).encode("utf-16"),
        "a kernel of its own": {
            **whole,
            "metadata": {"kernelspec": {"name": "no_such", "display_name": "x"}},
        },
        "parameters that are no Python": {
            **whole,
            "cells": [
                {**cell, "metadata": {"tags": ["parameters"]}, "source": "seed = = 3"}
            ],
        },
    }
    for what, content in odd.items():
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        yield Try(f"a notebook: {what}", functools.partial(_none, data), 60, 1500)
    for what, make in {
        "a pipe": os.mkfifo,
        "a folder": os.mkdir,
        "a link to /dev/zero": lambda p: os.symlink("/dev/zero", p),
        "8 GB of zeros": _sparse,
        "nothing": lambda p: None,
    }.items():
        yield Try(
            f"a notebook: {what} in its place", functools.partial(_no_book, make), 15
        )


def _none(data: bytes, folder: Path) -> Verdict:
    """Ask for a report of what is none; `-p` and a word, so that none is ever run."""
    (folder / "book.ipynb").write_bytes(data)
    words = ["report", "book.ipynb", "-p", "no_such", "1", "--out", "runs"]
    said = command(*words, cwd=folder)
    if said.code == 0:
        return Verdict("wrong", said.out[:300])
    return ended(said, ["book"])


def _no_book(make, folder: Path) -> Verdict:
    make(folder / "book.ipynb")
    return ended(command("report", "book.ipynb", cwd=folder), ["book.ipynb"])
