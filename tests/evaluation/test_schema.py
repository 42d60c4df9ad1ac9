import json
import os

import pandas as pd
import pytest

from sertools import evaluation


@pytest.fixture
def saved(tmp_path):
    table = pd.DataFrame(
        {
            "emotion": ["angry", "sad"] * 6,
            "speaker": [f"s{i % 4}" for i in range(12)],
            "angry": [0.75, 0.25] * 6,
            "sad": [0.25, 0.75] * 6,
        }
    )
    return evaluation.from_predictions(table, dataset="toy").save(tmp_path / "run")


def complaint(folder):
    with pytest.raises(ValueError) as caught:
        evaluation.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"warnings": None}, "warnings should be a valid list, not None"),
        ({"warnings": [1]}, "warnings[1] should be a valid string, not 1"),
        ({"excluded": [{"clip": "a"}]}, "excluded[1].reason is missing"),
        ({"uar": {"value": 2}}, "uar"),
        ({"more": 3}, "more should be a valid dictionary, not 3"),
        ({"left_out": {"why": -1}}, "left_out.why should be greater"),
        ({"baseline": "none"}, "baseline should be"),
        ({"dataset": "x" * 5000, "model": 5}, "model should be a valid string"),
        ({"schema_version": 9}, "schema_version should be"),
    ],
)
def test_a_wrong_field_of_the_metrics_is_named(saved, fields, said):
    path = saved / "metrics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    assert complaint(saved).startswith(f"{path}: {said}")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"{", "not JSON, line 1"),
        (b"\xff\xfe{}", "not text in UTF-8"),
        (b"3", "not an object"),
        (b'{"chance": Infinity}', "'Infinity' is no number"),
        (b'{"a": "\\ud800"}', "not text in UTF-8"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"classes": []}', "is missing"),
    ],
)
def test_what_is_no_metrics_is_said(saved, content, said):
    (saved / "metrics.json").write_bytes(content)
    told = complaint(saved)
    assert told.startswith(str(saved / "metrics.json")) and said in told


def test_a_field_that_is_not_needed_to_load_may_be_missing(saved):
    path = saved / "metrics.json"
    kept = json.loads(path.read_text())
    del kept["uar"], kept["left_out"]
    path.write_text(json.dumps(kept))
    assert evaluation.load(saved).scores()["uar"]["value"] == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda t: t.drop(columns="speaker"), "it has no column speaker"),
        (lambda t: t.iloc[:0], "it has no row"),
        (lambda t: t.assign(predicted=1), "in the column predicted something"),
        (lambda t: t.assign(emotion=None), "in the column emotion something"),
        (lambda t: t.assign(sad="much"), "the column 'sad' holds no numbers"),
        (lambda t: t.assign(sad=float("inf")), "in the column 'sad' something is not"),
    ],
)
def test_a_wrong_table_is_named(saved, spoil, said):
    path = saved / "predictions.parquet"
    spoil(pd.read_parquet(path)).to_parquet(path, index=False)
    assert said in complaint(saved)
    assert complaint(saved).startswith(str(path))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\0" * 99 + b"PAR1"])
def test_what_is_no_table_is_named(saved, content):
    (saved / "predictions.parquet").write_bytes(content)
    assert "predictions.parquet: not a table of predictions" in complaint(saved)


def test_a_pipe_in_their_place_keeps_nobody_waiting(saved):
    (saved / "metrics.json").unlink()
    os.mkfifo(saved / "metrics.json")
    with pytest.raises(FileNotFoundError, match=r"no metrics\.json"):
        evaluation.load(saved)
