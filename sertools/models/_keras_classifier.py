"""Keras systems: trained here with early stopping, saved with a card, heard again."""

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import files, labels
from sertools import progress as bars
from sertools.extras import require
from sertools.models import _keras, _saved_model
from sertools.models.base import Classifier
from sertools.models.heads._held_out import held_out

CARD = "card.json"


class Placed(NamedTuple):
    """Networks, in the order of the card, and where they compute, to TensorFlow."""

    networks: list
    device: str


class KerasClassifier(Classifier):
    """A system of one or several Keras networks that brings its own training.

    What is known of it stands on a card: that of its folder, of what was trained here
    (``trained_``), or `_published`. A system declares the attributes below, and says
    how it hears (`_means`), which networks it has (`_new_networks`), where they are
    kept (`_parts`), and what a folder says of them (`_read_about`).
    """

    has_weights = True
    shape: tuple[int, int]  # of one input
    counted: str  # what the bar counts while it listens
    chunk: int  # clips heard at once while training
    misshapen: str  # said of a file made for something else
    miscounted: str  # said of a file with other outputs than named
    _published: dict

    def _means(self, waveforms: list[np.ndarray]) -> np.ndarray:
        raise NotImplementedError

    def _new_networks(self, about: dict) -> list:
        raise NotImplementedError

    def _parts(self, path: Path, about: dict) -> list[tuple[Path, list[str]]]:
        raise NotImplementedError

    def _read_about(self, path: Path) -> dict:
        raise NotImplementedError

    @property
    def training_corpora(self) -> tuple[str, ...] | None:
        """Corpora in its training data; ``None`` where nobody can say."""
        corpora = self._about()["training_corpora"]
        return None if corpora is None else tuple(corpora)

    @property
    def random_weights(self) -> bool:
        """Whether its weights are random, and its answers mean nothing."""
        return super().random_weights and not self._is_trained

    @property
    def _is_trained(self) -> bool:
        return hasattr(self, "trained_")

    def weights_sha256(self) -> str | None:
        """Give the SHA-256 of its weights, or of what was trained here."""
        if not self._is_trained:
            return super().weights_sha256()
        total = hashlib.sha256(self._digested(self.trained_["card"]))
        for arrays in self.trained_["parameters"]:
            for array in arrays:
                total.update(array.tobytes())
        return total.hexdigest()

    def _digested(self, card: dict) -> bytes:
        """Give what of a card decides the answers, too."""
        return b""

    def _about(self) -> dict:
        """Tell what is known of the weights: by their card, or as published."""
        if self._is_trained:
            return self.trained_["card"]
        if self.random_weights:
            return {**self._published, "training_corpora": []}
        try:
            path = self.weights_path()
        except FileNotFoundError:  # said where they are needed
            return self._published
        return self._read_about(path)

    @contextmanager
    def _at_work(self) -> Iterator[list]:
        """Give the networks, where they compute, quietly."""
        networks, device = self.backend
        tensorflow = _saved_model.tensorflow()
        with _keras.quiet(), tensorflow.device(device):
            yield networks

    def _load(self) -> Placed:
        if self._is_trained:
            placed = self._load_random()
            parameters = self.trained_["parameters"]
            for network, arrays in zip(placed.networks, parameters, strict=True):
                network.set_weights(arrays)
            return placed
        parts = self._parts(self.weights_path(), self._about())
        for file, words in parts:  # before TensorFlow is there
            self._refuse_misfit(file, words, *_keras.shapes(file))
        device, networks = _saved_model.placed(self.device, self.spec), []
        with _saved_model.tensorflow().device(device):
            for file, words in parts:
                network = _keras.load(file, self.trust)
                told = network.input_shape[1:], network.output_shape[-1]
                self._refuse_misfit(file, words, *told)
                networks.append(network)
        return Placed(networks, device)

    def _load_random(self) -> Placed:
        device = _saved_model.placed(self.device, self.spec)
        with _saved_model.tensorflow().device(device):
            return Placed(self._new_networks(self._about()), device)

    def _refuse_misfit(self, file: Path, words: list[str], shape, outputs) -> None:
        """Refuse a network made for other features, or for other emotions."""
        wanted = self.shape
        same = shape is None or (
            len(shape) == len(wanted)
            and all(a in (None, b) for a, b in zip(shape, wanted, strict=True))
        )
        if not same:
            raise ValueError(
                f"{file}: its input is {tuple(shape)}, not {wanted}: {self.misshapen}."
            )
        if outputs is not None and outputs != len(words):
            differ = self.miscounted.format(len(words), " ".join(words))
            raise ValueError(f"{file}: it has {outputs} outputs, {differ}.")

    def _lesson(self, X, y, speakers) -> np.ndarray:
        """Give canonical emotions, one a waveform."""
        emotions = np.array([labels.canonical(word) for word in y])
        if len(X) != len(emotions) or (
            speakers is not None and len(speakers) != len(X)
        ):
            raise ValueError("Waveforms, emotions and speakers differ in number.")
        return emotions

    def _means_of_many(self, waveforms, progress: bool) -> np.ndarray:
        means = []
        with bars.bar(len(waveforms), self.counted, shown=progress) as counter:
            for start in range(0, len(waveforms), self.chunk):
                means.append(self.features(waveforms[start : start + self.chunk]))
                counter.update(len(means[-1]))
        return np.concatenate(means)

    def _learnt(self, parameters: list, **card) -> "KerasClassifier":
        """Keep what was trained, and forget what it answered with before."""
        about = {"schema_version": 1, "system": self.name, **card}
        self.trained_ = {"card": about, "parameters": parameters}
        self.__dict__.pop("_backend", None)
        return self

    def save(self, folder: str | os.PathLike) -> Path:
        """Write ``card.json`` and the trained networks, for ``weights=folder``.

        Parameters
        ----------
        folder : path-like
            A new folder.

        Returns
        -------
        Path
            The folder.

        Raises
        ------
        ValueError
            If its weights are random.
        FileExistsError
            If there is something at `folder`.
        """
        folder = Path(folder)
        if self.random_weights:
            raise ValueError(f"{self.spec}: random weights are not worth saving.")
        if folder.exists():
            raise FileExistsError(f"{folder} is there already. Give a new folder.")
        card = {"schema_version": 1, "system": self.name, **self._about()}
        with files.replacing(folder) as draft, self._at_work() as networks:
            draft.mkdir()
            names = self._names(card)
            for name, network in zip(names, networks, strict=True):
                network.save(draft / name)
            files.write_json(draft / CARD, card)
        return folder

    def _names(self, about: dict) -> list[str]:
        """Name the files of its networks."""
        raise NotImplementedError


