"""How much must be known of a speaker: drawn people, of whom the truth is known."""

import numpy as np
import pandas as pd
import pytest

from sertools import evaluation
from sertools.evaluation.enrolling.ways import WAYS


def people(speakers=8, clips=8, apart=6.0, seed=0):
    """Draw people whose voices differ more than their emotions do."""
    rng = np.random.default_rng(seed)
    emotions = np.repeat(["angry", "happy", "neutral", "sad"], clips)
    steps = np.repeat([[3, 0], [1, 2], [0, 0], [-2, -1]], clips, axis=0)
    rows, vectors = [], []
    for speaker in range(speakers):
        voice = rng.normal(0, apart, 2)
        for number, emotion in enumerate(emotions):
            name = f"mine/{speaker}_{number:02}"
            who = f"mine/{speaker}"
            rows.append((name, emotion, who, "mine", None))
            own = np.append(voice, 0) + np.append(steps[number], 0)
            vectors.append(own + rng.normal(0, 0.7, 3))
    columns = ["clip", "emotion", "speaker", "dataset", "path"]
    table = pd.DataFrame(rows, columns=columns).set_index("clip")
    return table, pd.DataFrame(vectors, table.index, ["a", "b", "noise"])


@pytest.fixture(scope="module")
def mine():
    return people()


@pytest.fixture(scope="module")
def found(mine):
    clips, X = mine
    return evaluation.enrolment(
        X, clips, "logistic", list(WAYS), [0, 1, 5, 20], draws=3, shown=False
    )


def uar(found, way, mix, count, column="uar"):
    return found.curve(way, mix).loc[count, column]


def test_the_ends_of_the_curves_are_what_cross_validation_says(mine, found):
    clips, X = mine
    for way in ("none", "speaker"):
        result = evaluation.cross_validate(
            "logistic", X, clips, standardize=way, baseline=False
        )
        score = result.scores()["uar"]
        if way == "none":
            assert found.nothing == pytest.approx(score)
        else:
            every = uar(found, way, "random", "all", "uar_all")
            assert every == pytest.approx(score["value"], abs=0.005)


def test_clips_that_are_enrolled_are_not_scored(mine, found):
    clips, _ = mine
    rows = found.table[~found.table["count"].isin([0, "all"])].dropna(subset="uar")
    assert (rows["n_speakers"] == 8).all()
    left = len(clips) - 8 * rows["drawn"]
    np.testing.assert_allclose(rows["scored"], left)
    exact = rows[rows["mix"].isin(["balanced", "random"])]
    assert (exact["drawn"] == exact["count"].astype(float)).all()


def test_more_balanced_clips_help_and_one_sided_ones_harm(found):
    balanced = found.curve("speaker_centred", "balanced")["uar"]
    assert balanced[20] > balanced[1] + 0.15
    assert balanced[20] > found.nothing["value"] + 0.1
    for mix in ("angry:80", "sad:80"):
        assert uar(found, "speaker", mix, 5) < balanced[5] - 0.2


@pytest.mark.parametrize("way", ["speaker_shrunk", "speaker_explained"])
def test_two_ways_hold_up_where_a_batch_is_one_sided(way):
    clips, X = people(apart=0.7)
    found = evaluation.enrolment(
        *(X, clips, "logistic", ["speaker", way]),
        **{"counts": [5], "mixes": ["angry:80", "sad:80"], "draws": 4, "shown": False},
    )
    for mix in found.mixes:
        assert uar(found, "speaker", mix, 5) < found.nothing["value"] - 0.1
        assert uar(found, way, mix, 5) > found.nothing["value"] - 0.03


def test_neutral_clips_serve_those_who_were_trained_by_neutral_clips(found):
    for way in ("speaker", "speaker_centred"):
        neutral = uar(found, "speaker_neutral", "neutral:100", 5)
        assert neutral > uar(found, way, "neutral:100", 5) + 0.03


def test_one_clip_has_no_deviation_and_is_refused(found):
    for way, kind in WAYS.items():
        refused = found.curve(way, "random")["uar"].isna()
        assert refused[1] == (kind.least == 2)
        assert not refused.drop(1).any()
    assert "      -" in repr(found)


def test_neither_order_nor_company_changes_a_number(mine, found):
    clips, X = mine
    again = evaluation.enrolment(
        X.sample(frac=1, random_state=3),
        clips.sample(frac=1, random_state=4),
        *("logistic", ["speaker_shrunk"], [5], ["sad:80"], 3),
        shown=False,
    )
    row = again.curve("speaker_shrunk", "sad:80").loc[5]
    same = found.curve("speaker_shrunk", "sad:80").loc[5]
    pd.testing.assert_series_equal(row, same, check_names=False)


