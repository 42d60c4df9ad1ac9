"""Checkpoints of transformers: looked into as text, loaded with care, run in batches.

transformers fills whatever a file lacks with random numbers and only logs it, and
runs a checkpoint's own Python if it is let. Here the first is refused, and the
second goes through the gate.
"""

import contextlib
import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import trust
from sertools.extras import require
from sertools.models._checkpoint_settings import (
    CONFIG,
    EXTRACTORS,
    leave_out_the_rest,
    reaches,
    settings,
)
from sertools.models._torch import in_batches

_SMALL = (CONFIG, *EXTRACTORS, "*.index.json", "*.py")
_HEADS = ("ForSequenceClassification", "ForAudioClassification")
_HARMLESS = re.compile(r"(^|\.)masked_spec_embed$")  # hides frames, in training only
_SHOWN = 3  # names in a message


class Loaded(NamedTuple):
    """What was read from a folder."""

    model: object
    extractor: object
    headless: str


def classifies(config: dict) -> bool:
    """Say whether a ``config.json`` is that of a classifier.

    Examples
    --------
    >>> classifies({"architectures": ["HubertForSequenceClassification"]})
    True
    """
    return _architecture(config).endswith(_HEADS)


def no_classifier(folder: Path, config: dict) -> str:
    """Say in a sentence that a checkpoint has no head."""
    return f"{folder}: no classifier ({_architecture(config)}): it gives features only."


def load(folder: Path, trusted: bool = False, headless: bool = False) -> Loaded:
    """Load the network of a folder, with every weight it should have."""
    _look_through(folder)
    linked = ("*.safetensors",) if _is_safe(folder) else ("*.bin",)
    with trust.private_copy(folder, *_SMALL, linked=linked) as own:
        config, _ = settings(own)
        own_code = _gate(own, trusted)
        if not own_code:
            leave_out_the_rest(own)
        for weights in own.glob("*.bin"):
            trust.check_torch(weights)
        model, extractor, wanting = _read(own, classifies(config), own_code)
    inner = _inner(model) if classifies(config) else ""
    encoder = [said for name, said in wanting.items() if name.startswith(inner)]
    head = [said for name, said in wanting.items() if not name.startswith(inner)]
    if encoder:
        raise ValueError(f"{folder}: {_in_words(encoder)}.")
    if head and not headless:
        raise ValueError(
            f"{folder}: its head is not whole: {_in_words(head)}. "
            "Its encoder can be used alone: add :layer6, or another."
        )
    reason = f"{folder}: its head is not whole: {_in_words(head)}." if head else ""
    if not classifies(config):
        reason = no_classifier(folder, config)
    return Loaded(model.eval(), extractor, reason)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what transformers has to say, and its progress bars, from the user."""
    logging = require("transformers.utils.logging")
    level, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def _architecture(config: dict) -> str:
    return str((config.get("architectures") or ["no architecture named"])[0])


def _read(folder: Path, with_head: bool, own_code: bool) -> tuple:
    """Give model, feature extractor, and what is wrong with which weight."""
    transformers, torch = require("transformers"), require("torch")
    known = {"trust_remote_code": own_code, "local_files_only": True}
    kind = "AutoModelForAudioClassification" if with_head else "AutoModel"
    with quiet(), _one_line(folder):
        extractor = transformers.AutoFeatureExtractor.from_pretrained(folder, **known)
        model, told = getattr(transformers, kind).from_pretrained(
            folder,
            **known,
            dtype=torch.float32,
            use_safetensors=_is_safe(folder),
            ignore_mismatched_sizes=True,  # refused by name
            output_loading_info=True,
        )
    return model, extractor, _wanting(told)


def _look_through(folder: Path) -> None:
    """Refuse a folder that lacks what a checkpoint is made of."""
    lacking = [] if settings(folder)[0] else [CONFIG]
    if not any((folder / name).is_file() for name in EXTRACTORS):
        lacking.append(EXTRACTORS[0])
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        lacking.append("model.safetensors")
    if lacking:
        raise FileNotFoundError(
            f"{folder}: no checkpoint of transformers: {', '.join(lacking)} missing."
        )


def _gate(folder: Path, trusted: bool) -> bool:
    """Say whether a checkpoint reaches for code; refuse it without trust."""
    if runs := reaches(folder):
        trust.gate(folder, runs, trusted)
    return bool(runs)


def _is_safe(folder: Path) -> bool:
    """Say whether the weights are there as safetensors, which hold no code.

    Those of the older kind, ``pytorch_model.bin``, are pickles; transformers
    reads them with ``weights_only=True``, so that one that calls anything fails.
    """
    return any(folder.glob("*.safetensors"))


def _wanting(told: dict) -> dict[str, str]:
    """Name the weights that transformers made up, each with what is wrong."""
    missing = {name: f"{name} missing" for name in told["missing_keys"]}
    for name, found, due in told.get("mismatched_keys", ()):
        shapes = f"{_shape(found)} instead of {_shape(due)}"
        missing[name] = f"{name} of shape {shapes}"
    return {n: said for n, said in sorted(missing.items()) if not _HARMLESS.search(n)}


def _shape(size: Iterable[int]) -> str:
    return "x".join(map(str, size))


def _inner(model) -> str:
    """Give what the names of the encoder's weights begin with."""
    prefix = model.base_model_prefix
    return f"{prefix}." if hasattr(model, prefix) else "encoder."


