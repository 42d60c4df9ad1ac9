import itertools

import numpy as np
import pytest

from sertools.evaluation.groups.contrasts import (
    between,
    joined,
    least_between,
    least_within,
    within,
)
from sertools.evaluation.groups.tally import Tally, luck


def tally(seed=0, speakers=6, emotions=2, groups=None):
    drawn = np.random.default_rng(seed)
    shape = (speakers, emotions) if groups is None else (speakers, emotions, groups)
    clips = drawn.integers(2, 6, shape).astype(float)
    return Tally(drawn.binomial(clips.astype(int), 0.6).astype(float), clips)


def test_clips_are_counted_by_speaker_emotion_and_group():
    right = [True, False, True, True]
    codes = ([0, 0, 1, 1], [0, 1, 1, 1], [1, 0, 0, 0])
    counted = Tally.of(right, codes, (2, 2, 2))
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
    found = between(counted, groups)
    assert found.difference[0] == pytest.approx(observed)
    assert found.p[0] == pytest.approx(np.mean(np.array(every) >= abs(observed) - 1e-9))
    assert found.difference[1] == pytest.approx(-found.difference[0])
    assert found.p_joint[0] == pytest.approx(found.p[0])


def test_three_groups_of_speakers_are_dealt_out_in_all_ways():
    found = between(tally(speakers=6), np.array([0, 0, 1, 1, 2, 2]))
    assert (found.p_joint >= found.p - 1e-12).all()
    # 90 ways to deal six out to three pairs; each appears once
    assert np.allclose(found.p * 90, np.round(found.p * 90))


def test_an_emotion_that_one_side_lacks_does_not_count():
    hits = np.array([[2.0, 2.0], [2.0, 0.0], [2.0, 0.0], [0.0, 0.0]] * 2)
    clips = np.array([[4.0, 4.0], [4.0, 4.0], [4.0, 0.0], [4.0, 0.0]] * 2)
    found = between(Tally(hits, clips), np.array([0, 0, 1, 1] * 2))
    assert found.difference[0] == pytest.approx(0.5 - 0.25)


def test_within_compares_at_the_same_speaker_and_emotion():
    """The group holds the easy emotion of the good speaker: that alone is nothing."""
    clips = np.array([[[1.0, 9.0], [9.0, 1.0]], [[9.0, 1.0], [9.0, 1.0]]] * 4)
    recall = np.array([[0.9, 0.5], [0.5, 0.2]] * 4)[..., None]
    found = within([Tally(recall * clips, clips)])
    assert found.difference[0] == pytest.approx(0)
    assert found.p[0] == 1


def test_within_goes_through_all_signs():
    one = tally(seed=3, groups=2)
    found = within([one])
    clips, hits = one.clips, one.hits
    own = hits[..., 1] / clips[..., 1] - hits[..., 0] / clips[..., 0]
    weight = clips.prod(-1) / clips.sum(-1)
    added = (own * weight / weight.sum(0) / 2).sum(1)
    signs = np.array(list(itertools.product((1, -1), repeat=6)))
    every = np.abs(signs @ added)
    assert found.difference[0] == pytest.approx(added.sum())
    assert found.p[0] == pytest.approx(np.mean(every >= abs(added.sum()) - 1e-9))


def test_more_questions_and_more_families_ask_for_more():
    alone = within([tally(seed=3, groups=2)])
    beside = within([tally(seed=seed, groups=2) for seed in (3, 4, 5)])
    twice = within([tally(seed=3, groups=2)], families=2)
    assert beside.p[0] == alone.p[0]
    assert beside.p_joint[0] > alone.p_joint[0]
    assert twice.p_joint[0] == pytest.approx(1 - (1 - alone.p_joint[0]) ** 2)
    assert twice.detectable[0] >= alone.detectable[0]


def test_a_planted_difference_lies_in_its_interval():
    clips = np.full((12, 3, 2), 20.0)
    drawn = np.random.default_rng(1)
    hits = drawn.binomial(20, np.array([0.5, 0.8]), clips.shape).astype(float)
    found = within([Tally(hits, clips)])
    assert found.low[0] < 0.3 < found.high[0]
    assert found.p[0] < 0.001 * 2
    assert found.detectable[0] < 0.2


def test_the_least_p_is_what_the_most_extreme_outcome_gets():
    assert least_within(5) == 2 / 32
    assert least_between(10, 5) == pytest.approx(2 / 252)
    clips = np.full((10, 1), 10.0)
    hits = np.array([[9.0]] * 5 + [[1.0]] * 5)
    p = between(Tally(hits, clips), np.repeat([0, 1], 5)).p[0]
    assert p == pytest.approx(least_between(10, 5))
    assert joined(0.05, 1) == pytest.approx(0.05)


def test_luck_spreads_speakers_as_far_as_luck_does():
    clips = np.full((10, 4), 8.0)
    drawn = np.random.default_rng(2)
    found = [
        luck(Tally(drawn.binomial(8, 0.7, clips.shape).astype(float), clips), draws=400)
        for _ in range(60)
    ]
    spread, by_luck, p = np.mean(found, axis=0)
    assert spread == pytest.approx(by_luck, rel=0.1)
    assert 0.35 < p < 0.65
    uneven = drawn.binomial(8, np.linspace(0.3, 0.95, 10)[:, None], clips.shape)
    assert luck(Tally(uneven.astype(float), clips))[2] < 0.01


def differing(speakers, size, drawn):
    """Draw groups and rests whose recalls differ by `size` errors, on the average."""
    own = drawn.normal(size / np.sqrt(speakers), 1, speakers)
    clips = np.full((speakers, 1, 2), 1e6)
    recall = np.stack([np.full(speakers, 0.5), 0.5 + 0.01 * own], axis=-1)
    return Tally(recall[:, None] * clips, clips)


@pytest.mark.parametrize("speakers", [6, 8, 10])
def test_within_what_is_detectable_is_mostly_found(speakers):
    drawn = np.random.default_rng(1)
    error = 0.01 / np.sqrt(speakers)  # the true one, of the mean
    sizes = [within([differing(speakers, 0, drawn)]) for _ in range(200)]
    sizes = np.array([found.detectable[0] for found in sizes]) / error
    size = np.sqrt(np.square(sizes).mean())
    found = [within([differing(speakers, size, drawn)]).p_joint for _ in range(200)]
    assert 0.7 < np.mean(np.array(found) <= 0.05) < 0.95


@pytest.mark.parametrize("sides", [(4, 4), (5, 5), (3, 8), (10, 10)])
def test_between_what_is_detectable_is_mostly_found(sides):
    drawn, groups = np.random.default_rng(1), np.repeat([0, 1], sides)
    error = 0.01 * np.sqrt(sum(1 / n for n in sides))

    def judged(size):
        recall = 0.5 + 0.01 * drawn.normal(size=len(groups)) + size * (groups == 0)
        clips = np.full((len(groups), 1), 1e6)
        return between(Tally(recall[:, None] * clips, clips), groups, draws=800)

    sizes = np.array([judged(0).detectable[0] for _ in range(80)]) / error
    size = np.sqrt(np.square(sizes).mean())
    found = [judged(size * error).p_joint[0] <= 0.05 for _ in range(120)]
    assert 0.66 < np.mean(found) < 0.95
