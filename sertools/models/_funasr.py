"""FunASR's checkpoints of emotion2vec, looked into before they are loaded.

FunASR asks little of a folder: where a file or a parameter is missing it goes on
with random numbers, a wrong shape it passes over, text in ``config.yaml`` it runs
as Python. So the three files are read and checked here, and nothing in them runs.
"""

import ast
import contextlib
import functools
import importlib.util
import io
import itertools
import math
import re
import sys
import threading
import types
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from sertools import extras, trust
from sertools.extras import require

_MODULE = "funasr.models.emotion2vec.model"
_lock = threading.RLock()
_own: dict[str, types.ModuleType] = {}  # FunASR's modules that were imported alone


def network(config: Mapping, outputs: int = 0, empty: bool = False):
    """Make FunASR's network, without the decoder that only its training needs.

    `config` is the ``model_conf`` of FunASR's ``config.yaml``; `outputs` those of the
    head, 0 for none; `empty` leaves it without numbers. Wrong settings are refused.
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


CONFIG, PARAMETERS, TOKENS = "config.yaml", "model.pt", "tokens.txt"
_FIRST_RELEASE = "emotion2vec_base.pt"  # its name for the parameters

_HOLDS = {
    CONFIG: "which says how the network is built",
    PARAMETERS: "its parameters, for which FunASR would take random ones",
    TOKENS: "which says what its scores mean",
}

_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_HEAD = "proj.weight"
_ALIASES = 8  # in a file that is not made to unfold
_LAYERS = 64  # at most; the networks of this kind have seven
_MOST = {  # of settings that say how large a network is
    **dict.fromkeys(("depth", "ratio", "layers"), _LAYERS),
    **dict.fromkeys(("dim", "width", "heads", "groups", "tokens"), 2**13),
}


def read(folder: Path, trusted: bool = False, head: bool = True):
    """Load the network of a folder, and refuse what FunASR would make up for.

    Gives it with every parameter from the file, on the CPU, and what its head's
    outputs mean, in order. A refusal is one line with the file and the reason.
    """
    settings = _settings(_file(folder, CONFIG), trusted)
    names = tokens(folder) if head else ()
    path = _file(folder, PARAMETERS, _FIRST_RELEASE)
    try:
        made = network(settings["model_conf"], len(names), empty=True)
    except ValueError as error:
        raise ValueError(f"{folder / CONFIG}: {error}.") from error
    stored = _parameters(path, trust.load_torch(path, trusted))
    outputs = len(stored[_HEAD]) if head and _HEAD in stored else len(names)
    if outputs != len(names):
        raise ValueError(
            f"{folder / TOKENS}: {len(names)} tokens, but the head in {path.name} has "
            f"{outputs} outputs."
        )
    renamed = settings.get("scope_map") or []
    made.load_state_dict(
        _fitting(path, stored, made.state_dict(), renamed), assign=True
    )
    return made.requires_grad_(False), names


def tokens(folder: Path) -> tuple[str, ...]:
    """Read what a head's outputs mean, in order: "生气/angry", "unuse_0", "<unk>"."""
    path = _file(folder, TOKENS)
    try:
        text = trust.read(path).decode().rstrip()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not text in UTF-8.") from None
    if not text:
        raise ValueError(f"{path}: empty; each line should name an emotion.")
    return tuple(line.rstrip() for line in text.split("\n"))


def is_hub_id(weights: str) -> bool:
    """Tell a name on Hugging Face from a path.

    Examples
    --------
    >>> is_hub_id("emotion2vec/emotion2vec_plus_base"), is_hub_id("/weights/mine")
    (True, False)
    """
    return bool(_HUB_ID.fullmatch(weights)) and not Path(weights).exists()


