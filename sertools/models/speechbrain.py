"""SpeechBrain's wav2vec 2.0, fine-tuned on four emotions of IEMOCAP."""

import contextlib
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sertools import labels, trust
from sertools.extras import require
from sertools.models._torch import in_batches, resolve
from sertools.models._weights import Source
from sertools.models.base import Classifier, Embedder

YAML, PYTHON, LABELS = "hyperparams.yaml", "custom_interface.py", "label_encoder.txt"
BASE = "facebook/wav2vec2-base"
"""What the classifier for IEMOCAP builds on: the network that transformers makes
where nothing else is said."""


_CLASSNAME = "CustomEncoderWav2vec2Classifier"
_LABEL = re.compile(r"^'(?P<word>[^']*)' => (?P<number>\d+)\s*$", re.MULTILINE)
_RUNS = re.compile(r"!\w+:")
_USUAL = tuple(f"!{k}:{p}." for k in ("new", "name") for p in ("speechbrain", "torch"))
_HARMLESS = re.compile(r"(^|\.)masked_spec_embed$")  # hides frames, in training only
_SHOWN = 3  # names in a message


def read_labels(folder: Path) -> list[str]:
    """Read the labels of a folder; nothing is run."""
    try:
        text = trust.read(folder / LABELS).decode()
    except OSError:
        raise FileNotFoundError(
            f"{folder}: no classifier of SpeechBrain: {LABELS} is missing."
        ) from None
    except UnicodeDecodeError:
        raise ValueError(f"{folder / LABELS}: not text in UTF-8.") from None
    text = text.partition("\n====")[0]  # settings of the encoder follow
    table = {int(found["number"]): found["word"] for found in _LABEL.finditer(text)}
    if sorted(table) != list(range(len(table))) or not table:
        raise ValueError(f"{folder / LABELS}: damaged: no list of labels.")
    found = [table[number] for number in sorted(table)]
    for word in found:
        try:
            labels.canonical(word)
        except ValueError as error:
            raise ValueError(f"{folder / LABELS}: {error}") from None
    return found


def load(folder: Path, trusted: bool, device: str):
    """Load the classifier of a folder, with every weight it should have."""
    trust.gate(folder, _in_words(_looked_through(folder)), trusted)
    classifier = _foreign(folder, device)
    if missing := _missing(classifier.hparams.pretrainer):
        raise ValueError(f"{folder}: {missing}.")
    return classifier


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what SpeechBrain and torchaudio have to say from the user."""
    # SpeechBrain changes how torch computes, for all who use it: it is asked not to
    os.environ.setdefault("SB_DISABLE_QUIRKS", "allow_tf32,disable_jit_profiling")
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _looked_through(folder: Path) -> list[str]:
    """List what loading a folder would run, reading it as text."""
    for name in (YAML, PYTHON):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder}: no classifier of SpeechBrain: {name} is missing."
            )
    tags = [node.tag for node in _nodes(_composed(folder)) if _RUNS.match(node.tag)]
    return [PYTHON, *sorted({*tags}, key=lambda tag: (tag.startswith(_USUAL), tag))]


def _composed(folder: Path):
    """Parse the settings into nodes, from which nothing is made."""
    yaml = require("yaml")
    try:
        root = yaml.compose(trust.read(folder / YAML).decode())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{folder / YAML}: damaged: no YAML.") from error
    if root is None or root.id != "mapping":
        raise ValueError(f"{folder / YAML}: damaged: not a table of settings.")
    return root


def _nodes(node) -> Iterator:
    """Walk through all nodes; one that is pointed to again is met once."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if node.id == "mapping":
            waiting += [part for pair in node.value for part in pair]
        elif node.id == "sequence":
            waiting += node.value


def _in_words(found: list[str]) -> str:
    first = found[: _SHOWN + 1]
    rest = f" and {len(found) - len(first)} more" if len(found) > len(first) else ""
    return ", ".join(first) + (f"{rest} of {YAML}" if len(found) > 1 else "")


def _foreign(folder: Path, device: str):
    """Load a folder as SpeechBrain does, leaving no file in it or around."""
    with quiet(), tempfile.TemporaryDirectory() as place, _tidy(), _one_line(folder):
        library = require("speechbrain.inference.interfaces")
        fetching = require("speechbrain.utils.fetching")
        return library.foreign_class(
            source=str(folder.resolve()),
            hparams_file=YAML,
            pymodule_file=PYTHON,
            classname=_CLASSNAME,
            savedir=place,
            local_strategy=fetching.LocalStrategy.NO_LINK,
            fetch_config=fetching.FetchConfig(allow_network=False),
            overrides=_overrides(folder, place),
            run_opts={"device": device},
        )


