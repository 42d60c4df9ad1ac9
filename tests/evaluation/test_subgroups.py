import numpy as np
import pandas as pd
import pytest

from sertools.evaluation import from_predictions, subgroups
from sertools.evaluation._subgroups import groupings

EMOTIONS = ["angry", "happy", "sad"]


def made(speakers=10, seed=0, takes=2, **worse):
    """Draw a result and its clips; `worse` is by how much a group falls short."""
    drawn = np.random.default_rng(seed)
    rows = [
        (f"x/{s:02}", "female" if s % 2 else "male", emotion, text, strength)
        for s in range(speakers)
        for emotion in EMOTIONS
        for text in ("long ago", "today", "now")
        for strength in ("normal", "strong")
        for _ in range(takes)
    ]
    names = ["speaker", "sex", "emotion", "text", "intensity"]
    clips = pd.DataFrame(rows, columns=names)
    clips.index = pd.Index([f"x/{i:04}" for i in range(len(clips))], name="clip")
    chance = np.full(len(clips), 0.85)
    for group, less in worse.items():
        chance -= less * clips.isin([group]).any(axis=1)
    right = drawn.random(len(clips)) < chance
    other = clips["emotion"].map({"angry": "sad", "happy": "angry", "sad": "happy"})
    table = clips.assign(predicted=np.where(right, clips["emotion"], other))
    return from_predictions(
        table.reset_index()[["clip", *names[:3], "predicted"]]
    ), clips


def row(found, group):
    return found.groups.set_index("group").loc[group]


def test_without_a_difference_none_is_found():
    found = subgroups(*made())
    tested = found.groups.dropna(subset="p_joint")
    assert set(tested["property"]) == {"sex", "text", "intensity"}
    assert (tested["p_joint"] > 0.05).all()
    assert "may be chance" in found.verdicts["sex"]
    assert "None of the 3 groups" in found.verdicts["text"]
    assert "as luck alone might" in found.verdicts["speaker"]


def test_a_sex_that_fares_worse_is_found_and_named():
    found = subgroups(*made(female=0.4))
    assert found.verdicts["sex"].startswith("male is recognised better than female by")
    assert row(found, "female")["p"] == pytest.approx(2 / 252)
    assert row(found, "female")["difference"] == pytest.approx(
        row(found, "female")["uar"] - row(found, "male")["uar"]
    )
    assert "None of the 3 groups" in found.verdicts["text"]
    assert "more than luck alone" in found.verdicts["speaker"]


def test_a_text_that_fares_worse_is_found_and_named():
    found = subgroups(*made(today=0.4))
    assert "today is recognised worse than the rest by" in found.verdicts["text"]
    assert row(found, "today")["diff_high"] < 0
    assert "may be chance" in found.verdicts["intensity"]


def test_counts_are_right():
    result, clips = made(speakers=10, takes=1)
    found = subgroups(result, clips.iloc[:]).groups.set_index("group")
    assert found.loc["female", ["n_clips", "n_speakers", "n_emotions"]].tolist() == [
        *(90, 5, 3)
    ]
    assert found.loc["today", "n_clips"] == 60
    assert found.loc["x/03", ["n_clips", "n_speakers"]].tolist() == [18, 1]
    by = result.by("sex")
    assert found.loc["female", "uar"] == pytest.approx(by.loc["female", "uar"])
    assert found.loc["female", "low"] == pytest.approx(by.loc["female", "low"])


@pytest.mark.parametrize("speakers", [3, 5])
def test_with_few_speakers_nothing_is_tested(speakers):
    found = subgroups(*made(speakers=speakers, female=0.8, today=0.8))
    assert found.groups["p"].isna().all()
    assert "cannot be tested" in found.verdicts["sex"]
    why = f"cannot be tested: only {speakers} speakers with clips both in it"
    assert why in found.verdicts["text"]


def test_eight_speakers_can_be_told_apart_by_sex_alone_only():
    result, clips = made(speakers=8, female=0.5)
    beside = subgroups(result, clips)
    assert "it can only be tested alone (by='sex')" in beside.verdicts["sex"]
    alone = subgroups(result, clips, by="sex")
    assert row(alone, "female")["p_joint"] == pytest.approx(2 / 70)
    assert "male is recognised better" in alone.verdicts["sex"]


def test_groups_are_compared_on_the_emotions_that_all_of_them_have():
    result, clips = made()
    lost = clips.index[(clips["emotion"] == "sad") & (clips["intensity"] == "strong")]
    result.predictions = result.predictions[~result.predictions["clip"].isin(lost)]
    found = subgroups(result, clips)
    assert found.emotions["intensity"] == ["angry", "happy"]
    assert found.emotions["text"] == EMOTIONS
    assert row(found, "normal")["n_scored"] == 120
    assert row(found, "normal")["n_clips"] == 180
    told = [note for note in found.notes if note.startswith("By intensity")]
    assert "60 clips of sad are left out" in told[0]


