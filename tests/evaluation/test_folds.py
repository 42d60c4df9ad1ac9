import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    ShuffleSplit,
    StratifiedKFold,
)

from sertools import evaluation
from sertools.evaluation.folds import assign, splits

EMOBOX = {  # the test actors of EmoBox's folds for RAVDESS
    "1": {1, 11, 20, 21},
    "2": {4, 10, 12, 14},
    "3": {8, 9, 19, 23},
    "4": {3, 5, 7, 24},
    "5": {2, 15, 16, 18},
    "6": {6, 13, 17, 22},
}


class ApartInText:
    """Test one speaker and text at a time, on other speakers and other texts."""

    def split(self, X, y=None, groups=None):
        for speaker in X["speaker"].unique():
            for text in X["text"].unique():
                own, same = X["speaker"] == speaker, X["text"] == text
                yield np.flatnonzero(~own & ~same), np.flatnonzero(own & same)


@pytest.fixture
def ravdess(imagined):
    clips, _ = imagined(speakers=24, clips=1)
    actors = clips["speaker"].str[-2:].astype(int) + 1
    return clips.assign(
        dataset="ravdess", speaker=[f"ravdess/{actor:02}" for actor in actors]
    )


def sides(folds, clips):
    """Give the speakers of training and of test, fold by fold."""
    for name in folds.fold.unique():
        test = folds.fold == name
        yield set(clips["speaker"][~test]), set(clips["speaker"][test])


def test_up_to_ten_speakers_have_a_fold_each(imagined):
    clips, _ = imagined(speakers=10, clips=2)
    folds = assign(clips)
    assert folds.name == "speaker"
    assert folds.fold.equals(clips["speaker"].rename("fold"))
    assert folds.leaking is False
    assert folds.warnings == ()


@pytest.mark.parametrize("speakers", [11, 24, 91])
def test_more_speakers_share_ten_folds_of_even_size(speakers, imagined):
    clips, _ = imagined(speakers=speakers, clips=3)
    clips = clips[np.random.default_rng(0).random(len(clips)) < 0.7]  # uneven
    folds = assign(clips)
    sizes = folds.fold.value_counts()
    assert len(sizes) == 10
    assert sizes.max() - sizes.min() <= clips["speaker"].value_counts().max()
    assert not any(train & test for train, test in sides(folds, clips))
    assert folds.leaking is False


def test_a_speaker_with_most_of_the_clips_has_a_fold_alone(imagined):
    clips, _ = imagined(speakers=12, clips=10)
    often = (clips["speaker"] == "mine/s05") | (clips["text"] == "t0")
    folds = assign(clips[often]).fold
    alone = folds[clips["speaker"][often] == "mine/s05"].unique()
    assert (folds == alone[0]).sum() == 30


def test_the_folds_do_not_depend_on_the_order_of_the_clips(imagined):
    clips, _ = imagined(speakers=24, clips=2)
    mixed = clips.sample(frac=1, random_state=0)
    assert assign(mixed).fold.loc[clips.index].equals(assign(clips).fold)


def test_unknown_speakers_are_refused_with_the_ways_out(corpus):
    clips, _ = corpus
    clips.loc[clips.index[:3], "speaker"] = None
    with pytest.raises(ValueError) as refusal:
        assign(clips)
    assert str(refusal.value).startswith("The speaker of 3 of 48 clips is unknown")
    assert "Add a speaker column" in str(refusal.value)
    assert "--folds random" in str(refusal.value)


def test_one_speaker_leaves_nothing_to_train_on(imagined):
    clips, _ = imagined(speakers=1)
    with pytest.raises(
        ValueError, match=r"one fold only \(mine/s00\): nothing is left"
    ):
        assign(clips)


def test_random_folds_are_flagged_as_leaking(corpus):
    clips, _ = corpus
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folds = assign(clips, "random")
    assert folds.leaking is True
    assert folds.warnings[0].startswith("LEAKING FOLDS (random): the same speakers")
    assert "folds='speaker'" in folds.warnings[0]
    shares = pd.crosstab(folds.fold, clips["emotion"])
    assert len(shares) == 10
    assert (shares.max() - shares.min() <= 1).all()


def test_random_folds_follow_the_seed(corpus):
    clips, _ = corpus
    first, again, other = (assign(clips, "random", seed).fold for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)


def test_random_folds_are_as_many_as_the_rarest_emotion_allows(corpus):
    clips, _ = corpus
    rare = clips[(clips["emotion"] != "sad") | (clips["text"] == "t0")]
    assert assign(rare, "random").fold.nunique() == 4


def test_random_folds_of_speakers_heard_once_do_not_leak(imagined):
    clips, _ = imagined(speakers=30, clips=1, emotions=("angry", "sad"))
    once = clips[(clips["sex"] == "male") == (clips["emotion"] == "sad")]
    assert assign(once, "random").leaking is False


def test_where_nobody_knows_who_speaks_the_folds_say_so(corpus):
    clips, _ = corpus
    folds = assign(clips.assign(speaker=None), "random")
    assert folds.leaking is None
    assert folds.warnings[0].startswith("It is not known who speaks: folds random may")


def test_a_leak_is_seen_where_some_speakers_are_known(corpus):
    clips, _ = corpus
    clips.loc[clips.index[0], "speaker"] = None
    folds = assign(clips, "random")
    assert folds.leaking is True
    assert [line.split(":")[0] for line in folds.warnings] == [
        "LEAKING FOLDS (random)",
        "It is not known who speaks",
    ]


