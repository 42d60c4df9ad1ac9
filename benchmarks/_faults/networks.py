"""Weights of torch and TensorFlow, and configurations, that are programs or bombs."""

import functools
import os
import random
import shutil
import zipfile
from pathlib import Path

from _faults.heads import POINTER, Payload, marker
from _faults.sounds import speech
from _faults.trying import MARK, Try, Verdict, asked


def tries(draw: random.Random) -> list[Try]:
    """List what is tried: first what takes longest."""
    return [*_saved_models(), *_torch(draw), *_keras(), *_configurations()]


def _torch(draw: random.Random):
    """Files of torch: tensors need no trust, anything else does."""
    from sertools import extras

    if not extras.available("torch"):
        return
    for what in ("zip", "old"):
        for trust in (False, True):
            name = f"torch: a program, {what}{', trusted' if trust else ''}"
            body = functools.partial(_torch_program, what, trust)
            yield Try(name, body, 90, 1500, control=trust, batch="torch")
    for what, content in {
        "a Git LFS pointer": POINTER,
        "zeros": bytes(5000),
        "nothing": b"",
        "noise": draw.randbytes(5000),
        "a web page": b"<!DOCTYPE html><html></html>",
    }.items():
        body = functools.partial(_torch_file, content)
        yield Try(f"torch: {what}", body, 90, 1500, batch="torch")
    yield Try(
        "torch: 2 MB that unfold to 2.5 GB", _torch_bomb, 90, 1500, batch="torch 2"
    )


def _torch_program(what: str, trusted: bool, folder: Path) -> Verdict:
    import torch

    from sertools import trust

    path, stored = folder / "weights.pt", {"p": Payload(marker(folder))}
    stored["w"] = torch.ones(2)
    torch.save(stored, path, _use_new_zipfile_serialization=what == "zip")
    return asked(lambda: trust.load_torch(path, trusted), [path.name], _taken)


def _taken(_) -> Verdict:
    return Verdict("wrong", "it was taken for weights")


def _torch_file(content: bytes, folder: Path) -> Verdict:
    from sertools import trust

    path = folder / "weights.pt"
    path.write_bytes(content)
    return asked(lambda: trust.load_torch(path), [path.name], _taken)


