"""Batches for models that run on torch: of a size that fits, in any order."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

__all__ = ["SECONDS", "in_batches"]

SECONDS = {"cpu": 30.0, "mps": 60.0, "cuda": 240.0}
"""Audio in one batch at most, padding included, in seconds, by kind of device.

A CPU is no faster on many clips than on one, and slower once what lies between two
layers has outgrown its caches.
"""


def in_batches(
    waveforms: Sequence[np.ndarray],
    run: Callable[[list[np.ndarray]], Sequence],
    sampling_rate: int,
    padded: bool = False,
    seconds: float | None = None,
    device: str = "cpu",
) -> list:
    """Answer for waveforms batch by batch, in the order they came.

    Waveforms are sorted by length, so that a batch holds equal ones, or, where
    padding changes no answer, similar ones. If the device runs out of memory,
    the batch is halved, and so are those after it.

    Parameters
    ----------
    waveforms : sequence of ndarray of shape (t,)
        Mono.
    run : callable
        Takes a list of waveforms, of equal length unless `padded`; gives one
        answer for each.
    sampling_rate : int
        Of the waveforms, in Hz.
    padded : bool, default False
        Whether `run` may be given waveforms of unequal length.
    seconds : float, optional
        Audio in a batch at most; as fits the device if not given.
    device : str, default "cpu"
        Where `run` computes: ``cpu``, ``mps``, ``cuda`` or ``cuda:1``.

    Returns
    -------
    list
        One answer a waveform.

    Examples
    --------
    >>> in_batches([np.ones(3), np.ones(1)], lambda part: [len(w) for w in part], 1)
    [3, 1]
    """
    answers: list = [None] * len(waveforms)
    lengths = [len(waveform) for waveform in waveforms]
    if seconds is None:
        seconds = SECONDS[device.partition(":")[0]]
    room = seconds * sampling_rate
    left = sorted(range(len(waveforms)), key=lengths.__getitem__, reverse=True)
    while left:
        batch = list(_first(left, lengths, room, padded))
        try:
            found = run([waveforms[i] for i in batch])
        except RuntimeError as error:
            if len(batch) == 1 or not _out_of_memory(error):
                raise
            room = max(lengths[batch[0]] * len(batch) / 2, 1)
            continue
        for i, answer in zip(batch, found, strict=True):
            answers[i] = answer
        left = left[len(batch) :]
    return answers


def _first(left, lengths, room: float, padded: bool) -> Iterator[int]:
    """Take from the front what fits into one batch; one always does."""
    longest = lengths[left[0]]
    for number, i in enumerate(left, start=1):
        too_much = number > 1 and number * longest > room
        if too_much or (not padded and lengths[i] != longest):
            return
        yield i


def _out_of_memory(error: RuntimeError) -> bool:
    """Tell whether it is the device's memory that is short; empty its cache."""
    if "out of memory" not in str(error).lower():
        return False
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True
