"""Clips by name: odd tables are taken, or refused in one clear line."""

import numpy as np
import pandas as pd
import pytest

from sertools import evaluation, widgets


@pytest.fixture
def answers():
    return pd.DataFrame(
        {
            "clip": ["a", "b", "c"],
            "emotion": ["happy", "sad", "sad"],
            "speaker": ["1", "2", "2"],
            "predicted": ["happy", "happy", "sad"],
        }
    )


@pytest.fixture
def result(answers):
    return evaluation.from_predictions(answers)


def test_names_that_are_numbers_find_their_answers(answers):
    clips = answers.drop(columns="clip")  # named 0, 1, 2
    result = evaluation.from_predictions(clips)
    browser = widgets.clip_browser(clips[["emotion"]], result)
    assert browser.table["predicted"].tolist() == ["happy", "happy", "sad"]
    browser.selection = [1]
    assert browser.selection == ["1"]


def test_the_result_says_what_was_answered(answers, result):
    stale = answers.assign(predicted="angry", happy="by ear")
    browser = widgets.clip_browser(stale, result)
    assert browser.table["predicted"].tolist() == ["happy", "happy", "sad"]
    assert browser.table["happy"].tolist() == [1, 1, 0]


@pytest.mark.parametrize("kind", [pd.Index, pd.Series, np.array, tuple])
def test_a_selection_is_whatever_holds_names(result, kind):
    matrix = widgets.confusion(result)
    matrix.selection = kind(["c", "a"])
    assert matrix.selection == ["a", "c"]


def test_scores_are_of_the_clips_that_have_an_answer(answers, result):
    names = ["a", "b", "x", "y"]
    clips = pd.DataFrame({"emotion": "sad", "speaker": "1"}, names)
    browser = widgets.clip_browser(clips, result)
    assert [browser._standing[name] for name in ("n", "of", "answered")] == [4, 4, 2]
    assert browser._standing["accuracy"]["value"] == 0.5
    browser.selection = ["x", "y"]
    assert browser._standing["answered"] == 0
    assert "uar" not in browser._standing  # not 0.0: nobody was asked
    strangers = widgets.clip_browser(clips[2:], result)
    assert strangers._standing["answered"] == 0


def test_a_tag_goes_on_in_a_table_with_a_column_of_names(answers):
    browser = widgets.clip_browser(answers.assign(tag=[None, "keep", None]))
    assert browser.tags == {"b": "keep"}
    assert browser.tagged["tag"].dropna().to_dict() == {"b": "keep"}


def test_a_word_is_one_tag(answers):
    assert widgets.clip_browser(answers, words="keep").words == ["keep"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("demo", "a table is needed, not a str"),
        (pd.DataFrame({"emotion": ["sad", "sad"]}, [1, "1"]), "'1' is there twice"),
        (pd.DataFrame({"emotion": ["sad", "sad"]}, ["a", None]), "Row 1 has no"),
        (pd.DataFrame({"sex": ["male"]}, [["a"], ["b"]]), "several levels"),
    ],
)
def test_a_table_without_clear_names_is_refused(table, said):
    with pytest.raises((TypeError, ValueError), match=said):
        widgets.clip_browser(table)


def test_what_is_no_result_is_refused(answers):
    for show in (widgets.confusion, lambda it: widgets.clip_browser(answers, it)):
        with pytest.raises(TypeError, match=r"not a DataFrame.*from_predictions"):
            show(answers)


def test_a_file_that_nobody_names_is_said_so():
    table = pd.DataFrame({"path": [None], "emotion": ["sad"]}, ["a"])
    assert widgets.players(table).sounds == ["no file is known"]


def test_what_is_no_model_is_refused():
    for show in (lambda it: widgets.timeline(np.zeros(32_000), it), widgets.recorder):
        with pytest.raises(TypeError, match="not 5"):
            show(5)
