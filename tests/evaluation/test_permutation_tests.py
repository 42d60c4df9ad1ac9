import itertools

import numpy as np
import pytest

from sertools.evaluation._permutation_tests import (
    HitCounts,
    label_permutations,
    min_p_value_paired,
    min_p_value_unpaired,
    minimum_detectable_effect,
    n_permutations,
    null_spread,
    paired_test,
    sidak,
    sign_flip_test,
    signs,
    speaker_contributions,
    studied,
    to_t,
    unpaired_test,
)
from sertools.evaluation.intervals import uar


def test_the_shares_of_the_speakers_sum_to_the_pooled_uar():
    rng = np.random.default_rng(0)
    emotion, predicted = rng.integers(0, 3, (2, 200))
    speakers = rng.choice(list("abcdefg"), 200, p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05])
    counts = np.zeros((3, 3), int)
    np.add.at(counts, (emotion, predicted), 1)
    right = emotion == predicted
    assert speaker_contributions(right, emotion, speakers).sum() == pytest.approx(
        uar(counts)
    )
    assert speaker_contributions(
        right, emotion, speakers, False
    ).sum() == pytest.approx(right.mean())
    assert len(speaker_contributions(right, emotion, speakers)) == 7


def test_few_speakers_go_through_all_exchanges():
    d = np.array([[0.05, 0.01, -0.02, 0.04, 0.03, 0.02, 0.06]])
    sums = [abs(np.dot(signs, d[0])) for signs in itertools.product((1, -1), repeat=7)]
    expected = np.mean([s >= d.sum() - 1e-12 for s in sums])
    found = sign_flip_test(d)
    assert found.p[0] == pytest.approx(expected)
    assert found.p_joint[0] == pytest.approx(expected)


def test_many_speakers_are_drawn_and_near_the_normal_law():
    d = np.random.default_rng(3).normal(0.002, 0.01, (1, 40))
    from scipy.stats import norm

    z = d.sum() / np.sqrt(np.square(d).sum())
    assert sign_flip_test(d).p[0] == pytest.approx(2 * norm.sf(abs(z)), abs=0.02)
    assert sign_flip_test(d, seed=1).p[0] == sign_flip_test(d, seed=1).p[0]


def test_the_joint_p_grows_with_the_number_of_pairs_and_keeps_the_order():
    rng = np.random.default_rng(5)
    d = np.vstack([rng.normal(0.01, 0.01, 12), rng.normal(0, 0.01, (9, 12))])
    found, alone = sign_flip_test(d), sign_flip_test(d[:1])
    assert found.p[0] == alone.p[0]
    assert found.p_joint[0] > alone.p_joint[0]
    assert (found.p_joint >= found.p).all()


def test_models_that_answer_alike_do_not_differ():
    found = sign_flip_test(np.zeros((1, 10)))
    assert found.p[0] == found.p_joint[0] == 1
    assert found.difference[0] == found.low[0] == found.high[0] == 0


def test_one_speaker_with_most_clips_decides_nothing():
    d = np.array([[0.5, 0.01, -0.01, 0.02, 0.01, -0.02, 0.01, 0.0, 0.01, 0.01]])
    found = sign_flip_test(d)
    assert found.p[0] > 0.1
    assert found.low[0] < 0 < found.high[0]


@pytest.mark.parametrize("speakers", [6, 10, 16])
def test_four_of_five_studies_find_the_difference_that_is_called_detectable(speakers):
    rng = np.random.default_rng(2)
    studies = rng.normal(size=(150, speakers))
    reach = np.median(
        [sign_flip_test(d[None], draws=500).detectable[0] for d in studies]
    )
    there = studies + reach / speakers
    found = [sign_flip_test(d[None], draws=500).p[0] <= 0.05 for d in there]
    assert 0.68 < np.mean(found) < 0.92


def test_more_pairs_take_a_larger_difference_to_stand_out():
    rng = np.random.default_rng(4)
    d = rng.normal(size=(6, 12))
    assert sign_flip_test(d).detectable[0] > sign_flip_test(d[:1]).detectable[0]


def test_a_difference_that_would_be_found_is_wider_than_the_interval_is_half_wide():
    d = np.random.default_rng(1).normal(0, 0.02, (1, 30))
    found = sign_flip_test(d)
    assert found.detectable[0] > (found.high[0] - found.low[0]) / 2


def test_few_speakers_have_every_sign_once_and_many_are_drawn():
    (every,) = signs(5, 0, 0)
    assert len({tuple(row) for row in every}) == len(every) == 16
    assert (every[0] == 1).all()
    blocks = list(signs(20, 3, 5000))
    assert sum(map(len, blocks)) == 5001
    assert (blocks[0] == 1).all()
    assert all(map(np.array_equal, blocks, signs(20, 3, 5000)))


