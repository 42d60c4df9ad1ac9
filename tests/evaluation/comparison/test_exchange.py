import itertools

import numpy as np
import pytest

from sertools.evaluation.comparison.exchange import exchange, shares
from sertools.evaluation.intervals import uar


def test_the_shares_of_the_speakers_sum_to_the_pooled_uar():
    rng = np.random.default_rng(0)
    emotion, predicted = rng.integers(0, 3, (2, 200))
    speakers = rng.choice(list("abcdefg"), 200, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05])
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (emotion, predicted), 1)
    right = emotion == predicted
    assert shares(right, emotion, speakers).sum() == pytest.approx(uar(counts))
    assert shares(right, emotion, speakers, False).sum() == pytest.approx(right.mean())
    assert len(shares(right, emotion, speakers)) == 7


def test_few_speakers_go_through_all_exchanges():
    d = np.array([[0.05, 0.01, -0.02, 0.04, 0.03, 0.02, 0.06]])
    sums = [abs(np.dot(signs, d[0])) for signs in itertools.product((1, -1), repeat=7)]
    expected = np.mean([s >= d.sum() - 1e-12 for s in sums])
    found = exchange(d)
    assert found.p[0] == pytest.approx(expected)
    assert found.p_joint[0] == pytest.approx(expected)


def test_many_speakers_are_drawn_and_near_the_normal_law():
    d = np.random.default_rng(3).normal(0.002, 0.01, (1, 40))
    from scipy.stats import norm

    z = d.sum() / np.sqrt(np.square(d).sum())
    assert exchange(d).p[0] == pytest.approx(2 * norm.sf(abs(z)), abs=0.02)
    assert exchange(d, seed=1).p[0] == exchange(d, seed=1).p[0]


def test_the_joint_p_grows_with_the_number_of_pairs_and_keeps_the_order():
    rng = np.random.default_rng(5)
    d = np.vstack([rng.normal(0.01, 0.01, 12), rng.normal(0, 0.01, (9, 12))])
    found, alone = exchange(d), exchange(d[:1])
    assert found.p[0] == alone.p[0]
    assert found.p_joint[0] > alone.p_joint[0]
    assert (found.p_joint >= found.p).all()


def test_models_that_answer_alike_do_not_differ():
    found = exchange(np.zeros((1, 10)))
    assert found.p[0] == found.p_joint[0] == 1
    assert found.difference[0] == found.low[0] == found.high[0] == 0


def test_one_speaker_with_most_clips_decides_nothing():
    d = np.array([[0.5, 0.01, -0.01, 0.02, 0.01, -0.02, 0.01, 0.0, 0.01, 0.01]])
    found = exchange(d)
    assert found.p[0] > 0.1
    assert found.low[0] < 0 < found.high[0]


@pytest.mark.parametrize("speakers", [6, 10, 16])
def test_four_of_five_studies_find_the_difference_that_is_called_detectable(speakers):
    rng = np.random.default_rng(2)
    studies = rng.normal(size=(150, speakers))
    reach = np.median([exchange(d[None], draws=500).detectable[0] for d in studies])
    there = studies + reach / speakers
    found = [exchange(d[None], draws=500).p[0] <= 0.05 for d in there]
    assert 0.68 < np.mean(found) < 0.92


def test_more_pairs_take_a_larger_difference_to_stand_out():
    rng = np.random.default_rng(4)
    d = rng.normal(size=(6, 12))
    assert exchange(d).detectable[0] > exchange(d[:1]).detectable[0]


def test_a_difference_that_would_be_found_is_wider_than_the_interval_is_half_wide():
    d = np.random.default_rng(1).normal(0, 0.02, (1, 30))
    found = exchange(d)
    assert found.detectable[0] > (found.high[0] - found.low[0]) / 2
