import numpy as np
import pytest
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from sertools.models.heads import OrthogonalProjection, RankGauss, make


def test_values_become_normal_whatever_their_tails():
    X = np.random.default_rng(0).standard_cauchy((2000, 1))
    scores = RankGauss(quantiles=200).fit_transform(X).ravel()
    assert abs(scores.mean()) < 0.02
    assert scores.std() == pytest.approx(1, abs=0.05)
    order = X.ravel().argsort()
    assert (np.diff(scores[order]) >= 0).all()


def test_any_growing_change_of_units_leaves_the_ranks():
    X = np.random.default_rng(0).normal(size=(21, 3))
    head = RankGauss(quantiles=21)  # every clip is one of the quantiles
    same = head.fit_transform(X)
    assert head.fit_transform(np.exp(3 * X)) == pytest.approx(same)


def test_the_line_is_read_between_the_training_clips():
    ranks = RankGauss(quantiles=2).fit([[0.0], [1.0]])
    end = norm.ppf(0.75)
    found = ranks.transform([[0.0], [0.5], [0.75], [1.0]]).ravel()
    assert found == pytest.approx([-end, 0, end / 2, end])


def test_what_lies_beyond_counts_as_the_outermost():
    ranks = RankGauss(20).fit(np.arange(100.0)[:, None])
    far = ranks.transform([[-1e9], [1e9]]).ravel()
    assert far == pytest.approx([norm.ppf(0.025), norm.ppf(0.975)])


def test_what_is_tied_stands_in_the_middle_of_its_ranks():
    half = np.r_[np.zeros(50), np.arange(1, 51)][:, None]
    ranks = RankGauss(20).fit(half)
    places = (np.arange(20) + 0.5) / 20
    low, high = norm.ppf(places[0]), norm.ppf(places[9])
    assert ranks.transform([[0.0]]).item() == pytest.approx((low + high) / 2)
    assert np.allclose(RankGauss().fit_transform(np.ones((9, 2))), 0)


def test_a_line_needs_two_quantiles():
    with pytest.raises(ValueError, match="quantiles=1"):
        RankGauss(quantiles=1).fit([[0.0], [1.0]])


def test_it_passes_scikit_learns_own_checks():
    check_estimator(RankGauss(), on_skip=None)


FOUR = ("angry", "happy", "neutral", "sad")


def test_inner_products_of_training_clips_stay_but_for_the_scale():
    X = np.random.default_rng(0).normal(3, 2, size=(12, 200))
    centred = X - X.mean(axis=0)
    rotated = OrthogonalProjection().fit_transform(X)
    assert rotated.shape == (12, 12)
    assert np.allclose(rotated @ rotated.T, centred @ centred.T / 200)


def test_inner_products_of_other_clips_with_training_clips_stay_too():
    X = np.random.default_rng(0).normal(size=(12, 200))
    new = np.random.default_rng(1).normal(size=(5, 200))
    rotation, middle = OrthogonalProjection().fit(X), X.mean(axis=0)
    products = rotation.transform(new) @ rotation.transform(X).T
    assert np.allclose(products, (new - middle) @ (X - middle).T / 200)


def test_few_features_are_scaled_and_nothing_else():
    X = np.random.default_rng(0).normal(size=(30, 9))
    assert np.allclose(OrthogonalProjection().fit_transform(X), X / 3)


@pytest.mark.parametrize("features", [10, 90, 400])
def test_a_logistic_head_answers_as_without_it(features, make_speech):
    sizes = {"clips": 4, "features": features, "apart": 0.3}
    train, test = make_speech(FOUR, **sizes), make_speech(FOUR, **sizes, seed=1)
    plain = make_pipeline(
        RankGauss(),
        StandardScaler(),
        FunctionTransformer(lambda X: X / np.sqrt(features)),
        LogisticRegression(C=3, class_weight="balanced", tol=1e-8, max_iter=5000),
    )
    plain.fit(train.X, train.y)
    head = make("logistic").set_params(logistic__tol=1e-8).fit(train.X, train.y)
    assert head.predict_proba(test.X) == pytest.approx(
        plain.predict_proba(test.X), abs=1e-4
    )


def test_the_new_features_have_names_of_their_own():
    X = np.random.default_rng(0).normal(size=(5, 40))
    assert len(OrthogonalProjection().fit(X).get_feature_names_out()) == 5
    assert len(OrthogonalProjection().fit(X.T).get_feature_names_out()) == 5
    table = OrthogonalProjection().set_output(transform="pandas").fit_transform(X)
    assert table.shape == (5, 5)


def test_it_passes_scikit_learns_own_checks_rotation():
    check_estimator(OrthogonalProjection(), on_skip=None)
