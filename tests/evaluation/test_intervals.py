import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from sertools.evaluation.intervals import (
    SCORES,
    accuracy,
    counts_by_speaker,
    groups,
    jackknife,
    macro_f1,
    right_by_speaker,
    uar,
)

TABLE = pd.DataFrame({"sex": ["female", None], "n": [1, 2]})


def test_what_is_unknown_is_a_group_of_its_own():
    assert groups(TABLE, "sex").tolist() == ["female", "unknown"]


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="No column 'age' .* Known: sex, n"):
        groups(TABLE, "age")
    with pytest.raises(ValueError, match="Known: sex\\."):
        groups(TABLE, "age", ["sex"])


THREE = np.array([[[8, 2], [3, 7]], [[9, 1], [2, 8]], [[7, 3], [4, 6]]])


def drawn(seed, speakers=6, emotions=4, clips=120, right=0.5):
    """Draw true and predicted classes and speakers, at random."""
    rng = np.random.default_rng(seed)
    names = np.array(["angry", "fear", "happy", "sad", "surprise"][:emotions])
    true = rng.choice(names, clips, p=rng.dirichlet(np.ones(emotions) * 3))
    guess = rng.choice(names, clips)
    predicted = np.where(rng.random(clips) < right, true, guess)
    return true, predicted, rng.choice(list("abcdefghijkl")[:speakers], clips)


def test_scores_by_hand():
    counts = np.array([[3, 1, 0], [2, 2, 0]])  # the third class is nobody's truth
    assert uar(counts) == (3 / 4 + 2 / 4) / 2
    assert accuracy(counts) == 5 / 8
    # F1 is 2 hits / (true + claimed): 6 / (4 + 5) and 4 / (4 + 3)
    assert macro_f1(counts) == pytest.approx((6 / 9 + 4 / 7) / 2)


def test_predictions_outside_the_true_classes_are_wrong():
    inside, outside = np.array([[3, 1], [0, 4]]), np.array([[3, 0, 1], [0, 4, 0]])
    assert uar(inside) == uar(outside)
    assert accuracy(inside) == accuracy(outside)
    assert macro_f1(outside) > macro_f1(inside)  # no true class is claimed wrongly


def test_emotions_without_clips_do_not_count():
    counts = np.array([[4, 0, 0], [1, 3, 0], [0, 0, 0]])
    for score in SCORES.values():
        assert score(counts) == pytest.approx(score(counts[:2]))


def test_no_clips_at_all_are_zero():
    assert [float(score(np.zeros((2, 2)))) for score in SCORES.values()] == [0, 0, 0]


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_those_of_scikit_learn(seed):
    true, predicted, speakers = drawn(seed)
    emotions = sorted(set(true))
    known = np.isin(predicted, emotions)
    true, predicted, speakers = true[known], predicted[known], speakers[known]
    counts = counts_by_speaker(true, predicted, speakers, emotions, emotions).sum(0)
    assert uar(counts) == pytest.approx(balanced_accuracy_score(true, predicted))
    assert accuracy(counts) == pytest.approx(accuracy_score(true, predicted))
    assert macro_f1(counts) == pytest.approx(f1_score(true, predicted, average="macro"))


def test_many_tables_are_scored_at_once():
    for score in SCORES.values():
        assert score(THREE).tolist() == [float(score(table)) for table in THREE]
        assert score(THREE[None]).shape == (1, 3)


def test_confusions_are_counted_speaker_by_speaker():
    true, predicted = list("aabbbc"), list("abbbzc")
    counts = counts_by_speaker(
        true, predicted, list("yyxxyx"), list("abc"), list("zab")
    )
    assert counts.shape == (2, 3, 4)  # speakers x, y; columns a, b, c, z
    assert counts[0].tolist() == [[0, 0, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0]]
    assert counts[1].tolist() == [[1, 1, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]]


