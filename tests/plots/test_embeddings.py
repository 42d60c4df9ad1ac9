import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from sertools import labels, plots
from sertools.metadata import FeaturesMetadata
from sertools.plots._style import marks

EMOTIONS = ["angry", "happy", "sad"]


def table(n=30, d=6, seed=0):
    rng = np.random.default_rng(seed)
    index = [f"demo/{i}" for i in range(n)]
    clips = pd.DataFrame({"emotion": np.resize(EMOTIONS, n)}, index=index)
    X = pd.DataFrame(rng.normal(size=(n, d)), index=index).add_prefix("f")
    X["f0"] += clips["emotion"].map({"angry": 0, "happy": 4, "sad": 8})
    return X, clips


def points(ax):
    return np.concatenate([c.get_offsets() for c in ax.collections])


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_same_seed_same_picture(method):
    X, clips = table()
    first = points(plots.embeddings(X, clips, method, seed=3))
    assert first.shape == (30, 2)
    assert np.array_equal(points(plots.embeddings(X, clips, method, seed=3)), first)


def test_no_state_of_the_random_generator_is_touched():
    X, clips = table()
    np.random.seed(1)
    expected = np.random.random()
    np.random.seed(1)
    plots.embeddings(X, clips, "umap")
    assert np.random.random() == expected


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
@pytest.mark.parametrize("n", [2, 3, 4, 5, 17])
def test_few_clips_are_drawn(method, n):
    X, clips = table(n)
    ax = plots.embeddings(X, clips, method)
    assert np.isfinite(points(ax)).all()
    word = "PCA" if n < 4 else {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}[method]
    assert ax.get_title(loc="left") == f"{word} of {n} clips by emotion"
    note = " ".join(text.get_text() for text in ax.texts).replace("\n", " ")
    assert ("too few" in note) == (n < 4 and method != "pca")
    assert "A picture only" in note


@pytest.mark.parametrize("method", ["umap", "tsne", "pca"])
def test_one_feature_is_enough(method):
    X, clips = table(20, d=1)
    assert np.isfinite(points(plots.embeddings(X, clips, method))).all()


def test_rows_are_matched_by_the_clips_names():
    X, clips = table()
    ax = plots.embeddings(X, clips, "pca")
    turned = plots.embeddings(X, clips.iloc[::-1], "pca")
    for one, other in zip(ax.collections, turned.collections, strict=True):
        assert np.array_equal(one.get_offsets(), other.get_offsets())
    part = plots.embeddings(X.iloc[:12], clips, "pca")
    assert legend(part) == ["angry (4)", "happy (4)", "sad (4)"]


def test_emotions_have_their_colours_and_markers():
    X, clips = table()
    ax = plots.embeddings(X, clips, "pca")
    colours = [to_hex(c.get_facecolor()[0]) for c in ax.collections]
    assert colours == [labels.colour(name).lower() for name in EMOTIONS]
    shapes = [c.get_paths()[0].vertices.shape for c in ax.collections]
    assert len(set(shapes)) == len(EMOTIONS)


def test_axes_carry_no_ticks_and_pca_says_how_much_it_shows():
    X, clips = table()
    ax = plots.embeddings(X, clips, "pca")
    assert len(ax.get_xticks()) == len(ax.get_yticks()) == 0
    assert "% of the variance" in ax.get_xlabel()
    assert plots.embeddings(X, clips, "tsne").get_xlabel() == ""
    flat = X[["f0"]].assign(f1=2 * X["f0"])
    ax = plots.embeddings(flat, clips, "pca")
    assert ax.get_xlabel() == "first component: 100 % of the variance"
    assert ax.get_ylabel() == "second component: 0 % of the variance"


def test_units_do_not_count_and_constant_columns_tell_nothing():
    X, clips = table()
    plain = points(plots.embeddings(X, clips, "pca"))
    other = X.assign(f0=1000 * X["f0"] + 5, constant=0.1)
    np.testing.assert_allclose(points(plots.embeddings(other, clips, "pca")), plain)


def test_any_column_of_the_clips_gives_groups():
    X, clips = table()
    clips["speaker"] = [f"s{i % 24:02}" for i in range(30)]
    clips.loc["demo/0", "speaker"] = None
    ax = plots.embeddings(X, clips, "pca", by="speaker")
    assert legend(ax)[-1] == "unknown (1)"
    assert len(ax.collections) == 25


def test_corpora_and_model_are_named_and_synthetic_speech_is_called_so():
    X, clips = table()
    FeaturesMetadata.update(X, model="mfcc")
    clips["dataset"] = "demo"
    ax = plots.embeddings(X, clips, "pca")
    assert ax.texts[0].get_text().startswith("demo (synthetic speech), mfcc. A picture")


def test_many_groups_have_marks_of_their_own_and_no_legend():
    found = marks([str(i) for i in range(91)], emotions=False)
    assert len(set(found.values())) == 91
    X, clips = table(91)
    clips["speaker"] = [f"s{i}" for i in range(91)]
    ax = plots.embeddings(X, clips, "pca", by="speaker")
    assert ax.get_legend() is None
    assert "91 groups" in " ".join(text.get_text() for text in ax.texts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "mds"}, "Unknown method 'mds'. Known: umap, tsne, pca"),
        ({"by": "mood"}, "no column 'mood'. Known: emotion"),
    ],
)
def test_unknown_words_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        plots.embeddings(*table(), **change)


def test_unfit_tables_are_refused_before_anything_is_drawn():
    X, clips = table()
    broken = X.copy()
    broken.loc["demo/3", "f2"] = np.nan
    cases = {
        r"1 rows of X .* in 1 columns, for example f2": (broken, clips),
        "same features": (X * 0 + 0.1, clips),
        "at least two": (X.iloc[:1], clips),
        "1 rows of X are not in the table of clips": (X, clips.iloc[1:]),
        "30 rows, the table of clips 29": (X.to_numpy(), clips.iloc[1:]),
        "more than once": (X, pd.concat([clips, clips])),
    }
    for message, (features, rows) in cases.items():
        with pytest.raises(ValueError, match=message):
            plots.embeddings(features, rows, "pca")
    assert plt.get_fignums() == []


def test_umap_brings_no_tensorflow_into_the_process(tmp_path):
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('tensorflow imported')")
    code = (
        "import sys; from sertools.plots import _embeddings; _embeddings._umap_class();"
        "print('tensorflow' in sys.modules, 'umap.parametric_umap' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert run.stdout.strip() == "False False", run.stderr