@contextlib.contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Say in one line what transformers says in many."""
    try:
        yield
    except ModuleNotFoundError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        reason = lines[0].partition(". ")[0].rstrip(".:")
        raise ValueError(f"{folder}: transformers cannot load it: {reason}.") from error


def _in_words(names: Iterable[str]) -> str:
    names = list(names)
    rest = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + rest


_MASKING = {"wav2vec2", "hubert", "wavlm", "unispeech", "unispeech-sat"}
_SMEARING = ("add_adapter", "conv_pos_batch_norm")  # settings that mix in padding
_HOLDS = 1e-2  # of the largest number: how far 16 bits may move an answer


@dataclass(frozen=True)
class _Piece:
    """A clip, or as much of it as the network hears at once."""

    samples: np.ndarray
    length: int  # with the padding that the network insists on

    def __len__(self) -> int:
        return self.length


class Network:
    """An audio network of transformers, with what prepares waveforms for it.

    Clips share a batch if they are of equal length. Clips of unequal length do
    only where padding changes no answer: in networks that hide it from every
    step (`padded`). A network that hears 30 s and no less (Whisper's) takes
    longer clips in pieces.
    """

    def __init__(self, model, extractor, device: str):
        self.model, self.extractor, self.device = model.to(device), extractor, device
        self.config, self.rate = model.config, extractor.sampling_rate
        kind = type(extractor).__name__
        self.by_waves = kind == "Wav2Vec2FeatureExtractor"
        self.span = extractor.n_samples if kind == "WhisperFeatureExtractor" else None
        self.padded = self._hides_padding()
        self.encoder = _encoder(model)
        self._bits = half_precision(self._heard, device) if "cuda" in device else None

    @property
    def layers(self) -> int:
        """How many blocks there are."""
        names = ("num_hidden_layers", "encoder_layers")
        return next(getattr(self.config, n) for n in names if hasattr(self.config, n))

    def embed(
        self, waveforms: Sequence[np.ndarray], layers: Sequence[int]
    ) -> np.ndarray:
        """Average each clip's own frames; none: those that leave it in the end."""

        def run(part: list[_Piece]) -> list[np.ndarray]:
            inputs = self._inputs(part)
            with self._at_work():
                said = self.encoder(**inputs, output_hidden_states=bool(layers))
            states = [said.hidden_states[i] for i in layers] or [said.last_hidden_state]
            own = self._own(part, inputs, states[0].shape[1])
            means = [_means(state, own) for state in states]
            return list(np.concatenate(means, axis=1))

        return self._by_clip(waveforms, run)

    def scores(self, waveforms: Sequence[np.ndarray]) -> np.ndarray:
        """Give each clip's probabilities, in the order of the checkpoint's labels."""
        torch = require("torch")

        def run(part: list[_Piece]) -> list[np.ndarray]:
            with self._at_work():
                logits = self.model(**self._inputs(part)).logits
            return list(torch.softmax(logits.double(), dim=-1).cpu().numpy())

        return self._by_clip(waveforms, run)

    def _by_clip(self, waveforms, run: Callable) -> np.ndarray:
        """Answer piece by piece; a clip's pieces count by their length."""
        clips = [list(self._pieces(waveform)) for waveform in waveforms]
        pieces = [piece for clip in clips for piece in clip]
        padded = self.padded or self.span is not None
        answers = iter(in_batches(pieces, run, self.rate, padded, device=self.device))
        rows = []
        for clip in clips:
            sizes = [len(piece.samples) for piece in clip]
            rows.append(np.average([next(answers) for _ in clip], 0, sizes))
        return np.stack(rows)

    def _pieces(self, waveform: np.ndarray) -> Iterator[_Piece]:
        span = self.span or len(waveform)
        for start in range(0, len(waveform), span):
            yield _Piece(waveform[start : start + span], span)

    def _inputs(self, part: list[_Piece]) -> dict:
        """Prepare clips as the checkpoint's makers did."""
        told = {"padding": True} if self.span is None else {}
        found = self.extractor(
            [piece.samples for piece in part],
            sampling_rate=self.rate,
            return_tensors="pt",
            **told,
        )
        inputs = {name: found[name] for name in found}
        if self.by_waves and (not self.padded or _equal(part)):
            inputs.pop("attention_mask", None)  # nothing is padded
        return {name: value.to(self.device) for name, value in inputs.items()}

    def _own(self, part: list[_Piece], inputs: dict, frames: int):
        """Count each clip's own frames, or mark them; ``None``: all are."""
        torch = require("torch")
        lengths = torch.tensor([len(piece.samples) for piece in part])
        if self.span is not None:
            step = self.span // frames
            return torch.arange(frames) < -(-lengths[:, None] // step)
        if self.by_waves:
            if _equal(part):
                return torch.ones(len(part), frames, dtype=torch.bool)
            count = self.model._get_feat_extract_output_lengths(lengths)
            return torch.arange(frames) < count[:, None]
        mask = inputs.get("attention_mask")
        if mask is None or mask.shape[1] != frames:
            raise ValueError(
                f"{type(self.model).__name__} does not tell a clip's own frames from "
                "padding: it can score clips, if it is a classifier, and not embed."
            )
        return mask.bool().cpu()

    def _hides_padding(self) -> bool:
        """Say whether padding changes no answer of this network.

        Group norms, over time, do see it, and so do convolutions between blocks.
        """
        told = self.config
        return (
            self.by_waves
            and told.model_type in _MASKING
            and getattr(told, "feat_extract_norm", "group") == "layer"
            and self.extractor.return_attention_mask
            and not any(getattr(told, name, False) for name in _SMEARING)
        )

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Compute without gradients, and with 16 bits where they hold."""
        torch = require("torch")
        with contextlib.ExitStack() as stack:
            stack.enter_context(torch.inference_mode())
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # WavLM's mask is of an older kind
            if self._bits is not None:
                kind = self.device.partition(":")[0]
                stack.enter_context(torch.autocast(kind, dtype=self._bits))
            yield

    def _heard(self):
        """Let it hear a second of noise, the same at all times."""
        noise = np.random.default_rng(0).normal(0, 0.1, self.rate).astype(np.float32)
        inputs = self._inputs([*self._pieces(noise)])
        said = self.encoder(**inputs).last_hidden_state
        return said if self.model is self.encoder else self.model(**inputs).logits


def half_precision(run: Callable, device: str):
    """Choose 16 bits if an answer stays within 1e-2 of that with 32."""
    torch = require("torch")
    with torch.inference_mode():
        full = run().float()
        for bits in (torch.float16, torch.bfloat16):
            with torch.autocast(device.partition(":")[0], dtype=bits):
                error = (run().float() - full).abs().max() / full.abs().max()
            if math.isfinite(error) and error < _HOLDS:
                return bits
    return None


def _encoder(model):
    """Take the part that hears: no decoder, no head."""
    inner = getattr(model, model.base_model_prefix, model)
    return getattr(inner, "encoder", inner) if _has_two_halves(inner) else inner


def _has_two_halves(model) -> bool:
    """Say whether its encoder takes what the whole does: a Whisper's."""
    return getattr(model.config, "is_encoder_decoder", False)


def _equal(part: list[_Piece]) -> bool:
    return len({len(piece.samples) for piece in part}) == 1


def _means(state, own) -> np.ndarray:
    """Average the frames marked, clip by clip."""
    own = own.to(state.device)
    kept = state.float() * own[..., None]
    return (kept.sum(dim=1) / own.sum(dim=1, keepdim=True)).cpu().numpy()