def test_an_interval_by_hand():
    """Pooled 24 of 30 and 21 of 30; without one speaker 16 and 14 of 20, and so on."""
    value = (24 / 30 + 21 / 30) / 2
    without = [
        (16 / 20 + 14 / 20) / 2,
        (15 / 20 + 13 / 20) / 2,
        (17 / 20 + 15 / 20) / 2,
    ]
    logits = [math.log(score / (1 - score)) for score in without]
    middle = sum(logits) / 3
    error = math.sqrt(2 / 3 * sum((logit - middle) ** 2 for logit in logits))
    centre, reach = math.log(value / (1 - value)), 4.302652729749464 * error  # t(2)
    ends = [1 / (1 + math.exp(-(centre + sign * reach))) for sign in (-1, 1)]
    assert jackknife(THREE) == pytest.approx((value, *ends), rel=1e-12)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("seed", range(5))
def test_an_interval_holds_its_score_and_stays_between_0_and_1(score, seed):
    true, predicted, speakers = drawn(seed)
    names = sorted({*true, *predicted})
    counts = counts_by_speaker(true, predicted, speakers, sorted(set(true)), names)
    value, low, high = jackknife(counts, score)
    assert 0 < low < value < high < 1
    wider = jackknife(counts, score, level=0.99)
    assert wider[1] < low and high < wider[2]


def test_speakers_who_speak_more_have_no_second_vote():
    """Ten times the clips of everybody are no ten times the speakers."""
    assert jackknife(THREE * 10) == pytest.approx(jackknife(THREE))


def test_the_order_of_the_speakers_does_not_matter():
    assert jackknife(THREE[::-1]) == pytest.approx(jackknife(THREE))


@pytest.mark.parametrize("speakers", [1, 2])
def test_one_or_two_speakers_have_no_interval(speakers):
    value, low, high = jackknife(THREE[:speakers])
    assert value == float(uar(THREE[:speakers].sum(axis=0)))
    assert (low, high) == (None, None)


@pytest.mark.parametrize("speakers", [3, 10, 91])
def test_all_right_and_all_wrong_have_the_binomial_interval_of_speakers(speakers):
    right = np.array([[[5, 0], [0, 5]]] * speakers)
    value, low, high = jackknife(right)
    assert (value, high) == (1.0, 1.0)
    assert low**speakers == pytest.approx(0.025)  # all right this often, at least
    value, low, high = jackknife(right[:, ::-1])
    assert (value, low) == (0.0, 0.0)
    assert (1 - high) ** speakers == pytest.approx(0.025)


def test_speakers_without_whom_all_is_right_leave_a_finite_interval():
    counts = np.array([[[9, 1], [0, 10]], *[[[10, 0], [0, 10]]] * 4])
    value, low, high = jackknife(counts)
    assert 0 < low < value < high < 1


def test_it_covers_what_it_should():
    """95 % intervals of 4 speakers with habits hold the truth about 95 times of 100."""
    rng, held, times = np.random.default_rng(0), 0, 1000
    habits = rng.normal(0.8, 0.7, (100_000, 2))
    truth = (1 / (1 + np.exp(-habits))).mean()
    for _ in range(times):
        recall = 1 / (1 + np.exp(-rng.normal(0.8, 0.7, (4, 2))))
        hits = rng.binomial(20, recall)
        counts = np.zeros((4, 2, 2), int)
        counts[:, [0, 1], [0, 1]] = hits
        counts[:, [0, 1], [1, 0]] = 20 - hits
        _, low, high = jackknife(counts)
        held += low <= truth <= high
    assert 0.93 <= held / times <= 0.97


def test_student_with_one_less_than_the_speakers():
    counts = np.concatenate([THREE, THREE])
    _, low, high = jackknife(counts)
    logits = np.log(low / (1 - low)), np.log(high / (1 - high))
    without = uar(counts.sum(axis=0) - counts)
    spread = np.log(without / (1 - without))
    error = math.sqrt(5 / 6 * ((spread - spread.mean()) ** 2).sum())
    assert logits[1] - logits[0] == pytest.approx(2 * student.ppf(0.975, 5) * error)


def test_what_was_right_is_counted_by_speaker():
    found = right_by_speaker(np.array([True, False, True]), np.array(list("aab")))
    assert found.tolist() == [[[1.0, 1.0]], [[1.0, 0.0]]]


def test_clips_of_which_a_column_says_nothing_are_a_group_of_their_own():
    table = pd.DataFrame({"sex": ["female", None]})
    assert groups(table, "sex").tolist() == ["female", "unknown"]
