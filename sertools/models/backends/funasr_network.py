"""FunASR's emotion2vec network, imported without the rest of FunASR."""

import contextlib
import functools
import importlib.util
import io
import sys
import threading
import types
import warnings
from collections.abc import Iterator, Mapping

from sertools import extras

__all__ = ["network", "settings"]

_MODULE = "funasr.models.emotion2vec.model"

_lock = threading.RLock()
_own: dict[str, types.ModuleType] = {}  # FunASR's modules that were imported alone


def network(config: Mapping, outputs: int = 0, empty: bool = False):
    """Make FunASR's network, without the decoder that only its training needs.

    Parameters
    ----------
    config : mapping
        Its settings, the ``model_conf`` of FunASR's ``config.yaml``.
    outputs : int, default 0
        Of the head; 0 makes none.
    empty : bool, default False
        Make it without any numbers, to be filled in.

    Returns
    -------
    torch.nn.Module
        In evaluation mode.

    Raises
    ------
    ValueError
        If the settings make no network.
    ModuleNotFoundError
        If FunASR or torch is not installed; the message is the command that
        installs it.
    """
    torch = extras.require("torch")
    device = torch.device("meta") if empty else contextlib.nullcontext()
    with _lock, _alone():
        kind = _class()
        try:
            audio = {**config["modalities"]["audio"], "decoder": None}
            config = {**config, "modalities": {"audio": audio}}
            with device:
                return kind(model_conf=config, vocab_size=outputs or -1).eval()
        except Exception as error:  # a wrong setting can break anything
            lines = str(error).strip().splitlines() or [""]
            raise ValueError(
                f"its settings make no network ({type(error).__name__}: {lines[0]})"
            ) from error


def settings(
    width: int = 768,
    heads: int = 12,
    before: int = 4,
    depth: int = 8,
    channels: int = 512,
    positions: int = 5,
) -> dict:
    """Give the ``model_conf`` of an emotion2vec; by default that of its base size.

    Parameters
    ----------
    width : int, default 768
        Numbers in an embedding.
    heads : int, default 12
        Of attention, in each block.
    before, depth : int, default 4 and 8
        Blocks of the two parts of the transformer, one after the other.
    channels : int, default 512
        Of the convolutions that take the waveform apart.
    positions : int, default 5
        Convolutions that tell frames where they stand.

    Returns
    -------
    dict
        For `network`, or for a ``config.yaml``.

    Examples
    --------
    >>> settings()["modalities"]["audio"]["prenet_depth"]
    4
    """
    n = channels
    ear = f"[({n}, 10, 5)] + [({n}, 3, 2)] * 4 + [({n},2,2)] + [({n},2,2)]"
    modality = {
        **{"type": "AUDIO", "extractor_mode": "layer_norm"},
        **{"feature_encoder_spec": ear, "local_grad_mult": 1.0, "decoder": None},
        **{"prenet_depth": before, "prenet_layerdrop": 0.0, "prenet_dropout": 0.0},
        **{"start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0},
        **{"num_extra_tokens": 10, "init_extra_token_zero": True},
        **{"use_alibi_encoder": True, "num_alibi_heads": heads, "alibi_scale": 1.0},
        **{"learned_alibi": False, "alibi_max_pos": None, "model_depth": depth},
        **{"learned_alibi_scale": True, "learned_alibi_scale_per_head": True},
        **{"learned_alibi_scale_per_layer": False, "conv_pos_pre_ln": False},
        **{"conv_pos_width": 95, "conv_pos_groups": 16, "conv_pos_depth": positions},
    }
    return {
        **{"embed_dim": width, "num_heads": heads, "depth": depth, "mlp_ratio": 4.0},
        **{"norm_eps": 1e-5, "norm_affine": True, "layer_norm_first": False},
        **{"normalize": True, "average_top_k_layers": depth, "layerdrop": 0.0},
        **{"start_drop_path_rate": 0.0, "end_drop_path_rate": 0.0},
        **{"encoder_dropout": 0.0, "attention_dropout": 0.0, "dropout_input": 0.0},
        **{"activation_dropout": 0.0, "post_mlp_drop": 0.0},
        **{"end_of_block_targets": False, "loss_beta": 0.0, "loss_scale": None},
        "modalities": {"audio": modality},
    }


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let parts of FunASR be imported without the whole of it.

    ``import funasr`` imports all of its models, a few hundred modules, and takes
    longer than scoring many a corpus with one of them. So a hollow package
    stands in its place meanwhile. Whoever imports FunASR themselves, before or
    after, gets the whole of it.
    """
    if "funasr" in sys.modules or not extras.available("funasr"):
        yield
        return
    sys.modules.update(_own or {"funasr": _hollow("funasr")})
    try:
        yield
    finally:
        _own.update(_put_aside())


def _put_aside() -> dict[str, types.ModuleType]:
    """Take FunASR's modules out of those that Python knows."""
    names = [name for name in sys.modules if name.partition(".")[0] == "funasr"]
    return {name: sys.modules.pop(name) for name in names}


def _hollow(name: str) -> types.ModuleType:
    """Make a package that runs nothing when it is imported."""
    spec = importlib.util.find_spec(name)
    module = types.ModuleType(name)
    module.__spec__ = spec
    module.__path__ = list(spec.submodule_search_locations or [])
    return module


@functools.cache
def _class():
    """Import the class of the network, without what FunASR prints on the way."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            return extras.require(_MODULE).Emotion2vec
        except (ImportError, AttributeError):
            if not extras.available("funasr"):
                raise
            _put_aside()  # a FunASR that does not come in parts: take it whole
            return extras.require(_MODULE).Emotion2vec
