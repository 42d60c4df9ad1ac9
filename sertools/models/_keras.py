"""Keras files, looked into before they are loaded.

A Keras file says of which layers its network is made. Most hold numbers only; a
Lambda is code, in the file itself. The list is read here without TensorFlow.
"""

import contextlib
import io
import json
import logging
import os
import sys
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sertools.extras import available, require
from sertools.trust import check_size, gate, private_copy


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what a library writes to standard error while it starts.

    TensorFlow's first lines come before it looks at any setting, from C++, so
    that only the file descriptor itself can be turned away.
    """
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


_NETWORKS = "Sequential Functional Model"
_LAYERS = (
    "Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention "
    "Average AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization "
    "Bidirectional Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D "
    "Conv3DTranspose Convolution1D Convolution2D Cropping1D Cropping2D Dense "
    "DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU Embedding Flatten GRU GRUCell "
    "GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D "
    "GlobalMaxPooling1D GlobalMaxPooling2D GroupNormalization InputLayer LSTM "
    "LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D "
    "MaxPooling3D Maximum Minimum MultiHeadAttention Multiply Normalization PReLU "
    "Permute RNN ReLU RepeatVector Rescaling Reshape SeparableConv1D SeparableConv2D "
    "SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D "
    "StackedRNNCells Subtract ThresholdedReLU TimeDistributed UnitNormalization "
    "UpSampling1D UpSampling2D ZeroPadding1D ZeroPadding2D"
)
_SETTINGS = (
    "Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal "
    "LecunUniform Ones Orthogonal RandomNormal RandomUniform TruncatedNormal "
    "VarianceScaling Zeros "
    "L1 L1L2 L2 OrthogonalRegularizer MaxNorm MinMaxNorm NonNeg UnitNorm "
    "DTypePolicy Policy "
    "__bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__"
)
_KNOWN = {*_NETWORKS.split(), *_LAYERS.split(), *_SETTINGS.split()}
_FUNCTIONS = {
    *"celu elu exponential gelu hard_sigmoid hard_silu hard_swish leaky_relu".split(),
    *"linear log_softmax mish relu relu6 selu sigmoid silu softmax softplus".split(),
    *"softsign swish tanh".split(),
}
_LIBRARIES = ("keras", "tf_keras")
_WEIGHTS_ONLY = {"layers", "_layer_checkpoint_dependencies", "model_weights", "vars"}
_NO_UNITS = {"Activation", "ActivityRegularization", "Dropout", "Softmax"}
_DAMAGED = (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, AttributeError)
_DAMAGED += (json.JSONDecodeError, UnicodeDecodeError)
_LARGEST = 2**24  # bytes of a list of layers


class Part(NamedTuple):
    """One object that a Keras file describes; old files tell no module."""

    class_name: str
    module: str | None
    registered_name: str | None
    config: object


class _File(NamedTuple):
    """What is known of a file before it is loaded."""

    suffix: str
    version: str
    config: object


def layers(path: str | os.PathLike) -> list[Part]:
    """List what a Keras file would build, without building it, outermost first.

    ``.keras`` or ``.h5``, of Keras 2 or 3, told apart by content: networks, layers,
    and what hides within them (wrapped layers, initialisers, functions).
    """
    return list(_parts(_read(Path(path)).config))


def shapes(path: str | os.PathLike) -> tuple[tuple | None, int | None]:
    """Give the shape of one input, and the units of a last Dense; None if untold."""
    parts = [part for part in layers(path) if isinstance(part.config, dict)]
    told = (
        part.config.get("batch_input_shape") or part.config.get("batch_shape")
        for part in parts
    )
    shape = next((shape for shape in told if shape), None)
    if isinstance(shape, dict):
        shape = shape.get("items")
    names = {*_LAYERS.split()} - _NO_UNITS
    last = next((p for p in reversed(parts) if p.class_name in names), None)
    units = last.config.get("units") if last and last.class_name == "Dense" else None
    return tuple(shape[1:]) if shape else None, units


def load(path: str | os.PathLike, trust: bool = False):
    """Load the network of a Keras file, with the Keras that can read it.

    One that holds code, or layers that nobody has looked at, is refused without
    `trust`. The network is not compiled.
    """
    with private_copy(path) as own:  # what is looked into is what is loaded
        found = _read(own)
        if runs := _unknown(found.config):
            gate(path, runs, trust)
        library = "tf_keras" if found.version.startswith(("1", "2")) else "keras"
        # Keras goes by the name's end: give it the one that was looked into
        named = own.rename(own.with_name(f"network{found.suffix}"))
        with quiet():
            keras = require(library)
            try:
                return keras.models.load_model(
                    named, compile=False, safe_mode=trust is not True
                )
            except Exception as error:
                raise ValueError(
                    f"{path}: {library} cannot load it: {_short(error)}"
                ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what TensorFlow and Keras have to say off standard error.

    Some of it comes from C++, past ``sys.stderr``: file descriptor 2 itself is
    turned away meanwhile. Errors are raised as ever.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # leave room to others
    loggers = [logging.getLogger(name) for name in ("absl", "tensorflow")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with silenced(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _read(path: Path) -> _File:
    """Read the description of a network, whatever the file is called."""
    with path.open("rb") as file:
        start = file.read(8)
    if start == b"\x89HDF\r\n\x1a\n":
        version, config = _of_hdf5(path)
        suffix = ".h5"
    elif start.startswith(b"PK"):
        version, config = _of_zip(path)
        suffix = ".keras"
    else:
        raise ValueError(f"{path}: no Keras file: neither HDF5 (.h5) nor zip (.keras).")
    try:
        return _File(suffix, version, json.loads(config))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: its list of layers is damaged.") from error


def _of_hdf5(path: Path) -> tuple[str, str | bytes]:
    h5py = require("h5py")
    try:
        with h5py.File(path) as file:
            told, inside, declared = dict(file.attrs), {*file}, _declared(file)
    except OSError as error:
        raise ValueError(f"{path}: damaged HDF5: {_short(error)}") from error
    check_size(path, declared)
    if "model_config" in told:
        return _text(told.get("keras_version", "2")), told["model_config"]
    if "layer_names" in told or inside & _WEIGHTS_ONLY:
        raise ValueError(
            f"{path}: weights only, no layers. Save the whole network: model.save(...)."
        )
    raise ValueError(f"{path}: HDF5, but no Keras network in it.")


def _of_zip(path: Path) -> tuple[str, bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            check_size(path, sum(entry.file_size for entry in archive.infolist()))
            if "config.json" not in names:
                raise ValueError(f"{path}: a zip file, but no Keras network in it.")
            if archive.getinfo("config.json").file_size > _LARGEST:
                raise ValueError(f"{path}: its list of layers is damaged.")
            about = archive.read("metadata.json") if "metadata.json" in names else b"{}"
            config = archive.read("config.json")
            for name in names:
                if name.endswith(".h5") and available("h5py"):
                    check_size(path, _declared_within(archive.read(name)))
        return str(json.loads(about).get("keras_version", "3")), config
    except _DAMAGED as error:
        raise ValueError(f"{path}: damaged zip: {_short(error)}") from error


def _declared(file) -> int:
    """Count the bytes that the numbers of an HDF5 file unfold to."""
    sizes: list[int] = []
    file.visititems(lambda _, item: sizes.append(getattr(item, "nbytes", 0)))
    return sum(sizes)


def _declared_within(stored: bytes) -> int:
    """Count the same of an HDF5 file in an archive."""
    with require("h5py").File(io.BytesIO(stored)) as file:
        return _declared(file)


def _parts(value: object) -> Iterator[Part]:
    """Walk through a description; a lambda may stand where any value does."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield Part(*(value.get(field) for field in Part._fields))
        elif {*value} == {"value"} and isinstance(value["value"], list):
            yield Part("__lambda__", None, None, value)  # as Keras writes an activation
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)


