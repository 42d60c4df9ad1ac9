"""Inference with torch: choice of device, batching by length, threads on a CPU."""

import ctypes
import functools
import platform
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from sertools.extras import require

_KNOWN = ("auto", "cpu", "cuda", "mps")


def resolve(device: str, spec: str = "the model") -> str:
    """Choose a device that exists.

    Examples
    --------
    >>> resolve("cpu")
    'cpu'
    """
    kind = str(device).partition(":")[0]
    if kind not in _KNOWN:
        raise ValueError(f"Unknown device {device!r}. Known: {', '.join(_KNOWN)}.")
    there = {"cpu": True, "cuda": has_cuda(), "mps": _has_mps()}
    if kind == "auto":
        return next(name for name in ("cuda", "mps", "cpu") if there[name])
    if there[kind]:
        return device
    warnings.warn(
        f"No {kind} device here: {spec} computes on the CPU.",
        stacklevel=3,
    )
    return "cpu"


@functools.cache
def has_cuda() -> bool:
    """Say whether the NVIDIA driver sees a GPU, without importing a framework."""
    library = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(library)
    except OSError:
        return False
    count = ctypes.c_int(0)
    ready = driver.cuInit(0) == 0
    return (
        ready and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0
    )


def _has_mps() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"


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
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
    return True


_ROOM = 120.0  # seconds of audio at work at once at most; memory is why


def in_threads(
    waveforms: Sequence[np.ndarray], run: Callable, sampling_rate: int
) -> list:
    """Answer for waveforms in threads, in the order they came.

    Two cores get more done on a clip each than on one clip together: the threads
    that share a product wait for each other after it. The longest go first, so
    that no core is left with a long one in the end.

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
