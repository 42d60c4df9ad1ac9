import numpy as np
import pytest

from sertools.models.heads._held_out import held_out


def uneven(seed):
    """Draw classes and speakers, some of them very rare."""
    rng = np.random.default_rng(seed)
    classes, speakers = rng.integers(2, 8), rng.integers(2, 12)
    size = rng.integers(2 * classes, 120)
    y = rng.choice(classes, size, p=rng.dirichlet(np.ones(classes)))
    who = rng.choice(speakers, size, p=rng.dirichlet(np.ones(speakers) / 2))
    return np.unique(y, return_inverse=True)[1], who.astype(str)


@pytest.mark.parametrize("seed", range(100))
@pytest.mark.parametrize("shuffle", [None, 0])
def test_nobody_is_on_both_sides(seed, shuffle):
    y, speakers = uneven(seed)
    several = len(set(speakers)) > 1
    splits = held_out(y, speakers, 5, shuffle)
    for train, test in splits:
        assert len(train) and len(test)
        assert not set(train) & set(test)
        if several:
            assert not set(speakers[train]) & set(speakers[test])
    tested = [place for _, test in splits for place in test]
    assert sorted(tested) == (list(range(len(y))) if splits else [])


def test_a_fold_that_no_speaker_falls_into_is_left_out():
    """Speakers can be so uneven that four folds are more even than five."""
    clips = {"a": (1, 3), "b": (5, 0), "c": (1, 3), "d": (0, 5), "e": (0, 3)}
    speakers = np.repeat(list(clips), [sum(n) for n in clips.values()])
    y = np.concatenate([np.repeat([0, 1], n) for n in clips.values()])
    splits = held_out(y, speakers, 5)
    assert all(len(test) for _, test in splits)
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(len(y)))


def test_classes_are_spread_over_the_folds():
    y, speakers = np.tile([0, 1, 2], 20), np.repeat(np.arange(10), 6)
    for _, test in held_out(y, speakers, 5):
        assert np.bincount(y[test]).tolist() == [4, 4, 4]


def test_there_are_no_more_folds_than_speakers():
    y = np.tile([0, 1], 30)
    assert len(held_out(y, np.repeat(list("abc"), 20), 5)) == 3


def test_clips_are_held_out_where_nobody_knows_who_speaks():
    y = np.tile([0, 1], 10)
    assert len(held_out(y, None, 5)) == 5
    assert len(held_out(y, ["one"] * 20, 5)) == 5


def test_a_class_of_one_clip_cannot_be_held_out():
    assert held_out(np.array([0, 0, 0, 1]), list("abab")) == []


def test_seeds_shuffle_and_repeat():
    y, speakers = np.tile([0, 1], 40), np.repeat(np.arange(20), 4)
    first, again, other = (held_out(y, speakers, seed=seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(first, again, strict=True))
    assert any(
        not np.array_equal(a[1], b[1]) for a, b in zip(first, other, strict=True)
    )
