"""Several clips at a time on a CPU, each with a share of its cores."""

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sertools.extras import require

__all__ = ["in_threads"]

_ROOM = 120.0  # seconds of audio at work at once at most; memory is why


def in_threads(
    waveforms: Sequence[np.ndarray], run: Callable, sampling_rate: int
) -> list:
    """Answer for waveforms in threads, in the order they came.

    Two cores get more done on a clip each than on one clip together: the threads
    that share a product wait for each other after it. The longest go first, so
    that no core is left with a long one in the end.

    Parameters
    ----------
    waveforms : sequence of ndarray of shape (t,)
        Mono.
    run : callable
        Answers for one waveform with torch; called from several threads.
    sampling_rate : int
        Of the waveforms, in Hz.

    Returns
    -------
    list
        One answer a waveform.

    Examples
    --------
    >>> in_threads([np.ones(3), np.ones(1)], len, 16_000)
    [3, 1]
    """
    torch = require("torch")
    threads, lengths = torch.get_num_threads(), [len(w) for w in waveforms]
    room = int(_ROOM * sampling_rate / max(lengths))
    workers = max(min(threads, len(waveforms), room), 1)
    if workers == 1:
        return [run(waveform) for waveform in waveforms]
    share = functools.partial(torch.set_num_threads, threads // workers)
    pool = ThreadPoolExecutor(workers, initializer=share)
    answers: list = [None] * len(waveforms)
    try:
        for i in sorted(range(len(waveforms)), key=lengths.__getitem__, reverse=True):
            answers[i] = pool.submit(run, waveforms[i])
        return [answer.result() for answer in answers]
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # threads to come would take the share, too
