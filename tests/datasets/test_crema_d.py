import pandas as pd
import pytest

from sertools import datasets
from sertools.datasets.base import COLUMNS
from sertools.metadata import ClipsMetadata

NAMES = ("1001_IEO_HAP_LO", "1002_DFA_ANG_XX", "1040_ITH_SAD_XX")
VOTES = ("vote_voice", "vote_face", "vote_both")
ANSWERS = ("angry", "disgust", "fear", "happy", "neutral", "sad")

TABULATED = """\
"","A","D","F","H","N","S","fileName","numResponses","agreement","emoVote","meanEmoResp"
"100002",0,0,0,3,6,0,"1001_IEO_HAP_LO",9,0.666666666666667,"N",62
"100003",4,4,0,0,1,1,"1002_DFA_ANG_XX",10,0.4,"A:D",50
"103213",0,0,0,0,2,8,"1040_ITH_SAD_XX",10,0.8,"S",61.5
"200002",0,0,0,9,0,0,"1001_IEO_HAP_LO",9,1,"H",57
"200003",9,0,0,0,1,0,"1002_DFA_ANG_XX",10,0.9,"A",71
"300002",0,0,0,8,1,0,"1001_IEO_HAP_LO",9,0.888888888888889,"H",57.4
"300003",10,0,0,0,0,0,"1002_DFA_ANG_XX",10,1,"A",80
"303213",0,0,0,0,5,5,"1040_ITH_SAD_XX",10,0.5,"N:S",60
"""
SUMMARY = """\
"","FileName","VoiceVote","VoiceLevel","FaceVote","FaceLevel","MultiModalVote","MultiModalLevel"
"2","1001_IEO_HAP_LO","N","71.67","H","57","H","57.38"
"3","1002_DFA_ANG_XX","A:D","37.2:58.6","A","45.5","A","44.2"
"3213","1040_ITH_SAD_XX","S","51.5","N","70","N:S","59.4:61.0"
"""


@pytest.fixture
def tree(plant):
    return plant(*(f"AudioWAV/{name}.wav" for name in NAMES))


def place(folder, name, text):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)


def test_a_name_is_read(tree):
    clip = datasets.load("crema_d", tree).loc["crema_d/1001_IEO_HAP_LO"]
    expected = {
        "emotion": "happy",
        "label": "HAP",
        "speaker": "crema_d/1001",
        "sex": "male",
        "text": "It's eleven o'clock",
        "intensity": "low",
    }
    assert clip[list(expected)].to_dict() == expected


def test_43_women_and_48_men():
    sexes = pd.Series(datasets.get("crema_d").sexes)
    assert sexes.value_counts().to_dict() == {"male": 48, "female": 43}
    assert sexes[["1001", "1002", "1089", "1090", "1091"]].tolist() == [
        *("male", "female", "female", "male", "female")
    ]


def test_an_older_name_is_the_same_clip(plant):
    root = plant("1040_ITH_SAD_X.wav")
    clips = datasets.load("crema_d", root)
    assert clips.index.tolist() == ["crema_d/1040_ITH_SAD_XX"]
    assert clips["intensity"].tolist() == ["unspecified"]
    told = datasets.get("crema_d").name_anomaly(clips["path"].iloc[0])
    assert told == "named 1040_ITH_SAD_X, published as 1040_ITH_SAD_XX"


def test_the_split_of_tensorflow_datasets_tests_19_actors():
    folds = datasets.get("crema_d").published["tfds"]
    assert len(folds["test"]) == len(set(folds["test"])) == 19
    assert {"1010", "1088"} <= set(folds["test"])
    assert not set(folds["test"]) & {"1015", "1020", "1090"}


def test_the_repository_with_its_mp3_copies(plant):
    root = plant(
        *(f"AudioWAV/{name}.wav" for name in NAMES),
        *(f"AudioMP3/{name}.mp3" for name in NAMES),
    )
    clips = datasets.load("crema_d", root)
    assert len(clips) == 3
    assert len(ClipsMetadata.of(clips).excluded) == 3


