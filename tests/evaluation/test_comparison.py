import numpy as np
import pandas as pd
import pytest

from sertools.evaluation import compare, from_predictions, published_results

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


def test_other_folds_are_pointed_out():
    made = results(a=0.8, b=0.8)
    made["b"].info |= {"folds": "published:x"}
    assert any("Not the same folds (" in note for note in compare(made).notes)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"standardize": "speaker"}, "standardised by speaker, which presumes"),
        ({"standardize": "speaker_shrunk"}, "standardised by speaker (speaker_shrunk)"),
        ({"leaking": True}, "leaking folds"),
        ({"folds": "random"}, "leaking folds"),
    ],
)
def test_what_presumes_more_stands_apart_and_is_not_ranked(told, why):
    made = results(plain=0.6, other=0.5, presuming=0.99)
    made["presuming"].info |= told
    found = compare(made)
    assert found.models.index.tolist()[-1] == "presuming"  # though the best
    assert [len(rows) for _, rows in found.groups()] == [2, 1]
    assert found.groups()[1][0].startswith(why)
    assert set(found.pairs[["a", "b"]].to_numpy().ravel()) == {"plain", "other"}
    assert "Not to be ranked with the rest" in repr(found)
    assert "Not to be ranked with the rest" in found._repr_html_()


def test_models_of_which_none_may_be_ranked_have_no_pairs():
    made = results(plain=0.6, presuming=0.9)
    made["presuming"].info |= {"standardize": "speaker"}
    found = compare(made)
    assert found.pairs.empty
    assert found.notes[0].startswith("Nothing here may be ranked")


def test_a_tie_counts_as_its_share_and_not_for_the_first_by_name():
    made = results(one=0.8, undecided=0.8)
    table = made["undecided"].predictions
    table[EMOTIONS] = 1 / 3
    found = compare(made)
    row = found.models.loc["undecided"]
    assert row["uar"] == pytest.approx(1 / 3)
    assert np.isnan(row["low"])  # no speaker differs from another
    assert "120 answers of undecided are ties" in found.notes[-1]


def test_whoever_answers_outside_the_shared_emotions_only_guesses_inside():
    made = results(one=0.8, away=0.8)
    table = made["away"].predictions
    table[EMOTIONS] = 0.0
    table.insert(len(table.columns), "calm", 1.0)
    table["predicted"] = "calm"
    row = compare(made).models.loc["away"]
    assert row["uar"] == pytest.approx(1 / 3)
    assert row["uar_outside"] == 0


def test_costs_stand_beside_the_scores_where_they_were_measured():
    made = results(a=0.8, b=0.7)
    made["a"].info |= {"seconds_per_clip": 0.0123, "megabytes": 0.0}
    found = compare(made)
    assert found.models.at["a", "seconds_per_clip"] == 0.0123
    assert "0.012 s a clip" in repr(found)
    page = found._repr_html_()
    assert "not measured" in page and "none" in page and "unknown" in page


def test_published_scores_are_shown_apart_and_never_tested():
    found = compare(results(a=0.8, b=0.7), published=published_results("ravdess"))
    assert "HuBERT base" not in found.models.index
    assert len(found.pairs) == 1
    told = repr(found).split("never ranked:")[1]
    assert "HuBERT base  UAR 0.654, 8 emotions; Ma et al. (2024)" in told
    assert "never ranked" in found._repr_html_()


def test_the_same_answers_differ_with_no_speaker():
    made = results(a=0.8)
    found = compare({"a": made["a"], "again": made["a"]})
    assert found.pairs["p"].iloc[0] == 1
    assert "the same score with every speaker" in found.pairs["verdict"].iloc[0]


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


def test_speakers_may_be_named_otherwise_but_not_told_apart_otherwise():
    made = results(a=0.8, b=0.7)
    table = made["b"].predictions
    table["speaker"] = table["speaker"].str.removeprefix("x/")
    assert compare(made).n_speakers == 10
    table.loc[0, "speaker"] = "05"
    with pytest.raises(ValueError, match=r"disagree on who speaks: x/0.* \(a: x/0"):
        compare(made)


def test_models_that_may_have_heard_the_clips_are_named():
    made = results(a=0.8, b=0.7, c=0.6)
    made["a"].info |= {"heard_before": "yes"}
    made["b"].info |= {"heard_before": "unknown"}
    made["c"].info |= {"heard_before": "no"}
    notes = compare(made).notes
    assert "May have heard these very clips in training: a. That flatters." in notes
    assert "Nobody can say whether b had heard these clips before." in notes


def test_of_several_pairs_it_says_what_p_holds_for():
    told = "p holds for all 3 pairs together, each interval for its own."
    assert told in compare(results(a=0.8, b=0.7, c=0.6)).notes
    assert not any("p holds" in note for note in compare(results(a=0.8, b=0.7)).notes)
