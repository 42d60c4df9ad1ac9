"""Train a Keras network, and stop when held-out speakers gain no more."""

from typing import NamedTuple

import numpy as np

from sertools import progress as bars
from sertools.extras import require
from sertools.models.backends import keras_files
from sertools.models.heads.holdout import held_out

__all__ = ["Parts", "early_stopped", "parted"]


class Parts(NamedTuple):
    """What to train on, what to hold out, and which that is in words.

    Parameters
    ----------
    train, check : ndarray of int
        Positions.
    said : str
        For people, and for cards.
    by_speaker : bool
        Whether nobody is on both sides.
    """

    train: np.ndarray
    check: np.ndarray
    said: str
    by_speaker: bool


def parted(codes: np.ndarray, speakers, seed: int) -> Parts:
    """Hold out one speaker in five; clips, where nobody can say who speaks.

    Parameters
    ----------
    codes : ndarray of shape (n,), int
        Classes.
    speakers : array-like of shape (n,), or None
        Who speaks.
    seed : int
        Of the choice.

    Returns
    -------
    Parts
        Where too few clips are there to hold any out, both parts are all.
    """
    import pandas as pd

    known = speakers is not None and not pd.isna(np.asarray(speakers, object)).any()
    several = known and len(np.unique(np.asarray(speakers, str))) > 1
    splits = held_out(codes, speakers if several else None, seed=seed)
    if not splits:
        everything = np.arange(len(codes))
        return Parts(everything, everything, "nothing: too few clips", False)
    if several:
        who = sorted({str(name) for name in np.asarray(speakers)[splits[0][1]]})
        return Parts(*splits[0], f"speakers {', '.join(who)}", True)
    said = "clips: it is not known that several people speak"
    return Parts(*splits[0], said, False)


def early_stopped(
    network,
    X: np.ndarray,
    codes: np.ndarray,
    parts: Parts,
    *,
    optimizer,
    batch: int,
    epochs: int,
    patience: int,
    seed: int,
    title: str = "Training",
    progress: bool = True,
) -> dict:
    """Train until what is held out is no longer scored better; keep the best.

    Parameters
    ----------
    network : keras.Model
        It ends in a softmax over the classes.
    X : ndarray of shape (n, ...)
        What it takes.
    codes : ndarray of shape (n,), int
        Classes; rare ones count for more, so that all count the same.
    parts : Parts
        As `parted` gives.
    optimizer : callable
        Makes one, with Keras at hand: ``lambda keras: keras.optimizers.Adam()``.
    batch, epochs, patience, seed : int
        Clips a step; passes over the clips at most, and without gain; of the order.
    title : str
        Of the bar.
    progress : bool
        Show it.

    Returns
    -------
    dict
        ``epochs``, ``best_epoch`` and ``held_out_loss``.
    """
    train, check = parts.train, parts.check
    weight = np.bincount(codes[train], minlength=codes.max() + 1)
    weight = (len(train) / np.maximum(weight, 1) / len(weight)).astype(np.float32)
    order = np.random.default_rng(seed)
    best, kept, since, at = np.inf, network.get_weights(), 0, 0
    with (
        bars.bar(epochs, title, unit="epochs", shown=progress) as counter,
        keras_files.quiet(),
    ):
        made = optimizer(require("keras"))
        network.compile(made, "sparse_categorical_crossentropy", jit_compile=False)
        for epoch in range(1, epochs + 1):
            mixed = order.permutation(train)
            for some in np.array_split(mixed, -(-len(mixed) // batch)):
                network.train_on_batch(X[some], codes[some], weight[codes[some]])
            loss = _loss(network, X[check], codes[check], weight, batch)
            since += 1
            if loss < best:
                best, kept, since, at = loss, network.get_weights(), 0, epoch
            counter.update(1)
            if since >= patience:
                break
    network.set_weights(kept)
    return {"epochs": epoch, "best_epoch": at, "held_out_loss": round(float(best), 4)}


def _loss(network, X, codes, weight, batch: int) -> float:
    """Score what is held out, a part at a time: all at once may not fit."""
    size = 16 * batch
    scores = [
        network.predict_on_batch(X[start : start + size])
        for start in range(0, len(X), size)
    ]
    right = np.concatenate(scores)[np.arange(len(X)), codes]
    return -np.average(np.log(right + 1e-7), weights=weight[codes])
