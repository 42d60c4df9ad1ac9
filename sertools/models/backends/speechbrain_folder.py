"""Folders of SpeechBrain: looked into as text, then run, if they are trusted.

SpeechBrain loads a classifier by running a Python file and settings that can call
any function there is. Both are read here first, and nothing is made of them.
"""

import contextlib
import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

from sertools import labels, trust
from sertools.extras import require

__all__ = ["BASE", "LABELS", "PYTHON", "YAML", "load", "quiet", "unfilled", "words"]

YAML, PYTHON, LABELS = "hyperparams.yaml", "custom_interface.py", "label_encoder.txt"

BASE = "facebook/wav2vec2-base"
"""What the classifier for IEMOCAP builds on: the network that transformers makes
where nothing else is said."""

_CLASSNAME = "CustomEncoderWav2vec2Classifier"
_LABEL = re.compile(r"^'(?P<word>[^']*)' => (?P<number>\d+)\s*$", re.MULTILINE)
_RUNS = re.compile(r"!\w+:")
_USUAL = tuple(f"!{k}:{p}." for k in ("new", "name") for p in ("speechbrain", "torch"))
_HARMLESS = re.compile(r"(^|\.)masked_spec_embed$")  # hides frames, in training only
_SHOWN = 3  # names in a message


def words(folder: Path) -> list[str]:
    """Read the labels of a folder; nothing is run.

    Parameters
    ----------
    folder : Path
        With ``label_encoder.txt``.

    Returns
    -------
    list of str
        As they stand there, in the order of their numbers.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no list of labels, or one of them is no emotion.
    """
    try:
        text = (folder / LABELS).read_text(encoding="utf-8")
    except OSError:
        raise FileNotFoundError(
            f"{folder}: no classifier of SpeechBrain: {LABELS} is missing."
        ) from None
    text = text.partition("\n====")[0]  # settings of the encoder follow
    table = {int(found["number"]): found["word"] for found in _LABEL.finditer(text)}
    if sorted(table) != list(range(len(table))) or not table:
        raise ValueError(f"{folder / LABELS}: damaged: no list of labels.")
    found = [table[number] for number in sorted(table)]
    for word in found:
        try:
            labels.canonical(word)
        except ValueError as error:
            raise ValueError(f"{folder / LABELS}: {error}") from None
    return found


