"""Clips are answered for in threads, in order, and leave nothing behind."""

import threading

import numpy as np
import pytest

from sertools import extras
from sertools.models.backends.in_threads import in_threads

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
