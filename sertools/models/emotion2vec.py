"""emotion2vec: self-supervised pretraining on emotional speech, and fine-tuned kin."""

import contextlib
import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from sertools import audio, labels
from sertools.extras import require
from sertools.models import _funasr
from sertools.models import _torch as devices
from sertools.models._funasr import network, settings
from sertools.models._torch import SECONDS, in_batches, in_threads
from sertools.models._weights import Source
from sertools.models.base import Classifier, Embedder

HOP, REACH = 320, 400
"""Samples from one frame to the next (20 ms), and samples a frame hears (25 ms)."""

_BASE, _OTHER, _UNKNOWN, _UNUSED = "base", "other", "<unk>", "unuse"
_HUB = "https://huggingface.co/emotion2vec/emotion2vec_{}/resolve/main/{}"
_BATCH = {**SECONDS, "cpu": 0.0}  # a CPU would pay for the padding
_WORDS = "angry disgusted fearful happy neutral other sad surprised <unk>".split()


class NoHeadError(AttributeError, ValueError):
    """Raised when a variant that gives features only is asked for emotions.

    It is both kinds of error, as scikit-learn's ``NotFittedError`` is, so that
    ``hasattr(model, "predict_proba")`` is false where it should be.
    """


def _files(variant: str, parameters: str, megabytes: float, *more: str) -> tuple:
    """List what to fetch of a variant."""
    small = [Source(_HUB.format(variant, n), 0.01, n) for n in ("config.yaml", *more)]
    large = Source(_HUB.format(variant, parameters), megabytes, "model.pt")
    return (*small, large)