def test_fewer_speakers_and_stricter_levels_need_more():
    assert (
        minimum_detectable_effect(6, 0.05)
        > minimum_detectable_effect(8, 0.05)
        > minimum_detectable_effect(40, 0.05)
    )
    assert minimum_detectable_effect(12, 0.01) > minimum_detectable_effect(12, 0.05)
    assert np.isnan(minimum_detectable_effect(5, 0.05))


def test_what_no_effect_can_reach_has_no_size():
    moves = np.array([[1.0, 1.0], [1.0, -1.0]])
    assert np.isnan(studied(moves, np.full(2, 0.7), 0.05))


def test_student_is_the_t_of_the_same_speakers():
    d = np.random.default_rng(0).normal(0.5, 1, 9)
    far = d.sum() / np.sqrt(np.square(d).sum())
    t = d.mean() / d.std(ddof=1) * 3
    assert to_t(far, 9) == pytest.approx(t)


@pytest.mark.parametrize("speakers", [8, 12])
def test_what_is_detectable_is_mostly_found(speakers):
    drawn, error = np.random.default_rng(2), np.sqrt(speakers)
    sizes = [
        sign_flip_test(drawn.normal(size=(1, speakers))).detectable for _ in range(100)
    ]
    size = np.sqrt(np.square(sizes).mean()) / speakers
    moved = drawn.normal(size, 1, (100, 1, speakers))
    found = np.mean([sign_flip_test(one).p_joint[0] <= 0.05 for one in moved])
    assert 0.68 < found < 0.95
    assert size * speakers > 2 * error


def tally(seed=0, speakers=6, emotions=2, groups=None):
    drawn = np.random.default_rng(seed)
    shape = (speakers, emotions) if groups is None else (speakers, emotions, groups)
    clips = drawn.integers(2, 6, shape).astype(float)
    return HitCounts(drawn.binomial(clips.astype(int), 0.6).astype(float), clips)


def test_clips_are_counted_by_speaker_emotion_and_group():
    right = [True, False, True, True]
    codes = ([0, 0, 1, 1], [0, 1, 1, 1], [1, 0, 0, 0])
    counted = HitCounts.of(right, codes, (2, 2, 2))
    assert counted.clips[1, 1].tolist() == [2, 0]
    assert counted.hits[0].tolist() == [[0, 1], [0, 0]]
    assert counted.paired() == 0


def test_between_goes_through_every_way_to_deal_speakers_out():
    counted, groups = tally(speakers=7), np.array([0, 0, 0, 1, 1, 1, 1])

    def difference(inside):
        one = counted.hits[inside].sum(0) / counted.clips[inside].sum(0)
        other = counted.hits[~inside].sum(0) / counted.clips[~inside].sum(0)
        return (one - other).mean()

    every = []
    for chosen in itertools.combinations(range(7), 3):
        inside = np.isin(np.arange(7), chosen)
        every.append(abs(difference(inside)))
    observed = difference(groups == 0)
    found = unpaired_test(counted, groups)
    assert found.difference[0] == pytest.approx(observed)
    assert found.p[0] == pytest.approx(np.mean(np.array(every) >= abs(observed) - 1e-9))
    assert found.difference[1] == pytest.approx(-found.difference[0])
    assert found.p_joint[0] == pytest.approx(found.p[0])


def test_three_groups_of_speakers_are_dealt_out_in_all_ways():
    found = unpaired_test(tally(speakers=6), np.array([0, 0, 1, 1, 2, 2]))
    assert (found.p_joint >= found.p - 1e-12).all()
    # 90 ways to deal six out to three pairs; each appears once
    assert np.allclose(found.p * 90, np.round(found.p * 90))


def test_an_emotion_that_one_side_lacks_does_not_count():
    hits = np.array([[2.0, 2.0], [2.0, 0.0], [2.0, 0.0], [0.0, 0.0]] * 2)
    clips = np.array([[4.0, 4.0], [4.0, 4.0], [4.0, 0.0], [4.0, 0.0]] * 2)
    found = unpaired_test(HitCounts(hits, clips), np.array([0, 0, 1, 1] * 2))
    assert found.difference[0] == pytest.approx(0.5 - 0.25)


def test_within_compares_at_the_same_speaker_and_emotion():
    """The group holds the easy emotion of the good speaker: that alone is nothing."""
    clips = np.array([[[1.0, 9.0], [9.0, 1.0]], [[9.0, 1.0], [9.0, 1.0]]] * 4)
    recall = np.array([[0.9, 0.5], [0.5, 0.2]] * 4)[..., None]
    found = paired_test([HitCounts(recall * clips, clips)])
    assert found.difference[0] == pytest.approx(0)
    assert found.p[0] == 1


