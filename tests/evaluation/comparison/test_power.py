import numpy as np
import pytest

from sertools.evaluation.comparison.exchange import exchange
from sertools.evaluation.comparison.power import errors_needed, signs, student, studied


def test_few_speakers_have_every_sign_once_and_many_are_drawn():
    (every,) = signs(5, 0, 0)
    assert len({tuple(row) for row in every}) == len(every) == 16
    assert (every[0] == 1).all()
    blocks = list(signs(20, 3, 5000))
    assert sum(map(len, blocks)) == 5001
    assert (blocks[0] == 1).all()
    assert all(map(np.array_equal, blocks, signs(20, 3, 5000)))


def test_fewer_speakers_and_stricter_levels_need_more():
    assert errors_needed(6, 0.05) > errors_needed(8, 0.05) > errors_needed(40, 0.05)
    assert errors_needed(12, 0.01) > errors_needed(12, 0.05)
    assert np.isnan(errors_needed(5, 0.05))


def test_what_no_effect_can_reach_has_no_size():
    moves = np.array([[1.0, 1.0], [1.0, -1.0]])
    assert np.isnan(studied(moves, np.full(2, 0.7), 0.05))


def test_student_is_the_t_of_the_same_speakers():
    d = np.random.default_rng(0).normal(0.5, 1, 9)
    far = d.sum() / np.sqrt(np.square(d).sum())
    t = d.mean() / d.std(ddof=1) * 3
    assert student(far, 9) == pytest.approx(t)


@pytest.mark.parametrize("speakers", [8, 12])
def test_what_is_detectable_is_mostly_found(speakers):
    drawn, error = np.random.default_rng(2), np.sqrt(speakers)
    sizes = [exchange(drawn.normal(size=(1, speakers))).detectable for _ in range(100)]
    size = np.sqrt(np.square(sizes).mean()) / speakers
    moved = drawn.normal(size, 1, (100, 1, speakers))
    found = np.mean([exchange(one).p_joint[0] <= 0.05 for one in moved])
    assert 0.68 < found < 0.95
    assert size * speakers > 2 * error