@functools.cache
def fetched(name: str) -> Path:
    """Fetch a folder by its name on Hugging Face, into that library's own cache."""
    hub = extras.require("huggingface_hub")
    wanted = [CONFIG, PARAMETERS, _FIRST_RELEASE, TOKENS]
    try:
        return Path(hub.snapshot_download(name, allow_patterns=wanted))
    except Exception as error:  # the library has many kinds
        raise FileNotFoundError(
            f"{name}: no such folder here, and Hugging Face does not give it "
            f"({_short(error)}). Give the folder's place with --weights."
        ) from error


def _file(folder: Path, *names: str) -> Path:
    """Find a file under its name, or under one that it had before."""
    if not folder.is_dir():
        raise ValueError(
            f"{folder}: not a folder. FunASR keeps {CONFIG}, {PARAMETERS} and {TOKENS} "
            "in one: give that."
        )
    found = [folder / name for name in names if (folder / name).is_file()]
    if not found:
        raise FileNotFoundError(f"{folder}: no {names[0]}, {_HOLDS[names[0]]}.")
    return found[0]


def _settings(path: Path, trusted: bool) -> dict:
    """Read the settings; what stands in them as code needs trust."""
    omegaconf = extras.require("omegaconf").OmegaConf
    text = _without_aliases(path)
    try:
        loaded = omegaconf.load(io.StringIO(text))
        settings = omegaconf.to_container(loaded, resolve=False)
    except Exception as error:  # of YAML, of OmegaConf, or no text at all
        raise ValueError(f"{path}: cannot be read: {_short(error)}.") from error
    kind = settings.get("model") if isinstance(settings, dict) else None
    if kind != "Emotion2vec":
        raise ValueError(f"{path}: not an emotion2vec; its model is {kind}.")
    if settings.get("trust_remote_code"):
        raise ValueError(
            f"{path}: refused, because it has FunASR install packages and run code of "
            "the folder (trust_remote_code). Take that line out: nothing here needs it."
        )
    try:
        spec = settings["model_conf"]["modalities"]["audio"]["feature_encoder_spec"]
    except (KeyError, TypeError):
        raise ValueError(
            f"{path}: incomplete: no model_conf.modalities.audio.feature_encoder_spec."
        ) from None
    _check_sizes(path, settings["model_conf"])
    if calls := next((text for text in _texts(settings) if "${" in text), ""):
        trust.gate(path, f"{calls[:60]!r}", trusted)
    if not _is_plain(str(spec)):
        trust.gate(path, f"its feature_encoder_spec, {str(spec)[:60]!r}", trusted)
    return settings


def _without_aliases(path: Path) -> str:
    """Read YAML that is as long as it looks: aliases can unfold to any length."""
    yaml = extras.require("yaml")
    try:
        text = trust.read(path).decode()
        aliases = sum(isinstance(e, yaml.AliasEvent) for e in yaml.parse(text))
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read: {_short(error)}.") from error
    if aliases > _ALIASES:
        raise ValueError(f"{path}: refused: {aliases} aliases (*name) may not end.")
    return text


def _check_sizes(path: Path, told: object) -> None:
    """Refuse settings of a network that no computer could make."""
    pairs = told.items() if isinstance(told, dict) else ()
    for name, value in pairs:
        most = next((n for part, n in _MOST.items() if part in str(name)), None)
        is_number = isinstance(value, int | float) and most is not None
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{path}: its {name} is {value}, not a finite number.")
        if is_number and not abs(value) <= most:
            raise ValueError(f"{path}: its {name} is {value}, not {most} at most.")
        _check_sizes(path, value)


