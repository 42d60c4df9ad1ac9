"""SavedModels of TensorFlow: fetched by handle, looked through, loaded quietly."""

import functools
import logging
import os
import re
import sys
import warnings
from pathlib import Path
from types import ModuleType

from sertools import trust
from sertools.extras import require
from sertools.models import _torch as devices
from sertools.models._keras import silenced

_KAGGLE = re.compile(r"[\w.-]+/[\w.-]+/tensorFlow2/[\w.-]+(/\d+)?", re.IGNORECASE)


_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


# What reaches files, the network or Python, by the names of TensorFlow's operations.
_HARMFUL = re.compile(
    "File|Py|Save|Restore|Checkpoint|Dataset|Reader|Summary|Print|Debug|Dump|Proto"
    "|Remote|Rpc|Custom|Host|Send|Recv|Engine|Xla|LoadAndRemap|ImportEvent"
)


def tensorflow() -> ModuleType:
    """Import TensorFlow without its chatter, and without its taking a whole GPU."""
    if "tensorflow" in sys.modules:
        return require("tensorflow")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with silenced():
        module = require("tensorflow")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return module


def placed(device: str, spec: str) -> str:
    """Name a device as TensorFlow does: ``/CPU:0``, ``/GPU:0``.

    Parameters
    ----------
    device : str
        As for `sertools.models._torch.resolve`.
    spec : str
        Who asks, for the warning.

    Returns
    -------
    str
        The CPU where TensorFlow sees no GPU.
    """
    kind, _, number = devices.resolve(device, spec).partition(":")
    tf = tensorflow()
    if kind == "cpu":
        return "/CPU:0"
    if not tf.config.list_physical_devices("GPU"):
        if device != "auto":
            warnings.warn(
                f"This TensorFlow sees no GPU: {spec} computes on the CPU.",
                stacklevel=2,
            )
        return "/CPU:0"
    # Its 10-bit mantissas would let a batch change an answer by a thousandth.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    return f"/GPU:{number or 0}"


def is_handle(weights: str) -> bool:
    """Tell a handle of TensorFlow Hub or of Kaggle from a path.

    Examples
    --------
    >>> is_handle("https://tfhub.dev/google/yamnet/1")
    True
    >>> is_handle("google/yamnet/tensorFlow2/yamnet/1"), is_handle("weights/yamnet")
    (True, False)
    """
    if weights.startswith(("http://", "https://")):
        return True
    return bool(_KAGGLE.fullmatch(weights)) and not Path(weights).exists()


@functools.cache
def fetched(handle: str) -> Path:
    """Fetch a SavedModel by its handle, with the library the handle belongs to.

    Parameters
    ----------
    handle : str
        An address, for ``tensorflow_hub``; or ``owner/model/tensorFlow2/...``,
        for ``kagglehub``. Both keep what they fetched.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    ConnectionError
        If it cannot be had.
    """
    address = handle.startswith("http")
    if address:
        tensorflow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tensorflow_hub imports pkg_resources
        library = require("tensorflow_hub" if address else "kagglehub")
    fetch = library.resolve if address else library.model_download
    try:
        return Path(fetch(handle))
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ConnectionError(
            f"{handle} cannot be fetched ({reason}). "
            "Fetch it elsewhere, and give the unpacked folder with --weights."
        ) from error


def look_through(folder: Path, trusted: bool) -> None:
    """Refuse a SavedModel that is none, or that does more than reckon.

    A graph of TensorFlow runs no Python of its own, but some of its operations
    read and write files, or call Python. Those that the model's functions come
    to are listed without running any; the part that saves a model again, which
    every SavedModel brings along, is not called here and does not count.

    Parameters
    ----------
    folder : Path
        Of the SavedModel.
    trusted : bool
        Let such operations pass.

    Raises
    ------
    ValueError
        If it holds no SavedModel of TensorFlow 2, or is not trusted.
    """
    tensorflow()
    loader = require("tensorflow.python.saved_model.loader_impl")
    try:
        graphs = loader.parse_saved_model(str(folder)).meta_graphs
    except OSError:
        raise ValueError(
            f"{folder} is no SavedModel: it should be a folder with saved_model.pb "
            "and variables/."
        ) from None
    if len(graphs) != 1 or not graphs[0].HasField("object_graph_def"):
        raise ValueError(f"{folder} is no SavedModel of TensorFlow 2.")
    if found := sorted(filter(_HARMFUL.search, _operations(graphs[0]))):
        reach = "operations that can reach files, the network or Python"
        trust.gate(folder, f"{', '.join(found)} ({reach})", trusted)


def _operations(graph) -> set[str]:
    """List the operations that the functions of a model come to."""
    bodies = {f.signature.name: f.node_def for f in graph.graph_def.library.function}
    todo, seen, found = list(graph.object_graph_def.concrete_functions), set(), set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for node in bodies.get(name, ()):
            found.add(node.op)
            called = [node.op] if node.op in bodies else []
            for value in node.attr.values():
                called += [value.func.name, *(f.name for f in value.list.func)]
            todo += called
    return found - set(bodies)
