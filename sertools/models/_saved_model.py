"""SavedModels of TensorFlow: fetched by handle, looked through, loaded quietly."""

import contextlib
import functools
import itertools
import logging
import math
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from sertools import trust
from sertools.extras import require
from sertools.models import _torch as devices
from sertools.models._keras import silenced

_KAGGLE = re.compile(r"[\w.-]+/[\w.-]+/tensorFlow2/[\w.-]+(/\d+)?", re.IGNORECASE)
_SHOWN = 3  # names in a message
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true"}
# What YAMNet is made of, and what another network on sound may need: arithmetic on
# tensors, and control over it. None of them takes or gives text, so none can reach a
# file, the network or Python, whatever a model's tables of contents leave out.
_OPERATIONS = frozenset(
    """
    Abs Acos Acosh Add AddN AddV2 All Angle Any ArgMax ArgMin Asin Asinh Atan Atan2
    Atanh BatchMatMul BatchMatMulV2 BatchMatMulV3 BiasAdd BitwiseAnd BitwiseOr
    BitwiseXor Bucketize Ceil ClipByValue Complex ComplexAbs Conj Cos Cosh Cumprod
    Cumsum CumulativeLogsumexp Digamma Div DivNoNan Einsum Equal Erf Erfc Erfinv
    EuclideanNorm Exp Expm1 Floor FloorDiv FloorMod Greater GreaterEqual Imag Inv
    Invert IsFinite IsInf IsNan L2Loss LeftShift Less LessEqual Lgamma LinSpace Log
    Log1p LogicalAnd LogicalNot LogicalOr MatMul Max Maximum Mean Min Minimum Mod Mul
    MulNoNan Neg NotEqual Pow Prod Range Real RealDiv Reciprocal RightShift Rint Round
    Rsqrt Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Square SquaredDifference Sub Sum
    Tan Tanh TruncateDiv TruncateMod Xdivy Xlog1py Xlogy

    BatchToSpaceND Bincount Bitcast BroadcastArgs BroadcastGradientArgs BroadcastTo Cast
    CheckNumerics Concat ConcatOffset ConcatV2 Const DenseBincount DepthToSpace Diag
    DiagPart DynamicPartition DynamicStitch EnsureShape ExpandDims Fill Gather GatherNd
    GatherV2 Identity IdentityN InvertPermutation ListDiff MatrixBandPart MatrixDiag
    MatrixDiagPart MatrixDiagPartV3 MatrixDiagV3 MatrixSetDiagV3 MirrorPad OneHot
    OnesLike Pack Pad PadV2 Placeholder PlaceholderWithDefault PreventGradient Rank
    Reshape ResourceGather ResourceGatherNd Reverse ReverseSequence ReverseV2 Roll
    ScatterNd SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum Select SelectV2
    Shape ShapeN Size Slice SpaceToBatchND SpaceToDepth Split SplitV Squeeze
    StopGradient StridedSlice TensorScatterAdd TensorScatterMax TensorScatterMin
    TensorScatterSub TensorScatterUpdate Tile TopK TopKV2 Transpose Unique UniqueV2
    Unpack UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum
    Where ZerosLike

    AvgPool AvgPool3D Conv2D Conv2DBackpropInput Conv3D Conv3DBackpropInputV2 CudnnRNN
    CudnnRNNV2 CudnnRNNV3 DepthwiseConv2dNative Dilation2D Elu FakeQuantWithMinMaxArgs
    FakeQuantWithMinMaxVars FakeQuantWithMinMaxVarsPerChannel FusedBatchNorm
    FusedBatchNormV2 FusedBatchNormV3 InTopK InTopKV2 LRN LeakyRelu LogSoftmax MaxPool
    MaxPool3D MaxPoolV2 MaxPoolWithArgmax Relu Relu6 ResizeBilinear
    ResizeNearestNeighbor Selu Softmax

    AudioSpectrogram FFT FFT2D IFFT IFFT2D IRFFT IRFFT2D Mfcc RFFT RFFT2D

    AssignAddVariableOp AssignSubVariableOp AssignVariableOp DisableCopyOnRead
    ReadVariableOp VarHandleOp VarIsInitializedOp VariableShape

    Multinomial RandomStandardNormal RandomUniform RandomUniformInt
    StatelessRandomGetAlg StatelessRandomGetKeyCounter StatelessRandomNormalV2
    StatelessRandomUniformIntV2 StatelessRandomUniformV2

    Case Enter Exit FakeParam If LoopCond Merge NextIteration NoOp PartitionedCall
    StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile Switch While

    EmptyTensorList TensorListConcatV2 TensorListElementShape TensorListFromTensor
    TensorListGather TensorListGetItem TensorListLength TensorListPopBack
    TensorListPushBack TensorListReserve TensorListResize TensorListScatterV2
    TensorListSetItem TensorListSplit TensorListStack
    """.split()
)
_SAVER = re.compile(r"__inference__traced_(save|restore)_\d+")
_GRAPH = "saved_model.pb"
_LARGEST_GRAPH = 2**28  # bytes
_LARGEST_CONSTANTS = 2**28  # numbers


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


