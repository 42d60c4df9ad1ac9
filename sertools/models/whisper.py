"""Transfer learning from speech recognition: the encoder of OpenAI's Whisper."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from sertools import audio, trust
from sertools.extras import require
from sertools.models._layers import name_columns, numbers_of, read_layers, spell_layers
from sertools.models._torch import in_batches, resolve
from sertools.models._weights import Source
from sertools.models.base import Embedder

SPAN = 480_000  # samples that Whisper hears at once: 30 s
FRAME = 320  # samples from one frame to the next: 20 ms
_COLUMN = 160  # samples from one column of a spectrum to the next
_MARGIN = 2  # frames behind a clip that the first filters still reach into
_HOST = "https://openaipublic.azureedge.net/main/whisper/models"


class Size(NamedTuple):
    """One of the encoders that OpenAI trained."""

    width: int
    blocks: int
    megabytes: int
    sha256: str
    mels: int = 80

    @property
    def dims(self) -> dict[str, int]:
        """What a checkpoint says of its encoder."""
        return {
            "n_mels": self.mels,
            "n_audio_ctx": SPAN // FRAME,
            "n_audio_state": self.width,
            "n_audio_head": self.width // 64,
            "n_audio_layer": self.blocks,
        }


_TINY = "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9"
_BASE = "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e"
_SMALL = "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794"
_MEDIUM = "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1"
_LARGE = "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb"
SIZES = {
    "tiny": Size(384, 4, 76, _TINY),
    "base": Size(512, 6, 145, _BASE),
    "small": Size(768, 12, 484, _SMALL),
    "medium": Size(1024, 24, 1528, _MEDIUM),
    "large-v3": Size(1280, 32, 3087, _LARGE, mels=128),
}


class Whisper(Embedder):
    """Embed speech with the encoder of OpenAI's Whisper.

    Whisper learnt to write down speech from the web. Its encoder turns 30 s of
    sound into 1500 frames, which its decoder reads; the decoder is left out here.
    An embedding is the mean over the clip's own frames, 50 a second, and never
    over the padding behind them. Longer clips are heard in windows of 30 s, and
    every frame counts the same.

    On a CUDA device it computes with 16 bits, as Whisper does there by itself.

    Parameters
    ----------
    variant : str, optional
        Size: ``tiny`` (the default), ``base``, ``small``, ``medium``, ``large-v3``.
    weights, device, trust
        As for `sertools.models.base.Model`.
    layers : None, "last", int, list of int or "all", default None
        What leaves which block; 0 is what enters the first, and ``None`` or
        ``"last"`` what leaves the encoder. Later blocks are not computed. Several
        stand side by side, in columns such as ``"layer4/embedding17"``: the head
        ``average`` trains a classifier on each.
    padding : bool, default True
        Pad clips to 30 s, as in Whisper's training. Without, short clips are many
        times faster, and get another embedding: in the blocks each frame looks at
        all others, and at the padding if there is any. How far that moves an
        embedding differs from clip to clip: embed some in both forms, and compare.

    Notes
    -----
    A name says the same after colons: ``whisper:base:layer4``,
    ``whisper:base:layers`` (all) and ``whisper:base:layer4:clip`` (no padding).

    References
    ----------
    Radford et al. (2023), Robust speech recognition via large-scale weak
    supervision, arXiv:2212.04356

    Examples
    --------
    >>> len(Whisper("base").get_feature_names_out())
    512
    >>> Whisper("base", layers="all").get_feature_names_out()[-1]
    'layer6/embedding511'
    >>> Whisper("base", layers=4, padding=False).spec
    'whisper:base:layer4:clip'
    """

    name = "whisper"
    title = "OpenAI Whisper, its encoder"
    license = "MIT"
    reference = "arXiv:2212.04356"
    variants = tuple(SIZES)
    packages = ("openai-whisper", "torch")
    training_corpora = None
    has_weights = True
    dimensions = {name: size.width for name, size in SIZES.items()}
    sources = {
        name: (Source(f"{_HOST}/{s.sha256}/{name}.pt", s.megabytes, sha256=s.sha256),)
        for name, s in SIZES.items()
    }

    def __init__(
        self,
        variant=None,
        weights=None,
        device="auto",
        trust=False,
        layers=None,
        padding=True,
    ):
        super().__init__(variant, weights, device, trust)
        self.layers = layers
        self.padding = padding

    @classmethod
    def read_variant(cls, variant: str) -> dict:
        """Take apart what follows the first colon of a name."""
        size, *options = variant.split(":")
        size = cls(size or None).variant_
        clip, last = options[-1:] == ["clip"], SIZES[size].blocks
        try:
            layers = read_layers(options[:-1] if clip else options)
            numbers_of(layers, last)
        except ValueError:
            raise ValueError(
                f"whisper:{size} has no {':'.join(options)!r}. What may follow: layer0 "
                f"to layer{last}, or layers for all of them, and clip for no padding: "
                f"whisper:{size}:layer{last // 2}:clip."
            ) from None
        said = {"variant": size} | ({} if layers is None else {"layers": layers})
        return said | ({"padding": False} if clip else {})

    @property
    def options(self) -> str:
        """What a name says after the size: ``""`` or, say, ``"layer4:clip"``."""
        clip = [] if self.padding else ["clip"]
        return ":".join(spell_layers(self.layers, SIZES[self.variant_].blocks) + clip)

    @property
    def spec(self) -> str:
        """The short name: ``"whisper"`` or, say, ``"whisper:base:layer4:clip"``."""
        options = self.options
        return f"{self.name}:{self.variant_}:{options}" if options else super().spec

    @property
    def layers_(self) -> tuple[int, ...]:
        """The numbers of the layers; none: what leaves the encoder."""
        return numbers_of(self.layers, SIZES[self.variant_].blocks)

    def weights_subpath(self) -> str:
        """Give the place of its weights: one file a size."""
        return f"{self.name}/{self.variant_}.pt"

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on: options and precision, too."""
        bits = precision(resolve(self.device, self.spec))
        return {**super().signature(), "options": self.options, "bits": str(bits)}

    def _answers_card(self) -> dict:
        return {"dimensions": len(self._feature_names())}

    def _feature_names(self) -> list[str]:
        return name_columns(SIZES[self.variant_].width, self.layers_)

    def _load(self) -> "Encoder":
        network = read(self.weights_path(), self.variant_, self.trust)
        return Encoder(network, resolve(self.device, self.spec))

    def _load_random(self) -> "Encoder":
        """Draw as few blocks as can answer, each as wide as it should be."""
        blocks = max(self.layers_, default=1)
        network = draw(SIZES[self.variant_]._replace(blocks=blocks))
        return Encoder(network, resolve(self.device, self.spec))

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        clips = [windows(waveform, self.padding) for waveform in waveforms]
        each = [window for clip in clips for window in clip]
        means = iter(self.backend.hear(each, self.layers_, pooled=True))
        rows = []
        for clip in clips:
            heard, frames = [next(means) for _ in clip], [w.frames for w in clip]
            rows.append(np.average(heard, axis=0, weights=frames))
        return np.stack(rows)

    def frames(self, source: str | os.PathLike | np.ndarray) -> pd.DataFrame:
        """Follow one clip frame by frame; `embed` gives their mean.

        Parameters
        ----------
        source : path or ndarray of shape (t,)
            A file, or mono samples at ``sampling_rate``.

        Returns
        -------
        DataFrame of shape (frames, d), float32
            Indexed by the frame's start in seconds; a frame every 20 ms.
        """
        parts = windows(audio.load(source, self.sampling_rate), self.padding)
        heard = np.concatenate(self.backend.hear(parts, self.layers_, pooled=False))
        starts = np.arange(len(heard)) * FRAME / self.sampling_rate
        index = pd.Index(starts, name="seconds")
        return pd.DataFrame(heard, index, self._feature_names())


