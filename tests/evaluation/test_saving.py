import json

import pandas as pd
import pytest

from sertools import evaluation


@pytest.fixture
def result(corpus):
    clips, X = corpus
    clips.attrs["left_out"] = {"emotion not asked for": 3}
    X.attrs["excluded"] = [{"clip": "mine/broken", "reason": "an empty file (0 bytes)"}]
    return evaluation.cross_validate("logistic", X, clips, folds="random", seed=2)


def test_what_is_saved_comes_back(result, tmp_path):
    folder = result.save(tmp_path / "new" / "folder")
    again = evaluation.load(folder)
    assert folder == tmp_path / "new" / "folder"
    pd.testing.assert_frame_equal(again.predictions, result.predictions)
    assert again.metrics() == result.metrics()
    assert again.info == result.info
    assert again.excluded == result.excluded
    assert again.left_out == result.left_out
    assert again.warnings == result.warnings
    assert again.provenance == result.provenance
    assert repr(again) == repr(result)
    assert again._repr_html_() == result._repr_html_()


def test_a_bare_result_comes_back(tmp_path):
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    bare = evaluation.from_predictions(table)
    again = evaluation.load(bare.save(tmp_path))
    pd.testing.assert_frame_equal(again.predictions, bare.predictions)
    assert again.metrics() == bare.metrics()


def test_the_folder_holds_the_two_files_and_nothing_else(result, tmp_path):
    result.save(str(tmp_path))
    result.save(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["metrics.json", "predictions.parquet"]
    metrics = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert metrics == result.metrics()
    stored = pd.read_parquet(tmp_path / "predictions.parquet")
    assert list(stored.columns) == list(result.predictions.columns)


def test_a_result_that_cannot_be_written_leaves_the_former_one(result, tmp_path):
    result.save(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    broken = evaluation.Result(
        result.predictions.iloc[:-1], info={**result.info, "seed": float("nan")}
    )
    with pytest.raises(ValueError, match="JSON"):
        broken.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("absent", ["metrics.json", "predictions.parquet"])
def test_a_folder_without_a_result_is_refused(absent, result, tmp_path):
    (result.save(tmp_path) / absent).unlink()
    with pytest.raises(FileNotFoundError, match=f"no {absent}, so no saved result"):
        evaluation.load(tmp_path)


def test_whatever_else_is_known_comes_back_too(result, tmp_path):
    result.info["chosen"] = {"C": 0.1, "by": ["mine/s01"]}
    assert result.metrics()["more"]["chosen"] == {"C": 0.1, "by": ["mine/s01"]}
    assert evaluation.load(result.save(tmp_path)).info == result.info