@contextlib.contextmanager
def looked_through(folder: Path, trusted: bool) -> Iterator[Path]:
    """Give a private copy of a SavedModel, once nothing in it does more than reckon.

    A graph of TensorFlow runs no Python of its own, but some of its operations
    read and write files, or call Python. Every node of every function is looked
    at, called or not, and has to be on a list. The part that saves a model again,
    which every SavedModel brings along and nothing here calls, is left out of the
    copy, so that nothing can call it.

    Parameters
    ----------
    folder : Path
        Of the SavedModel.
    trusted : bool
        Let all operations pass.

    Yields
    ------
    Path
        The folder to load from; gone afterwards.

    Raises
    ------
    ValueError
        If it holds no SavedModel of TensorFlow 2, or is not trusted.
    """
    with trust.private_copy(folder, _GRAPH, "variables/*", "assets/*") as own:
        model = _parsed(own)
        for graph in model.meta_graphs:
            _leave_out_the_saver(graph)
        if found := sorted(set().union(*map(_foreign, model.meta_graphs))):
            shown = ", ".join(found[:_SHOWN]) + (" and more" if found[_SHOWN:] else "")
            runs = f"{shown} (operations that may reach files, the network or Python)"
            trust.gate(folder, runs, trusted)
        else:
            (own / _GRAPH).write_bytes(model.SerializeToString())
        yield own


def _parsed(folder: Path):
    """Read a SavedModel of TensorFlow 2, making nothing of it."""
    tensorflow()
    proto = require("tensorflow.core.protobuf.saved_model_pb2")
    model, path = proto.SavedModel(), folder / _GRAPH
    try:
        model.ParseFromString(trust.read(path, _LARGEST_GRAPH))
    except (OSError, require("google.protobuf.message").DecodeError):
        model.Clear()
    if not model.meta_graphs:
        raise ValueError(
            f"{folder} is no SavedModel: it should be a folder with saved_model.pb "
            "and variables/."
        )
    [graph, *others] = model.meta_graphs
    if others or not graph.HasField("object_graph_def"):
        raise ValueError(f"{folder} is no SavedModel of TensorFlow 2.")
    for graph in model.meta_graphs:
        if _constants(graph) > _LARGEST_CONSTANTS:
            raise ValueError(f"{folder}: its constants unfold to too many numbers.")
    return model


def _leave_out_the_saver(graph) -> None:
    """Drop what saves and restores with files, and the graph that calls it.

    TensorFlow 2 loads objects and their functions, and restores them by itself.
    """
    functions, nodes = graph.graph_def.library.function, graph.graph_def.node
    kept = [f for f in functions if not _SAVER.fullmatch(f.signature.name)]
    constants = [node for node in nodes if node.op == "Const"]  # objects point there
    for field, rest in ((functions, kept), (nodes, constants)):
        del field[:]
        field.extend(rest)
    for name in ("saver_def", "collection_def", "signature_def"):
        graph.ClearField(name)


def _bodies(graph) -> Iterator[Iterable]:
    """Give the nodes of a graph, and those of each of its functions."""
    yield graph.graph_def.node
    for function in graph.graph_def.library.function:
        yield function.node_def


def _foreign(graph) -> set[str]:
    """List the operations and functions that are not known to be harmless."""
    registered = require("tensorflow.python.framework.op_def_registry")
    own = {f.signature.name for f in graph.graph_def.library.function}
    # a function under an operation's name: which of them would TensorFlow take?
    found = {name for name in own if registered.get(name) is not None}
    known = own - found
    for node in itertools.chain.from_iterable(_bodies(graph)):
        called = {*_called(node.attr.values())} - known
        found |= called | ({node.op} - _OPERATIONS - known)
    return found


def _called(attributes: Iterable) -> Iterator[str]:
    """Name the functions that attributes hand on, within one another too."""
    for value in attributes:
        for function in (value.func, *value.list.func):
            if function.name:
                yield function.name
                yield from _called(function.attr.values())


def _constants(graph) -> int:
    """Count the numbers that constants unfold to; one may stand for many."""
    shapes = (
        node.attr["value"].tensor.tensor_shape.dim
        for node in itertools.chain.from_iterable(_bodies(graph))
        if node.op == "Const"
    )
    return sum(math.prod(max(axis.size, 0) for axis in shape) for shape in shapes)
