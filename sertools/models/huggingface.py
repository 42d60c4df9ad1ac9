"""Transfer learning from any audio model of Hugging Face's transformers."""

import contextlib
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sertools import fetching, labels
from sertools.extras import require
from sertools.models import _transformers as folders
from sertools.models._layers import name_columns, numbers_of, read_layers, spell_layers
from sertools.models._torch import resolve
from sertools.models._transformers import Network
from sertools.models._weights import pulled
from sertools.models.base import Classifier, Embedder

_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_NAMELESS = re.compile(r"(label|class)?[_ ]?\d+", re.IGNORECASE)
_EXAMPLE = "huggingface:facebook/hubert-base-ls960"
_TINY = ("angry", "happy", "neutral", "sad")
_SMALL_FILES = ("config.json", "preprocessor_config.json", "processor_config.json")


class HuggingFace(Embedder, Classifier):
    """Embed or classify speech with a checkpoint of transformers.

    The variant is the id of a checkpoint on Hugging Face, or a folder that
    ``save_pretrained`` wrote:

    - ``huggingface:facebook/hubert-base-ls960``: the mean, over a clip's own
      frames, of what leaves the encoder. wav2vec 2.0, HuBERT, WavLM, XLS-R, w2v-BERT
      and their kin, and Whisper's encoder.
    - ``huggingface:superb/hubert-base-superb-er``: a checkpoint with a classifier
      scores emotions by itself. Its labels are mapped by name.

    Waveforms are prepared as the checkpoint's makers did. On a CUDA device it
    computes with 16 bits, where a trial stays within 1 % of the answer with 32.

    Parameters
    ----------
    variant : str, optional
        Id or folder.
    weights : path-like, optional
        A folder, whatever the id says. ``"tiny"`` is a small random wav2vec 2.0.
    device : str, default "auto"
        ``auto``, ``cpu``, ``cuda`` or ``mps``.
    trust : bool, default False
        Let a checkpoint run Python of its own.
    merge : mapping of str to str, optional
        What the checkpoint's words mean, where they are no emotions, or are to be
        folded: ``{"LABEL_0": "angry", "calm": "neutral"}``.
    layers : None, "last", int, list of int or "all", default None
        What leaves which block; 0 is what enters the first, and ``None`` or
        ``"last"`` what leaves the encoder. Several stand side by side, in columns
        such as ``"layer6/embedding17"``: the head ``average`` trains a classifier
        on each. A name says the same after a colon: ``:layer6``, or ``:layers``.

    References
    ----------
    Wolf et al. (2020), Transformers: state-of-the-art natural language
    processing, doi:10.18653/v1/2020.emnlp-demos.6

    Examples
    --------
    >>> HuggingFace("facebook/hubert-base-ls960", layers=6).spec
    'huggingface:facebook/hubert-base-ls960:layer6'
    >>> HuggingFace("LABEL_0/typo/model").variant_
    Traceback (most recent call last):
    ValueError: 'LABEL_0/typo/model' is neither an id of a checkpoint
    (facebook/hubert-base-ls960) nor a folder. A layer: ID:layer6, or ID:layers.
    """

    name = "huggingface"
    title = "Any audio model of Hugging Face transformers"
    license = "that of the checkpoint"
    reference = "doi:10.18653/v1/2020.emnlp-demos.6"
    packages = ("transformers", "torch")
    training_corpora = None
    has_weights = True

    def __init__(
        self,
        variant=None,
        weights=None,
        device="auto",
        trust=False,
        merge=None,
        layers=None,
    ):
        super().__init__(variant, weights, device, trust)
        self.merge = merge
        self.layers = layers

    @classmethod
    def read_variant(cls, variant: str) -> dict:
        """Take apart what follows the first colon of a name; a folder may have more."""
        checkpoint, said = variant.split(":"), []
        while checkpoint and re.fullmatch(r"layers|layer\d+", checkpoint[-1]):
            said.insert(0, checkpoint.pop())
        try:
            layers = read_layers(said)
        except ValueError:
            return super().read_variant(variant)  # refused as no checkpoint
        layers = {} if layers is None else {"layers": layers}
        return {"variant": ":".join(checkpoint) or None, **layers}

    @property
    def variant_(self) -> str | None:
        """The checkpoint in use: id or folder; ``None`` if not given."""
        given = str(self.variant or "")
        if given and not _ID.fullmatch(given) and not _is_folder(given):
            raise ValueError(
                f"{given!r} is neither an id of a checkpoint "
                "(facebook/hubert-base-ls960) nor a folder. "
                "A layer: ID:layer6, or ID:layers."
            )
        return given or None

    @property
    def spec(self) -> str:
        """The short name: checkpoint and layers after colons."""
        return ":".join([self.name, *self._said])

    @property
    def _said(self) -> list[str]:
        return [*filter(None, [self.variant_]), *spell_layers(self.layers)]

    @property
    def sampling_rate(self) -> int:
        """Rate of the waveforms it takes, in Hz, as the checkpoint says."""
        return int(self._told[1].get("sampling_rate", 16_000))

    @property
    def _told(self) -> tuple[dict, dict]:
        """What the checkpoint says of itself; nothing where it is not here."""
        if not self.random_weights and (self.weights or self.variant):
            with contextlib.suppress(FileNotFoundError):
                return folders.settings(self.weights_path())
        return {}, {}

    @property
    def classes_(self) -> np.ndarray:
        """The canonical emotions that it knows, sorted; without loading weights."""
        config = (
            {"id2label": dict(enumerate(_TINY))}
            if self.random_weights
            else self._told[0]
        )
        if not self.random_weights and not folders.classifies(config):
            raise ValueError(folders.no_classifier(self.weights_path(), config))
        return np.array(sorted({*self._emotions(config)}))

    def weights_subpath(self) -> str:
        """Give the place of its weights within a folder of weights."""
        return f"{self.name}/{self.variant or ''}"

    def weights_path(self) -> Path:
        """Find its folder: given, in $SERTOOLS_WEIGHTS, in our cache or in theirs."""
        checkpoint = self.variant_
        if self.weights:
            return super().weights_path()
        if not checkpoint:
            raise ValueError(f"huggingface: which checkpoint? {self.remedy()}")
        if _is_folder(checkpoint):
            folder = Path(checkpoint).expanduser()
            if folder.is_dir():
                return pulled(folder)
            raise FileNotFoundError(f"{self.spec}: no folder {folder}.")
        try:
            return super().weights_path()
        except FileNotFoundError:
            if found := _in_the_hubs_cache(checkpoint):
                return found
            raise

    def remedy(self) -> str:
        """Say how weights can be had."""
        checkpoint = self.variant_
        if not checkpoint or _is_folder(checkpoint):
            return f"Name one, {_EXAMPLE}, or a folder, huggingface:FOLDER."
        return f"fetch them with: sertools fetch huggingface:{checkpoint}"

    def fetch(self, progress: bool = True) -> Path:
        """Download the checkpoint from Hugging Face; see `sertools.models.fetch`."""
        checkpoint = self.variant_
        if not checkpoint or _is_folder(checkpoint):
            raise ValueError(f"{self.spec}: nothing to download. {self.remedy()}")
        cache = fetching.cache_folder() / "weights"
        target = cache / self.weights_subpath()
        if not target.exists():
            part = cache / "downloads" / self.weights_subpath().replace("/", "--")
            _download(checkpoint, part, progress)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(part / ".cache", ignore_errors=True)
            os.replace(part, target)
        return target

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on: merging and precision, too."""
        on_gpu = resolve(self.device, self.spec).startswith("cuda")
        merge = {str(k): str(v) for k, v in (self.merge or {}).items()}
        told = {"merge": str(sorted(merge.items()))} if merge else {}
        said = {"variant": ":".join(self._said), "bits": "16" if on_gpu else "32"}
        return {**super().signature(), **told, **said}

    def _answers_card(self) -> dict:
        config, _ = self._told
        width = config.get("hidden_size") or config.get("d_model")
        blocks = config.get("num_hidden_layers") or config.get("encoder_layers")
        told = {}
        count = len(numbers_of(self.layers, blocks if self.layers == "all" else None))
        if width and (blocks or self.layers != "all"):
            told["dimensions"] = width * max(count, 1)
        if folders.classifies(config):
            told["emotions"] = self.classes_.tolist()
        return told

    def _load(self) -> "_Backend":
        folder = self.weights_path()
        within = bool(spell_layers(self.layers))
        loaded = folders.load(folder, self.trust, headless=within)
        device = resolve(self.device, self.spec)
        network = Network(loaded.model, loaded.extractor, device)
        return self._backend_of(network, loaded.headless)

    def _load_random(self) -> "_Backend":
        device = resolve(self.device, self.spec)
        return self._backend_of(Network(*_random_checkpoint(), device), "")

    def _backend_of(self, network: Network, headless: str) -> "_Backend":
        last = network.layers
        try:
            layers = numbers_of(self.layers, last)
        except ValueError:
            raise ValueError(
                f"{self.spec}: no such layer. There are layer0 to layer{last}, "
                "and layers for layer1 and all after it."
            ) from None
        columns = None
        if not headless:
            given = self._emotions(network.config.to_dict())
            columns = np.array(given)[:, None] == np.array(sorted({*given}))
        return _Backend(network, layers, columns, headless)

    def _emotions(self, config: dict) -> list[str]:
        """Map a checkpoint's labels by name, in the order of its scores."""
        kind = config.get("problem_type")
        if kind in ("regression", "multi_label_classification"):
            raise ValueError(f"{self.spec}: it gives no probabilities ({kind}).")
        table = config.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}
        words = [str(table[key]) for key in sorted(table, key=int)]
        return _mapped(words, self.merge or {}, self.spec)

    def _feature_names(self) -> list[str]:
        return name_columns(self.backend.width, self.backend.layers)

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return self.backend.network.embed(waveforms, self.backend.layers)

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        if self.backend.headless:
            raise ValueError(self.backend.headless)
        scores = self.backend.network.scores(waveforms)
        return scores @ self.backend.columns


