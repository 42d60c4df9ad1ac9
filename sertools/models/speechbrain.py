"""SpeechBrain's wav2vec 2.0, trained to tell four emotions of IEMOCAP apart."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np

from sertools import labels
from sertools.extras import require
from sertools.models.backends import speechbrain_folder as folders
from sertools.models.base import Classifier, Embedder
from sertools.models.batching import in_batches
from sertools.models.device import resolve
from sertools.models.weights import Source

__all__ = ["SpeechBrain"]

WIDTH = 768
"""Length of an embedding."""

_HUB = "https://huggingface.co"
_WORDS = ("neu", "ang", "hap", "sad")


def _source(name: str, megabytes: float, owner: str = "", path: str = "") -> Source:
    owner = owner or "speechbrain/emotion-recognition-wav2vec2-IEMOCAP"
    return Source(f"{_HUB}/{owner}/resolve/main/{name}", megabytes, path or name)


class SpeechBrain(Embedder, Classifier):
    """Score emotions with SpeechBrain's wav2vec 2.0 for IEMOCAP.

    It knows angry, happy, neutral and sad. An embedding is the mean over time of
    what leaves its wav2vec 2.0, which was trained along.

    Its folder holds a Python file, ``custom_interface.py``, and settings,
    ``hyperparams.yaml``, that can call any function there is. Both run while it
    loads, so it loads with ``trust=True`` only; a refusal says what would run.

    Clips share a batch where they are of equal length: its group norms, over
    time, would see padding. SpeechBrain's pooling adds noise of up to 0.0001 to
    every mean, other noise at each call; here it does not.

    References
    ----------
    Wang, Boumadane and Heba (2021), A fine-tuned wav2vec 2.0/HuBERT benchmark for
    speech emotion recognition, speaker verification and spoken language
    understanding, arXiv:2111.02735
    Ravanelli et al. (2021), SpeechBrain: a general-purpose speech toolkit,
    arXiv:2106.04624

    Examples
    --------
    >>> SpeechBrain(weights="tiny").classes_.tolist()
    ['angry', 'happy', 'neutral', 'sad']
    """

    name = "speechbrain"
    title = "SpeechBrain wav2vec 2.0, trained on IEMOCAP"
    license = "Apache-2.0"
    reference = "arXiv:2111.02735, arXiv:2106.04624"
    packages = ("speechbrain", "transformers", "torch")
    training_corpora = ("iemocap",)
    has_weights = True
    dimensions = {None: WIDTH}
    sources = {
        None: (
            _source(folders.YAML, 0),
            _source(folders.PYTHON, 0),
            _source(folders.LABELS, 0),
            _source("model.ckpt", 0),
            _source("wav2vec2.ckpt", 378),
            _source("config.json", 0, folders.BASE, "wav2vec2-base/config.json"),
            _source(
                "preprocessor_config.json",
                0,
                folders.BASE,
                "wav2vec2-base/preprocessor_config.json",
            ),
        )
    }

    @property
    def classes_(self) -> np.ndarray:
        """The canonical emotions that it knows, sorted; read without running it."""
        words = _WORDS
        if not self.tiny:
            with contextlib.suppress(FileNotFoundError):
                words = folders.words(self.weights_path())
        return np.array(sorted({*map(labels.canonical, words)}))

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on."""
        return {**super().signature(), "pooling": "without noise"}

    def _load(self) -> "Interface":
        folder = self.weights_path()
        words = folders.words(folder)
        device = resolve(self.device, self.spec)
        return Interface(folders.load(folder, self.trust, device), words, folder)

    def _tiny(self) -> "Interface":
        return Interface(_random(resolve(self.device, self.spec)), _WORDS, "tiny")

    def _feature_names(self) -> list[str]:
        return [f"embedding{i}" for i in range(self.backend.width)]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return self.backend.embed(waveforms)

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return self.backend.scores(waveforms)