def _torch_bomb(folder: Path) -> Verdict:
    """One archive member of zeros, which deflate makes a thousandth of."""
    import torch

    from sertools import trust

    path, target = folder / "small.pt", folder / "weights.pt"
    torch.save({"w": torch.zeros(250_000)}, path)
    with (
        zipfile.ZipFile(path) as old,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            if name.endswith("data/0"):
                with new.open(name, "w", force_zip64=True) as member:
                    for _ in range(250):
                        member.write(bytes(10_000_000))
            else:
                new.writestr(name, old.read(name))
    return asked(lambda: trust.load_torch(target), [target.name], _taken)


def _keras():
    """Keras networks with code in them."""
    from sertools import extras

    if not extras.available("tensorflow"):
        return
    for form in ("keras", "h5"):
        for trust in (False, True):
            body = functools.partial(_lambda, form, trust)
            name = f"Keras: a Lambda in .{form}{', trusted' if trust else ''}"
            yield Try(name, body, 100, 2500, control=trust, batch="keras")
    for what, content in {
        "a Git LFS pointer": POINTER,
        "zeros": bytes(9000),
        "nothing": b"",
        "half a zip": b"PK\3\4" + bytes(50),
    }.items():
        for ending in ("h5", "keras"):
            body = functools.partial(_keras_file, content, ending)
            yield Try(f"Keras: {what} as .{ending}", body, 100, 2500, batch="keras")


def _keras_model(path: Path, trust: bool):
    from sertools import models

    model = models.load("ravdess_cnn", weights=str(path), trust=trust)
    return model.predict_proba([speech()])


def _lambda(form: str, trust: bool, folder: Path) -> Verdict:
    """Save a network for 40 averages whose Lambda makes the marker."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    mark = str(marker(folder))
    code = f"lambda x: (__import__('os').makedirs({mark!r}, exist_ok=True), x)[1]"
    layers = [
        keras.layers.Input((40, 1)),
        keras.layers.Lambda(eval(code)),
        keras.layers.Flatten(),
        keras.layers.Dense(8, activation="softmax"),
    ]
    network = keras.Sequential(layers)
    path = folder / f"weights.{form}"
    network.save(path)
    shutil.rmtree(mark, ignore_errors=True)
    return asked(lambda: _keras_model(path, trust), [path.name], _taken)


def _keras_file(content: bytes, ending: str, folder: Path) -> Verdict:
    path = folder / f"weights.{ending}"
    path.write_bytes(content)
    return asked(lambda: _keras_model(path, False), [path.name], _taken)


def _saved_models():
    """SavedModels whose graphs write files: nothing of it runs."""
    from sertools import extras

    if not extras.available("tensorflow"):
        return
    for how in (
        "in its call",
        "in a function that only the library holds",
        "in an initializer",
        "in a branch",
        "in a nested function",
        "in what its own list leaves out",
    ):
        for trust in (False, True):
            body = functools.partial(_saved, how, trust)
            name = f"SavedModel: writes a file {how}{', trusted' if trust else ''}"
            batch = "saved trusted" if trust else "saved"
            yield Try(name, body, 100, 2500, control=trust, batch=batch)
    for what, content in {
        "a Git LFS pointer": POINTER,
        "zeros": bytes(9000),
        "nothing": b"",
        "noise": random.Random(1).randbytes(9000),
    }.items():
        body = functools.partial(_saved_file, content)
        yield Try(
            f"SavedModel: {what} as saved_model.pb", body, 100, 2500, batch="saved"
        )


def _yamnet(path: Path, trust: bool):
    from sertools import models

    return models.load("yamnet", weights=str(path), trust=trust).embed([speech()])


def _saved(how: str, trust: bool, folder: Path) -> Verdict:
    """Make a YAMNet of the right answers that writes the marker as well."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from sertools.models.yamnet import EVIDENCE

    mark = str(marker(folder))

    def write():
        with tf.control_dependencies([tf.io.write_file(mark, "ran")]):
            return tf.constant(1)

    table = folder / "yamnet_class_map.csv"
    heard = [name for some in EVIDENCE.values() for name in some]
    heard += [f"name {n}" for n in range(521 - len(heard))]
    names = [f'{n},/m/{n},"{name}"' for n, name in enumerate(heard)]
    table.write_text("\n".join(["index,mid,display_name", *names]))

    class Network(tf.Module):
        def __init__(self):
            self.names = tf.saved_model.Asset(str(table))

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, waveform):
            patches = tf.maximum(tf.size(waveform) // 7680, 1)
            if how == "in its call":
                patches *= write()
            elif how == "in a nested function":
                patches *= tf.function(lambda: tf.function(write)())()
            elif how == "in a branch":
                patches *= tf.cond(tf.size(waveform) > 0, write, lambda: tf.constant(1))
            elif how == "in a function that only the library holds":
                patches *= tf.map_fn(lambda x: x * write(), tf.ones([1], tf.int32))[0]
            scores = tf.zeros([patches, 521])
            return scores, tf.zeros([patches, 1024]), tf.zeros([patches * 96, 64])

        @tf.function(input_signature=[])
        def class_map_path(self):
            if how == "in what its own list leaves out":
                tf.io.write_file(mark, "ran")
                return None
            return tf.identity(self.names.asset_path)

    network = Network()
    if how == "in an initializer":
        network.table = _resource(write)
    if how == "in what its own list leaves out":
        network.class_map_path = network.class_map_path.get_concrete_function()
    path = folder / "yamnet"
    tf.saved_model.save(network, str(path))
    Path(mark).unlink(missing_ok=True)
    if how == "in what its own list leaves out":
        _unlist(path / "saved_model.pb")
    return asked(lambda: _yamnet(path, trust), [path.name], _taken)


def _unlist(path: Path) -> None:
    """Take functions out of the list that a SavedModel gives of its own."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    model.ParseFromString(path.read_bytes())
    graph = model.meta_graphs[0]
    harmful = [
        function.signature.name
        for function in graph.graph_def.library.function
        if any(node.op == "WriteFile" for node in function.node_def)
    ]
    for name in harmful:
        graph.object_graph_def.concrete_functions.pop(name, None)
    for node in graph.object_graph_def.nodes:
        if node.bare_concrete_function.concrete_function_name in harmful:
            node.bare_concrete_function.ClearField("function_spec")
    path.write_bytes(model.SerializeToString())


def _resource(write):
    """Give a table whose making runs something."""
    import tensorflow as tf
    from tensorflow.python.trackable.resource import CapturableResource

    class Resource(CapturableResource):
        def _create_resource(self):
            write()
            return tf.raw_ops.MutableHashTableV2(
                key_dtype=tf.int64, value_dtype=tf.int64
            )

        def _initialize(self):
            write()

    return Resource()


def _saved_file(content: bytes, folder: Path) -> Verdict:
    path = folder / "yamnet"
    (path / "variables").mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(content)
    return asked(lambda: _yamnet(path, False), [path.name], _taken)


def _configurations():
    """Write configurations that unfold: YAML of a few lines, or of many levels."""
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n"
        for n in range(9)
    )
    for what, text in {
        "that unfolds": bomb,
        "of Python's objects": f"model: !!python/object/apply:os.mkdir [{MARK}]\n",
        "that holds itself": "model: &m\n  model: *m\n",
        "nested deep": "model: " + "[" * 30_000,
    }.items():
        body = functools.partial(_emotion2vec, text)
        yield Try(
            f"emotion2vec: a configuration {what}", body, 60, 2500, batch=f"e {what}"
        )


def _emotion2vec(text: str, folder: Path) -> Verdict:
    from sertools import models

    path = folder / "weights"
    path.mkdir()
    (path / "config.yaml").write_text(text)
    (path / "configuration.json").write_text("{}")
    (path / "model.pt").write_bytes(b"")
    (path / "tokens.txt").write_text("angry\nhappy\n")
    call = lambda: models.load("emotion2vec", weights=str(path)).embed([speech()])  # noqa: E731
    return asked(call, ["weights"], _taken)
