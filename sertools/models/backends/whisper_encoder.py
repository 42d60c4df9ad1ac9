"""Whisper's encoder: read from a checkpoint, or drawn, and at work on windows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sertools import trust
from sertools.extras import require
from sertools.models.batching import in_batches

__all__ = ["FRAME", "SIZES", "SPAN", "Encoder", "Form", "Window"]

SPAN = 480_000
"""Samples that Whisper hears at once: 30 s."""

FRAME = 320
"""Samples from one frame to the next: 20 ms."""

_RATE = 16_000
_COLUMN = 160  # samples from one column of a spectrum to the next
_MARGIN = 2  # frames behind a clip that the first filters still reach into


class Size(NamedTuple):
    """How large an encoder is."""

    width: int
    blocks: int
    mels: int = 80

    @property
    def dims(self) -> dict[str, int]:
        """The same, as a checkpoint states it."""
        return {
            "n_mels": self.mels,
            "n_audio_ctx": SPAN // FRAME,
            "n_audio_state": self.width,
            "n_audio_head": self.width // 64,
            "n_audio_layer": self.blocks,
        }


SIZES = {
    "tiny": Size(384, 4),
    "base": Size(512, 6),
    "small": Size(768, 12),
    "medium": Size(1024, 24),
    "large-v3": Size(1280, 32, mels=128),
}
"""The encoders that OpenAI trained."""


class Form(NamedTuple):
    """What is asked of an encoder; no layers: what leaves it in the end."""

    layers: tuple[int, ...]
    padded: bool


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
    """An encoder at work: windows in, a row a frame out.

    Parameters
    ----------
    network : whisper.model.AudioEncoder
        With its weights.
    device : str
        Where it computes.
    """

    def __init__(self, network, device: str):
        torch = require("torch")
        self.device = device
        self.precision = torch.float16 if bits(device) == 16 else torch.float32
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
            return in_batches(windows, run, _RATE, device=self.device)

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


def bits(device: str) -> int:
    """Say with how many bits it computes on a device.

    Examples
    --------
    >>> bits("cpu"), bits("cuda")
    (32, 16)
    """
    return 16 if device.startswith("cuda") else 32


def _made(size: Size, device: str):
    """Make a network with whisper's own class."""
    whisper, torch = require("whisper"), require("torch")
    with torch.device(device):
        return whisper.model.AudioEncoder(*size.dims.values())


def draw(size: Size):
    """Make a network of random weights, always the same ones."""
    torch = require("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return _made(size, "cpu")


def read(path: Path, size: str, trusted: bool):
    """Read the network from a checkpoint of whisper's; the decoder is dropped.

    Parameters
    ----------
    path : Path
        A file such as OpenAI's ``base.pt``.
    size : str
        One of `SIZES`, which it should be.
    trusted : bool
        Whether it may run code.

    Returns
    -------
    whisper.model.AudioEncoder
        On the CPU, in 32 bits.

    Raises
    ------
    ValueError
        If it is no such checkpoint, of another size, or incomplete.
    """
    network = _made(SIZES[size], "meta")  # shapes without numbers
    state = _state(path, size, trusted)
    own = {
        name: _tensor(path, f"encoder.{name}", state, expected)
        for name, expected in network.state_dict().items()
    }
    network.load_state_dict(own, assign=True)
    return network


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
