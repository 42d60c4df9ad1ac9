"""A long recording of which the truth is known: clips, one after the other."""

import numpy as np
import pandas as pd

from sertools import audio

__all__ = ["long_recording"]

_HISS = 3e-5  # peak of what fills the pauses, below what counts as sound


def long_recording(
    clips: pd.DataFrame,
    sampling_rate: int = 16_000,
    pause: tuple[float, float] = (0.0, 1.5),
    seconds: float = 0.0,
    seed: int = 0,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Join clips with pauses into one recording, and say what is where.

    The clips come in an order drawn at random, each as loud as it is. A pause
    is drawn evenly from `pause` and filled with a faint hiss (-90 dB), so that
    it is silence to any ear. It is no conversation: nobody answers anybody.

    Parameters
    ----------
    clips : DataFrame
        A clips table, with ``path`` and ``emotion``.
    sampling_rate : int, default 16000
        Hz.
    pause : tuple of two floats, default (0, 1.5)
        Shortest and longest pause, in seconds. What is shorter than 0.3 s ends
        no stretch of speech for `sertools.audio.segments`: two clips become one.
    seconds : float, default 0
        Begin again, in a new order, until the recording is this long; 0 takes
        each clip once.
    seed : int, default 0
        Of order and pauses.

    Returns
    -------
    waveform : ndarray of shape (t,), float32
        Mono; it begins and ends with a pause.
    truth : DataFrame
        One row a clip, in order: ``start`` and ``end`` in seconds, ``emotion``,
        ``clip``, and ``speaker`` where the table has one.

    Raises
    ------
    FileNotFoundError, ValueError
        As `sertools.audio.load` does; if there are no clips, or `pause` is not
        two lengths in order.

    Examples
    --------
    >>> from sertools import datasets
    >>> some = datasets.select(datasets.load("demo"), max_clips=3)
    >>> waveform, truth = long_recording(some, seed=1)
    >>> sorted(truth["clip"]) == sorted(some.index)
    True
    """
    if clips.empty:
        raise ValueError("No clips to join.")
    shortest, longest = pause
    if not 0 <= shortest <= longest < np.inf:
        raise ValueError(f"A pause goes from 0 s or more to more, not from {pause}.")
    rng = np.random.default_rng(seed)
    parts, truth, length = [], [], 0

    def rest():
        samples = round(rng.uniform(shortest, longest) * sampling_rate)
        return rng.uniform(-_HISS, _HISS, samples).astype(np.float32)

    while not truth or length < seconds * sampling_rate:
        for place in rng.permutation(len(clips)):
            if truth and length >= seconds * sampling_rate > 0:
                break
            clip = audio.load(clips["path"].iloc[place], sampling_rate)
            quiet = rest()
            start = length + len(quiet)
            length = start + len(clip)
            parts += [quiet, clip]
            row = {"start": start / sampling_rate, "end": length / sampling_rate}
            truth.append(row | _told(clips, place))
    return np.concatenate([*parts, rest()]), pd.DataFrame(truth)


def _told(clips: pd.DataFrame, place: int) -> dict:
    row = {"emotion": clips["emotion"].iloc[place], "clip": clips.index[place]}
    return row | (
        {"speaker": clips["speaker"].iloc[place]} if "speaker" in clips else {}
    )
