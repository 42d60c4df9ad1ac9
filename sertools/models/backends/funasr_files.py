"""FunASR's folders of emotion2vec, looked into before they are loaded.

FunASR asks little of a folder: where a file or a parameter is missing it goes on
with random numbers, a wrong shape it passes over, text in ``config.yaml`` it runs
as Python. So the three files are read and checked here, and nothing in them runs.
"""

import ast
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from sertools import extras, trust
from sertools.models.backends.funasr_network import network

__all__ = ["CONFIG", "PARAMETERS", "TOKENS", "fetched", "is_hub_id", "read", "tokens"]

CONFIG, PARAMETERS, TOKENS = "config.yaml", "model.pt", "tokens.txt"
_FIRST_RELEASE = "emotion2vec_base.pt"  # its name for the parameters
_HOLDS = {
    CONFIG: "which says how the network is built",
    PARAMETERS: "its parameters, for which FunASR would take random ones",
    TOKENS: "which says what its scores mean",
}
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
_HEAD = "proj.weight"
_LAYERS = 64  # at most; the networks of this kind have seven


def read(folder: Path, trusted: bool = False, head: bool = True):
    """Load the network of a folder, and refuse what FunASR would make up for.

    Parameters
    ----------
    folder : Path
        With ``config.yaml``, ``model.pt`` and, for a head, ``tokens.txt``.
    trusted : bool, default False
        Allow files that run code while loading.
    head : bool, default True
        Whether its head, which scores emotions, is asked for.

    Returns
    -------
    network : torch.nn.Module
        With every parameter from the file, in evaluation mode, on the CPU.
    tokens : tuple of str
        What the head's outputs mean, in order; empty without a head.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged or not trusted, lacks parameters, or does not go
        with the others: one line names the file and the reason.
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
    """Read what the outputs of a head mean, in order.

    Parameters
    ----------
    folder : Path
        With ``tokens.txt``.

    Returns
    -------
    tuple of str
        For example ``"生气/angry"``, ``"unuse_0"``, ``"<unk>"``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is empty, or not text.
    """
    path = _file(folder, TOKENS)
    try:
        text = path.read_text(encoding="utf-8").rstrip()
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
    """Fetch a folder by its name on Hugging Face, into that library's own cache.

    Parameters
    ----------
    name : str
        For example ``"emotion2vec/emotion2vec_plus_base"``.

    Returns
    -------
    Path
        The folder, with those of its files that are read here.

    Raises
    ------
    FileNotFoundError
        If it is no folder here, and cannot be had.
    """
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
    try:
        settings = omegaconf.to_container(omegaconf.load(path), resolve=False)
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
    if calls := next((text for text in _texts(settings) if "${" in text), ""):
        trust.gate(path, f"{calls[:60]!r}", trusted)
    if not _is_plain(str(spec)):
        trust.gate(path, f"its feature_encoder_spec, {str(spec)[:60]!r}", trusted)
    return settings


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