def _unknown(config: object) -> str:
    """Name, in words, what is not known to be harmless; ``""`` if all is."""
    if isinstance(config, dict):  # how it was trained is not loaded
        config = {k: v for k, v in config.items() if k != "compile_config"}
    named = [_called(part) for part in _parts(config) if not _harmless(part)]
    shown = ", ".join(list(dict.fromkeys(named))[:3])
    return f"layers that can hold code: {shown}" if named else ""


def _harmless(part: Part) -> bool:
    """Say whether Keras itself holds all code of a part."""
    if not all(isinstance(name, str | None) for name in part[:3]):
        return False
    name, libraries, known = part.class_name, _LIBRARIES, _KNOWN
    if name == "function":  # its config is its name
        name = str(part.config)
        libraries, known = (*_LIBRARIES, "builtins"), _FUNCTIONS
    module = (part.module or "keras").partition(".")[0]
    given = part.registered_name in (None, name, part.class_name)
    return name in known and module in libraries and given


def _called(part: Part) -> str:
    own = part.config.get("name") if isinstance(part.config, dict) else None
    if part.class_name == "function":
        return f"{part.module}.{part.config}"
    named = f"{part.class_name} {own!r}" if isinstance(own, str) else part.class_name
    return " ".join(str(named).split())


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _short(error: Exception) -> str:
    """Take the first sentence of what a library says in many."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.partition(" using config=")[0]  # pages of it
    return text.partition(". ")[0][:200].rstrip(".:") + "."
