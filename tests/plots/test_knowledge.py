import numpy as np
import pandas as pd
import pytest

from sertools import plots
from sertools.evaluation import Probes


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
        pd.DataFrame(rows), ["Synthetic speech: nothing here is about people."]
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