def _overrides(folder: Path, place: str) -> dict:
    """Point settings to the folder, and to a wav2vec 2.0 that waits for weights."""
    settings = dict(_pairs(_composed(folder)))
    changed = {}
    if "pretrained_path" in settings:
        changed["pretrained_path"] = str(folder.resolve())
    if "wav2vec2_hub" in settings:
        hub = str(settings["wav2vec2_hub"].value)
        changed["wav2vec2_hub"] = _architecture(folder, hub, place)
    for name, node in settings.items():
        if node.id == "mapping" and "save_path" in dict(_pairs(node)):
            changed[name] = {"save_path": place}
    return changed


def _pairs(node) -> Iterator[tuple]:
    for key, value in node.value:
        if key.id == "scalar":
            yield key.value, value


def _architecture(folder: Path, hub: str, place: str) -> str:
    """Make a folder that says what the wav2vec 2.0 is built of, without weights.

    Its weights come from the checkpoint; those it started from are not needed.
    """
    require("torch")
    transformers, near = require("transformers"), Path(place, "wav2vec2")
    known = [folder / hub.rpartition("/")[2], folder / hub, Path(hub)]
    found = next((path for path in known if (path / "config.json").is_file()), None)
    if found is None and hub != BASE:
        raise ValueError(
            f"it builds on {hub}, whose config.json and preprocessor_config.json are "
            f"not in {known[0]}"
        )
    config, extractor = transformers.Wav2Vec2Config(), None
    if found is not None:
        config = transformers.AutoConfig.from_pretrained(found, local_files_only=True)
        extractor = transformers.AutoFeatureExtractor.from_pretrained(
            found, local_files_only=True
        )
    return unfilled(near, config, extractor or transformers.Wav2Vec2FeatureExtractor())


def unfilled(place: Path, config, extractor) -> str:
    """Write a folder that SpeechBrain takes for a checkpoint, an empty one."""
    torch = require("torch")
    config.save_pretrained(place)
    extractor.save_pretrained(place)
    torch.save({}, place / "none.ckpt")
    return str(place)


def _missing(pretrainer) -> str:
    """Name the weights that no file gave; ``""`` if there are none."""
    torch, load = require("torch"), trust.load_torch
    for name, part in pretrainer.loadables.items():
        if not isinstance(part, torch.nn.Module):
            continue
        path = Path(pretrainer.paths[name])
        told = part.load_state_dict(load(path), strict=False)
        keys = [key for key in told.missing_keys if not _HARMLESS.search(key)]
        if keys:
            rest = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            return f"{path.name} lacks {', '.join(keys[:_SHOWN])}{rest}"
    return ""


@contextlib.contextmanager
def _tidy() -> Iterator[None]:
    """Leave no bytecode beside the source, and the module path as it was."""
    before, path = sys.dont_write_bytecode, list(sys.path)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode, sys.path[:] = before, path


@contextlib.contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Say in one line what SpeechBrain says in many."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name in ("speechbrain", "torch", "torchaudio", "transformers"):
            raise
        raise _refusal(folder, error) from error
    except Exception as error:
        raise _refusal(folder, error) from error


def _refusal(folder: Path, error: Exception) -> ValueError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = " ".join(lines[:2]).rstrip(".: ")
    return ValueError(f"{folder}: SpeechBrain cannot load it: {reason}.")


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
            _source(YAML, 0),
            _source(PYTHON, 0),
            _source(LABELS, 0),
            _source("model.ckpt", 0),
            _source("wav2vec2.ckpt", 378),
            _source("config.json", 0, BASE, "wav2vec2-base/config.json"),
            _source(
                "preprocessor_config.json",
                0,
                BASE,
                "wav2vec2-base/preprocessor_config.json",
            ),
        )
    }

    @property
    def classes_(self) -> np.ndarray:
        """The canonical emotions that it knows, sorted; read without running it."""
        words = _WORDS
        if not self.random_weights:
            with contextlib.suppress(FileNotFoundError):
                words = read_labels(self.weights_path())
        return np.array(sorted({*map(labels.canonical, words)}))

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on."""
        return {**super().signature(), "pooling": "without noise"}

    def _load(self) -> "Interface":
        folder = self.weights_path()
        words = read_labels(folder)
        device = resolve(self.device, self.spec)
        return Interface(load(folder, self.trust, device), words, folder)

    def _load_random(self) -> "Interface":
        return Interface(_random(resolve(self.device, self.spec)), _WORDS, "tiny")

    def _feature_names(self) -> list[str]:
        return [f"embedding{i}" for i in range(self.backend.width)]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return self.backend.embed(waveforms)

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return self.backend.scores(waveforms)


class Interface:
    """A classifier of SpeechBrain's at work."""

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
            with torch.inference_mode(), quiet():
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
    with quiet(), torch.random.fork_rng(devices=[]):
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
        source = unfilled(Path(place, "wav2vec2"), config, extractor)
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
