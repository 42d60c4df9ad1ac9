import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from sertools.models.heads import NormalRanks, UnitRotation, make

FOUR = ("angry", "happy", "neutral", "sad")


def test_inner_products_of_training_clips_stay_but_for_the_scale():
    X = np.random.default_rng(0).normal(3, 2, size=(12, 200))
    centred = X - X.mean(axis=0)
    rotated = UnitRotation().fit_transform(X)
    assert rotated.shape == (12, 12)
    assert np.allclose(rotated @ rotated.T, centred @ centred.T / 200)


def test_inner_products_of_other_clips_with_training_clips_stay_too():
    X = np.random.default_rng(0).normal(size=(12, 200))
    new = np.random.default_rng(1).normal(size=(5, 200))
    rotation, middle = UnitRotation().fit(X), X.mean(axis=0)
    products = rotation.transform(new) @ rotation.transform(X).T
    assert np.allclose(products, (new - middle) @ (X - middle).T / 200)


def test_few_features_are_scaled_and_nothing_else():
    X = np.random.default_rng(0).normal(size=(30, 9))
    assert np.allclose(UnitRotation().fit_transform(X), X / 3)


@pytest.mark.parametrize("features", [10, 90, 400])
def test_a_logistic_head_answers_as_without_it(features, make_speech):
    sizes = {"clips": 4, "features": features, "apart": 0.3}
    train, test = make_speech(FOUR, **sizes), make_speech(FOUR, **sizes, seed=1)
    plain = make_pipeline(
        NormalRanks(),
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
    assert len(UnitRotation().fit(X).get_feature_names_out()) == 5
    assert len(UnitRotation().fit(X.T).get_feature_names_out()) == 5
    table = UnitRotation().set_output(transform="pandas").fit_transform(X)
    assert table.shape == (5, 5)


def test_it_passes_scikit_learns_own_checks():
    check_estimator(UnitRotation(), on_skip=None)
