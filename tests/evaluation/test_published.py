"""Splits that others published, with test sets that leave some speakers to train."""

import numpy as np
import pandas as pd
import pytest

from sertools import evaluation


@pytest.fixture
def crema_d():
    """Four speakers, two of whom published:tfds tests (1010 and 1013)."""
    rng = np.random.default_rng(0)
    rows = [
        {
            "clip": f"crema_d/{speaker}_{emotion}_{n}",
            "path": None,
            "emotion": emotion,
            "label": emotion,
            "speaker": f"crema_d/{speaker}",
            "sex": "male",
            "dataset": "crema_d",
            "x": (emotion == "sad") + rng.normal(scale=0.1),
        }
        for speaker in (1001, 1002, 1010, 1013)
        for emotion in ("angry", "sad")
        for n in range(5)
    ]
    table = pd.DataFrame(rows).set_index("clip")
    return table.drop(columns="x"), table[["x"]]


def test_one_test_set_leaves_the_others_to_train(crema_d):
    clips, X = crema_d
    plan = evaluation.folds.assign(clips, "published:tfds")
    assert plan.leaking is False
    assert set(clips.loc[plan.fold.notna(), "speaker"]) == {
        "crema_d/1010",
        "crema_d/1013",
    }
    result = evaluation.cross_validate("logistic", X, clips, folds="published:tfds")
    assert set(result.predictions["speaker"]) == {"crema_d/1010", "crema_d/1013"}
    assert set(result.predictions["fold"]) == {"test"}
    assert result.left_out == {"only trained on in published:tfds": 20}
    assert result.scores()["uar"]["value"] == 1
    assert result.scores()["uar"]["low"] is None  # two speakers


def test_clips_of_which_none_is_tested_are_refused(crema_d):
    clips, _ = crema_d
    train = clips[clips["speaker"].isin(["crema_d/1001", "crema_d/1002"])]
    with pytest.raises(ValueError, match="None of the clips is tested"):
        evaluation.folds.assign(train, "published:tfds")
