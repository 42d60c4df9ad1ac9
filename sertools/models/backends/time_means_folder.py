"""A folder with one network a corpus: its card read, its networks checked."""

import json
import re
from pathlib import Path

import numpy as np

from sertools import labels
from sertools.models.backends import keras_files
from sertools.models.backends.time_means import NAMES
from sertools.models.backends.time_means_network import SHAPE

__all__ = ["CARD", "check", "file_name", "load", "no_model", "read_card"]

CARD = "card.json"


def file_name(corpus: str) -> str:
    """Name the file of a corpus's network.

    Raises
    ------
    ValueError
        If the corpus cannot name a file.

    Examples
    --------
    >>> file_name("crema_d")
    'model_crema_d.keras'
    """
    if not re.fullmatch(r"\w[\w.-]*", corpus):
        raise ValueError(
            f"Corpus {corpus!r} cannot name a file: letters, digits, _ . - only."
        )
    return f"model_{corpus}.keras"


def read_card(folder: Path, sampling_rate: int) -> dict:
    """Read what a folder says of its members.

    Parameters
    ----------
    folder : Path
        As its ``save`` wrote it.
    sampling_rate : int
        The rate it should have been trained at, in Hz.

    Returns
    -------
    dict
        ``members`` (corpus, classes, scaler, each), ``training_corpora``, and more.

    Raises
    ------
    ValueError
        If there is no card, or it is damaged, in one line.
    """
    path = folder / CARD
    if not path.is_file():
        raise ValueError(no_model(folder))
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        if wrong := _wrong(card, sampling_rate):
            raise ValueError(wrong)
    except KeyError as error:
        raise ValueError(f"{path}: damaged: no {error}.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: damaged: {error}") from error
    for member in card["members"]:
        member["classes"] = [labels.canonical(word) for word in member["classes"]]
    return card


def _wrong(card: dict, sampling_rate: int) -> str:
    """Say what a card cannot mean; ``""`` if it is sound."""
    _ = card["training_corpora"]
    if (card["features"], card["sampling_rate"]) != (list(NAMES), sampling_rate):
        return f"made for other features than these {len(NAMES)} at {sampling_rate} Hz."
    corpora = [member["corpus"] for member in card["members"]]
    if not corpora or len({*corpora}) < len(corpora):
        return "no members, or one twice."
    for member in card["members"]:
        file_name(member["corpus"])
        emotions = [labels.canonical(word) for word in member["classes"]]
        if len({*emotions}) < max(len(emotions), 2):
            return f"{member['corpus']}: a class is there twice, or alone."
        scaler = np.array([member["scaler"]["mean"], member["scaler"]["scale"]], float)
        usable = scaler.shape == (2, len(NAMES)) and np.isfinite(scaler).all()
        if not usable or (scaler[1] <= 0).any():
            return f"{member['corpus']}: its scaler is none."
    return ""


def check(folder: Path, members: list[dict]) -> None:
    """Refuse networks for other features or emotions, without TensorFlow.

    Raises
    ------
    ValueError
        If one does not fit its part of the card, in one line.
    FileNotFoundError
        If one is not there.
    """
    for member in members:
        path = folder / file_name(member["corpus"])
        if not path.is_file():
            raise FileNotFoundError(f"{folder}: no {path.name} in it.")
        _fits(path, member, *keras_files.shapes(path))


def load(folder: Path, members: list[dict], trust: bool) -> list:
    """Load the networks, in the order of the card; see `check`."""
    networks = []
    for member in members:
        path = folder / file_name(member["corpus"])
        network = keras_files.load(path, trust)
        _fits(path, member, network.input_shape[1:], network.output_shape[-1])
        networks.append(network)
    return networks


def _fits(path: Path, member: dict, shape, outputs) -> None:
    if shape is not None and tuple(shape) != SHAPE:
        raise ValueError(
            f"{path}: its input is {tuple(shape)}, not {SHAPE}: it was made for other "
            "features."
        )
    named = member["classes"]
    if outputs is not None and outputs != len(named):
        raise ValueError(
            f"{path}: it has {outputs} outputs, but {CARD} names {len(named)} "
            f"({' '.join(named)})."
        )


def no_model(path: Path) -> str:
    """Say in a line what was given in place of a folder of networks."""
    tables = [path] if path.suffix == ".csv" else sorted(path.glob("*.csv"))
    if not tables:
        return f"{path} is no folder with {CARD} and networks in it."
    with tables[-1].open(encoding="utf-8", errors="replace") as file:
        columns = file.readline().count(",") + 1
    if columns < len(NAMES):
        return f"{tables[-1]} is a table ({columns} columns), not a model."
    return (
        f"{tables[-1]} holds features ({len(NAMES)} numbers a clip, and labels), not a "
        "model: the kernel saved none."
    )
