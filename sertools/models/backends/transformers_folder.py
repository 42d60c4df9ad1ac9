"""Folders that transformers saved: looked into as text, then loaded with care.

transformers fills whatever a file lacks with random numbers and only logs it, and
runs a checkpoint's own Python if it is let. Here the first is refused, and the
second goes through the gate.
"""

import contextlib
import json
import re
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sertools import trust
from sertools.extras import require

__all__ = ["Loaded", "classifies", "load", "no_classifier", "quiet", "settings"]

_EXTRACTORS = ("preprocessor_config.json", "processor_config.json")
_HEADS = ("ForSequenceClassification", "ForAudioClassification")
_HARMLESS = re.compile(r"(^|\.)masked_spec_embed$")  # hides frames, in training only
_KERNEL = re.compile(r'"_?attn_implementation"\s*:\s*"([^"]*/[^"]*)"')
_SHOWN = 3  # names in a message


class Loaded(NamedTuple):
    """What was read from a folder.

    Parameters
    ----------
    model : PreTrainedModel
        With its head if it has one that is whole, in evaluation mode.
    extractor : FeatureExtractor
        What prepares waveforms for it.
    headless : str
        Why it cannot classify; empty if it can.
    """

    model: object
    extractor: object
    headless: str


def settings(folder: Path) -> tuple[dict, dict]:
    """Read what a folder says of its network and of how waveforms are prepared.

    Parameters
    ----------
    folder : Path
        With ``config.json`` and ``preprocessor_config.json``.

    Returns
    -------
    config, extractor : dict
        As they stand in the files; empty where there is no file.

    Raises
    ------
    ValueError
        If a file is no JSON.
    """
    config = _json(folder / "config.json")
    for name in _EXTRACTORS:
        if told := _json(folder / name):
            return config, told.get("feature_extractor", told)
    return config, {}


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
    """Load the network of a folder, with every weight it should have.

    Parameters
    ----------
    folder : Path
        As ``save_pretrained`` wrote it. Nothing is looked up anywhere else.
    trusted : bool, default False
        Let the checkpoint run Python of its own.
    headless : bool, default False
        Whether the encoder alone will do where the head is not whole.

    Returns
    -------
    Loaded
        On the CPU.

    Raises
    ------
    ValueError
        If it wants to run code and is not trusted, if weights are missing or of
        another shape, or if transformers cannot load it.
    FileNotFoundError
        If the folder lacks a file.
    """
    config, _ = settings(folder)
    _look_through(folder, config)
    own_code = _gate(folder, trusted)
    model, extractor, wanting = _read(folder, classifies(config), own_code)
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


def _json(path: Path) -> dict:
    if not path.is_file():
        return {}
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: damaged: no JSON.") from error
    if not isinstance(told, dict):
        raise ValueError(f"{path}: damaged: not a table of settings.")
    return told


def _look_through(folder: Path, config: dict) -> None:
    """Refuse a folder that lacks what a checkpoint is made of."""
    lacking = [] if config else ["config.json"]
    if not any((folder / name).is_file() for name in _EXTRACTORS):
        lacking.append(_EXTRACTORS[0])
    if not any(folder.glob("*.safetensors")) and not any(folder.glob("*.bin")):
        lacking.append("model.safetensors")
    if lacking:
        raise FileNotFoundError(
            f"{folder}: no checkpoint of transformers: {', '.join(lacking)} missing."
        )


def _gate(folder: Path, trusted: bool) -> bool:
    """Say whether a checkpoint brings Python of its own; refuse it without trust."""
    runs = []
    for name in ("config.json", *_EXTRACTORS):
        told = _json(folder / name)
        for part in (told, *(v for v in told.values() if isinstance(v, dict))):
            if isinstance(part.get("auto_map"), dict):
                runs += [str(value) for value in part["auto_map"].values()]
    text = (folder / "config.json").read_text(encoding="utf-8")
    runs += [f"the kernel {name}" for name in _KERNEL.findall(text)]
    if runs:
        trust.gate(folder, f"Python of its own: {_in_words(sorted({*runs}))}", trusted)
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