def load(folder: Path, trusted: bool, device: str):
    """Load the classifier of a folder, with every weight it should have.

    Parameters
    ----------
    folder : Path
        With ``hyperparams.yaml``, ``custom_interface.py`` and what they ask for.
    trusted : bool
        Run both.
    device : str
        Where it computes.

    Returns
    -------
    Pretrained
        SpeechBrain's classifier.

    Raises
    ------
    ValueError
        If it is not trusted: one line with what would run. If SpeechBrain cannot
        load it, or a weight is missing, which SpeechBrain only logs.
    FileNotFoundError
        If the folder lacks a file.
    """
    trust.gate(folder, _in_words(_looked_through(folder)), trusted)
    classifier = _foreign(folder, device)
    if missing := _missing(classifier.hparams.pretrainer):
        raise ValueError(f"{folder}: {missing}.")
    return classifier


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what SpeechBrain and torchaudio have to say from the user."""
    # SpeechBrain changes how torch computes, for all who use it: it is asked not to
    os.environ.setdefault("SB_DISABLE_QUIRKS", "allow_tf32,disable_jit_profiling")
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)


def _looked_through(folder: Path) -> list[str]:
    """List what loading a folder would run, reading it as text."""
    for name in (YAML, PYTHON):
        if not (folder / name).is_file():
            raise FileNotFoundError(
                f"{folder}: no classifier of SpeechBrain: {name} is missing."
            )
    tags = [node.tag for node in _nodes(_composed(folder)) if _RUNS.match(node.tag)]
    return [PYTHON, *sorted({*tags}, key=lambda tag: (tag.startswith(_USUAL), tag))]


def _composed(folder: Path):
    """Parse the settings into nodes, from which nothing is made."""
    yaml = require("yaml")
    try:
        root = yaml.compose((folder / YAML).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{folder / YAML}: damaged: no YAML.") from error
    if root is None or root.id != "mapping":
        raise ValueError(f"{folder / YAML}: damaged: not a table of settings.")
    return root


def _nodes(node) -> Iterator:
    """Walk through all nodes; one that is pointed to again is met once."""
    waiting, seen = [node], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if node.id == "mapping":
            waiting += [part for pair in node.value for part in pair]
        elif node.id == "sequence":
            waiting += node.value


def _in_words(found: list[str]) -> str:
    first = found[: _SHOWN + 1]
    rest = f" and {len(found) - len(first)} more" if len(found) > len(first) else ""
    return ", ".join(first) + (f"{rest} of {YAML}" if len(found) > 1 else "")


def _foreign(folder: Path, device: str):
    """Load a folder as SpeechBrain does, leaving no file in it or around."""
    with quiet(), tempfile.TemporaryDirectory() as place, _tidy(), _one_line(folder):
        library = require("speechbrain.inference.interfaces")
        fetching = require("speechbrain.utils.fetching")
        return library.foreign_class(
            source=str(folder.resolve()),
            hparams_file=YAML,
            pymodule_file=PYTHON,
            classname=_CLASSNAME,
            savedir=place,
            local_strategy=fetching.LocalStrategy.NO_LINK,
            fetch_config=fetching.FetchConfig(allow_network=False),
            overrides=_overrides(folder, place),
            run_opts={"device": device},
        )


def _overrides(folder: Path, place: str) -> dict:
    """Point settings to the folder, and to a wav2vec 2.0 that waits for weights."""
    settings = dict(_pairs(_composed(folder)))
    changed = {}
    if "pretrained_path" in settings:
        changed["pretrained_path"] = str(folder.resolve())
    if "wav2vec2_hub" in settings:
        hub = str(settings["wav2vec2_hub"].value)
        changed["wav2vec2_hub"] = _architecture(folder, hub, place)
    for name, node in settings.items():
        if node.id == "mapping" and "save_path" in dict(_pairs(node)):
            changed[name] = {"save_path": place}
    return changed


def _pairs(node) -> Iterator[tuple]:
    for key, value in node.value:
        if key.id == "scalar":
            yield key.value, value


def _architecture(folder: Path, hub: str, place: str) -> str:
    """Make a folder that says what the wav2vec 2.0 is built of, without weights.

    Its weights come from the checkpoint; those it started from are not needed.
    """
    require("torch")
    transformers, near = require("transformers"), Path(place, "wav2vec2")
    known = [folder / hub.rpartition("/")[2], folder / hub, Path(hub)]
    found = next((path for path in known if (path / "config.json").is_file()), None)
    if found is None and hub != BASE:
        raise ValueError(
            f"it builds on {hub}, whose config.json and preprocessor_config.json are "
            f"not in {known[0]}"
        )
    config, extractor = transformers.Wav2Vec2Config(), None
    if found is not None:
        config = transformers.AutoConfig.from_pretrained(found, local_files_only=True)
        extractor = transformers.AutoFeatureExtractor.from_pretrained(
            found, local_files_only=True
        )
    return unfilled(near, config, extractor or transformers.Wav2Vec2FeatureExtractor())


def unfilled(place: Path, config, extractor) -> str:
    """Write a folder that SpeechBrain takes for a checkpoint of its own, an empty one.

    Parameters
    ----------
    place : Path
        The folder.
    config, extractor : PretrainedConfig, FeatureExtractor
        What transformers makes the network of, and what prepares waveforms.

    Returns
    -------
    str
        The folder.
    """
    torch = require("torch")
    config.save_pretrained(place)
    extractor.save_pretrained(place)
    torch.save({}, place / "none.ckpt")
    return str(place)


def _missing(pretrainer) -> str:
    """Name the weights that no file gave; ``""`` if there are none."""
    torch, load = require("torch"), trust.load_torch
    for name, part in pretrainer.loadables.items():
        if not isinstance(part, torch.nn.Module):
            continue
        path = Path(pretrainer.paths[name])
        told = part.load_state_dict(load(path), strict=False)
        keys = [key for key in told.missing_keys if not _HARMLESS.search(key)]
        if keys:
            rest = f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else ""
            return f"{path.name} lacks {', '.join(keys[:_SHOWN])}{rest}"
    return ""


@contextlib.contextmanager
def _tidy() -> Iterator[None]:
    """Leave no bytecode beside the source, and the module path as it was."""
    before, path = sys.dont_write_bytecode, list(sys.path)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.dont_write_bytecode, sys.path[:] = before, path


@contextlib.contextmanager
def _one_line(folder: Path) -> Iterator[None]:
    """Say in one line what SpeechBrain says in many."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name in ("speechbrain", "torch", "torchaudio", "transformers"):
            raise
        raise _refusal(folder, error) from error
    except Exception as error:
        raise _refusal(folder, error) from error


def _refusal(folder: Path, error: Exception) -> ValueError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    reason = " ".join(lines[:2]).rstrip(".: ")
    return ValueError(f"{folder}: SpeechBrain cannot load it: {reason}.")