# What listeners heard


def test_without_the_tables_there_are_no_further_columns(tree):
    assert list(datasets.load("crema_d", tree).columns) == list(COLUMNS)


def test_tabulated_votes_become_columns(tree):
    place(tree / "processedResults", "tabulatedVotes.csv", TABULATED)
    clips = datasets.load("crema_d", tree)
    further = [*VOTES, *(f"votes_{a}" for a in ANSWERS), "n_votes", "agreement"]
    assert list(clips.columns) == [*COLUMNS, *further]
    angry = clips.loc["crema_d/1002_DFA_ANG_XX"]
    assert angry["vote_voice"] == "angry:disgust"
    assert angry["vote_face"] == angry["vote_both"] == "angry"
    assert angry[[f"votes_{a}" for a in ANSWERS]].tolist() == [4, 4, 0, 0, 1, 1]
    assert angry["n_votes"] == 10
    assert angry["agreement"] == pytest.approx(0.4)
    sad = clips.loc["crema_d/1040_ITH_SAD_XX"]
    assert sad["vote_both"] == "neutral:sad"
    assert pd.isna(sad["vote_face"])
    assert ClipsMetadata.of(clips).excluded == []


def test_the_summary_gives_what_most_answered(tree):
    place(tree / "processedResults", "summaryTable.csv", SUMMARY)
    clips = datasets.load("crema_d", tree)
    assert list(clips.columns) == [*COLUMNS, *VOTES]
    assert clips["vote_voice"].tolist() == ["neutral", "angry:disgust", "sad"]
    assert clips["vote_face"].tolist() == ["happy", "angry", "neutral"]
    assert clips["vote_both"].tolist() == ["happy", "angry", "neutral:sad"]


def test_both_tables_agree(tree, tmp_path):
    place(tree / "processedResults", "summaryTable.csv", SUMMARY)
    summary = datasets.load("crema_d", tree)["vote_voice"]
    place(tree / "processedResults", "tabulatedVotes.csv", TABULATED)
    assert datasets.load("crema_d", tree)["vote_voice"].equals(summary)


@pytest.mark.parametrize("where", ["beside", "in the root", "one folder up"])
def test_the_tables_are_found(where, tree):
    folder = {
        "beside": tree / "AudioWAV",
        "in the root": tree,
        "one folder up": tree / "processedResults",
    }[where]
    place(folder, "summaryTable.csv", SUMMARY)
    root = tree / "AudioWAV" if where == "one folder up" else tree
    assert "vote_voice" in datasets.load("crema_d", root)


def test_clips_that_the_votes_do_not_know_have_none(plant):
    root = plant("1091_WSI_SAD_XX.wav", "1001_IEO_HAP_LO.wav")
    place(root, "tabulatedVotes.csv", TABULATED)
    clips = datasets.load("crema_d", root)
    assert clips["vote_voice"].isna().tolist() == [False, True]
    assert clips["n_votes"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    "text", ["version https://git-lfs.github.com/spec/v1\n", "", "a,b\n1,2\n"]
)
def test_a_table_that_will_not_do_is_named_and_the_clips_still_load(text, tree):
    place(tree / "processedResults", "summaryTable.csv", text)
    with pytest.warns(UserWarning, match=r"summaryTable\.csv: not a table of votes"):
        clips = datasets.load("crema_d", tree)
    assert list(clips.columns) == list(COLUMNS)


def test_votes_do_not_disturb_what_follows(tree):
    from sertools import features, models

    place(tree / "processedResults", "tabulatedVotes.csv", TABULATED)
    clips = datasets.select(datasets.load("crema_d", tree), "happy,sad")
    assert clips["vote_voice"].tolist() == ["neutral", "sad"]
    model = models.load("duration_loudness")
    assert len(features.extract(model, clips, store=False, jobs=1)) == 2
