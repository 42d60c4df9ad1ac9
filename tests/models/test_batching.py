import numpy as np
import pytest

from sertools.models.batching import in_batches


class Machine:
    """Answer with the length; remember the batches; break above a size."""

    def __init__(self, memory=10**9, message="CUDA out of memory. Tried to allocate"):
        self.batches, self.memory, self.message = [], memory, message

    def __call__(self, part):
        self.batches.append([len(w) for w in part])
        if len(part) * max(map(len, part)) > self.memory:
            raise RuntimeError(self.message)
        return [len(w) for w in part]


def waves(*lengths):
    return [np.zeros(n, np.float32) for n in lengths]


def test_answers_come_in_the_order_of_the_waveforms():
    lengths = [5, 3, 9, 3, 1, 9]
    for padded in (True, False):
        assert in_batches(waves(*lengths), Machine(), 1, padded) == lengths


def test_only_equal_lengths_share_a_batch_unless_padding_is_allowed():
    run = Machine()
    in_batches(waves(5, 3, 5, 3), run, 1)
    assert run.batches == [[5, 5], [3, 3]]
    run = Machine()
    in_batches(waves(5, 3, 5, 3), run, 1, padded=True)
    assert run.batches == [[5, 5, 3, 3]]


def test_padding_counts_towards_the_size_of_a_batch():
    run = Machine()
    in_batches(waves(10, 1, 1, 1, 1), run, 1, padded=True, seconds=30)
    assert run.batches == [[10, 1, 1], [1, 1]]


def test_one_that_is_too_long_for_a_batch_stands_alone():
    run = Machine()
    assert in_batches(waves(50, 1), run, 1, padded=True, seconds=30) == [50, 1]
    assert run.batches == [[50], [1]]


def test_out_of_memory_halves_the_batch_and_those_after_it():
    run = Machine(memory=3)
    assert in_batches(waves(*[1] * 16), run, 1) == [1] * 16
    sizes = [len(batch) for batch in run.batches]
    assert sizes[:4] == [16, 8, 4, 2]
    assert set(sizes[4:]) == {2}


def test_one_waveform_too_large_for_the_memory_and_other_errors_are_raised():
    with pytest.raises(RuntimeError, match="out of memory"):
        in_batches(waves(9), Machine(memory=3), 1)
    with pytest.raises(RuntimeError, match="shape"):
        in_batches(waves(1, 1), Machine(1, "shape mismatch"), 1)


def test_a_cpu_gets_smaller_batches_than_a_gpu():
    run = Machine(memory=1000)
    in_batches(waves(*[10] * 6), run, 1)
    in_batches(waves(*[10] * 6), run, 1, device="cuda:1")
    assert [len(batch) for batch in run.batches] == [3, 3, 6]


def test_no_waveforms_have_no_answers():
    assert in_batches([], Machine(), 1) == []
