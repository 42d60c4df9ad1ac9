import threading

import numpy as np
import pytest

from sertools import extras
from sertools.models._torch import in_batches, in_threads


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


pytestmark = pytest.mark.skipif(not extras.available("torch"), reason="needs torch")


RATE = 16_000


@pytest.fixture
def torch():
    torch = extras.require("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield torch
    torch.set_num_threads(before)


def clips(*seconds):
    return [np.zeros(round(RATE * s), np.float32) for s in seconds]


def test_answers_come_in_the_order_of_the_clips(torch):
    lengths = (0.1, 3, 0.2, 2, 1, 0.3, 4)
    expected = [round(RATE * s) for s in lengths]
    assert in_threads(clips(*lengths), len, RATE) == expected


@pytest.mark.parametrize(
    ("seconds", "workers", "share"),
    [
        ([1] * 8, 4, 1),  # a clip on each core
        ([1] * 2, 2, 2),  # fewer clips than cores
        ([1], 1, 4),
        ([50] * 4, 2, 2),  # what fits into memory
        ([130] * 2, 1, 4),
    ],
)
def test_cores_are_shared_among_clips(torch, seconds, workers, share):
    together = threading.Barrier(workers)

    def run(_):
        together.wait(timeout=10)  # as many at once, or this breaks
        return torch.get_num_threads()

    assert in_threads(clips(*seconds), run, RATE) == len(seconds) * [share]


def test_threads_are_as_before_even_after_an_error(torch):
    def fail(clip):
        raise ValueError(f"{len(clip)} samples")

    with pytest.raises(ValueError, match="samples"):
        in_threads(clips(1, 2, 3), fail, RATE)
    assert torch.get_num_threads() == 4
    seen = []
    late = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert seen == [4]
