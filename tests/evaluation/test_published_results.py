"""Scores of others: with their source, and nothing that nobody reported."""

import pytest

from sertools import datasets
from sertools.evaluation import published_results


@pytest.mark.parametrize("name", datasets.names())
def test_every_row_says_where_it_is_from_and_what_is_unknown(name):
    rows = published_results(name)
    assert rows["score"].between(0, 1).all()
    assert rows["score"].is_monotonic_decreasing
    assert rows["measure"].isin(["UAR", "accuracy"]).all()
    for column in ("protocol", "unknown", "source"):
        assert rows[column].str.len().gt(5).all()
    if len(rows):
        assert (rows["n_emotions"] == len(datasets.card(name)["emotions"])).all()


def test_what_is_known_of_the_speaker_disjoint_folds_of_ravdess():
    rows = published_results("ravdess")
    assert rows.at["HuBERT base", "score"] == 0.6543
    assert rows["protocol"].str.contains("published:emobox").all()


def test_where_nothing_is_known_there_are_no_rows():
    assert published_results("savee").empty
    assert (
        published_results("savee").columns.tolist()
        == published_results("ravdess").columns.tolist()
    )
