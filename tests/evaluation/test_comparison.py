import numpy as np
import pandas as pd
import pytest

from sertools.evaluation import compare, from_predictions

EMOTIONS = ["angry", "happy", "sad"]


def results(speakers=10, seed=0, **right):
    """Draw results of models that are right with the shares given, clip by clip."""
    rng = np.random.default_rng(seed)
    n = speakers * 12
    truth = pd.DataFrame(
        {
            "clip": [f"x/{i:03}" for i in range(n)],
            "emotion": np.tile(EMOTIONS, n // 3),
            "speaker": np.repeat([f"x/{s:02}" for s in range(speakers)], 12),
        }
    )
    made = {}
    for name, share in right.items():
        wrong = truth["emotion"].map({"angry": "sad", "happy": "angry", "sad": "happy"})
        hit = rng.random(n) < share
        made[name] = from_predictions(
            truth.assign(predicted=np.where(hit, truth["emotion"], wrong)),
            folds="speaker",
        )
    return made


def test_a_much_better_model_is_found_and_named():
    found = compare(results(worse=0.5, better=0.9))
    assert found.models.index.tolist() == ["better", "worse"]
    row = found.pairs.iloc[0]
    assert (row["a"], row["b"]) == ("better", "worse")
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert row["p_joint"] < 0.05
    assert row["verdict"].startswith("better is better than worse by 0.")


def test_equal_models_may_differ_by_chance_and_it_says_what_would_have_been_found():
    found = compare(results(one=0.7, two=0.7, three=0.7))
    assert len(found.pairs) == 3
    assert (found.pairs["p_joint"] > 0.05).all()
    assert found.pairs["verdict"].str.contains("may be chance").all()
    assert (found.pairs["detectable"] > found.pairs["difference"]).all()


@pytest.mark.parametrize("speakers", [2, 5])
def test_with_five_speakers_nothing_can_be_told(speakers):
    found = compare(results(speakers=speakers, worse=0.1, better=1.0))
    assert found.pairs["p"].isna().all()
    assert "cannot be tested" in found.pairs["verdict"].iloc[0]
    assert f"{speakers} speakers are too few" in found.notes[0]


def test_six_speakers_can_be_tested():
    found = compare(results(speakers=6, worse=0.1, better=1.0))
    assert found.pairs["p"].iloc[0] == 2 / 64


def test_unknown_speakers_are_no_speakers():
    made = results(worse=0.1, better=1.0)
    for result in made.values():
        result.predictions["speaker"] = None
    found = compare(made)
    assert found.n_speakers is None
    assert "Who speaks is unknown" in found.notes[0]


def test_only_shared_emotions_are_compared_and_both_scorings_are_given():
    made = results(plain=0.8, wide=0.8)
    table = made["wide"].predictions
    table.insert(len(table.columns), "calm", 0.0)
    happy = table["emotion"] == "happy"
    table.loc[happy, ["angry", "sad", "calm"]] = [0.1, 0.1, 0.5]
    table.loc[happy, "happy"] = 0.3
    table.loc[happy, "predicted"] = "calm"
    found = compare(made)
    assert found.emotions == EMOTIONS
    wide = found.models.loc["wide"]
    assert wide["uar"] > wide["uar_outside"] + 0.25
    plain = found.models.loc["plain"]
    assert plain["uar"] == pytest.approx(plain["uar_outside"])


def test_an_emotion_that_one_model_lacks_is_left_out_and_counted():
    made = results(plain=0.8, narrow=0.8)
    made["narrow"].predictions = made["narrow"].predictions.drop(columns="sad")
    found = compare(made)
    assert found.emotions == ["angry", "happy"]
    assert found.n_clips == 80
    assert "40 clips of sad are left out: not shared." in found.notes


def test_clips_that_one_model_lacks_are_left_out_and_counted():
    made = results(plain=0.8, short=0.8)
    made["short"].predictions = made["short"].predictions.iloc[12:]
    found = compare(made)
    assert found.n_clips == 108
    assert any(
        note.startswith("12 clips of plain are left out") for note in found.notes
    )


def test_standardising_by_speaker_and_other_folds_are_pointed_out():
    made = results(a=0.8, b=0.8)
    made["a"].info |= {"standardize": "speaker"}
    made["b"].info |= {"folds": "random", "standardize": "none"}
    notes = " ".join(compare(made).notes)
    assert "Standardised by speaker" in notes
    assert "Not the same folds (" in notes


def test_random_weights_and_synthetic_speech_are_pointed_out():
    made = results(a=0.8, b=0.8)
    made["a"].info |= {"random_weights": True, "synthetic": True}
    notes = compare(made).notes
    assert notes[0] == "Random weights: a. They mean nothing."
    assert notes[1].startswith("Synthetic speech:")


def test_what_cannot_be_compared_is_refused():
    made = results(a=0.8, b=0.8)
    with pytest.raises(ValueError, match="two results or more"):
        compare({"a": made["a"]})
    other = results(a=0.8)["a"]
    other.predictions["clip"] = "y/" + other.predictions["clip"]
    with pytest.raises(ValueError, match="No clip is common to a, other"):
        compare({"a": made["a"], "other": other})
    twisted = results(a=0.8)["a"]
    twisted.predictions.loc[3, "emotion"] = "sad"
    with pytest.raises(
        ValueError, match=r"disagree on what x/003 is \(a: angry, t: sad"
    ):
        compare({"a": made["a"], "t": twisted})
    foreign = results(a=0.8)["a"]
    foreign.predictions = foreign.predictions.rename(
        columns={"angry": "calm", "sad": "fear"}
    )
    with pytest.raises(ValueError, match="fewer than two emotions"):
        compare({"a": made["a"], "f": foreign})


def test_it_shows_itself_in_a_terminal_and_in_a_notebook():
    found = compare(results(worse=0.5, better=0.9))
    text, page = repr(found), found._repr_html_()
    assert text.splitlines()[0] == "2 models, 120 clips, 10 speakers; angry, happy, sad"
    assert "better is better than worse" in text
    assert "<table" in page and "better is better than worse" in page
