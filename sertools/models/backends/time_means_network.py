"""The network that judges 162 time-means: one for each corpus."""

import warnings

import numpy as np

from sertools.extras import require
from sertools.models.backends import keras_files, keras_training
from sertools.models.backends.time_means import NAMES

__all__ = ["SHAPE", "made", "scored", "trained"]

SHAPE = (len(NAMES), 1)
"""What it takes, without the batch."""

_BATCH = 32


def made(outputs: int, *seed: int):
    """Make the kernel's network, its first parameters drawn from a seed.

    Parameters
    ----------
    outputs : int
        Emotions.
    *seed : int
        One or more numbers.

    Returns
    -------
    keras.Sequential
        Not trained.
    """
    with keras_files.quiet():
        keras = require("keras")
        layers = keras.layers
        draws = np.random.SeedSequence(seed).generate_state(8) // 2
        draws = iter(draws.tolist())

        def convolution(filters: int):
            drawn = keras.initializers.GlorotUniform(seed=next(draws))
            return layers.Conv1D(
                filters, 5, padding="same", activation="relu", kernel_initializer=drawn
            )

        def dense(units: int, activation: str):
            drawn = keras.initializers.GlorotUniform(seed=next(draws))
            return layers.Dense(units, activation, kernel_initializer=drawn)

        def pooling():
            return layers.MaxPooling1D(5, 2, padding="same")

        return keras.Sequential(
            [
                layers.Input(SHAPE),
                *(convolution(256), pooling(), convolution(256), pooling()),
                *(convolution(128), pooling(), layers.Dropout(0.2, seed=next(draws))),
                *(convolution(64), pooling(), layers.Flatten()),
                *(dense(32, "relu"), layers.Dropout(0.3, seed=next(draws))),
                dense(outputs, "softmax"),
            ]
        )


def trained(
    corpus: str,
    means: np.ndarray,
    emotions: np.ndarray,
    speakers,
    *,
    seed: int,
    number: int,
    learning_rate: float,
    **run,
) -> tuple[dict, list[np.ndarray]]:
    """Train the network of one corpus; its scaler knows the training clips only.

    Parameters
    ----------
    corpus : str
        Its name.
    means : ndarray of shape (n, 162)
        Time-means.
    emotions : ndarray of shape (n,), str
        Canonical names.
    speakers : ndarray of shape (n,), or None
        Who speaks.
    seed, number : int
        Of everything drawn; which member this is, for each draws anew.
    learning_rate : float
        Of Adam.
    **run
        epochs, patience, progress: see `keras_training.early_stopped`.

    Returns
    -------
    member : dict
        Its part of the card: corpus, classes, scaler, training.
    parameters : list of ndarray
        Of the network.
    """
    classes, codes = np.unique(emotions, return_inverse=True)
    parts = keras_training.parted(codes, speakers, seed)
    if not parts.by_speaker:
        said = f"{corpus}: early stopping holds out {parts.said}."
        warnings.warn(said, stacklevel=3)
    scaler = _scaler(means[parts.train].astype(np.float64))
    network = made(len(classes), seed, number)
    facts = keras_training.early_stopped(
        network,
        _scaled(means, scaler),
        codes,
        parts,
        optimizer=lambda keras: keras.optimizers.Adam(learning_rate),
        batch=_BATCH,
        seed=seed,
        title=corpus,
        **run,
    )
    told = {"clips": len(codes), "held_out": parts.said, "seed": seed, **facts}
    member = {"corpus": corpus, "classes": classes.tolist(), "scaler": scaler}
    return {**member, "training": told}, network.get_weights()


def _scaler(means: np.ndarray) -> dict:
    mean, scale = means.mean(axis=0), means.std(axis=0)
    scale[scale < 1e-9] = 1.0  # the same in every clip
    return {"mean": mean.tolist(), "scale": scale.tolist()}


def _scaled(means: np.ndarray, scaler: dict) -> np.ndarray:
    """Bring the features to a member's scale, in the shape that it takes."""
    scaled = (means - np.array(scaler["mean"])) / np.array(scaler["scale"])
    return scaled.astype(np.float32)[..., None]


def scored(member: dict, network, means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ask one network.

    Parameters
    ----------
    member : dict
        Its part of the card.
    network : keras.Model
        It.
    means : ndarray of shape (n, 162)
        Time-means, not yet scaled.

    Returns
    -------
    classes : ndarray of shape (k,), str
        The emotions that it knows, sorted.
    scores : ndarray of shape (n, k), float64
        Their probabilities.

    Raises
    ------
    ValueError
        If its outputs are no probabilities.
    """
    scores = network.predict_on_batch(_scaled(means, member["scaler"]))
    scores = np.asarray(scores, dtype=np.float64)
    total = scores.sum(axis=1, keepdims=True)
    if (scores < 0).any() or not np.allclose(total, 1, atol=1e-3):
        raise ValueError(
            f"The network of {member['corpus']} gives no probabilities: its outputs do "
            "not sum to one. Its last layer should be a softmax."
        )
    classes = np.array(member["classes"])
    order = np.argsort(classes)
    return classes[order], (scores / total)[:, order]
