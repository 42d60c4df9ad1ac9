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

from sertools import calibration, evaluation, inspection, plots
from sertools.evaluation._cross_corpus import CrossCorpus
from sertools.evaluation._robustness import Robustness
from sertools.inspection._occlusion import Occlusion
from sertools.inspection._permutation_importance import PermutationImportance

RNG = np.random.default_rng(0)


TONE = np.sin(np.arange(8000) / 9)


CLIPS = pd.DataFrame({"emotion": ["sad", "happy"] * 10})


TRACK = pd.DataFrame({"F0": [0.0, 110, 120]}, index=[0.0, 0.01, 0.02])


HEARD = pd.DataFrame({"Speech": [0.9, 0.8, 0.9]}, index=[0.0, 0.48, 0.96])


COURSE = pd.DataFrame({"start": [0, 1], "end": [2, 3], "sad": [0.3, 0.6]})


OCCLUSION = Occlusion(
    "sad",
    0.7,
    pd.DataFrame({"start": [0, 0.2], "end": [0.3, 0.5], "drop": [0.1, -0.2]}),
    pd.DataFrame({"low": [0, 2000], "high": [2000, 8000], "drop": [0.3, 0.0]}),
    TONE,
    16000,
    {"sad": 0.7, "happy": 0.3},
)


IMPORTANCE = PermutationImportance(
    pd.DataFrame(
        {
            "n_features": [10, 11],
            **{"drop": [0.2, 0.0], "low": [0.1, -0.1], "high": [0.3, 0.1]},
            **{"alone": [0.6, 0.5], "alone_low": [0.4, 0.3], "alone_high": [0.7, 0.6]},
        },
        index=["pitch", "loudness"],
    ),
    *(0.7, 0.5, 5, {}, 20, 4),
)


MELODY = pd.DataFrame(
    {"F0semitoneFrom27.5Hz_sma3nz": [36.0, 0, 38], "Loudness_sma3": 1.0},
    index=[0.0, 0.01, 0.02],
)


KNOWN = inspection.probes(
    pd.DataFrame(RNG.random((20, 3))), CLIPS.assign(speaker=list("abcd") * 5)
)


DRAWINGS = {
    "class_scores": lambda _, **ax: plots.class_scores(
        {"sad": 0.3, "happy": 0.7}, **ax
    ),
    "comparison": lambda result, **ax: plots.comparison(
        evaluation.compare(
            {"a": result, "b": evaluation.from_predictions(result.predictions)}
        ),
        **ax,
    ),
    "confusion_matrix": lambda result, **ax: plots.confusion_matrix(result, **ax),
    "contours": lambda _, **ax: plots.contours({"sad": MELODY}, "pitch", **ax),
    "cross_corpus": lambda result, **ax: plots.cross_corpus(board(result), **ax),
    "descriptors": lambda _, **ax: plots.descriptors(TRACK, **ax),
    "embeddings": lambda _, **ax: plots.embeddings(
        RNG.random((20, 5)), CLIPS, "pca", **ax
    ),
    "emotion_timeline": lambda _, **ax: plots.emotion_timeline(COURSE, **ax),
    "frame_scores": lambda _, **ax: plots.frame_scores(HEARD, **ax),
    "importances": lambda _, **ax: plots.importances({"pitch": 0.4}, **ax),
    "probes": lambda _, **ax: plots.probes(KNOWN, **ax),
    "reliability": lambda result, **ax: plots.reliability(result, **ax),
    "risk_coverage": lambda result, **ax: plots.risk_coverage(result, **ax),
    "occlusion": lambda _, **ax: plots.occlusion(OCCLUSION, **ax),
    "permutation_importance": lambda _, **ax: plots.permutation_importance(
        IMPORTANCE, **ax
    ),
    "robustness": lambda result, **ax: plots.robustness(
        Robustness({"clean": result, "noise:10": result}), **ax
    ),
    "scores": lambda result, **ax: plots.scores(result, **ax),
    "set_coverage": lambda result, **ax: plots.set_coverage(
        calibration.prediction_sets(result), **ax
    ),
    "speaker_recall": lambda result, **ax: plots.speaker_recall(result, **ax),
    "spectrogram": lambda _, **ax: plots.spectrogram(TONE, 16000, **ax),
    "subgroups": lambda result, **ax: plots.subgroups(
        evaluation.subgroups(result), **ax
    ),
    "waveform": lambda _, **ax: plots.waveform(TONE, 16000, **ax),
}


def board(result):
    names = ("one", "two")
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