def test_within_goes_through_all_signs():
    one = tally(seed=3, groups=2)
    found = paired_test([one])
    clips, hits = one.clips, one.hits
    own = hits[..., 1] / clips[..., 1] - hits[..., 0] / clips[..., 0]
    weight = clips.prod(-1) / clips.sum(-1)
    added = (own * weight / weight.sum(0) / 2).sum(1)
    signs = np.array(list(itertools.product((1, -1), repeat=6)))
    every = np.abs(signs @ added)
    assert found.difference[0] == pytest.approx(added.sum())
    assert found.p[0] == pytest.approx(np.mean(every >= abs(added.sum()) - 1e-9))


def test_more_questions_and_more_families_ask_for_more():
    alone = paired_test([tally(seed=3, groups=2)])
    beside = paired_test([tally(seed=seed, groups=2) for seed in (3, 4, 5)])
    twice = paired_test([tally(seed=3, groups=2)], families=2)
    assert beside.p[0] == alone.p[0]
    assert beside.p_joint[0] > alone.p_joint[0]
    assert twice.p_joint[0] == pytest.approx(1 - (1 - alone.p_joint[0]) ** 2)
    assert twice.detectable[0] >= alone.detectable[0]


def test_a_planted_difference_lies_in_its_interval():
    clips = np.full((12, 3, 2), 20.0)
    drawn = np.random.default_rng(1)
    hits = drawn.binomial(20, np.array([0.5, 0.8]), clips.shape).astype(float)
    found = paired_test([HitCounts(hits, clips)])
    assert found.low[0] < 0.3 < found.high[0]
    assert found.p[0] < 0.001 * 2
    assert found.detectable[0] < 0.2


def test_the_least_p_is_what_the_most_extreme_outcome_gets():
    assert min_p_value_paired(5) == 2 / 32
    assert min_p_value_unpaired(10, 5) == pytest.approx(2 / 252)
    clips = np.full((10, 1), 10.0)
    hits = np.array([[9.0]] * 5 + [[1.0]] * 5)
    p = unpaired_test(HitCounts(hits, clips), np.repeat([0, 1], 5)).p[0]
    assert p == pytest.approx(min_p_value_unpaired(10, 5))
    assert sidak(0.05, 1) == pytest.approx(0.05)


def test_luck_spreads_speakers_as_far_as_luck_does():
    clips = np.full((10, 4), 8.0)
    drawn = np.random.default_rng(2)
    found = [
        null_spread(
            HitCounts(drawn.binomial(8, 0.7, clips.shape).astype(float), clips),
            draws=400,
        )
        for _ in range(60)
    ]
    spread, by_luck, p = np.mean(found, axis=0)
    assert spread == pytest.approx(by_luck, rel=0.1)
    assert 0.35 < p < 0.65
    uneven = drawn.binomial(8, np.linspace(0.3, 0.95, 10)[:, None], clips.shape)
    assert null_spread(HitCounts(uneven.astype(float), clips))[2] < 0.01


def differing(speakers, size, drawn):
    """Draw groups and rests whose recalls differ by `size` errors, on the average."""
    own = drawn.normal(size / np.sqrt(speakers), 1, speakers)
    clips = np.full((speakers, 1, 2), 1e6)
    recall = np.stack([np.full(speakers, 0.5), 0.5 + 0.01 * own], axis=-1)
    return HitCounts(recall[:, None] * clips, clips)


@pytest.mark.parametrize("speakers", [6, 8, 10])
def test_within_what_is_detectable_is_mostly_found(speakers):
    drawn = np.random.default_rng(1)
    error = 0.01 / np.sqrt(speakers)  # the true one, of the mean
    sizes = [paired_test([differing(speakers, 0, drawn)]) for _ in range(200)]
    sizes = np.array([found.detectable[0] for found in sizes]) / error
    size = np.sqrt(np.square(sizes).mean())
    found = [
        paired_test([differing(speakers, size, drawn)]).p_joint for _ in range(200)
    ]
    assert 0.7 < np.mean(np.array(found) <= 0.05) < 0.95


@pytest.mark.parametrize("sides", [(4, 4), (5, 5), (3, 8), (10, 10)])
def test_between_what_is_detectable_is_mostly_found(sides):
    drawn, groups = np.random.default_rng(1), np.repeat([0, 1], sides)
    error = 0.01 * np.sqrt(sum(1 / n for n in sides))

    def judged(size):
        recall = 0.5 + 0.01 * drawn.normal(size=len(groups)) + size * (groups == 0)
        clips = np.full((len(groups), 1), 1e6)
        return unpaired_test(
            HitCounts(recall[:, None] * clips, clips), groups, draws=800
        )

    sizes = np.array([judged(0).detectable[0] for _ in range(80)]) / error
    size = np.sqrt(np.square(sizes).mean())
    found = [judged(size * error).p_joint[0] <= 0.05 for _ in range(120)]
    assert 0.66 < np.mean(found) < 0.95


def test_labels_are_dealt_out_in_every_way_where_ways_are_few():
    assert n_permutations(np.array([2, 2])) == 6
    dealt = label_permutations(np.array([0, 1, 1]), 0, 10)
    assert dealt.tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