@dataclass
class _Backend:
    """A network, the layers asked of it, and where each label's score goes."""

    network: Network
    layers: tuple[int, ...]
    columns: np.ndarray | None
    headless: str

    @property
    def width(self) -> int:
        """Length of an embedding of one layer."""
        told = self.network.encoder.config
        if not self.layers and getattr(told, "add_adapter", False):
            return told.output_hidden_size
        return told.hidden_size


def _is_folder(checkpoint: str) -> bool:
    """Tell a folder from an id; a folder that is there is one."""
    written = checkpoint.startswith((".", "~")) or os.path.isabs(checkpoint)
    return written or "\\" in checkpoint or Path(checkpoint).is_dir()


def _mapped(words: list[str], merge: Mapping[str, str], spec: str) -> list[str]:
    """Give the canonical emotion of each of a checkpoint's words."""
    known = {str(old).lower(): labels.canonical(new) for old, new in merge.items()}
    emotions, strange = [], []
    for word in words:
        try:
            emotion = known.get(word.lower()) or labels.canonical(word)
        except ValueError:
            strange.append(word)
            continue
        emotions.append(known.get(emotion, emotion))
    if strange:
        raise ValueError(_refusal(strange, spec))
    return emotions


def _refusal(strange: list[str], spec: str) -> str:
    shown = ", ".join(strange[:8]) + (", ..." if len(strange) > 8 else "")
    if all(_NAMELESS.fullmatch(word) for word in strange):
        reason = f"its labels have no names ({shown}): which is which cannot be told"
    else:
        reason = f"labels that are no emotions: {shown}"
    return (
        f"{spec}: {reason}. If you know what they mean, say so: "
        f"set_params(merge={{{strange[0]!r}: 'angry', ...}})."
    )


