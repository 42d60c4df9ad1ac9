"""Whisper: what a network that writes speech down hears in it, layer by layer."""

import os

import numpy as np
import pandas as pd

from sertools import audio
from sertools.models.backends import whisper_encoder as encoder
from sertools.models.backends.whisper_encoder import SIZES, Encoder, Form
from sertools.models.base import Embedder
from sertools.models.device import resolve
from sertools.models.weights import Source

_HOST = "https://openaipublic.azureedge.net/main/whisper/models"
_MEGABYTES = {"tiny": 76, "base": 145, "small": 484, "medium": 1528, "large-v3": 3087}
_SHA256 = {
    "tiny": "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9",
    "base": "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e",
    "small": "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794",
    "medium": "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1",
    "large-v3": "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb",
}


class Whisper(Embedder):
    """Embed speech with the encoder of OpenAI's Whisper.

    Whisper learnt to write down speech from the web. Its encoder turns 30 s of
    sound into 1500 frames, which its decoder reads; the decoder is left out here.
    An embedding is the mean over the clip's own frames, 50 a second, and never
    over the padding behind them. Longer clips are heard in windows of 30 s, and
    every frame counts the same.

    The variant is a size, and may go on with a layer, with ``clip``, or both:

    - ``whisper:base``, the reference: what leaves the encoder, the clip padded to
      30 s as in Whisper's training.
    - ``whisper:base:layer4``: what leaves the fourth block; ``layer0`` is what
      enters the first. Later blocks are not computed.
    - ``whisper:base:layers``: what leaves each block, side by side, in columns
      such as ``"layer4/embedding17"``. The head ``average`` trains a classifier
      on each layer.
    - ``whisper:base:clip``, ``whisper:base:layer4:clip``: no padding, which is
      many times faster for short clips, and another embedding. The first filters
      give the same frames as ever, but in the blocks each frame looks at all
      others, and at the padding if there is any. How far that moves an embedding
      differs from clip to clip: embed some in both forms, and compare.

    On a CUDA device it computes with 16 bits, as Whisper does there by itself.

    References
    ----------
    Radford et al. (2023), Robust speech recognition via large-scale weak
    supervision, arXiv:2212.04356

    Examples
    --------
    >>> len(Whisper("base").get_feature_names_out())
    512
    >>> Whisper("base:layers").get_feature_names_out()[-1]
    'layer6/embedding511'
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
        name: (Source(f"{_HOST}/{sha256}/{name}.pt", _MEGABYTES[name], sha256=sha256),)
        for name, sha256 in _SHA256.items()
    }

    @property
    def chosen(self) -> str:
        """The size in use: the variant without what follows it."""
        size, _, options = str(self.variant or "").partition(":")
        if not options:
            return super().chosen
        size, last = type(self)(size).chosen, SIZES[size].blocks
        if options not in _forms(last):
            raise ValueError(
                f"whisper:{size} has no {options!r}. What may follow: layer0 to "
                f"layer{last}, or layers for all of them, and clip for no padding: "
                f"whisper:{size}:layer{last // 2}:clip."
            )
        return size

    @property
    def options(self) -> str:
        """What follows the size in the variant: ``""`` or, say, ``"layer4:clip"``."""
        return str(self.variant or "").partition(":")[2]

    @property
    def form(self) -> Form:
        """Which layers it gives, and whether clips are padded."""
        return _forms(SIZES[self.chosen].blocks)[self.options]

    @property
    def spec(self) -> str:
        """The short name: ``"whisper"`` or, say, ``"whisper:base:layer4:clip"``."""
        return f"{self.name}:{self.variant}" if self.options else super().spec

    def weights_at(self) -> str:
        """Give the place of its weights: one file a size."""
        return f"{self.name}/{self.chosen}.pt"

    def signature(self) -> dict[str, str]:
        """Give all that the answers depend on: options and precision, too."""
        bits = encoder.bits(resolve(self.device, self.spec))
        return {**super().signature(), "options": self.options, "bits": str(bits)}

    def _answers_card(self) -> dict:
        return {"dimensions": len(self._feature_names())}

    def _feature_names(self) -> list[str]:
        names = [f"embedding{i}" for i in range(SIZES[self.chosen].width)]
        layers = self.form.layers
        if len(layers) < 2:
            return names
        return [f"layer{number}/{name}" for number in layers for name in names]

    def _load(self) -> Encoder:
        network = encoder.read(self.weights_path(), self.chosen, self.trust)
        return Encoder(network, resolve(self.device, self.spec))

    def _tiny(self) -> Encoder:
        """Draw as few blocks as can answer, each as wide as it should be."""
        blocks = max(self.form.layers, default=1)
        network = encoder.draw(SIZES[self.chosen]._replace(blocks=blocks))
        return Encoder(network, resolve(self.device, self.spec))

    def _embed(self, waveforms: list[np.ndarray]) -> np.ndarray:
        form = self.form
        clips = [encoder.windows(waveform, form.padded) for waveform in waveforms]
        each = [window for clip in clips for window in clip]
        means = iter(self.backend.hear(each, form.layers, pooled=True))
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
        form, waveform = self.form, audio.load(source, self.sampling_rate)
        windows = encoder.windows(waveform, form.padded)
        heard = np.concatenate(self.backend.hear(windows, form.layers, pooled=False))
        starts = np.arange(len(heard)) * encoder.FRAME / self.sampling_rate
        index = pd.Index(starts, name="seconds")
        return pd.DataFrame(heard, index, self._feature_names())


def _forms(blocks: int) -> dict[str, Form]:
    """List all that may follow a size of so many blocks."""
    numbers = range(1, blocks + 1)
    layers = {"": (), "layers": tuple(numbers)}
    layers |= {f"layer{number}": (number,) for number in (0, *numbers)}
    padded = {name: Form(some, padded=True) for name, some in layers.items()}
    return padded | {
        f"{name}:clip".lstrip(":"): Form(some, padded=False)
        for name, some in layers.items()
    }
