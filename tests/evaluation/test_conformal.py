import numpy as np
import pandas as pd
import pytest

from sertools import calibration, datasets, evaluation, features, models


@pytest.mark.parametrize("level", [0.6, 0.8, 0.95])
def test_where_speakers_are_alike_the_level_is_held(level, believed):
    sets = calibration.prediction_sets(believed(speakers=10, clips=200), level)
    top = believed(speakers=10, clips=200).scores()["accuracy"]["value"]
    assert sets.coverage["value"] == pytest.approx(max(level, top), abs=0.02)


def test_a_higher_level_makes_wider_sets_that_hold_more(believed):
    result = believed(clips=40)
    found = [
        calibration.prediction_sets(result, level) for level in (0.5, 0.7, 0.9, 0.98)
    ]
    sizes = np.array([sets.sets["size"] for sets in found])
    held = np.array([sets.sets["covered"] for sets in found])
    assert (np.diff(sizes, axis=0) >= 0).all()
    assert (np.diff(held.astype(int), axis=0) >= 0).all()


def test_no_set_is_empty_and_the_first_is_the_prediction(believed):
    sets = calibration.prediction_sets(believed(), level=0.3).sets
    assert (sets["size"] >= 1).all()
    assert (sets["set"].str.split(", ").str[0] == sets["predicted"]).all()
    assert (sets["set"].str.count(",") + 1 == sets["size"]).all()
    inside = [e in s for e, s in zip(sets["emotion"], sets["set"], strict=True)]
    assert sets["covered"].tolist() == inside


@pytest.mark.parametrize("speakers", [None, 0.8])
def test_a_speakers_own_clips_never_set_that_speakers_threshold(speakers, believed):
    result = believed()
    table = result.predictions.copy()
    own = table["speaker"] == "x/2"
    wrong = {"angry": "happy", "happy": "sad", "sad": "angry"}
    table.loc[own, "emotion"] = table.loc[own, "predicted"].map(wrong)
    changed = evaluation.from_predictions(table)
    old, new = (
        calibration.prediction_sets(r, 0.8, speakers).thresholds
        for r in (result, changed)
    )
    assert old["x/2"] == new["x/2"]
    others = old.index != "x/2"
    assert (new[others] <= old[others]).all()
    assert (new[others] < old[others]).any()


def test_sets_for_speakers_reach_as_many_as_promised(believed):
    result = believed(speakers=20, clips=20, apart=1.5)
    clips = calibration.prediction_sets(result, 0.8)
    people = calibration.prediction_sets(result, 0.8, speakers=0.9)
    reached = [(s.by("speaker")["coverage"] >= 0.8).mean() for s in (clips, people)]
    assert reached[0] < 0.85
    assert reached[1] >= 0.85
    assert people.sets["size"].mean() > clips.sets["size"].mean()


def test_so_few_speakers_cannot_be_promised_so_much(believed):
    result = believed(speakers=6)
    with pytest.raises(ValueError, match=r"at most 0\.833 of them, not for 0\.9"):
        calibration.prediction_sets(result, 0.9, speakers=0.9)
    assert (
        calibration.prediction_sets(result, 0.9, speakers=0.8).promised_speakers == 0.8
    )


def test_the_worst_speaker_and_emotion_are_named(believed):
    sets = calibration.prediction_sets(believed(apart=1.5))
    people, emotions = sets.by("speaker"), sets.by("emotion")
    assert people["coverage"].is_monotonic_increasing
    assert f"the worst is {people.index[0]}: " in repr(sets)
    assert f"missed most is {emotions.index[0]}: " in repr(sets)
    for shown in (repr(sets), sets._repr_html_()):
        assert shown.count("No guarantee") == 2
    assert sets.sizes().sum() == len(sets.sets)
    assert list(sets.sizes().index) == [1, 2, 3]
    with pytest.raises(ValueError, match="No column 'age'"):
        sets.by("age")


def test_an_emotion_that_is_no_class_is_never_covered_and_widens_the_rest(believed):
    table = believed().predictions
    strange = table.assign(emotion=table["emotion"].replace("sad", "fear"))
    sets = calibration.prediction_sets(evaluation.from_predictions(strange), 0.9)
    assert not sets.sets.loc[sets.sets["emotion"] == "fear", "covered"].any()
    assert (sets.thresholds == 0).all()
    assert (sets.sets["size"] == 3).all()
    assert any("their sets hold every emotion" in note for note in sets.notes)


def test_clips_too_few_for_the_level_hold_every_emotion(believed):
    table = believed(speakers=3, clips=2).predictions
    sets = calibration.prediction_sets(evaluation.from_predictions(table), 0.99)
    assert (sets.sets["size"] == 3).all()
    assert sets.coverage["value"] == 1


@pytest.mark.parametrize(
    ("share", "name"), [(0, "level"), (1, "level"), (90, "level"), (1.0, "speakers")]
)
def test_shares_are_checked(share, name, believed):
    with pytest.raises(ValueError, match=f"{name} must lie between 0 and 1"):
        calibration.prediction_sets(believed(), **{name: share})


def test_without_other_speakers_it_is_refused(believed):
    table = believed().predictions
    unknown = table.assign(speaker=table["speaker"].where(table["speaker"] != "x/1"))
    with pytest.raises(ValueError, match=r"speaker of 30 of 180 clips is unknown"):
        calibration.prediction_sets(evaluation.from_predictions(unknown))
    alone = table[table["speaker"] == "x/1"]
    with pytest.raises(ValueError, match="One speaker only"):
        calibration.prediction_sets(evaluation.from_predictions(alone))


def test_answers_without_probabilities_are_refused():
    table = pd.DataFrame({"emotion": ["sad", "fear"], "predicted": ["sad", "sad"]})
    with pytest.raises(ValueError, match="nothing to make sets of"):
        calibration.prediction_sets(evaluation.from_predictions(table))


@pytest.mark.slow
def test_on_real_speakers_the_clips_are_covered_and_not_everybody(real_data):
    clips = datasets.load("emodb", root=real_data / "emodb")
    clips = datasets.select(clips, "angry,happy,neutral,sad")
    X = features.extract(models.load("duration_loudness"), clips, progress=False)
    result = evaluation.cross_validate("logistic", X, clips, baseline=False)
    sets = calibration.prediction_sets(calibration.calibrate(result), 0.9)
    people = sets.by("speaker")["coverage"]
    assert sets.coverage["value"] == pytest.approx(0.9, abs=0.03)
    assert people.min() < 0.85
    assert people.max() > 0.95
