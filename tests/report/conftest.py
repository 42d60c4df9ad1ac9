import itertools
import sys

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from sertools import evaluation, report
from sertools.report._status import Status

PARAMETERS = """dataset: str = "demo"  # corpus
root: str = ""         # where it is
head: str = "svm"      # classifier
seed: int = 0          # of all that is random
out: str = ""          # where to save"""

# A result as small as can be: it saves the files that a real one saves.
RESULT = """
import json, pathlib
import pandas as pd

metrics = {
    "schema_version": 1, "dataset": dataset, "model": "opensmile", "head": head,
    "folds": "speaker", "standardize": "none", "seed": seed,
    "n_clips": 339, "n_speakers": 10, "classes": ["angry", "sad"],
    "emotions": ["angry", "sad"],
    "uar": {"value": 0.781, "low": 0.702, "high": 0.845},
    "accuracy": {"value": 0.79, "low": 0.72, "high": 0.85},
    "macro_f1": {"value": 0.776, "low": 0.69, "high": 0.84},
    "chance": 0.5, "baseline": {"uar": {"value": 0.412, "low": None, "high": None}},
    "per_class": {"angry": {"n_clips": 200, "recall": 0.87},
                  "sad": {"n_clips": 139, "recall": 0.69}},
    "confusion": [[174, 26], [43, 96]],
    "excluded": [{"clip": "demo/<img src=x onerror=alert(1)>.wav",
                  "reason": "not audio: <script>alert(2)</script>"}],
    "warnings": ["silent: <b onclick=alert(3)>a.wav</b>"],
    "licenses": ["openSMILE: research and evaluation only"],
    "corpus_sha256": "ab" * 32, "weights_sha256": None,
}

class Small:
    def save(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "metrics.json").write_text(json.dumps(metrics))
        pd.DataFrame({"clip": ["demo/a"]}).to_parquet(folder / "predictions.parquet")
        return folder
"""


def parameters_cell(source=PARAMETERS):
    return new_code_cell(source, metadata={"tags": ["parameters"]})


def write_notebook(path, *cells):
    """Write a notebook; text is a code cell, text that starts with # is prose."""
    made = [
        cell
        if not isinstance(cell, str)
        else (new_markdown_cell if cell.startswith("#") else new_code_cell)(cell)
        for cell in cells
    ]
    nbformat.write(new_notebook(cells=made), path)
    return path


@pytest.fixture
def notebook(tmp_path):
    """Write a notebook with the usual parameters."""

    def write(*cells, name="01_toy.ipynb", parameters=PARAMETERS):
        return write_notebook(
            tmp_path / name, "# A toy", parameters_cell(parameters), *cells
        )

    return write


@pytest.fixture(scope="session")
def ok_run(tmp_path_factory):
    """Run a notebook that does all that a real one does."""
    folder = tmp_path_factory.mktemp("ok")
    path = write_notebook(
        folder / "02_toy.ipynb",
        "# How *well* does it hear?\n\nA question. [Paper](https://doi.org/10.1/x)",
        parameters_cell(),
        "## Look",
        "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3]);",
        "import numpy as np\nfrom IPython.display import Audio\n"
        "Audio(np.sin(np.arange(4000) / 9), rate=16000)",
        "from IPython.display import HTML\n"
        "HTML('<i>raw</i> <img src=x onerror=alert(4)><script>alert(5)</script>"
        "<link rel=stylesheet href=https://example.org/a.css>"
        '<img src="https://example.org/a.png">'
        "<style>@import url(https://example.org/b.css);</style>')",
        "import sys, os\nprint(sys.executable)\nprint(os.getcwd())",
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)): pass",
        "print('many ' * 20_000)",
        "## Save",
        RESULT,
        "from sertools import report\nreport.record(Small(), out=out)",
    )
    return report.run(path, {"seed": "3"}, folder / "runs")


@pytest.fixture(scope="session")
def failed_run(tmp_path_factory):
    """Run a notebook with a cell that raises."""
    folder = tmp_path_factory.mktemp("failed")
    path = write_notebook(
        folder / "03_wrong.ipynb",
        "# It goes wrong",
        parameters_cell(),
        "x = 1",
        new_code_cell(
            "raise ValueError('no corpus <b>here</b>')", metadata={"tags": ["load"]}
        ),
        "print('never reached')",
    )
    return report.run(path, {}, folder / "runs")


@pytest.fixture(scope="session")
def dead_run(tmp_path_factory):
    """Run a notebook whose kernel ends in the middle of a cell."""
    folder = tmp_path_factory.mktemp("dead")
    path = write_notebook(
        folder / "04_dies.ipynb",
        "# It dies",
        parameters_cell(),
        "print('so far so good')",
        "import os\nos._exit(3)",
        "print('never reached')",
    )
    return report.run(path, {}, folder / "runs")


@pytest.fixture
def interpreter():
    return sys.executable


@pytest.fixture(scope="session")
def write_run():
    """Write a run as a report leaves it, with made-up answers."""
    return made_up_run


def made_up_run(
    out,
    name="toy-demo-svm-00000000",
    *,
    right=0.75,
    speakers=8,
    clips=24,
    started="2026-01-01T02:00:00+00:00",
    error=None,
    skip=0,
    facts=None,
    **parameters,
):
    """Let a model be right about the first share of every speaker's clips.

    Speakers differ by one clip, so that no two are the same.
    """
    values = {"dataset": "demo", "root": "", "head": "svm", "seed": 0, **parameters}
    folder = out / name
    folder.mkdir(parents=True)
    status = Status("toy", values, run=name, source_sha256="ab" * 32)
    status.fields["started"] = started
    metrics = None
    if error is None:
        rows = []
        for s, i in itertools.product(range(speakers), range(skip, clips)):
            emotion = ("angry", "sad")[i % 2]
            other = ("sad", "angry")[i % 2]
            hit = i < right * clips + s % 2
            rows.append((f"demo/{s}_{i}", emotion, emotion if hit else other, f"s{s}"))
        columns = ["clip", "emotion", "predicted", "speaker"]
        result = evaluation.from_predictions(
            pd.DataFrame(rows, columns=columns),
            dataset=values["dataset"],
            model="opensmile",
            head=values["head"],
            folds="speaker",
        )
        result.save(folder)
        metrics = result.metrics()
    status.end(error, metrics, 512.0)
    status.fields.update({"seconds": 12.0, **(facts or {})})
    status.write(folder)
    (folder / "report.html").write_text("<h1>A report</h1>")
    return folder
