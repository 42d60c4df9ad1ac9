import importlib
import pkgutil
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from sertools import calibration, evaluation, inspection, plots
from sertools.evaluation._cross_corpus import CrossCorpus
from sertools.evaluation._robustness import Robustness
from sertools.inspection._occlusion import Occlusion
from sertools.inspection._permutation_importance import PermutationImportance
from sertools.plots import _dark_theme

RNG = np.random.default_rng(0)


TONE = np.sin(np.arange(8000) / 9)


MELODY = pd.DataFrame(
    {"F0semitoneFrom27.5Hz_sma3nz": [36.0, 0, 38], "Loudness_sma3": 1.0},
    index=[0.0, 0.01, 0.02],
)


def drawings(one, two):
    """Draw with every function; these two are all names that come from data."""
    clips = pd.DataFrame({"emotion": [one, two] * 10})
    heard = pd.DataFrame({one: [0.9, 0.8, 0.9]}, index=[0.0, 0.48, 0.96])
    course = pd.DataFrame({"start": [0, 1], "end": [2, 3], one: [0.3, 0.6]})
    occlusion = Occlusion(
        one,
        0.7,
        pd.DataFrame({"start": [0, 0.2], "end": [0.3, 0.5], "drop": [0.1, -0.2]}),
        pd.DataFrame({"low": [0, 2000], "high": [2000, 8000], "drop": [0.3, 0.0]}),
        TONE,
        16000,
        {one: 0.7, two: 0.3},
        model=two,
    )
    importance = PermutationImportance(
        pd.DataFrame(
            {
                "n_features": [10, 11],
                **{"drop": [0.2, 0.0], "low": [0.1, -0.1], "high": [0.3, 0.1]},
                "alone": [0.6, 0.5],
                **{"alone_low": [0.4, 0.3], "alone_high": [0.7, 0.6]},
            },
            index=[one, two],
        ),
        *(0.7, 0.5, 5, {}, 20, 4),
    )
    known = inspection.probes(
        pd.DataFrame(RNG.random((20, 3))), clips.assign(speaker=list("abcd") * 5)
    )
    named = {
        "class_scores": lambda _, **ax: plots.class_scores({one: 0.3, two: 0.7}, **ax),
        "comparison": lambda result, **ax: plots.comparison(
            evaluation.compare(
                {one: result, two: evaluation.from_predictions(result.predictions)}
            ),
            **ax,
        ),
        "contours": lambda _, **ax: plots.contours({one: MELODY}, "pitch", **ax),
        "cross_corpus": lambda result, **ax: plots.cross_corpus(
            board(result, one, two), **ax
        ),
        "descriptors": lambda _, **ax: plots.descriptors(
            pd.DataFrame({one: [0.0, 110, 120]}, index=MELODY.index), **ax
        ),
        "embeddings": lambda _, **ax: plots.embeddings(
            RNG.random((20, 5)), clips, "pca", **ax
        ),
        "emotion_timeline": lambda _, **ax: plots.emotion_timeline(course, **ax),
        "frame_scores": lambda _, **ax: plots.frame_scores(heard, **ax),
        "importances": lambda _, **ax: plots.importances({one: 0.4}, **ax),
        "occlusion": lambda _, **ax: plots.occlusion(occlusion, **ax),
        "permutation_importance": lambda _, **ax: plots.permutation_importance(
            importance, **ax
        ),
        "probes": lambda _, **ax: plots.probes(known, **ax),
        "robustness": lambda result, **ax: plots.robustness(
            Robustness({"clean": result, "noise:10": result}), **ax
        ),
        "set_coverage": lambda result, **ax: plots.set_coverage(
            calibration.prediction_sets(result), **ax
        ),
        "spectrogram": lambda _, **ax: plots.spectrogram(TONE, 16000, **ax),
        "subgroups": lambda result, **ax: plots.subgroups(
            evaluation.subgroups(result), **ax
        ),
        "waveform": lambda _, **ax: plots.waveform(TONE, 16000, **ax),
    }
    for name in ("confusion_matrix", "reliability", "risk_coverage", "scores"):
        named[name] = getattr(plots, name)
    return named | {"speaker_recall": plots.speaker_recall}


DRAWINGS = drawings("sad", "happy")


def board(result, *names):
    pairs = [(a, b, f) for a in names for b in names for f in ("none", "speaker")]
    result = evaluation.from_predictions(result.predictions)
    return CrossCorpus(dict.fromkeys(pairs, result), list(names), ["none", "speaker"])


def test_every_plot_is_tried_here():
    assert sorted(DRAWINGS) == sorted(plots.__all__) == dir(plots)


