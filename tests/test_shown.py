"""What a cell may end with shows itself in HTML, with a text beside it."""

import subprocess
import sys
from pathlib import Path

import pytest
from IPython.core.formatters import DisplayFormatter

from sertools import ExternalModelAdapter, evaluation, features, models, report
from sertools.report.running import Finished


def shown(thing) -> tuple[str, str]:
    formatter = DisplayFormatter()
    formatter.active_types = ["text/plain", "text/html"]
    data, _ = formatter.format(thing)
    return data["text/plain"], data.get("text/html", "")


def test_every_system_shows_itself_without_loading_anything():
    code = (
        "import sys; from sertools import models\n"
        "names = set(models.names()) - {'huggingface'}  # needs an id\n"
        "shown = [models.load(name) for name in names]\n"
        "for model in shown:\n"
        "    assert model.title in model._repr_html_(), model\n"
        "    assert 'text/html' in model._repr_mimebundle_(), model\n"
        "    assert 'backend' in dir(model) and '_backend' not in vars(model), model\n"
        "heavy = {'torch', 'tensorflow', 'opensmile', 'whisper'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_system_says_how_it_was_made():
    _, page = shown(models.load("opensmile:ComParE_2016"))
    assert "ComParE_2016" in page and "openSMILE" in page
    _, page = shown(models.load("opensmile+mfcc"))
    assert "OpenSMILE()" in page


def test_a_pipeline_shows_its_systems():
    from sklearn.pipeline import make_pipeline

    steps = make_pipeline(models.load("trained:emodb_egemaps"))
    _, page = shown(steps)
    assert "Trained" in page


THINGS = {
    "adapter": lambda: ExternalModelAdapter("opensmile", device="cpu"),
    "degraded": lambda: features.degraded(models.load("mfcc"), "noise:10"),
    "heard": lambda: evaluation.heard_before("opensmile", _clips()),
    "closing": lambda: report.record(None),
    "finished": lambda: Finished("toy-1", Path("runs/toy-1"), {"status": "ok"}),
}
SAID = {
    "adapter": "trained:emodb_egemaps",
    "degraded": "noise:10",
    "heard": "Pretraining overlap: no.",
    "closing": "Nothing was saved.",
    "finished": "toy-1: ok",
}


def _clips():
    from sertools import datasets

    return datasets.load("demo")


@pytest.mark.parametrize("name", THINGS)
def test_text_and_page_say_the_same(name):
    text, page = shown(THINGS[name]())
    assert SAID[name] in text
    assert SAID[name] in page


def test_a_failed_run_says_so():
    run = {"status": "failed", "error": {"name": "ZeroDivisionError"}}
    text = repr(Finished("toy-1", Path("runs/toy-1"), run, "skipped"))
    assert text.startswith("toy-1: failed (ZeroDivisionError), skipped; ")


def test_a_planned_run_does_not_recite_its_notebook():
    (planned,) = report.plan(["opensmile"], given={"dataset": "demo"})
    assert len(repr(planned)) < 1500