class Parts(NamedTuple):
    """What to train on, what to hold out, which that is in words, and if by speaker."""

    train: np.ndarray
    check: np.ndarray
    said: str
    by_speaker: bool


def parted(codes: np.ndarray, speakers, seed: int) -> Parts:
    """Hold out one speaker in five; clips, where nobody can say who speaks.

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


class Training(NamedTuple):
    """How a network is trained: ``optimizer`` makes one, with Keras at hand."""

    optimizer: object
    batch: int
    epochs: int
    patience: int
    seed: int
    title: str = "Training"
    progress: bool = True


def warn_of_clips(parts: Parts, prefix: str = "Early") -> None:
    """Say that people may be on both sides of early stopping."""
    if not parts.by_speaker:
        said = f"{prefix} stopping holds out {parts.said}."
        warnings.warn(said, stacklevel=3)


def early_stopped(network, X, codes, parts: Parts, how: Training) -> dict:
    """Train until what is held out is no longer scored better; keep the best.

    Rare classes count for more, so that all count the same. Gives what the card tells.
    """
    train, check = parts.train, parts.check
    weight = np.bincount(codes[train], minlength=codes.max() + 1)
    weight = (len(train) / np.maximum(weight, 1) / len(weight)).astype(np.float32)
    order = np.random.default_rng(how.seed)
    best, kept, since, at = np.inf, network.get_weights(), 0, 0
    with (
        bars.bar(how.epochs, how.title, unit="epochs", shown=how.progress) as counter,
        _keras.quiet(),
    ):
        made = how.optimizer(require("keras"))
        network.compile(made, "sparse_categorical_crossentropy", jit_compile=False)
        for epoch in range(1, how.epochs + 1):
            mixed = order.permutation(train)
            for some in np.array_split(mixed, -(-len(mixed) // how.batch)):
                network.train_on_batch(X[some], codes[some], weight[codes[some]])
            loss = _loss(network, X[check], codes[check], weight, how.batch)
            since += 1
            if loss < best:
                best, kept, since, at = loss, network.get_weights(), 0, epoch
            counter.update(1)
            if since >= how.patience:
                break
    network.set_weights(kept)
    told = {"clips": len(codes), "held_out": parts.said, "seed": how.seed}
    told |= {"epochs": epoch, "best_epoch": at}
    return {**told, "held_out_loss": round(float(best), 4)}


def _loss(network, X, codes, weight, batch: int) -> float:
    """Score what is held out, a part at a time: all at once may not fit."""
    size = 16 * batch
    scores = [network.predict_on_batch(X[i : i + size]) for i in range(0, len(X), size)]
    right = np.concatenate(scores)[np.arange(len(X)), codes]
    return -np.average(np.log(right + 1e-7), weights=weight[codes])


def probabilities(network, X: np.ndarray, said: str) -> np.ndarray:
    """Ask a network for rows that sum to one; refuse what is far from it."""
    scores = network.predict_on_batch(X)
    scores = np.asarray(scores, dtype=np.float64)
    total = scores.sum(axis=1, keepdims=True)
    if (scores < 0).any() or not np.allclose(total, 1, atol=1e-3):
        raise ValueError(
            f"{said} do not sum to one. Its last layer should be a softmax."
        )
    return scores / total
