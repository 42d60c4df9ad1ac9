import numpy as np
import pandas as pd
import pytest

from sertools import evaluation
from sertools.evaluation import from_predictions
from sertools.evaluation._predictions import on_shared


def test_names_alone_become_certain_probabilities():
    result = from_predictions(
        pd.DataFrame({"emotion": ["sad", "angry"], "predicted": ["sad", "fear"]})
    )
    assert result.classes == ["angry", "fear", "sad"]
    assert result.emotions == ["angry", "sad"]
    assert result.predictions[result.classes].to_numpy().tolist() == [
        [0, 0, 1],
        [0, 1, 0],
    ]
    assert result.predictions["predicted"].tolist() == ["sad", "fear"]


def test_words_of_other_toolkits_are_understood():
    result = from_predictions(
        pd.DataFrame(
            {
                "emotion": ["Anger", "happiness"],
                "Happy": [0.2, 0.9],
                "ANGRY": [0.8, 0.1],
                "note": ["first", "second"],
            }
        )
    )
    assert result.classes == ["angry", "happy"]
    assert result.predictions["angry"].tolist() == [0.8, 0.1]
    assert result.scores()["uar"]["value"] == 1


def test_columns_may_come_in_any_order():
    table = pd.DataFrame(
        {"sad": [0.1, 0.7], "angry": [0.6, 0.2], "emotion": ["sad", "sad"]}
    ).assign(fear=[0.3, 0.1])
    predictions = from_predictions(table).predictions
    assert list(predictions.columns)[-3:] == ["angry", "fear", "sad"]
    assert predictions["predicted"].tolist() == ["angry", "sad"]


def test_clips_are_named_by_column_or_index():
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    for named in (table.assign(clip=["a", "b"]), table.set_axis(["a", "b"])):
        assert from_predictions(named).predictions["clip"].tolist() == ["a", "b"]


def test_the_table_given_stays_as_it_is():
    table = pd.DataFrame({"emotion": ["Sadness"], "predicted": ["Sadness"]})
    before = table.copy()
    from_predictions(table)
    assert table.equals(before)


def test_a_results_own_predictions_come_back(corpus):
    clips, X = corpus
    first = evaluation.cross_validate("svm", X, clips)
    again = from_predictions(first.predictions)
    assert again.predictions.equals(first.predictions)
    assert again.scores() == first.scores()
    assert again.warnings == []


def test_what_is_known_about_them_is_kept():
    table = pd.DataFrame({"emotion": ["sad"], "predicted": ["sad"]})
    info = from_predictions(table, dataset="mine", model="a listener").info
    assert info == {"dataset": "mine", "model": "a listener"}


def test_given_names_that_are_not_the_most_probable_are_pointed_out():
    table = pd.DataFrame(
        {
            "emotion": ["sad", "angry", "sad"],
            "predicted": ["sad", "angry", "Sadness"],
            "sad": [0.2, 0.2, 0.9],
            "angry": [0.8, 0.8, 0.1],
        }
    )
    result = from_predictions(table)
    assert result.predictions["predicted"].tolist() == ["angry", "angry", "sad"]
    assert result.warnings == [
        "1 of 3 given predictions are not the most probable emotion of their clip; "
        "the most probable one is scored."
    ]


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"emotion": []}, "has no rows"),
        ({"predicted": ["sad"]}, "needs a column 'emotion'"),
        ({"emotion": ["sad"]}, "needs 'predicted', or a column for each emotion"),
        ({"emotion": ["sadd"], "predicted": ["sad"]}, r"'sadd'. Did you mean sad"),
        ({"emotion": ["sad"], "predicted": ["sadd"]}, r"'sadd'. Did you mean sad"),
        ({"emotion": [None], "predicted": ["sad"]}, "Unknown emotion"),
        (
            {"emotion": ["sad"] * 2, "predicted": ["sad"] * 2, "clip": ["a", "a"]},
            "Clip 'a' is there twice",
        ),
        (
            {"emotion": ["sad"], "happy": [0.5], "joy": [0.5]},
            "Two columns mean the same emotion: happy, joy",
        ),
        (
            {"emotion": ["sad"] * 2, "clip": ["a", "b"], "sad": [0.5, 0.5]}
            | {"fear": [0.5, 0.2]},
            "Probabilities of b sum to 0.700, not to 1",
        ),
        ({"emotion": ["sad"], "sad": [62.0], "fear": [38.0]}, "sum to 100.000, not"),
        ({"emotion": ["sad"], "sad": [1.5], "fear": [-0.5]}, "from 0 to 1"),
        ({"emotion": ["sad"], "sad": [np.nan], "fear": [1.0]}, "must be finite"),
    ],
)
def test_what_cannot_be_scored_is_refused(columns, line):
    with pytest.raises(ValueError, match=line):
        from_predictions(pd.DataFrame(columns))


def test_other_classes_give_their_share_in_proportion():
    said = pd.DataFrame({"angry": [0.2], "calm": [0.6], "sad": [0.2]})
    shared, foreign, lost = on_shared(said, {"angry", "sad"})
    assert shared.to_numpy().tolist() == [[0.5, 0.5]]
    assert list(foreign) == ["calm"] and lost == 0


def test_a_speaker_is_one_however_the_name_is_typed():
    said = pd.DataFrame(
        {
            "emotion": ["sad", "angry"] * 2,
            "predicted": ["sad", "angry"] * 2,
            "speaker": ["Anna", "Anna ", "\u200bAnna", "Bruno"],
            "sex": ["w", "W", "여성", "männlich"],
        }
    )
    result = evaluation.from_predictions(said)
    assert result.n_speakers == 2
    assert set(result.predictions["sex"]) == {"female", "male"}