def test_a_group_of_few_clips_is_counted_and_not_scored():
    result, clips = made()
    clips.loc[clips.index[:4], "text"] = "rare"
    found = subgroups(result, clips)
    assert np.isnan(row(found, "rare")["uar"])
    assert row(found, "rare")["n_clips"] == 4
    assert row(found, "rare")["why"] == "4 clips are too few"
    assert found.emotions["text"] == EMOTIONS


def test_numbers_are_cut_into_thirds_in_their_order():
    result, clips = made()
    clips["duration"] = np.random.default_rng(0).random(len(clips)) * 3
    found = subgroups(result, clips, by="duration").groups
    assert found["group"].str.split().str[0].tolist() == ["short", "medium", "long"]
    assert found["n_clips"].tolist() == [120, 120, 120]


def test_duration_and_loudness_are_measured_from_the_files(recorded):
    clips, _ = recorded
    table = clips.reset_index().assign(predicted="sad")
    found = subgroups(from_predictions(table), clips, by=["loudness"])
    loudest = found.groups.iloc[-1]
    assert loudest["group"].startswith("loud (over")
    assert found.groups["n_clips"].sum() == len(clips)


def test_where_speakers_are_unknown_scores_stand_without_tests():
    result, clips = made()
    result.predictions["speaker"] = None
    found = subgroups(result, clips.drop(columns="speaker"))
    assert row(found, "female")["uar"] > 0.5
    assert "who speaks is unknown" in found.verdicts["sex"]
    assert "By speaker: it is not known of these clips." in found.notes


def test_what_cannot_be_grouped_is_said_or_refused():
    result, clips = made()
    clips["number"] = [f"n{i}" for i in range(len(clips))]
    assert "too many to test" in subgroups(result, clips, by=["sex", "number"]).notes[0]
    with pytest.raises(ValueError, match="By age: it is not known .* Known: .*sex"):
        subgroups(result, clips, by="age")
    with pytest.raises(ValueError, match="360 clips of the result are not in"):
        subgroups(result, clips.iloc[:0])


def test_made_up_speech_and_weights_are_pointed_out():
    result, clips = made()
    result.info |= {"synthetic": True, "random_weights": True}
    notes = subgroups(result, clips).notes
    assert notes[0].startswith("Random weights") and notes[1].startswith("Synthetic")


def test_it_shows_itself_in_a_terminal_and_in_a_notebook():
    found = subgroups(*made(female=0.4))
    text, page = repr(found), found._repr_html_()
    assert "female" in text and "180 clips, 5 speakers" in text
    assert found.verdicts["sex"] in text
    assert "<table" in page and "By sex: male is recognised better" in page


def test_real_voices(real_data):
    from sertools import datasets, evaluation, features, models

    clips = datasets.load("emodb", root=real_data / "emodb")
    clips = datasets.select(clips, "angry,happy,neutral,sad")
    X = features.extract(models.load("duration_loudness"), clips, progress=False)
    result = evaluation.cross_validate("logistic", X, clips, baseline=False)
    found = subgroups(result, clips, by=["sex", "text", "duration"])
    assert found.kinds == {"sex": "speaker", "text": "clip", "duration": "clip"}
    assert found.groups["n_speakers"].tolist() == [5, 5] + [10] * 13
    assert found.groups["p_joint"].notna().all()


def test_one_speaker_with_enough_clips_is_no_spread():
    result, clips = made(speakers=4)
    few = clips.groupby("speaker").cumcount() < 6
    keep = few | (clips["speaker"] == "x/00")
    result.predictions = result.predictions[keep.to_numpy()].reset_index(drop=True)
    verdict = subgroups(result, by="speaker").verdicts["speaker"]
    assert "cannot be tested: no other group has 10 clips" in verdict


def test_warnings_of_the_result_are_carried_on_and_p_is_explained():
    result, clips = made()
    result.warnings.append("LEAKING FOLDS (random): beware.")
    notes = subgroups(result, clips, by=["sex", "text", "intensity"]).notes
    assert notes[0] == "LEAKING FOLDS (random): beware."
    assert notes[-1].startswith("p holds for all 5 comparisons together")
    assert not any("p holds" in note for note in subgroups(result, by="sex").notes)


def test_numbers_are_cut_into_thirds_and_what_is_unknown_is_said():
    clips = pd.DataFrame({"sex": ["female", "male"], "duration": [1.0, 2.0]})
    groups, notes = groupings(clips)
    assert list(groups["duration"]) == ["short (up to 1.3 s)", "long (over 1.7 s)"]
    assert notes[0] == "By speaker: it is not known of these clips."