@pytest.mark.parametrize("name", DRAWINGS)
def test_draws_on_the_axes_it_is_given_and_touches_nothing_else(name, result):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    plt.sca(right)
    settings = dict(mpl.rcParams)
    assert DRAWINGS[name](result(["sad", "happy"]), ax=left) is left
    figure.draw_without_rendering()
    assert plt.get_fignums() == [figure.number]
    assert plt.gca() is right
    assert not right.has_data()
    assert dict(mpl.rcParams) == settings


@pytest.mark.parametrize("name", DRAWINGS)
def test_makes_one_figure_where_no_axes_are_given(name, result):
    drawn = DRAWINGS[name](result(["sad", "happy"]))
    first = drawn if isinstance(drawn, Axes) else drawn[0]
    assert plt.get_fignums() == [first.figure.number]
    assert first.figure.get_constrained_layout()
    assert 5 <= first.figure.get_figwidth() <= 11


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("name", DRAWINGS)
def test_the_layout_holds_however_often_it_is_drawn(name, alone, result):
    ax = {} if alone else {"ax": plt.subplots(1, 2, layout="constrained")[1][0]}
    drawn = DRAWINGS[name](result(["sad", "happy"], speakers=12), **ax)
    first = drawn if isinstance(drawn, Axes) else drawn[0]
    sizes = []
    for _ in range(5):
        first.figure.draw_without_rendering()
        sizes.append(first.get_position().size)
    np.testing.assert_allclose(sizes[1], sizes[0], rtol=0.02)
    np.testing.assert_allclose(sizes[4], sizes[1], rtol=0.005)


@pytest.mark.parametrize("name", DRAWINGS)
def test_text_is_large_enough_to_read(name, result):
    drawn = DRAWINGS[name](result(["sad", "happy"]))
    figure = (drawn if isinstance(drawn, Axes) else drawn[0]).figure
    figure.canvas.draw()
    texts = [t for t in figure.findobj(mpl.text.Text) if t.get_text()]
    assert min(text.get_fontsize() for text in texts) >= 9


ODD = [(r"a$_$b", r"\alpha"), (r"$\frac$", "sad\a\x1b[31m"), ("$", "$$")]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("names", ODD, ids=("dollars", "controls", "single"))
@pytest.mark.parametrize("name", DRAWINGS)
def test_names_from_data_are_drawn_letter_by_letter(name, names, alone, predictions):
    table = predictions(["sad", "happy"])
    speakers = {"demo/00": names[0], "demo/01": names[1]}
    table["speaker"] = table["speaker"].replace(speakers)
    result = evaluation.from_predictions(table)
    result.info.update(dataset=names[0], model=names[1])
    ax = {} if alone else {"ax": plt.subplots(1, 2)[1][0]}
    drawn = drawings(*names)[name](result, **ax)
    first = drawn if isinstance(drawn, Axes) else drawn[0]
    for _ in range(2):
        first.figure.canvas.draw()
    texts = [text.get_text() for text in first.figure.findobj(mpl.text.Text)]
    assert not any(letter in text for text in texts for letter in "\a\x1b")
    nameless = ("spectrogram", "waveform", "probes", "robustness")
    assert name in nameless or any("$" in text or "\\" in text for text in texts)


@pytest.mark.parametrize("name", DRAWINGS)
def test_all_text_is_light_on_dark_pages_and_then_as_before(name, result):
    drawn = DRAWINGS[name](result(["sad", "happy"]))
    figure = (drawn if isinstance(drawn, Axes) else drawn[0]).figure
    for _ in range(6):
        before = pixels(figure)  # until the layout has settled
    undo = _dark_theme.darken(figure)
    for text in figure.findobj(mpl.text.Text):
        if text.get_text() and text.get_gid() != _dark_theme.ON_COLOUR:
            assert np.dot(to_rgb(text.get_color()), (0.3, 0.59, 0.11)) > 0.5, text
    assert (pixels(figure) != before).any()
    for set_back, value in reversed(undo):
        set_back(value)
    assert np.abs(pixels(figure) - before).mean() < 0.05


def pixels(figure):
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba(), dtype=int)


def test_no_module_hides_a_function():
    modules = {module.name for module in pkgutil.iter_modules(plots.__path__)}
    for module in modules:
        importlib.import_module(f"sertools.plots.{module}")
    assert not modules & set(plots.__all__)
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


def test_pyplot_is_imported_at_first_use_only():
    code = (
        "import sys; from sertools import plots; plots.waveform, plots.embeddings;"
        "print([m for m in ('matplotlib', 'umap', 'librosa.core', 'sklearn')"
        " if m in sys.modules])"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
