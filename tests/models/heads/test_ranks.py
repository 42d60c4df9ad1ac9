import numpy as np
import pytest
from scipy.stats import norm
from sklearn.utils.estimator_checks import check_estimator

from sertools.models.heads import NormalRanks


def test_values_become_normal_whatever_their_tails():
    X = np.random.default_rng(0).standard_cauchy((2000, 1))
    scores = NormalRanks(quantiles=200).fit_transform(X).ravel()
    assert abs(scores.mean()) < 0.02
    assert scores.std() == pytest.approx(1, abs=0.05)
    order = X.ravel().argsort()
    assert (np.diff(scores[order]) >= 0).all()


def test_any_growing_change_of_units_leaves_the_ranks():
    X = np.random.default_rng(0).normal(size=(21, 3))
    head = NormalRanks(quantiles=21)  # every clip is one of the quantiles
    same = head.fit_transform(X)
    assert head.fit_transform(np.exp(3 * X)) == pytest.approx(same)


def test_the_line_is_read_between_the_training_clips():
    ranks = NormalRanks(quantiles=2).fit([[0.0], [1.0]])
    end = norm.ppf(0.75)
    found = ranks.transform([[0.0], [0.5], [0.75], [1.0]]).ravel()
    assert found == pytest.approx([-end, 0, end / 2, end])


def test_what_lies_beyond_counts_as_the_outermost():
    ranks = NormalRanks(20).fit(np.arange(100.0)[:, None])
    far = ranks.transform([[-1e9], [1e9]]).ravel()
    assert far == pytest.approx([norm.ppf(0.025), norm.ppf(0.975)])


def test_what_is_tied_stands_in_the_middle_of_its_ranks():
    half = np.r_[np.zeros(50), np.arange(1, 51)][:, None]
    ranks = NormalRanks(20).fit(half)
    places = (np.arange(20) + 0.5) / 20
    low, high = norm.ppf(places[0]), norm.ppf(places[9])
    assert ranks.transform([[0.0]]).item() == pytest.approx((low + high) / 2)
    assert np.allclose(NormalRanks().fit_transform(np.ones((9, 2))), 0)


def test_a_line_needs_two_quantiles():
    with pytest.raises(ValueError, match="quantiles=1"):
        NormalRanks(quantiles=1).fit([[0.0], [1.0]])


def test_it_passes_scikit_learns_own_checks():
    check_estimator(NormalRanks(), on_skip=None)