def _texts(value: object) -> Iterator[str]:
    """Walk through all texts of the settings."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def _is_plain(spec: str) -> bool:
    """Say whether layers are spelt with lists, tuples, numbers, ``+`` and ``*`` only.

    FunASR evaluates the text as Python. Those of its networks read
    ``[(512, 10, 5)] + [(512, 3, 2)] * 4 + ...``, and no other spelling is needed.
    """
    try:
        _layers(ast.parse(spec.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return False
    return True


def _layers(node: ast.expr) -> list:
    """Evaluate a list of layers, and nothing else."""
    if isinstance(node, ast.List):
        layers = [ast.literal_eval(item) for item in node.elts]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        layers = _layers(node.left) + _layers(node.right)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        times = ast.literal_eval(node.right)
        layers = _layers(node.left) * (times if times in range(_LAYERS + 1) else 0)
    else:
        raise ValueError("not a list of layers")
    if not 0 < len(layers) <= _LAYERS:
        raise ValueError("no layers, or far too many")
    return layers


def _parameters(path: Path, stored: object) -> dict:
    """Find the tensors, wherever within its file a trainer put them."""
    for name in ("state_dict", "model_state_dict", "model"):
        if isinstance(stored, Mapping) and name in stored:
            stored = stored[name]
    torch = extras.require("torch")
    named = stored.items() if isinstance(stored, Mapping) else ()
    tensors = {name: value for name, value in named if torch.is_tensor(value)}
    if not tensors:
        raise ValueError(f"{path}: no parameters of a network in it.")
    return tensors


def _fitting(path: Path, stored: dict, expected: Mapping, renamed: list) -> dict:
    """Give each parameter of the network its numbers from the file."""
    found = {name: _under(name, stored, renamed) for name in expected}
    if missing := [name for name, value in found.items() if value is None]:
        more = f" and {len(missing) - 1} more are" if missing[1:] else " is"
        hint = "; without a head, it is an emotion2vec:base" if _HEAD in missing else ""
        raise ValueError(f"{path}: its {missing[0]}{more} missing{hint}.")
    for name, value in found.items():
        if value.shape != expected[name].shape:
            raise ValueError(
                f"{path}: its {name} has the shape {tuple(value.shape)}, where "
                f"{CONFIG} asks for {tuple(expected[name].shape)}."
            )
    return {name: value.to(expected[name].dtype) for name, value in found.items()}


def _under(name: str, stored: dict, renamed: list):
    """Look a parameter up as FunASR does: by its name, or by one with a prefix.

    ``renamed`` is the ``scope_map`` of the settings: pairs of a prefix in the file
    and the prefix that takes its place.
    """
    value = stored.get(name)
    parts = [str(part) for part in [*renamed, "module.", "none"]]
    parts = ["" if part.lower() == "none" else part for part in parts]
    for old, new in zip(parts[::2], parts[1::2], strict=False):
        if name.startswith(new):
            value = stored.get(old + name.removeprefix(new), value)
    return value


def _short(error: Exception) -> str:
    """Take the first line of what a library says in many."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".:")


_PIECE = 100  # frames that the ear takes at once: 2 s, which a cache can hold


def prepare(network) -> None:
    """Make a network ready for a CPU, in place; it can't be trained from then on.

    The ear, the convolutions that take the waveform apart, works piece by piece and
    keeps a frame's numbers together, where FunASR turns the whole clip over before
    each norm and back after it. And where torch has oneDNN, matrices are laid out once
    as that likes to read them. An embedding moves by less than 1e-5.
    """
    torch = require("torch")
    if not torch.backends.mkldnn.is_available():
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


def _product(weight, bias=None):
    """Give the function that multiplies by a matrix (outputs, inputs).

    oneDNN's own names in torch are private, so they are tried on a row first; where
    they are gone, or answer otherwise, it is torch's usual product.
    """
    torch = require("torch")
    weight, bias = weight.detach().contiguous(), None if bias is None else bias.detach()
    row = torch.ones(1, weight.shape[1])

    def plain(x):
        return torch.nn.functional.linear(x, weight, bias)

    def packed(x):
        return own._linear_pointwise(x, reordered, bias, "none", [], "")

    try:
        own = torch.ops.mkldnn
        reordered = own._reorder_linear_weight(weight)
        same = torch.allclose(packed(row), plain(row), rtol=1e-3, atol=1e-3)
    except (AttributeError, RuntimeError, TypeError):
        return plain
    return packed if same else plain


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