@dataclass(frozen=True)
class Window:
    """Up to 30 s of a clip; it is as long as what the encoder gets."""

    samples: np.ndarray
    padded: bool

    def __len__(self) -> int:
        return SPAN if self.padded else self.frames * FRAME

    @property
    def frames(self) -> int:
        """How many frames are the clip's own."""
        return -(-len(self.samples) // FRAME)


def windows(waveform: np.ndarray, padded: bool) -> list[Window]:
    """Cut a waveform into windows.

    Examples
    --------
    >>> [window.frames for window in windows(np.zeros(SPAN + 1), padded=True)]
    [1500, 1]
    """
    starts = range(0, len(waveform), SPAN)
    return [Window(waveform[start : start + SPAN], padded) for start in starts]


class Encoder:
    """An encoder at work: windows in, a row a frame out."""

    def __init__(self, network, device: str):
        torch = require("torch")
        self.device = device
        self.precision = torch.float16 if precision(device) == 16 else torch.float32
        self.network = network.eval().to(device)
        for part in self.network.modules():  # norms keep their 32 bits
            if isinstance(part, (torch.nn.Linear, torch.nn.Conv1d)):
                part.to(self.precision)

    def hear(
        self, windows: Sequence[Window], layers: tuple[int, ...], pooled: bool
    ) -> list[np.ndarray]:
        """Give each window's own frames (frames, d), or their mean (d,)."""
        torch = require("torch")

        def run(batch: list[Window]) -> list[np.ndarray]:
            parts: list[list] = [[] for _ in batch]
            for layer in self._layers(batch, layers):
                for window, frames, part in zip(batch, layer, parts, strict=True):
                    own = frames[: window.frames].float()
                    part.append(own.mean(dim=0) if pooled else own)
            return [torch.cat(part, dim=-1).cpu().numpy() for part in parts]

        with torch.inference_mode():
            return in_batches(windows, run, Whisper.sampling_rate, device=self.device)

    def _layers(self, batch: list[Window], layers: tuple[int, ...]) -> Iterator:
        """Go through the blocks, and give what leaves those that are asked for."""
        gelu = require("torch").nn.functional.gelu
        net = self.network
        x = gelu(net.conv1(self._spectra(batch)))
        x = gelu(net.conv2(x)).transpose(1, 2)[:, : len(batch[0]) // FRAME]
        x = (x + net.positional_embedding[: x.shape[1]]).to(x.dtype)
        if 0 in layers:
            yield x
        last = max(layers, default=len(net.blocks))
        for number, block in enumerate(net.blocks[:last], start=1):
            if number < last:
                x = block(x)
            else:
                x = _end(block, x, max(window.frames for window in batch))
            if number in layers:
                yield x
        if not layers:
            yield net.ln_post(x)

    def _spectra(self, batch: list[Window]):
        """Make the log-mel spectra; that of padding is one value, and costs nothing."""
        torch, whisper = require("torch"), require("whisper")
        mels, spectra = self.network.conv1.in_channels, []
        for window in batch:
            length = min((window.frames + _MARGIN) * FRAME, SPAN)
            heard = torch.tensor(whisper.pad_or_trim(window.samples, length))
            spectrum = whisper.log_mel_spectrogram(heard, mels, device=self.device)
            missing = max(len(window) // _COLUMN - spectrum.shape[1], 0)
            filled = torch.nn.functional.pad(spectrum, (0, missing), mode="replicate")
            spectra.append(filled)
        return torch.stack(spectra).to(self.precision)


def _end(block, x, own: int):
    """Run the last block for the clip's own frames only; they look at all of them."""
    seen = block.attn_ln(x)
    x = x[:, :own] + block.attn(seen[:, :own], seen)[0]
    return x + block.mlp(block.mlp_ln(x))


def precision(device: str) -> int:
    """Say with how many bits it computes on a device."""
    return 16 if device.startswith("cuda") else 32


def draw(size: Size):
    """Make a network of random weights, always the same ones."""
    torch = require("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _unfilled(size, "cpu")


def read(path: Path, size: str, trusted: bool):
    """Read a network from a checkpoint such as OpenAI's ``base.pt``, but its decoder.

    A file of something else, of another size, or incomplete is refused.
    """
    network = _unfilled(SIZES[size], "meta")  # shapes without numbers
    state = _state(path, size, trusted)
    own = {
        name: _tensor(path, f"encoder.{name}", state, expected)
        for name, expected in network.state_dict().items()
    }
    network.load_state_dict(own, assign=True)
    return network


def _unfilled(size: Size, device: str):
    """Make a network with whisper's own class."""
    whisper, torch = require("whisper"), require("torch")
    with torch.device(device):
        return whisper.model.AudioEncoder(*size.dims.values())


def _state(path: Path, size: str, trusted: bool) -> dict:
    if path.is_dir():
        raise ValueError(
            f"{path} is a folder; Whisper's weights are one file, such as {size}.pt."
        )
    stored, parts = trust.load_torch(path, trusted), ("dims", "model_state_dict")
    stored = stored if isinstance(stored, dict) else {}
    if not all(isinstance(stored.get(part), dict) for part in parts):
        raise ValueError(f"{path} holds no Whisper: {' and '.join(parts)} are due.")
    dims = SIZES[size].dims
    found = {name: stored["dims"].get(name) for name in dims}
    if found != dims:
        same = [name for name in SIZES if SIZES[name].dims == found]
        told = f"is whisper:{same[0]}" if same else f"has other dimensions: {found}"
        raise ValueError(f"{path} is not whisper:{size}; it {told}.")
    return stored["model_state_dict"]


def _tensor(path: Path, name: str, state: dict, expected):
    found = getattr(state.get(name), "shape", None)
    if found is None:
        raise ValueError(f"{path} holds no whole Whisper: {name} is missing.")
    if found != expected.shape:
        was, due = tuple(found), tuple(expected.shape)
        raise ValueError(f"{path}: {name} has the shape {was} where {due} is due.")
    return state[name].float()