class Emotion2vec(Embedder, Classifier):
    """Embed speech with emotion2vec, or score emotions with emotion2vec+.

    The variants: ``plus_base`` (the default, as it gives features and emotions
    and runs on any computer), ``plus_seed`` (its forerunner, fine-tuned on acted
    speech), ``plus_large`` (three times the size), and ``base``: pretrained
    without labels and without a head, so that it gives features only. An
    embedding is the mean over the clip's frames, 50 a second.

    ``plus`` variants answer with the emotions that their ``tokens.txt`` names,
    nine outputs or five. One output is no emotion: ``<unk>``, unknown, what no
    other fits. Its probability goes to `other`, and that of every other emotion
    stays as the network gave it. They were fine-tuned on corpora that one would
    like to test them on (see ``training_corpora``): their scores there flatter.

    Answers are those of FunASR for one clip at a time. That is how a CPU computes
    them, too, a clip on each core: in a batch it would only pay for the padding. On
    a GPU several clips share a batch, and nothing of the padding is heard: what is
    behind a clip's end is silenced before each convolution, and left out of attention
    and means. On an NVIDIA GPU, products are in half precision, which with random
    weights moved an embedding by at most 0.002; this was tried on a CPU, not yet on
    a GPU.

    Weights are a folder as FunASR has it (``config.yaml``, ``model.pt`` and
    ``tokens.txt``), or the name of one on Hugging Face
    (``"emotion2vec/emotion2vec_plus_base"``).

    References
    ----------
    Ma et al. (2024), emotion2vec: self-supervised pre-training for speech emotion
    representation, arXiv:2312.15185
    emotion2vec+, https://huggingface.co/emotion2vec/emotion2vec_plus_base

    Examples
    --------
    >>> Emotion2vec("plus_large").dimensions["plus_large"]
    1024
    >>> hasattr(Emotion2vec("base"), "predict_proba")
    False
    """

    name = "emotion2vec"
    title = "emotion2vec, pretrained on emotional speech"
    license = "FunASR's model licence, https://github.com/alibaba-damo-academy/FunASR"
    reference = "arXiv:2312.15185, https://huggingface.co/emotion2vec"
    variants = ("plus_base", "plus_seed", "plus_large", _BASE)
    packages = ("funasr", "torch")
    dimensions = {"plus_base": 768, "plus_seed": 768, "plus_large": 1024, _BASE: 768}
    has_weights = True
    sources = {
        "plus_base": _files("plus_base", "model.pt", 1120, "tokens.txt"),
        "plus_seed": _files("plus_seed", "model.pt", 1120, "tokens.txt"),
        "plus_large": _files("plus_large", "model.pt", 1950, "tokens.txt"),
        _BASE: _files(_BASE, "emotion2vec_base.pt", 1130),
    }

    @property
    def training_corpora(self) -> tuple[str, ...] | None:
        """Corpora in its training data; of ``base``, nobody here can say.

        The ``plus`` variants descend from one that was fine-tuned on EmoBox, a
        collection that these five belong to.
        """
        known = ("crema_d", "emodb", "ravdess", "savee", "tess")
        return None if self.variant_ == _BASE else known

    @property
    def classes_(self) -> np.ndarray:
        """Emotions it scores: sorted canonical names, shape (k,), str."""
        self._need_head()
        if self.random_weights:
            return _emotions(_WORDS)[0]
        return _read_emotions(self.weights_path())[0]

    @property
    def predict_proba(self):
        """Score waveforms; see `Classifier.predict_proba`. ``base`` cannot."""
        self._need_head()
        return super().predict_proba

    def _need_head(self) -> None:
        if self.variant_ == _BASE:
            raise NoHeadError(
                f"{self.spec} gives features only; add --head, or take "
                f"{self.name}:{self.variants[0]}."
            )

    def weights_path(self) -> Path:
        """Find its weights; a name on Hugging Face is fetched from there."""
        given = str(self.weights or "")
        if _funasr.is_hub_id(given):
            return _funasr.fetched(given)
        return super().weights_path()

    def _answers_card(self) -> dict:
        """Name the emotions only where its ``tokens.txt`` is at hand."""
        with contextlib.suppress(FileNotFoundError):  # asked for where it is needed
            if not _funasr.is_hub_id(str(self.weights or "")):
                return super()._answers_card()
        return {"dimensions": self.dimensions[self.variant_]}

    def _load(self) -> "_Network":
        folder, head = self.weights_path(), self.variant_ != _BASE
        found, tokens = _funasr.read(folder, self.trust, head)
        width, due = found.cfg.embed_dim, self.dimensions[self.variant_]
        if width != due:
            raise ValueError(
                f"{folder / _funasr.CONFIG}: a network of width {width}, where "
                f"{self.spec} has {due}: it is another variant."
            )
        members = _read_emotions(folder)[1] if head else None
        return self._placed(found, tokens, members)

    def _load_random(self) -> "_Network":
        torch = require("torch")
        width = self.dimensions[self.variant_]
        small = settings(width, width // 64, 1, 1, 32, 1)
        tokens = () if self.variant_ == _BASE else tuple(_WORDS)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            made = network(small, len(tokens)).requires_grad_(False)
        if tokens:
            made.proj.weight *= 4  # else all clips would be the same to it
        return self._placed(made, tokens, _emotions(tokens)[1] if tokens else None)

    def _placed(self, made, tokens: Sequence[str], members) -> "_Network":
        """Send a network to its device."""
        torch = require("torch")
        device = devices.resolve(self.device, self.spec)
        if device.startswith("cuda") and not torch.cuda.is_available():
            device = "cpu"
            if self.device != "auto":
                warnings.warn(
                    f"This torch sees no GPU: {self.spec} computes on the CPU.",
                    stacklevel=2,
                )
        if device == "cpu":
            _funasr.prepare(made)
        used = [not token.startswith(_UNUSED) for token in tokens]
        return _Network(made.to(device), device, np.array(used, bool), members)

    def _feature_names(self) -> list[str]:
        return [f"embedding{i}" for i in range(self.dimensions[self.variant_])]

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        return np.stack(self.backend.means(waveforms, self.sampling_rate))

    def _predict_proba(self, waveforms: list[np.ndarray]) -> np.ndarray:
        means = np.stack(self.backend.means(waveforms, self.sampling_rate))
        return self.backend.scores(means)

    def frames(self, source: str | os.PathLike | np.ndarray) -> pd.DataFrame:
        """Embed one clip frame by frame.

        Parameters
        ----------
        source : path or ndarray of shape (t,)
            A file, or mono samples at ``sampling_rate``.

        Returns
        -------
        DataFrame of shape (frames, d), float32
            50 rows a second, indexed by the frame's start in seconds; `embed`
            gives their mean. Attention lets every frame know of the whole clip.
        """
        waveform = audio.load(source, self.sampling_rate)
        heard, _ = self.backend.hear([waveform])
        table = pd.DataFrame(heard[0].cpu().numpy(), columns=self._feature_names())
        table.index = pd.Index(table.index * HOP / self.sampling_rate, name="seconds")
        return table

    def frame_scores(self, source: str | os.PathLike | np.ndarray) -> pd.DataFrame:
        """Follow the scores of the emotions over one clip.

        The head, which was trained on means of whole clips, is asked about each
        frame. What it says of the clip is not the mean of these scores, but the
        score of the mean frame.

        Parameters
        ----------
        source : path or ndarray of shape (t,)
            As for `frames`.

        Returns
        -------
        DataFrame of shape (frames, k), float64
            One column an emotion, rows summing to one; indexed as `frames`.

        Raises
        ------
        ValueError
            If the variant has no head.
        """
        self._need_head()
        frames = self.frames(source)
        scores = self.backend.scores(frames.to_numpy())
        return pd.DataFrame(scores, index=frames.index, columns=self.classes_)


@dataclass
class _Network:
    """FunASR's network at work."""

    network: object
    device: str
    used: np.ndarray  # of the head's outputs, which mean anything
    members: np.ndarray | None  # 1 where an output counts for an emotion

    def means(self, waveforms: Sequence[np.ndarray], rate: int) -> list[np.ndarray]:
        """Give the mean frame of each waveform."""

        def run(part):
            heard, keep = self.hear(part)
            total = (heard * keep[:, :, None]).sum(1) / keep.sum(1, keepdim=True)
            return total.cpu().numpy()

        ear = self.network.cfg.modalities.audio
        seconds = _BATCH[self.device.partition(":")[0]]
        # a norm over time would hear the padding
        alone = ear.extractor_mode != "layer_norm"
        try:
            if not seconds:
                return in_threads(waveforms, lambda one: run([one])[0], rate)
            return in_batches(waveforms, run, rate, not alone, seconds)
        finally:
            self.network.alibi_biases.clear()  # as large as the largest batch squared

    def hear(self, waveforms: Sequence[np.ndarray]):
        """Give the frames of a batch, and which of them lie within their clip.

        FunASR standardises each waveform (``normalize``) and hears it alone. Its
        network takes a mask of what is padding, but its convolutions over time
        still hear what lies behind a clip's end, unless that is zero, as it is
        behind the end of a clip that stands alone.
        """
        torch, norm = require("torch"), self.network.cfg.normalize
        longest = max(map(len, waveforms))
        source = torch.zeros(len(waveforms), longest)
        padding = torch.ones(source.shape, dtype=torch.bool)
        for row, hidden, waveform in zip(source, padding, waveforms, strict=True):
            samples = torch.tensor(waveform)
            if norm:
                samples = torch.nn.functional.layer_norm(samples, samples.shape)
            row[: len(samples)] = samples
            hidden[: len(samples)] = False
        counts = torch.tensor([[_frames(len(waveform))] for waveform in waveforms])
        keep = (torch.arange(_frames(longest)) < counts).float().to(self.device)
        mask = padding.to(self.device) if padding.any() else None
        half = self.device.startswith("cuda")
        if len(waveforms) > 1:
            self.network.alibi_biases.clear()
        with (
            torch.inference_mode(),
            torch.autocast(self.device.partition(":")[0], torch.float16, half),
        ):
            hooks = self._silencing(keep) if mask is not None else []
            try:
                found = self.network.extract_features(
                    source.to(self.device), padding_mask=mask
                )
            finally:
                for hook in hooks:
                    hook.remove()
        return found["x"].float(), keep

    def _silencing(self, keep) -> list:
        """Put zeros behind the clips' ends before each convolution over time."""
        torch = require("torch")
        ear = self.network.modality_encoders["AUDIO"].relative_positional_encoder

        def silence(_, given):
            return (given[0] * keep[:, None, :],)

        convolutions = [m for m in ear.modules() if isinstance(m, torch.nn.Conv1d)]
        return [m.register_forward_pre_hook(silence) for m in convolutions]

    def scores(self, frames: np.ndarray) -> np.ndarray:
        """Score frames or means of frames, shape (n, d), as (n, k)."""
        torch, head = require("torch"), self.network.proj
        with torch.inference_mode():
            outputs = head(torch.tensor(frames, device=self.device)).double()
            outputs[:, ~torch.from_numpy(self.used)] = -torch.inf
            return outputs.softmax(-1).cpu().numpy() @ self.members


def _frames(samples: int) -> int:
    return (samples - REACH) // HOP + 1


def _read_emotions(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    tokens = _funasr.tokens(folder)
    try:
        return _emotions(tokens)
    except ValueError as error:
        raise ValueError(f"{folder / _funasr.TOKENS}: {error}") from None


def _emotions(tokens: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Give the emotions that tokens name, and which token counts for which.

    Tokens are ``"生气/angry"`` or ``"angry"``; ``"unuse_3"`` is none, and
    ``"<unk>"`` is part of `other`.
    """
    words = [token.rpartition("/")[2] for token in tokens]
    meant = [
        None
        if token.startswith(_UNUSED)
        else _OTHER
        if token == _UNKNOWN
        else labels.canonical(word)
        for token, word in zip(tokens, words, strict=True)
    ]
    named = [m for m, token in zip(meant, tokens, strict=True) if token != _UNKNOWN]
    twice = {name for name in named if name and named.count(name) > 1}
    if twice:
        raise ValueError(f"two of its tokens mean {min(twice)}.")
    classes = np.array(sorted({name for name in meant if name}))
    return classes, np.array([[m == name for name in classes] for m in meant], float)
