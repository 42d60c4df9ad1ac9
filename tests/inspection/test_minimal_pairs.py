import pandas as pd
import pytest

from sertools.evaluation import from_predictions
from sertools.inspection import forced_choice, minimal_pairs

CLIPS = pd.DataFrame(
    [
        ("a1", "angry", "x/1", "now", "normal"),
        ("a2", "angry", "x/1", "now", "normal"),  # a second take
        ("a3", "sad", "x/1", "now", "normal"),
        ("a4", "happy", "x/1", "now", "strong"),  # alone at this intensity
        ("b1", "angry", "x/2", "now", "normal"),
        ("b2", "happy", "x/2", "now", "normal"),
        ("b3", "sad", "x/2", "now", "normal"),
        ("c1", "sad", "x/2", "then", "normal"),  # alone with this text
        ("d1", "sad", None, "now", "normal"),
        ("d2", "angry", None, "now", "normal"),
    ],
    columns=["clip", "emotion", "speaker", "text", "intensity"],
).set_index("clip")


def result(**angry):
    """Let a model give these odds to angry, against sad, and never to happy."""
    table = CLIPS.reset_index().assign(happy=0.0)
    table["angry"] = table["clip"].map(angry).fillna(0.5)
    return from_predictions(table.assign(sad=1 - table["angry"]))


def test_one_speaker_one_text_one_intensity_one_take_several_emotions():
    pairs = minimal_pairs(CLIPS)
    assert pairs.index.tolist() == ["b1", "b2", "b3", "a1", "a3"]
    assert pairs["set"].tolist() == ["x/2 now normal"] * 3 + ["x/1 now normal"] * 2
    assert minimal_pairs(CLIPS, least=3).index.tolist() == ["b1", "b2", "b3"]


def test_what_the_model_said_stands_beside_and_mistakes_come_first():
    clips = CLIPS.drop("b2")
    pairs = minimal_pairs(clips, result(a1=0.9, a3=0.2, b1=0.4, b3=0.3))
    assert pairs.index.tolist() == ["b1", "b3", "a1", "a3"]
    assert pairs["predicted"].tolist() == ["sad", "sad", "angry", "sad"]
    assert pairs["confidence"].tolist() == pytest.approx([0.6, 0.7, 0.9, 0.8])


def test_where_no_text_is_known_there_are_no_pairs():
    none = minimal_pairs(CLIPS.drop(columns="text"), result())
    assert none.empty and "set" in none
    assert forced_choice(none, result()).empty


def test_a_choice_of_two_needs_no_threshold():
    """Both clips of speaker 2 are called sad, and yet it is clear which is which."""
    said = result(a1=0.3, a3=0.6, b1=0.4, b3=0.1)
    found = forced_choice(minimal_pairs(CLIPS, said), said).set_index(["a", "b"])
    assert found.loc[("angry", "sad"), "n_pairs"] == 2
    assert found.loc[("angry", "sad"), "right"] == 0.5  # speaker 1 the wrong way round
    ties = forced_choice(minimal_pairs(CLIPS), result()).set_index(["a", "b"])
    assert ties.loc[("angry", "sad"), "right"] == 0.5


def test_choices_have_intervals_over_speakers_where_there_are_three():
    rows = [(f"{s}{e}", e, f"x/{s}", "now") for s in range(4) for e in ("angry", "sad")]
    clips = pd.DataFrame(rows, columns=["clip", "emotion", "speaker", "text"])
    said = clips.assign(angry=[0.9, 0.1] * 3 + [0.2, 0.8])
    found = from_predictions(said.assign(sad=1 - said["angry"]))
    row = forced_choice(minimal_pairs(clips.set_index("clip")), found).iloc[0]
    assert (row["right"], row["n_speakers"]) == (0.75, 4)
    assert row["low"] < 0.75 < row["high"]


def test_pairs_that_the_result_does_not_know_are_named():
    said = result()
    said.predictions = said.predictions.query("clip != 'b1'")
    with pytest.raises(ValueError, match="1 clips of the pairs .* the first: b1"):
        forced_choice(minimal_pairs(CLIPS), said)
