import numpy as np
import pandas as pd
import pytest

from sertools import plots
from sertools.evaluation._notes import Kind, Note
from sertools.inspection._occlusion import Occlusion
from sertools.inspection._permutation_importance import PermutationImportance
from sertools.inspection._probing import Probes


def test_a_family_has_two_dots_and_their_numbers():
    nothing = np.nan
    table = pd.DataFrame(
        {
            "n_features": [51, 10],
            **{"drop": [0.3, 0.0], "low": nothing, "high": nothing},
            **{"alone": [0.65, 0.5], "alone_low": nothing, "alone_high": nothing},
        },
        index=["spectrum", "pitch"],
    )
    notes = [Note(Kind.SYNTHETIC, "Synthetic speech: nothing here is real.")]
    found = PermutationImportance(table, 0.7, 0.25, 5, {}, 20, None, notes)
    ax = plots.permutation_importance(found)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["spectrum (51)", "pitch (10)"]
    numbers = [text.get_text() for text in ax.texts][:4]
    assert numbers == ["0.40", "0.65", "0.70", "0.50"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        *("family shuffled", "trained on it alone", "all 0.70", "chance 0.25"),
    ]
    assert any("Synthetic" in text.get_text() for text in ax.texts)


@pytest.fixture
def found():
    times = pd.DataFrame({"start": [0, 0.2], "end": [0.3, 0.5], "drop": [0.1, -0.2]})
    bands = pd.DataFrame({"low": [0, 2000], "high": [2000, 8000], "drop": [0.3, 0.0]})
    tone = np.sin(np.arange(8000) / 9)
    return Occlusion("sad", 0.7, times, bands, tone, 16_000, {"sad": 0.7})


def test_bars_stand_at_their_places_and_point_where_the_answer_goes(found):
    ax = plots.occlusion(found)
    over, beside = ax.child_axes
    middles = [bar.get_x() + bar.get_width() / 2 for bar in over.patches]
    assert middles == pytest.approx([0.15, 0.35])
    assert [bar.get_height() for bar in over.patches] == [-0.1, 0.2]
    assert [bar.get_y() for bar in beside.patches] == [0, 2000]
    assert [bar.get_width() for bar in beside.patches] == [-0.3, 0]
    assert over.get_ylim() == pytest.approx(beside.get_xlim())


def test_the_spectrogram_keeps_its_axes_and_has_no_colour_bar(found):
    ax = plots.occlusion(found)
    assert ax.get_xlabel() == "seconds"
    assert ax.get_xlim() == (0, 0.5)
    assert ax.get_ylim() == (0, 8000)
    assert ax.figure.axes == [ax]


def test_the_answer_is_named(found):
    over = plots.occlusion(found).child_axes[0]
    assert over.get_title(loc="left").endswith("sad 0.70")
    assert "20 dB" in " ".join(text.get_text() for text in over.texts).replace(
        "\n", " "
    )


@pytest.fixture
def known():
    rows = [
        {"model": model, "property": what, "n_clips": 40, "n_values": n}
        | {"held_out": "speakers", "uar": uar, "low": low, "high": uar + 0.1}
        | {
            "chance": 1 / n,
            "share": 0.21,
            "silhouette": -0.001,
            "silhouette_luck": -0.1,
        }
        for model in ("a", "b")
        for what, n, uar, low in (("emotion", 4, 0.7, 0.6), ("sex", 2, 0.8, np.nan))
    ]
    return Probes(
        pd.DataFrame(rows),
        [Note(Kind.SYNTHETIC, "Synthetic speech: nothing here is about people.")],
    )


def test_each_model_has_a_mark_for_each_property(known):
    ax = plots.probes(known)
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["chance", "a", "b"]
    marks = {
        marker: [
            x
            for line in ax.lines
            if line.get_marker() == marker
            for x in line.get_xdata()
        ]
        for marker in ("o", "s")
    }
    assert marks == {"o": [0.7, 0.8], "s": [0.7, 0.8]}


def test_chance_differs_from_property_to_property(known):
    ax = plots.probes(known)
    dotted = [line.get_xdata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert dotted == [0.25, 0.5]


def test_the_numbers_stand_beside(known):
    ax = plots.probes(known)
    said = [text.get_text() for text in ax.texts]
    assert said.count("0.70") == 2
    assert said.count("21%") == 4
    assert said.count("0.00 (\N{MINUS SIGN}0.10)") == 4
    assert any(text.startswith("! Synthetic speech") for text in said)


def test_where_there_is_no_interval_there_is_no_bar(known):
    ax = plots.probes(known)
    bars = [
        line
        for line in ax.lines
        if line.get_linestyle() == "-" and len(line.get_xdata()) == 2
    ]
    assert len(bars) == 2