def test_emobox_folds_of_ravdess_are_the_published_ones(ravdess):
    folds = assign(ravdess, "published:emobox")
    found = ravdess["speaker"].str[-2:].astype(int).groupby(folds.fold).agg(set)
    assert found.to_dict() == EMOBOX
    assert folds.leaking is False
    assert folds.warnings == ()


def test_an_actor_that_is_in_no_published_fold_is_refused(ravdess):
    ravdess.loc[ravdess.index[0], "speaker"] = "ravdess/25"
    with pytest.raises(ValueError, match=r"no fold for 1 of the clips, the first: min"):
        assign(ravdess, "published:emobox")


@pytest.mark.parametrize(
    ("dataset", "scheme", "line"),
    [
        ("ravdess", "published:nobody", r"Known for it: published:emobox; speaker alw"),
        ("emodb", "published:emobox", r"emodb has no speaker-disjoint split publis"),
    ],
)
def test_an_unknown_published_split_is_refused(dataset, scheme, line, ravdess):
    with pytest.raises(ValueError, match=line):
        assign(ravdess.assign(dataset=dataset), scheme)


def test_published_folds_are_for_one_corpus(ravdess):
    ravdess.loc[ravdess.index[0], "dataset"] = "emodb"
    with pytest.raises(ValueError, match="for one corpus, not 2"):
        assign(ravdess, "published:emobox")


def test_a_column_has_a_fold_a_value(corpus):
    clips, _ = corpus
    by_sex = assign(clips, "sex")
    assert by_sex.fold.equals(clips["sex"].rename("fold"))
    assert by_sex.leaking is False
    by_text = assign(clips, "text")
    assert by_text.leaking is True
    assert "LEAKING FOLDS (text)" in by_text.warnings[0]


def test_a_column_of_numbers_is_taken_by_its_values(corpus):
    clips, _ = corpus
    assert set(assign(clips.assign(half=[1, 2] * 24), "half").fold) == {"1", "2"}


def test_a_column_with_gaps_is_refused(corpus):
    clips, _ = corpus
    with pytest.raises(ValueError, match="Column 'intensity' is empty for 48 clips"):
        assign(clips, "intensity")


def test_a_column_of_one_value_is_refused(corpus):
    clips, _ = corpus
    with pytest.raises(ValueError, match=r"gives one fold only \(mine\)"):
        assign(clips, "dataset")


@pytest.mark.parametrize("scheme", ["speakers", 5, None, [([0], [1])]])
def test_an_unknown_scheme_is_refused_with_the_known_ones(scheme, corpus):
    clips, _ = corpus
    with pytest.raises(
        ValueError, match=r"Unknown folds .* Known: speaker, published:"
    ):
        assign(clips, scheme)


@pytest.mark.parametrize("splitter", [GroupKFold(2), LeaveOneGroupOut()])
def test_a_splitter_by_group_is_told_who_speaks(splitter, corpus):
    clips, _ = corpus
    folds = assign(clips, splitter)
    assert folds.name == repr(splitter)
    assert folds.leaking is False
    expected = splitter.split(clips, clips["emotion"], clips["speaker"])
    for number, (_, test) in enumerate(expected, start=1):
        assert np.array_equal(np.flatnonzero(folds.fold == str(number)), test)


@pytest.mark.parametrize("splitter", [KFold(3), StratifiedKFold(3)])
def test_a_splitter_that_mixes_speakers_is_flagged_and_nothing_else(splitter, corpus):
    clips, _ = corpus
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert assign(clips, splitter).leaking is True


@pytest.mark.parametrize(
    ("splitter", "line"),
    [
        (ShuffleSplit(3, random_state=0), "tests a clip twice"),
        (PredefinedSplit([-1] * 8 + [0] * 20 + [1] * 20), "never tests 8 of the clips"),
        (ApartInText(), "leaves clips out of both training and test"),
    ],
)
def test_splits_that_are_no_partition_are_refused(splitter, line, corpus):
    clips, _ = corpus
    with pytest.raises(ValueError, match=line):
        assign(clips, splitter)


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
    assert result.filtered == {"only trained on in published:tfds": 20}
    assert result.scores()["uar"]["value"] == 1
    assert result.scores()["uar"]["low"] is None  # two speakers


def test_clips_of_which_none_is_tested_are_refused(crema_d):
    clips, _ = crema_d
    train = clips[clips["speaker"].isin(["crema_d/1001", "crema_d/1002"])]
    with pytest.raises(ValueError, match="None of the clips is tested"):
        evaluation.folds.assign(train, "published:tfds")


def test_each_fold_is_tested_once_and_clips_of_none_are_only_trained_on():
    fold = pd.Series(["1", "2", None, "1"])
    found = [
        (name, train.tolist(), test.tolist()) for name, train, test in splits(fold)
    ]
    assert found == [
        ("1", [False, True, True, False], [True, False, False, True]),
        ("2", [True, False, True, True], [False, True, False, False]),
    ]


def test_random_folds_of_one_clip_an_emotion_are_refused_in_our_words():
    clips = pd.DataFrame(
        {"emotion": ["sad", "angry", "happy"], "speaker": list("abc"), "dataset": ""}
    )
    with pytest.raises(ValueError, match=r"at least 2 clips.*\(angry, happy, sad\)"):
        assign(clips, "random")
