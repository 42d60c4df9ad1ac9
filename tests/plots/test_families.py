import numpy as np
import pandas as pd

from sertools import evaluation, plots


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
    notes = ["Synthetic speech: nothing here is real."]
    found = evaluation.Reliance(table, 0.7, 0.25, 5, {}, 20, None, notes)
    ax = plots.reliance(found)
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["spectrum (51)", "pitch (10)"]
    numbers = [text.get_text() for text in ax.texts][:4]
    assert numbers == ["0.40", "0.65", "0.70", "0.50"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        *("family shuffled", "trained on it alone", "all 0.70", "chance 0.25"),
    ]
    assert any("Synthetic" in text.get_text() for text in ax.texts)