class Interface:
    """A classifier of SpeechBrain's at work.

    Parameters
    ----------
    classifier : Pretrained
        With ``encode_batch`` and ``classify_batch``.
    words : sequence of str
        Its labels, in the order of its scores.
    source : path-like
        Where it comes from, for errors.

    Raises
    ------
    ValueError
        If it does not answer as such a classifier does.
    """

    def __init__(self, classifier, words, source):
        self.classifier = _without_noise(classifier.eval())
        emotions = np.array([labels.canonical(word) for word in words])
        self.columns = emotions[:, None] == np.array(sorted({*emotions}))
        second = [np.zeros(SpeechBrain.sampling_rate, np.float32)]
        scores = self._asked(second, self._classified)
        if scores.shape != (1, len(words)) or not np.isclose(
            scores.sum(), 1, atol=1e-3
        ):
            raise ValueError(
                f"{source}: it gives no probabilities of {', '.join(words)}."
            )
        self.width = self._asked(second, self._encoded).shape[1]

    def embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        """Give the mean of what leaves wav2vec 2.0, clip by clip."""
        return self._asked(waveforms, self._encoded)

    def scores(self, waveforms: list[np.ndarray]) -> np.ndarray:
        """Give probabilities of the canonical emotions, sorted."""
        return self._asked(waveforms, self._classified) @ self.columns

    def _asked(self, waveforms, ask) -> np.ndarray:
        torch = require("torch")

        def run(part: list[np.ndarray]) -> list[np.ndarray]:
            with torch.inference_mode(), folders.quiet():
                said = ask(torch.from_numpy(np.stack(part)), torch.ones(len(part)))
            return list(said.reshape(len(part), -1).float().cpu().numpy())

        rate, device = SpeechBrain.sampling_rate, str(self.classifier.device)
        return np.stack(in_batches(waveforms, run, rate, device=device))

    def _encoded(self, waves, lengths):
        return self.classifier.encode_batch(waves, lengths)

    def _classified(self, waves, lengths):
        said, *_ = self.classifier.classify_batch(waves, lengths)
        said = said.double()
        return said.exp() if (said <= 0).all() else said  # some give logarithms


def _without_noise(classifier):
    """Take out the noise that SpeechBrain's pooling adds to every mean."""
    pooling = require("speechbrain.nnet.pooling")
    for part in classifier.modules():
        if isinstance(part, pooling.StatisticsPooling):
            part.eps = 0.0
    return classifier


def _random(device: str):
    """Draw a small one from SpeechBrain's own parts, always the same."""
    torch, transformers = require("torch"), require("transformers")
    config = transformers.Wav2Vec2Config(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(32,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=16,
    )
    with folders.quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _built(config, transformers.Wav2Vec2FeatureExtractor(), device)


def _built(config, extractor, device: str):
    """Put a classifier together from SpeechBrain's parts, without any settings."""
    encoder = require("speechbrain.integrations.huggingface.wav2vec2")
    interfaces = require("speechbrain.inference.interfaces")
    nnet = "speechbrain.nnet"

    class Built(interfaces.Pretrained):
        """What ``custom_interface.py`` is to a folder."""

        def encode_batch(self, waves, lengths):
            heard = self.mods.wav2vec2(waves.to(self.device))
            return self.mods.avg_pool(heard, lengths.to(self.device)).squeeze(1)

        def classify_batch(self, waves, lengths):
            outputs = self.mods.output_mlp(self.encode_batch(waves, lengths))
            return (self.mods.softmax(outputs),)

    with tempfile.TemporaryDirectory() as place:
        source = folders.unfilled(Path(place, "wav2vec2"), config, extractor)
        wav2vec2 = encoder.Wav2Vec2(source, place, output_norm=True)
    linear = require(f"{nnet}.linear").Linear(
        n_neurons=len(_WORDS), input_size=WIDTH, bias=False
    )
    modules = {
        "wav2vec2": wav2vec2,
        "avg_pool": require(f"{nnet}.pooling").StatisticsPooling(return_std=False),
        "output_mlp": linear,
        "softmax": require(f"{nnet}.activations").Softmax(),
    }
    return Built(modules, {}, run_opts={"device": device})
