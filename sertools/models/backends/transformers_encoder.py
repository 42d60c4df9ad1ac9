"""Networks of transformers at work: waveforms in, a vector or scores a clip out."""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sertools.extras import require
from sertools.models.batching import in_batches

__all__ = ["Network", "half_precision"]

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

    Parameters
    ----------
    model : PreTrainedModel
        With a head or without.
    extractor : FeatureExtractor
        The checkpoint's own.
    device : str
        Where it computes.
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
    """Choose 16 bits if an answer stays within 1e-2 of that with 32.

    Parameters
    ----------
    run : callable
        Gives a tensor, always the same.
    device : str
        Where it computes.

    Returns
    -------
    torch.dtype, or None
        float16, else bfloat16, whichever holds first; ``None`` if neither does.
    """
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
