import pandas as pd
import pytest

from sertools.metadata import (
    KEY,
    ClipsMetadata,
    FeaturesMetadata,
    TimelineMetadata,
    inherit,
)

FACTS = FeaturesMetadata(model="mfcc", training_corpora="unknown", silent=["a"])


@pytest.fixture
def table():
    return FACTS.attach(pd.DataFrame({"x": [1.0, 2.0]}, index=list("ab")))


def test_metadata_lie_under_one_key_beside_whatever_else_is_there(table):
    table.attrs["mine"] = 1
    assert set(table.attrs) - {"excluded"} == {KEY, "mine"}
    assert FeaturesMetadata.of(table) == FACTS


def test_metadata_survive_what_pandas_does_to_a_table(table):
    for other in (table[["x"]], table.loc[["b"]], table.copy(), table.astype(str)):
        assert FeaturesMetadata.of(other) == FACTS


def test_metadata_survive_a_file(table, tmp_path):
    table.to_parquet(tmp_path / "x.parquet")
    assert FeaturesMetadata.of(pd.read_parquet(tmp_path / "x.parquet")) == FACTS


def test_a_table_without_metadata_says_that_nothing_is_known():
    bare = pd.DataFrame()
    assert FeaturesMetadata.of(bare) == FeaturesMetadata()
    assert ClipsMetadata.of(bare) == ClipsMetadata()
    assert TimelineMetadata.of(bare).model is None


def test_what_is_read_can_be_changed_without_changing_the_table(table):
    FeaturesMetadata.of(table).silent.append("b")
    assert FeaturesMetadata.of(table).silent == ["a"]


def test_facts_are_changed_one_by_one(table):
    assert FeaturesMetadata.update(table, model="mine") is table
    assert FeaturesMetadata.of(table).model == "mine"
    assert FeaturesMetadata.of(table).silent == ["a"]


def test_a_table_inherits_from_the_one_it_was_made_of(table):
    made = inherit(pd.DataFrame({"y": [0.0]}), table)
    assert FeaturesMetadata.of(made) == FACTS
    FeaturesMetadata.update(made, model="mine")
    assert FeaturesMetadata.of(table).model == "mfcc"
