"""The Keras network of many a tutorial: forty numbers a clip, eight emotions."""

import contextlib
import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import files, labels
from sertools import progress as bars
from sertools.extras import require
from sertools.models import _keras, _saved_model
from sertools.models.base import Classifier, checked

_PUBLISHED = {
    # in the order of the network's outputs
    "outputs": "neutral calm happy sad angry fearful disgust surprised".split(),
    "sampling_rate": 22_050,
    "training_corpora": ["ravdess"],
}


_NETWORK, _CARD = "model.keras", "card.json"


_BATCH = 16


class Placed(NamedTuple):
    """A network, and where it computes, as TensorFlow says it."""

    network: object
    device: str


class RavdessCNN(Classifier):
    """Score emotions with a small convolutional network on the means of 40 MFCCs.

    Files of it are passed around with tutorials. Their scores there come from
    random splits, which put the same actors on both sides; and nobody can say
    which clips a given file has seen. `fit` trains the same network anew.

    Parameters
    ----------
    variant, weights, device, trust
        As for `sertools.models.base.Model`. Weights are a ``.h5`` or ``.keras``
        file, or a folder that `save` wrote.
    rate : int, optional
        Listen at this rate (Hz) instead of the one it was trained at.
    through : int, optional
        Bring each waveform down to this rate (Hz) and up again beforehand:
        what is above half of it is lost.

    References
    ----------
    de Pinto et al. (2020), Emotions understanding model from spoken language
    using deep neural networks and mel-frequency cepstral coefficients,
    doi:10.1109/EAIS48028.2020.9122698

    Examples
    --------
    >>> RavdessCNN().classes_.tolist()[:4]
    ['angry', 'calm', 'disgust', 'fear']
    >>> RavdessCNN(rate=16_000).sampling_rate
    16000
    """

    name = "ravdess_cnn"
    title = "Convolutional network on mean MFCCs (RAVDESS)"
    license = "GPL-3.0 (as published; what you train is yours)"
    reference = "doi:10.1109/EAIS48028.2020.9122698"
    packages = ("librosa", "tensorflow", "keras", "tf-keras")
    has_weights = True

    n_mfcc = 40

    def __init__(
        self,
        variant=None,
        weights=None,
        device="auto",
        trust=False,
        rate=None,
        through=None,
    ):
        super().__init__(variant, weights, device, trust)
        self.rate = rate
        self.through = through

    @property
    def sampling_rate(self) -> int:
        """Rate of the waveforms it takes, in Hz."""
        return self.rate or self._about()["sampling_rate"]

    @property
    def classes_(self) -> np.ndarray:
        """Emotions it scores: sorted canonical names, shape (k,), str."""
        return np.sort(self._emotions())

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

    def remedy(self) -> str:
        """Say how weights can be had."""
        return (
            "give a Keras file of it with --weights FILE, or train one: "
            "RavdessCNN().fit(waveforms, emotions, speakers).save(folder)."
        )

    def weights_sha256(self) -> str | None:
        """Give the SHA-256 of its weights, or of the parameters trained here."""
        if not self._is_trained:
            return super().weights_sha256()
        total = hashlib.sha256()
        for array in self.trained_["parameters"]:
            total.update(array.tobytes())
        return total.hexdigest()

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on; see `Model.signature`."""
        outputs = ",".join(self._about()["outputs"])
        return super().signature() | {"through": str(self.through), "outputs": outputs}

    def features(self, waveforms) -> np.ndarray:
        """Compute what the network sees: the means of 40 MFCCs over time.

        Parameters
        ----------
        waveforms : sequence of ndarray of shape (t,), or of paths
            Mono, at ``sampling_rate``.

        Returns
        -------
        ndarray of shape (n, 40), float32
            One row a waveform. The first column is loudness, more or less; the
            order within the clip is gone.

        Examples
        --------
        >>> RavdessCNN().features([np.sin(np.arange(22050) / 20)]).shape
        (1, 40)
        """
        return self._means(checked(waveforms, self.sampling_rate))

    def _means(self, waveforms: list[np.ndarray]) -> np.ndarray:
        mfcc = require("librosa").feature.mfcc
        means = np.empty((len(waveforms), self.n_mfcc), np.float32)
        with warnings.catch_warnings():  # clips shorter than a window are padded
            warnings.filterwarnings("ignore", message="n_fft=")
            for row, waveform in zip(means, waveforms, strict=True):
                heard = self._heard(waveform)
                found = mfcc(y=heard, sr=self.sampling_rate, n_mfcc=self.n_mfcc)
                row[:] = found.mean(axis=1)
        return means

    def _heard(self, waveform: np.ndarray) -> np.ndarray:
        if not self.through:
            return waveform
        import soxr

        narrow = soxr.resample(waveform, self.sampling_rate, self.through)
        return soxr.resample(narrow, self.through, self.sampling_rate)

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        means = self._means(waveforms)
        with self._at_work() as network:
            scores = network.predict_on_batch(means[..., None])
        scores = np.asarray(scores, dtype=np.float64)
        total = scores.sum(axis=1, keepdims=True)
        if (scores < 0).any() or not np.allclose(total, 1, atol=1e-3):
            raise ValueError(
                f"{self.spec}: its outputs are no probabilities: they do not sum to "
                "one. Its last layer should be a softmax."
            )
        return (scores / total)[:, np.argsort(self._emotions())]

    @contextlib.contextmanager
    def _at_work(self):
        """Give the network, where it computes, quietly."""
        network, device = self.backend
        tensorflow = _saved_model.tensorflow()
        with _keras.quiet(), tensorflow.device(device):
            yield network

    def _load(self) -> "Placed":
        if self._is_trained:
            placed = self._load_random()
            placed.network.set_weights(self.trained_["parameters"])
            return placed
        file = _file(self.weights_path())
        self._check(file, *_keras.shapes(file))
        device = _saved_model.placed(self.device, self.spec)
        with _saved_model.tensorflow().device(device):
            network = _keras.load(file, self.trust)
        self._check(file, network.input_shape[1:], network.output_shape[-1])
        return Placed(network, device)

    def _load_random(self) -> "Placed":
        device = _saved_model.placed(self.device, self.spec)
        with _saved_model.tensorflow().device(device):
            return Placed(_network(len(self.classes_), seed=0), device)

    def _check(self, file: Path, shape, outputs) -> None:
        """Refuse a network made for other features, or for other emotions."""
        wanted = (self.n_mfcc, 1)
        fits = shape is None or (
            len(shape) == 2
            and all(a in (None, b) for a, b in zip(shape, wanted, strict=True))
        )
        if not fits:
            raise ValueError(
                f"{file}: its input is {shape}, not {wanted}: it was made for other "
                f"features than the means of {self.n_mfcc} MFCCs."
            )
        named = self._about()["outputs"]
        if outputs is not None and outputs != len(named):
            raise ValueError(
                f"{file}: it has {outputs} outputs, not {len(named)} "
                f"({' '.join(named)}): nobody can say which is which."
            )

    def _about(self) -> dict:
        """Tell what is known of the weights: by their card, or as published."""
        if self._is_trained:
            return self.trained_["card"]
        if self.random_weights:
            return {**_PUBLISHED, "training_corpora": []}
        try:
            card = self.weights_path() / _CARD
        except FileNotFoundError:  # said where they are needed
            return _PUBLISHED
        return _read_card(card) if card.is_file() else _PUBLISHED

    def _emotions(self) -> list[str]:
        """Name the network's outputs, in its order, by canonical names."""
        return [labels.canonical(word) for word in self._about()["outputs"]]

    def fit(
        self,
        X,
        y=None,
        speakers=None,
        corpora=None,
        epochs=500,
        patience=50,
        learning_rate=1e-3,
        seed=0,
        progress=True,
    ):
        """Train the network anew, stopped early on speakers held out.

        Parameters
        ----------
        X : sequence of ndarray of shape (t,), or of paths
            Waveforms at ``sampling_rate``.
        y : sequence of str of length n, optional
            Their emotions; if not given, nothing happens.
        speakers : sequence of length n, optional
            Who speaks. One in five speakers is held out; clips, where nobody
            can say who speaks.
        corpora : sequence of str, optional
            Names of the corpora that the clips are from, for the card.
        epochs : int, default 500
            At most so many passes over the training clips.
        patience : int, default 50
            Stop after so many without a lower loss on what is held out; the
            parameters of the lowest are kept.
        learning_rate : float, default 0.001
            Of RMSprop.
        seed : int, default 0
            Of the first parameters, the order of clips, and the dropout.
        progress : bool, default True
            Show a bar.

        Returns
        -------
        RavdessCNN
            Itself; ``trained_`` holds parameters and card.

        Raises
        ------
        ValueError
            If lengths differ, an emotion is unknown, or there is only one.
        """
        if y is None:
            return self
        emotions = np.array([labels.canonical(word) for word in y])
        outputs, codes = np.unique(emotions, return_inverse=True)
        if len(outputs) < 2:
            raise ValueError(f"Only one emotion: {', '.join(outputs)}. Two are needed.")
        if len(X) != len(codes) or (speakers is not None and len(speakers) != len(X)):
            raise ValueError("Waveforms, emotions and speakers differ in number.")
        means = self._means_of_many(X, progress)
        parts = _keras.parted(codes, speakers, seed)
        if not parts.by_speaker:
            warnings.warn(f"Early stopping holds out {parts.said}.", stacklevel=2)
        network = _network(len(outputs), seed)
        facts = _keras.early_stopped(
            network,
            means[..., None],
            codes,
            parts,
            optimizer=lambda keras: keras.optimizers.RMSprop(learning_rate),
            batch=_BATCH,
            epochs=epochs,
            patience=patience,
            seed=seed,
            progress=progress,
        )
        told = {"clips": len(codes), "held_out": parts.said, "seed": seed, **facts}
        card = {
            "schema_version": 1,
            "system": self.name,
            "outputs": outputs.tolist(),
            "sampling_rate": self.sampling_rate,
            "n_mfcc": self.n_mfcc,
            "training_corpora": None if corpora is None else sorted(set(corpora)),
            "training": told,
        }
        self.trained_ = {"card": card, "parameters": network.get_weights()}
        self.__dict__.pop("_backend", None)
        return self

    def _means_of_many(self, waveforms, progress: bool) -> np.ndarray:
        means = []
        with bars.bar(len(waveforms), "MFCCs", shown=progress) as counter:
            for start in range(0, len(waveforms), _BATCH):
                means.append(self.features(waveforms[start : start + _BATCH]))
                counter.update(len(means[-1]))
        return np.concatenate(means)

    def save(self, folder: str | os.PathLike) -> Path:
        """Write ``model.keras`` and ``card.json``, for ``weights=folder``.

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
        with files.replacing(folder) as draft:
            draft.mkdir()
            with self._at_work() as network:
                network.save(draft / _NETWORK)
            files.write_json(draft / _CARD, card)
        return folder


def _file(path: Path) -> Path:
    """Find the Keras file: the one given, or the one in a folder."""
    if not path.is_dir():
        return path
    if (path / _NETWORK).is_file():
        return path / _NETWORK
    found = [file for file in path.iterdir() if file.suffix in (".h5", ".keras")]
    if len(found) != 1:
        raise FileNotFoundError(f"{path}: no {_NETWORK} in it.")
    return found[0]


def _read_card(path: Path) -> dict:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        emotions = [labels.canonical(word) for word in card["outputs"]]
        sound = len({*emotions}) == len(emotions) and card["sampling_rate"] > 0
        _ = card["training_corpora"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    if not sound:
        raise ValueError(f"{path}: damaged: an output is there twice, or no rate.")
    return card


def _network(outputs: int, seed: int):
    """Make the published network, its first parameters drawn from a seed."""
    with _keras.quiet():
        keras = require("keras")
        layers = keras.layers

        def drawn(number: int):
            return keras.initializers.GlorotUniform(seed=1000 * seed + number)

        return keras.Sequential(
            [
                layers.Input((RavdessCNN.n_mfcc, 1)),
                layers.Conv1D(128, 5, padding="same", kernel_initializer=drawn(0)),
                layers.Activation("relu"),
                layers.Dropout(0.1, seed=1000 * seed + 1),
                layers.MaxPooling1D(8),
                layers.Conv1D(128, 5, padding="same", kernel_initializer=drawn(2)),
                layers.Activation("relu"),
                layers.Dropout(0.1, seed=1000 * seed + 3),
                layers.Flatten(),
                layers.Dense(outputs, kernel_initializer=drawn(4)),
                layers.Activation("softmax"),
            ]
        )
