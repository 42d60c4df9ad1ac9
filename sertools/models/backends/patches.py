"""YAMNet's grid of patches: many clips heard in one call, each as if alone."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sertools.models.backends import audioset, saved_model

__all__ = ["Heard", "Network", "patches", "random_names", "random_network"]

HOP = 7_680
"""Samples from one patch to the next: 0.48 s."""

PATCH = 15_600
"""Samples that a patch takes: 96 frames, one every 10 ms and 25 ms long."""

GAP = 2
"""Patches that lie between two clips in one call, and are thrown away."""

CALL = 256
"""Patches in a call, about two minutes: more take memory and save no time."""

WIDTH = 1024
"""Numbers in the embedding of a patch."""


class Heard(NamedTuple):
    """What YAMNet makes of one clip: a row a patch."""

    scores: np.ndarray
    embeddings: np.ndarray


class Piece(NamedTuple):
    """A clip, or a part of a long one, and how many patches are made of it."""

    clip: int
    samples: np.ndarray
    count: int


class Network:
    """YAMNet at work: many clips in one call, each on the grid of patches.

    Alone, a clip is filled up with zeros to a whole number of patches. Here each
    is filled up in the same way and then laid behind the one before, so far that
    no patch of one reaches into the next; the patches that lie across are thrown
    away. Patches don't know of each other, so nothing else changes.

    Parameters
    ----------
    call : callable
        A waveform to scores, embeddings and log-mel spectrum, patch by patch.
    names : sequence of str
        Display names of the scores.
    device : str
        Where it computes, in TensorFlow's words.

    Raises
    ------
    ValueError
        If the network does not answer as YAMNet does.
    """

    def __init__(self, call: Callable, names: Sequence[str], device: str):
        self.names = list(names)
        self.columns = audioset.groups(self.names)
        self.call, self._device = call, device
        edge = PATCH + 3 * HOP  # four patches, and five where it is rounded
        count = len(self._scored(np.zeros(edge, np.float32), 4).scores)
        self._rounded = count == patches(edge, rounded=True)

    def hear(self, waveforms: Sequence[np.ndarray]) -> list[Heard]:
        """Give the scores and embeddings of the patches of each waveform."""
        pieces = [p for n, wave in enumerate(waveforms) for p in self._pieces(n, wave)]
        parts = [[] for _ in waveforms]
        for call in _calls(pieces):
            for piece, heard in zip(call, self._packed(call), strict=True):
                parts[piece.clip].append(heard)
        return [Heard(*map(np.concatenate, zip(*some, strict=True))) for some in parts]

    def _pieces(self, clip: int, waveform: np.ndarray) -> Iterator[Piece]:
        """Cut a long waveform, so that the pieces have its patches between them."""
        count = patches(len(waveform), self._rounded)
        steps = np.linspace(0, count, math.ceil(count / CALL) + 1).astype(int)
        for first, last in pairwise(steps.tolist()):
            start, end = first * HOP, (last - 1) * HOP + PATCH
            yield Piece(clip, waveform[start:end], last - first)

    def _packed(self, pieces: list[Piece]) -> Iterator[Heard]:
        starts = np.cumsum([0, *(piece.count + GAP for piece in pieces)])
        total = int(starts[-1]) - GAP
        packed = np.zeros((total - 1) * HOP + PATCH, np.float32)
        for start, piece in zip(starts, pieces, strict=False):
            packed[start * HOP : start * HOP + len(piece.samples)] = piece.samples
        heard = self._scored(packed, total)
        for start, piece in zip(starts, pieces, strict=False):
            yield Heard(*(rows[start : start + piece.count] for rows in heard))

    def _scored(self, waveform: np.ndarray, count: int) -> Heard:
        tf = saved_model.tensorflow()
        with tf.device(self._device):
            scores, embeddings, *_ = self.call(tf.constant(waveform))
        heard = Heard(scores.numpy(), embeddings.numpy())
        for rows, width in zip(heard, (audioset.N_CLASSES, WIDTH), strict=True):
            if rows.shape not in ((count, width), (count + 1, width)):
                due = f"{count} x {width}"
                raise ValueError(f"an answer has shape {rows.shape}; {due} is due")
        return heard


def patches(samples: int, rounded: bool = False) -> int:
    """Count the patches that YAMNet makes of a clip.

    Parameters
    ----------
    samples : int
        Length of the clip.
    rounded : bool, default False
        TensorFlow may multiply by 1/7680, rounded to single precision, where
        YAMNet divides by 7680. Then some of the clips that end just where a
        patch ends get one patch more, whose second half is silence.

    Returns
    -------
    int
        At least one.

    Examples
    --------
    >>> [patches(n) for n in (800, PATCH, PATCH + 1, PATCH + 3 * HOP)]
    [1, 1, 2, 4]
    >>> patches(PATCH + 3 * HOP, rounded=True)
    5
    """
    past, hop = np.float32(max(0, samples - PATCH)), np.float32(HOP)
    return 1 + math.ceil(past * (1 / hop) if rounded else past / hop)


def _calls(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Put pieces together, up to the patches of one call.

    A clip of one patch stays alone: that is no slower, and TensorFlow rounds a
    single row of a product otherwise than one of several.
    """
    call, total = [], 0
    for piece in pieces:
        if piece.count == 1:
            yield [piece]
            continue
        if call and total + piece.count > CALL:
            yield call
            call, total = [], 0
        call.append(piece)
        total += piece.count + GAP
    if call:
        yield call


def random_names() -> list[str]:
    """Name as many classes as YAMNet has; those that count are among them."""
    known = ["Speech", *(name for some in audioset.EVIDENCE.values() for name in some)]
    rest = range(len(known), audioset.N_CLASSES)
    return [*known, *(f"Class {number}" for number in rest)]


def random_network(tf):
    """Make a network with YAMNet's ear and grid, and random weights behind them.

    Parameters
    ----------
    tf : module
        TensorFlow.

    Returns
    -------
    tf.Module
        Its ``__call__`` takes a waveform and gives scores, embeddings and
        log-mel spectrum, as YAMNet does.
    """
    drawn = np.random.default_rng(0)
    mel = tf.signal.linear_to_mel_weight_matrix(64, 257, 16_000, 125.0, 7_500.0)
    hidden = tf.constant(drawn.normal(0, 0.02, (8 * 64, WIDTH)), tf.float32)
    shape = WIDTH, audioset.N_CLASSES
    outer = tf.constant(drawn.normal(0, 0.2, shape), tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)], autograph=False)
    def call(waveform):
        samples = tf.size(waveform)
        past = tf.cast(tf.maximum(samples - PATCH, 0), tf.float32)
        hops = tf.cast(tf.math.ceil(past / HOP), tf.int32)
        whole = tf.pad(waveform, [[0, PATCH + hops * HOP - samples]])
        spectrum = tf.abs(tf.signal.stft(whole, 400, 160, 512))
        log_mel = tf.math.log(spectrum @ mel + 0.001)
        patches = tf.signal.frame(log_mel, 96, 48, axis=0)
        blocks = tf.reduce_mean(tf.reshape(patches, (-1, 8, 12, 64)), axis=2)
        embeddings = tf.nn.relu(tf.reshape(blocks, (-1, 8 * 64)) @ hidden)
        return tf.sigmoid(embeddings @ outer), embeddings, log_mel

    network = tf.Module()
    network.__call__ = call
    return network