def _in_the_hubs_cache(checkpoint: str) -> Path | None:
    """Look where transformers itself keeps what it downloaded."""
    try:
        hub = require("huggingface_hub")
    except ModuleNotFoundError:
        return None
    found = hub.try_to_load_from_cache(checkpoint, "config.json")
    return Path(found).parent if isinstance(found, str) else None


def _download(checkpoint: str, folder: Path, progress: bool) -> None:
    """Take the files that make a checkpoint, and of the weights one kind only."""
    hub, shown = require("huggingface_hub"), require("huggingface_hub.utils")
    bars = shown.are_progress_bars_disabled()
    try:
        if not progress:
            shown.disable_progress_bars()
        names = hub.HfApi().list_repo_files(checkpoint)
        kinds = ("*.safetensors", "pytorch_model*.bin")
        there = [k for k in kinds if any(Path(n).match(k) for n in names)]
        wanted = [*_SMALL_FILES, "*.index.json", "*.py", *there[:1]]
        hub.snapshot_download(checkpoint, local_dir=folder, allow_patterns=wanted)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConnectionError(
            f"{checkpoint} cannot be fetched ({lines[0].rstrip('.')})."
        ) from error
    finally:
        if not bars:
            shown.enable_progress_bars()


def _random_checkpoint() -> tuple:
    """Draw a small wav2vec 2.0 with a classifier, always the same one."""
    torch, transformers = require("torch"), require("transformers")
    config = transformers.Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        conv_dim=(32,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        classifier_proj_size=16,
        id2label=dict(enumerate(_TINY)),
    )
    with torch.random.fork_rng(devices=[]), folders.quiet():
        torch.manual_seed(0)
        model = transformers.Wav2Vec2ForSequenceClassification(config).eval()
    return model, transformers.Wav2Vec2FeatureExtractor(return_attention_mask=False)
