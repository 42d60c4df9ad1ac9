import json

import numpy as np
import pytest

from sertools.evaluation import cross_validate, load, transfer
from sertools.evaluation.choices import taken
from sertools.models import heads

BOTH = "average of logistic and svm"


def fused(X):
    """Name half of the features as one set, half as another."""
    return X.set_axis([f"{'ab'[i % 2]}/f{i}" for i in range(X.shape[1])], axis=1)


@pytest.fixture
def two_parts(imagined):
    """Give six speakers, three of them to be tested first, three then."""
    clips, X = imagined(speakers=6, clips=2, apart=4.0)
    early = ["mine/s00", "mine/s01", "mine/s02"]
    clips["part"] = np.where(clips["speaker"].isin(early), "first", "second")
    return clips, fused(X), (clips["part"] == "first").to_numpy()


def test_what_only_the_tested_clips_show_has_no_say(two_parts):
    """One set gives the first part's emotions away, and says nothing else."""
    clips, X, first = two_parts
    a = [name for name in X if name.startswith("a/")]
    noise = np.random.default_rng(0).normal(size=(len(X), len(a)))
    truth = np.unique(clips["emotion"], return_inverse=True)[1][:, None]
    plain, planted = X.copy(), X.copy()
    plain[a] = noise
    planted[a] = np.where(first[:, None], 10.0 * truth, noise)
    one, other = (
        cross_validate("best", table, clips, folds="part").info["chosen"]
        for table in (plain, planted)
    )
    losses = [other[part]["losses"] for part in ("first", "second")]
    assert one["first"] == other["first"]
    assert losses[0]["logistic on a"] > losses[0]["logistic on b"] + 0.2
    assert one["second"] != other["second"]  # there, it is training
    assert losses[1]["logistic on a"] < 0.1 < one["second"]["losses"]["logistic on a"]


def test_labels_of_the_tested_clips_have_no_say(two_parts):
    clips, X, first = two_parts
    turned = clips.assign(
        emotion=clips["emotion"].where(~first, clips["emotion"][::-1].to_numpy())
    )
    one, other = (
        cross_validate("best", X, table, folds="part") for table in (clips, turned)
    )
    assert one.info["chosen"]["first"] == other.info["chosen"]["first"]
    probabilities = [
        result.predictions[result.classes][first] for result in (one, other)
    ]
    assert probabilities[0].equals(probabilities[1])


def test_what_was_chosen_is_told_shown_and_kept(imagined, tmp_path):
    clips, X = imagined(speakers=4)
    result = cross_validate("best", fused(X), clips, baseline=False)
    chosen = result.info["chosen"]
    assert set(chosen) == set(clips["speaker"])
    assert result.info["head"] == "best" and result.info["tuned"] is None
    for one in chosen.values():
        assert one["losses"][one["candidate"]] == min(one["losses"].values())
        assert all({"scaling", "C"} == set(s) for s in one["settings"].values())
    assert result.warnings[0].startswith("Chosen in each fold, on training speakers")
    assert " of 4)" in repr(result) and " of 4)" in result._repr_html_()
    again = load(result.save(tmp_path))
    assert again.info["chosen"] == chosen
    assert json.loads((tmp_path / "metrics.json").read_text())["more"]["chosen"]


def test_where_nothing_can_be_chosen_that_is_told(imagined):
    clips, X = imagined(speakers=3)
    result = cross_validate("best", X, clips, baseline=False)
    assert {one["candidate"] for one in result.info["chosen"].values()} == {BOTH}
    assert result.warnings[0].startswith(
        "Nothing could be chosen in 3 of 3 folds, the first mine/s00: fewer than three"
    )
    assert BOTH in result.warnings[0]


def test_from_corpus_to_corpus_it_is_told_too(imagined):
    clips, X = imagined(speakers=4)
    clips["dataset"] = np.where(clips["speaker"] == "mine/s00", "there", "here")
    result = transfer("best", X, clips, "there", baseline=False)
    assert list(result.info["chosen"]) == ["there"]
    assert any(line.startswith("Chosen in each fold") for line in result.warnings)


def test_other_heads_choose_nothing(imagined):
    clips, X = imagined()
    head = heads.make("logistic").fit(X, clips["emotion"])
    assert taken(head) == {}
    assert cross_validate("svm", X, clips, baseline=False).info["chosen"] is None
