"""What TensorFlow may come to in a SavedModel: every node of it is looked at."""

import itertools
import os
import re
import shutil
import threading

import numpy as np
import pytest

from sertools import extras
from sertools.models import _saved_model as saved_model

pytestmark = pytest.mark.skipif(
    not extras.available("tensorflow"), reason="needs tensorflow"
)


def save(folder, call, **more):
    """Save a function of a waveform."""
    tf = saved_model.tensorflow()
    module = tf.Module()
    spec = [tf.TensorSpec([None], tf.float32)]
    for name, function in {"__call__": call, **more}.items():
        made = tf.function(function, input_signature=spec, autograph=False)
        setattr(module, name, made)
    module.weight = tf.Variable(2.0)
    tf.saved_model.save(module, str(folder))
    return folder


@pytest.fixture
def mark(tmp_path):
    return tmp_path / "mark"


@pytest.fixture
def payload(tmp_path, mark):
    """Give a SavedModel that leaves a mark when it is called."""
    tf = saved_model.tensorflow()

    def call(waveform):
        with tf.control_dependencies([tf.io.write_file(str(mark), "here")]):
            return waveform * 2

    return save(tmp_path / "payload", call)


@pytest.fixture
def harmless(tmp_path):
    return save(tmp_path / "harmless", lambda waveform: waveform * 2)


def answer(folder, trusted=False):
    """Look through a SavedModel, load it and call it."""
    tf = saved_model.tensorflow()
    with saved_model.looked_through(folder, trusted) as own:
        loaded = tf.saved_model.load(str(own))
    return loaded(tf.constant([1.0, 2.0])).numpy().tolist()


def edit(folder, change):
    """Change the graph of a SavedModel."""
    proto = extras.require("tensorflow.core.protobuf.saved_model_pb2")
    path, model = folder / "saved_model.pb", proto.SavedModel()
    model.ParseFromString(path.read_bytes())
    change(model.meta_graphs[0])
    path.write_bytes(model.SerializeToString())
    return folder


def body(graph):
    """Give the nodes of a function that is not the saver's."""
    functions = graph.graph_def.library.function
    return next(f for f in functions if "traced" not in f.signature.name).node_def


def refused(folder, names):
    with pytest.raises(ValueError) as refusal:
        answer(folder)
    line = str(refusal.value)
    assert line.startswith(f"{folder}: refused, because loading it runs ")
    assert re.search(names, line)
    assert line.endswith("trust=True (--trust).")
    assert "\n" not in line


def test_a_model_answers_as_what_was_saved_with_its_variables(tmp_path, harmless):
    assert answer(harmless) == [2, 4]
    tf = saved_model.tensorflow()
    with saved_model.looked_through(harmless, False) as own:
        assert tf.saved_model.load(str(own)).weight.numpy() == 2


def test_what_writes_files_runs_only_where_it_is_trusted(payload, mark):
    refused(payload, "WriteFile")
    assert not mark.exists()
    assert answer(payload, trusted=True) == [2, 4]
    assert mark.exists()


def test_a_function_that_the_table_of_contents_leaves_out_is_looked_at(payload, mark):
    edit(payload, lambda graph: graph.object_graph_def.concrete_functions.clear())
    refused(payload, "WriteFile")
    assert not mark.exists()


def test_a_function_that_nothing_calls_is_looked_at(harmless, payload):
    proto = extras.require("tensorflow.core.protobuf.saved_model_pb2")
    other = proto.SavedModel()
    other.ParseFromString((payload / "saved_model.pb").read_bytes())
    library = other.meta_graphs[0].graph_def.library
    edit(harmless, lambda graph: graph.graph_def.library.MergeFrom(library))
    refused(harmless, "WriteFile")


def test_what_is_called_within_an_attribute_of_an_attribute_is_looked_at(harmless):
    def hide(graph):
        node = body(graph).add()
        node.op = "PartitionedCall"
        function = node.attr["f"].func
        function.name = graph.graph_def.library.function[0].signature.name
        function.attr["g"].func.name = "WriteFile"

    edit(harmless, hide)
    refused(harmless, "WriteFile")


@pytest.mark.parametrize(
    "name", ["PyFunc", "EagerPyFunc", "ReadFile", "Abort", "ImmutableConst", "Nobodys"]
)
def test_an_operation_that_is_not_on_the_list_is_refused_by_name(harmless, name):
    def add(graph):
        body(graph).add(op=name, name="added")

    edit(harmless, add)
    refused(harmless, name)


def test_a_function_under_the_name_of_an_operation_is_refused(harmless):
    def rename(graph):
        graph.graph_def.library.function.add().signature.name = "WriteFile"
        body(graph).add(op="WriteFile", name="added")

    edit(harmless, rename)
    refused(harmless, "WriteFile")


