"""FunASR's emotion2vec network on a CPU: the same numbers, with less to do."""

import itertools
import math

from sertools.extras import require

__all__ = ["prepare"]

_PIECE = 100  # frames that the ear takes at once: 2 s, which a cache can hold


def prepare(network) -> None:
    """Make a network ready for a CPU, in place; it can't be trained from then on.

    Matrices are laid out once as oneDNN likes to read them, where FunASR leaves
    that to each call. And the ear, the convolutions that take the waveform apart,
    works piece by piece and keeps a frame's numbers together, where FunASR turns
    the whole clip over before each norm and back after it. That saves a quarter of
    the work, and moves an embedding by less than 1e-5.

    Parameters
    ----------
    network : torch.nn.Module
        FunASR's network, see `network` in ``funasr_network``.
    """
    torch = require("torch")
    if not _can_pack():
        return
    with torch.inference_mode():
        ear = network.modality_encoders["AUDIO"]
        for part in (*ear.modules(), *network.blocks.modules()):
            if isinstance(part, torch.nn.Linear):
                part.forward = _product(part.weight, part.bias)
                part.weight = None  # it would be there twice
        if ear.modality_cfg.extractor_mode == "layer_norm":
            ear.local_encoder.forward = _ear(ear.local_encoder.conv_layers)
            for convolution, *_ in ear.local_encoder.conv_layers:
                convolution.weight = None


def _can_pack() -> bool:
    """Tell whether this torch has oneDNN, and lets it be called."""
    torch = require("torch")
    known = getattr(torch.ops, "mkldnn", None)
    wanted = ("_reorder_linear_weight", "_linear_pointwise")
    return torch.backends.mkldnn.is_available() and all(
        hasattr(known, name) for name in wanted
    )


def _product(weight, bias=None):
    """Give the function that multiplies by a matrix (outputs, inputs)."""
    own = require("torch").ops.mkldnn
    packed = own._reorder_linear_weight(weight.detach().contiguous())
    bias = None if bias is None else bias.detach()
    return lambda x: own._linear_pointwise(x, packed, bias, "none", [], "")


def _ear(layers):
    """Give the function that hears: samples (n, t) in, features (n, c, frames) out.

    A convolution is a product: each row is what one position of its kernel sees,
    neighbours in memory, as time comes first and channels last.
    """
    torch, steps = require("torch"), []
    hop, reach = 1, 1
    for convolution, _, (_, norm, _), activation in layers:
        (width,), (stride,) = convolution.kernel_size, convolution.stride
        matrix = convolution.weight.permute(0, 2, 1).flatten(1)
        channels = convolution.in_channels
        window = width * channels, stride * channels
        steps.append((*window, _product(matrix), norm, activation))
        reach, hop = reach + (width - 1) * hop, stride * hop

    def hear(x):
        for width, stride, product, norm, activation in steps:
            x = activation(norm(product(x.flatten(1).unfold(1, width, stride))))
        return x

    def forward(samples):
        frames = (samples.shape[1] - reach) // hop + 1
        pieces = math.ceil(frames / _PIECE)
        ends = [round(frames * i / pieces) for i in range(pieces + 1)]
        heard = [
            hear(samples[:, first * hop : (end - 1) * hop + reach])
            for first, end in itertools.pairwise(ends)
        ]
        return torch.cat(heard, 1).transpose(1, 2)

    return forward
