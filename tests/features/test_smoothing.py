"""Scores over time: smoothing, moments, ranges."""

import numpy as np
import pandas as pd
import pytest

from sertools import features
from sertools.features.smoothing import classes, moments, range_at, stretches


def table(starts, length=2.0, seed=0):
    """Make windows with random scores of three emotions."""
    scores = np.random.default_rng(seed).dirichlet([1, 1, 1], len(starts))
    starts = np.asarray(starts, float)
    made = pd.DataFrame({"start": starts, "end": starts + length})
    return made.join(pd.DataFrame(scores, columns=["angry", "happy", "sad"]))


TWO = table([0, 0.5, 1, 1.5, 2, 10, 10.5, 11])  # two stretches of overlapping windows
NAMES = ["angry", "happy", "sad"]


def test_smoothed_rows_stay_probabilities_in_their_places():
    made = features.smoothed(TWO, 1.2)
    assert np.allclose(made[NAMES].sum(axis=1), 1)
    assert (made[NAMES].to_numpy() >= 0).all()
    assert made[["start", "end"]].equals(TWO[["start", "end"]])
    assert list(made) == list(TWO) and made.attrs == TWO.attrs


def test_smoothing_is_the_weighted_mean_it_says():
    made = features.smoothed(TWO, 1.0)
    weights = np.array([0.5, 1, 0.5])
    expected = weights @ TWO["happy"].to_numpy()[1:4] / 2
    assert made["happy"][2] == pytest.approx(expected)
    edge = (TWO["happy"][0] + 0.5 * TWO["happy"][1]) / 1.5  # nothing is padded
    assert made["happy"][0] == pytest.approx(edge)


def test_silence_is_never_smoothed_across():
    changed = TWO.copy()
    changed.loc[5:, NAMES] = [0.0, 0.0, 1.0]
    one, other = (features.smoothed(t, 60)[:5] for t in (TWO, changed))
    assert one.equals(other)
    assert not features.smoothed(TWO, 60)[5:].equals(TWO[5:])


def test_no_reach_and_no_rows_change_nothing():
    assert features.smoothed(TWO, 0).equals(TWO)
    assert features.smoothed(TWO, 0.3).equals(TWO)  # nobody is that near
    assert features.smoothed(TWO[:0], 2).empty


def test_a_longer_reach_never_makes_the_curve_rougher():
    long = table(np.arange(200) / 4, seed=3)
    rough = [
        np.abs(np.diff(features.smoothed(long, s)["sad"])).sum() for s in (0, 1, 3, 9)
    ]
    assert rough == sorted(rough, reverse=True)


def test_moments_part_what_windows_share():
    made = moments(TWO)
    assert made["start"][:5].tolist() == [0, 1.25, 1.75, 2.25, 2.75]
    assert made["end"][:5].tolist() == [1.25, 1.75, 2.25, 2.75, 4]
    assert made["start"][5] == 10  # the gap stays
    touching = table([0, 2, 4])
    assert moments(touching).equals(touching)


def test_stretches_are_counted():
    assert stretches(TWO).tolist() == [0] * 5 + [1] * 3
    assert stretches(TWO[:0]).tolist() == []


def test_the_range_is_over_all_windows_that_hold_the_moment():
    low, high = range_at(TWO, np.array([0.2, 1.7, 7.0]))
    assert low[0].tolist() == high[0].tolist() == TWO[NAMES].loc[0].tolist()
    assert low[1].tolist() == TWO[NAMES][:4].min().tolist()
    assert high[1].tolist() == TWO[NAMES][:4].max().tolist()
    assert np.isnan(low[2]).all()


def test_the_range_takes_windows_of_several_models():
    other = TWO.assign(angry=TWO["sad"], sad=TWO["angry"])
    _, high = range_at(pd.concat([TWO, other]), np.array([0.2]))
    assert high[0, 0] == max(TWO["angry"][0], TWO["sad"][0])


def test_what_is_no_timeline_is_refused():
    with pytest.raises(ValueError, match="no timeline"):
        classes(pd.DataFrame({"start": [0], "end": [1]}))
    with pytest.raises(ValueError, match="in order of start"):
        features.smoothed(TWO[::-1], 1)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="0 or more"):
            features.smoothed(TWO, wrong)
