"""Convolutional network of many a tutorial: forty mean MFCCs, eight emotions."""

import json
import warnings
from pathlib import Path

import numpy as np

from sertools import labels, trust
from sertools.extras import require
from sertools.models import _keras, _keras_classifier
from sertools.models._keras_classifier import CARD, KerasClassifier, Training
from sertools.models.base import checked

_NETWORK = "model.keras"


class RavdessCNN(KerasClassifier):
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

    n_mfcc = 40
    shape = (n_mfcc, 1)
    counted, chunk = "MFCCs", 16
    misshapen = f"it was made for other features than the means of {n_mfcc} MFCCs"
    miscounted = "not {} ({}): nobody can say which is which"
    _published = {
        # in the order of the network's outputs
        "outputs": "neutral calm happy sad angry fearful disgust surprised".split(),
        "sampling_rate": 22_050,
        "training_corpora": ["ravdess"],
    }

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

    def remedy(self) -> str:
        """Say how weights can be had."""
        return (
            "give a Keras file of it with --weights FILE, or train one: "
            "RavdessCNN().fit(waveforms, emotions, speakers).save(folder)."
        )

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
        means = self._means(waveforms)[..., None]
        said = f"{self.spec}: its outputs are no probabilities: they"
        with self._at_work() as [network]:
            scores = _keras_classifier.probabilities(network, means, said)
        return scores[:, np.argsort(self._emotions())]

    def _emotions(self) -> list[str]:
        """Name the network's outputs, in its order, by canonical names."""
        return [labels.canonical(word) for word in self._about()["outputs"]]

    def _read_about(self, path: Path) -> dict:
        card = path / CARD
        return _read_card(card) if card.is_file() else self._published

    def _parts(self, path: Path, about: dict) -> list[tuple[Path, list[str]]]:
        return [(_file(path), about["outputs"])]

    def _names(self, about: dict) -> list[str]:
        return [_NETWORK]

    def _new_networks(self, about: dict) -> list:
        return [_network(len(about["outputs"]), seed=0)]

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
            Who speaks. One in five speakers is held out; clips, where nobody can say.
        corpora : sequence of str, optional
            Names of the corpora that the clips are from, for the card.
        epochs, patience : int, default 500 and 50
            At most so many passes over the training clips, and so many without a lower
            loss on what is held out; the parameters of the lowest are kept.
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
        emotions = self._lesson(X, y, speakers)
        outputs, codes = np.unique(emotions, return_inverse=True)
        if len(outputs) < 2:
            raise ValueError(f"Only one emotion: {', '.join(outputs)}. Two are needed.")
        means = self._means_of_many(X, progress)[..., None]
        parts = _keras_classifier.parted(codes, speakers, seed)
        _keras_classifier.warn_of_clips(parts)
        network = _network(len(outputs), seed)
        how = Training(
            optimizer=lambda keras: keras.optimizers.RMSprop(learning_rate),
            batch=self.chunk,
            epochs=epochs,
            patience=patience,
            seed=seed,
            progress=progress,
        )
        told = _keras_classifier.early_stopped(network, means, codes, parts, how)
        return self._learnt(
            [network.get_weights()],
            outputs=outputs.tolist(),
            sampling_rate=self.sampling_rate,
            n_mfcc=self.n_mfcc,
            training_corpora=None if corpora is None else sorted(set(corpora)),
            training=told,
        )


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
        card = json.loads(trust.read(path))
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
                layers.Input(RavdessCNN.shape),
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