def test_what_saves_and_restores_is_left_out_and_cannot_be_called(harmless, mark):
    tf = saved_model.tensorflow()
    proto = extras.require("tensorflow.core.protobuf.saved_model_pb2")

    def operations(folder):
        model = proto.SavedModel()
        model.ParseFromString((folder / "saved_model.pb").read_bytes())
        graph = model.meta_graphs[0].graph_def
        bodies = [graph.node, *(f.node_def for f in graph.library.function)]
        return {node.op for body in bodies for node in body}

    assert {"SaveV2", "RestoreV2"} <= operations(harmless)
    with saved_model.looked_through(harmless, False) as own:
        assert not {"SaveV2", "RestoreV2"} & operations(own)

    def call_it(graph):
        library = graph.graph_def.library.function
        [saver] = [f for f in library if "traced_save" in f.signature.name]
        node = body(graph).add(op="StatefulPartitionedCall", name="added")
        node.attr["f"].func.name = saver.signature.name

    edit(harmless, call_it)
    refused(harmless, "__inference__traced_save")
    assert tf is not None


def test_constants_that_unfold_to_too_much_are_refused(harmless):
    def unfold(graph):
        node = body(graph).add(op="Const", name="big")
        tensor = node.attr["value"].tensor
        tensor.float_val.append(0)
        tensor.tensor_shape.dim.add(size=2**40)

    edit(harmless, unfold)
    with pytest.raises(ValueError, match="its constants unfold to too many numbers"):
        answer(harmless)


def test_a_second_graph_or_another_form_is_no_way_around(payload, harmless, mark):
    def double(path):
        proto = extras.require("tensorflow.core.protobuf.saved_model_pb2")
        model, other = proto.SavedModel(), proto.SavedModel()
        model.ParseFromString((harmless / "saved_model.pb").read_bytes())
        other.ParseFromString((path / "saved_model.pb").read_bytes())
        model.meta_graphs.extend(other.meta_graphs)
        (path / "saved_model.pb").write_bytes(model.SerializeToString())

    text = extras.require("google.protobuf.text_format")
    proto = extras.require("tensorflow.core.protobuf.saved_model_pb2")
    model = proto.SavedModel()
    model.ParseFromString((payload / "saved_model.pb").read_bytes())
    (harmless / "saved_model.pbtxt").write_text(text.MessageToString(model))
    (harmless / "saved_model.cpb").write_bytes(b"\x00")
    assert answer(harmless) == [2, 4]
    assert not mark.exists()
    double(payload)
    with pytest.raises(ValueError, match="is no SavedModel of TensorFlow 2"):
        answer(payload)
    assert not mark.exists()


def test_a_folder_that_flips_between_two_models_writes_nothing(
    tmp_path, payload, harmless, mark
):
    link, over = tmp_path / "link", threading.Event()

    def flip():
        for folder in itertools.cycle([payload, harmless]):
            (tmp_path / "next").symlink_to(folder, target_is_directory=True)
            os.replace(tmp_path / "next", link)
            if over.is_set():
                return

    link.symlink_to(harmless, target_is_directory=True)
    flipping = threading.Thread(target=flip)
    flipping.start()
    said = []
    try:
        for _ in range(20):
            try:
                answer(link)
            except (ValueError, OSError) as error:
                said.append(str(error))
    finally:
        over.set()
        flipping.join()
    assert not mark.exists()
    assert 0 < sum("WriteFile" in line for line in said) < 20  # both were met


def test_the_list_holds_operations_that_there_are_and_none_that_handles_text():
    registry = extras.require("tensorflow.python.framework.op_def_registry")
    text = saved_model.tensorflow().string.as_datatype_enum
    for name in saved_model._OPERATIONS:
        found = registry.get(name)
        assert found is not None, name
        arguments = [*found.input_arg, *found.output_arg]
        assert not [a.name for a in arguments if a.type == text], name


def test_a_network_with_recurrent_layers_and_branches_needs_no_trust(tmp_path):
    tf = saved_model.tensorflow()
    kernel = np.ones((1, 1), np.float32)

    def call(waveform):
        start = tf.constant(0), tf.zeros((1, 1))
        _, state = tf.while_loop(
            lambda i, _: i < tf.size(waveform),
            lambda i, s: (i + 1, tf.tanh(s @ kernel + waveform[i])),
            start,
        )
        half = tf.cond(state[0, 0] > 0, lambda: state / 2, lambda: state)
        return tf.abs(tf.signal.stft(waveform, 2, 1))[:, 0] + half[0, 0]

    folder = save(tmp_path / "a", call)
    assert answer(folder) == answer(folder, trusted=True)


def test_a_model_is_copied_whole_and_the_copy_is_gone_afterwards(harmless, tmp_path):
    shutil.copytree(harmless, tmp_path / "b")
    with saved_model.looked_through(tmp_path / "b", False) as own:
        assert own.name == "b"
        assert own != tmp_path / "b"
    assert not own.exists()
