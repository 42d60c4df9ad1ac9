import numpy as np

from sertools.models.heads._out_of_distribution import OODDetector


def test_one_wild_feature_does_not_make_a_clip_strange():
    X = np.random.default_rng(0).normal(size=(200, 50))
    edge = np.quantile(OODDetector.of(X).distance(X), 0.97)
    reach = OODDetector.of(X, edge)
    wild = np.zeros((1, 50))
    wild[0, 3] = 1e6
    assert reach.outside(wild)[0] < 0.1
    assert reach.outside(np.full((1, 50), 3.0))[0] > 0.99
    constant = OODDetector.of(np.ones((5, 2)), 1.0)
    assert np.isfinite(constant.outside(np.array([[1.0, 2.0]]))).all()