@pytest.mark.parametrize("emotions", ["angry,sad", "angry,happy,neutral,sad"])
def test_what_guessed_emotions_explain_is_taken_out(emotions):
    """Two emotions or more: the middle that is found is near the true one."""
    clips, X = people(speakers=12, apart=1.0, clips=6)
    kept = clips["emotion"].isin(emotions.split(","))
    clips, X = clips[kept], X[kept]
    train = clips["speaker"] != "mine/0"
    place, _ = WAYS["speaker_explained"].learn(
        X[train].to_numpy(),
        *(clips.loc[train, name].to_numpy(str) for name in ("speaker", "emotion")),
    )
    own = X[~train].to_numpy()
    angry = own[clips.loc[~train, "emotion"].eq("angry")]
    fair, skewed = place(own, own).mean(axis=0), place(own, angry).mean(axis=0)
    plain = (own.mean(axis=0) - angry.mean(axis=0)) / X.std().to_numpy()
    assert np.linalg.norm(skewed - fair) < 0.6 * np.linalg.norm(plain)


@pytest.mark.parametrize("way", WAYS)
def test_a_feature_that_does_not_vary_is_harmless(way, mine):
    clips, X = mine
    values = X.assign(same=7.0).to_numpy()
    who, emotions = clips["speaker"].to_numpy(str), clips["emotion"].to_numpy(str)
    place, placed = WAYS[way].learn(values, who, emotions)
    assert placed.shape == values.shape
    assert np.isfinite(placed).all()
    assert np.isfinite(place(values[:5], values[5:9])).all()
    assert (placed[:, 3] == 0).all()


def test_a_speaker_of_one_clip_is_refused_in_one_line(mine):
    clips, X = mine
    clips = clips.assign(speaker=["mine/alone", *clips["speaker"][1:]])
    with pytest.raises(ValueError, match="mine/alone has 1 clip: nothing") as refused:
        evaluation.enrolment(X, clips, shown=False)
    assert len(str(refused.value).splitlines()) == 1


def test_speakers_without_such_clips_are_left_out_and_counted(mine):
    clips, X = mine
    kept = ~(clips["speaker"].eq("mine/3") & clips["emotion"].eq("neutral"))
    found = evaluation.enrolment(
        *(X[kept], clips[kept], "logistic", ["speaker"], [3]),
        **{"mixes": ["neutral:100", "random"], "draws": 2, "shown": False},
    )
    assert uar(found, "speaker", "neutral:100", 3, "n_speakers") == 7
    assert uar(found, "speaker", "random", 3, "n_speakers") == 8
    assert "Up to 1 speakers have too few clips for some mixes" in repr(found)


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"standardize": ["speakers"]}, "Unknown way to standardise a speaker"),
        ({"standardize": []}, "Unknown way to standardise a speaker"),
        ({"counts": [-1]}, "counts of 0 or more"),
        ({"draws": 0}, "one draw or more"),
        ({"mixes": ["fear:80"]}, "No clip is fear"),
        ({"head": "svn"}, "Did you mean svm?"),
    ],
)
def test_what_cannot_be_asked_is_said(given, line, mine):
    clips, X = mine
    with pytest.raises(ValueError) as refused:
        evaluation.enrolment(X, clips, **{"shown": False, **given})
    assert line in str(refused.value)


def test_it_shows_itself(found):
    text, page = repr(found), found._repr_html_()
    for part in ("80 % angry", "neutral only", "never ranked", "chance 0.250"):
        assert part in text
        assert part in page
    assert found.grid().shape == (len(WAYS) * 5, 5)
    assert max(map(len, text.splitlines())) < 200


@pytest.mark.slow
def test_the_curves_of_emodb(real_data):
    """Five random clips are worse than nothing, one-sided ones far worse."""
    from sertools import datasets, features, models

    clips = datasets.load("emodb", root=real_data / "emodb")
    clips = datasets.select(clips, "angry,happy,neutral,sad")
    X = features.extract(models.load("opensmile"), clips, progress=False)
    found = evaluation.enrolment(
        *(X, clips, "svm", ["speaker", "speaker_shrunk", "speaker_explained"]),
        **{"counts": [5], "mixes": ["random", "angry:80", "sad:80"], "draws": 10},
        shown=False,
    )
    nothing = found.nothing["value"]
    assert nothing == pytest.approx(0.76, abs=0.02)
    every = uar(found, "speaker", "random", "all", "uar_all")
    assert every == pytest.approx(0.87, abs=0.02)
    assert uar(found, "speaker", "random", 5) < nothing - 0.1
    assert uar(found, "speaker", "angry:80", 5) < uar(found, "speaker", "random", 5)
    for way in ("speaker_shrunk", "speaker_explained"):
        for mix in found.mixes:
            assert found.curve(way, mix)["uar"].min() > nothing
