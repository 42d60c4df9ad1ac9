import numpy as np
import pytest
from sklearn.metrics import pairwise_distances, silhouette_score

from sertools.evaluation.probing import clusters


def points(apart, n=60, seed=0):
    drawn = np.random.default_rng(seed)
    groups = np.arange(n) % 3
    return drawn.normal(size=(n, 4)) + apart * np.eye(3, 4)[groups], groups


@pytest.mark.parametrize("apart", [0, 1, 5])
def test_the_silhouette_is_that_of_scikit_learn(apart):
    X, groups = points(apart)
    groups[0] = 7  # alone in its group
    found = clusters.silhouette(pairwise_distances(X), groups)
    assert found == pytest.approx(silhouette_score(X, groups))


def test_the_share_of_groups_that_say_nothing_is_nothing():
    shares = [clusters.share(*points(0, seed=seed)) for seed in range(40)]
    assert abs(np.mean(shares)) < 0.01
    assert clusters.share(*points(5)) > 0.6


def test_the_share_is_that_of_the_variance_between():
    X = np.array([[0.0], [2.0], [4.0], [6.0]])
    # within: 1 + 1 + 1 + 1 over 2; whole: 20 over 3
    assert clusters.share(X, np.array(list("aabb"))) == pytest.approx(1 - 2 / (20 / 3))


def test_names_are_shuffled_within_strata():
    groups = np.array(list("abab" * 5))
    strata = np.repeat(np.arange(5), 4)
    drawn = np.random.default_rng(0)
    moved = clusters.shuffled(groups, strata, drawn)
    assert (moved.reshape(5, 4).sum(axis=1) == 2).all()
    assert (moved != (groups == "b")).any()


def test_names_of_whole_strata_are_shuffled_where_a_stratum_has_one():
    sexes, speakers = np.repeat(list("fmfm"), 5), np.repeat(np.arange(4), 5)
    drawn = np.random.default_rng(0)
    every = [clusters.shuffled(sexes, speakers, drawn) for _ in range(50)]
    assert all((m.reshape(4, 5) == m.reshape(4, 5)[:, :1]).all() for m in every)
    assert len({tuple(m) for m in every}) == 6  # ways to choose two of four


def test_luck_gives_less_than_what_is_there():
    X, groups = points(2)
    distances = pairwise_distances(X)
    luck = clusters.silhouette_by_luck(distances, groups, np.zeros(60), draws=50)
    assert luck.max() < clusters.silhouette(distances, groups)
    again = clusters.silhouette_by_luck(distances, groups, np.zeros(60), draws=50)
    assert (luck == again).all()


def test_columns_that_never_change_are_left_out():
    X = np.c_[np.arange(4.0), np.full(4, 3.0)]
    assert clusters.scaled(X).shape == (4, 1)
