import itertools
import json
import logging
import os
import re
import subprocess
import sys
import threading
import warnings
import zipfile

import numpy as np
import pytest

from sertools import extras
from sertools.models import _keras

needs_tensorflow = pytest.mark.skipif(
    not extras.available("tensorflow"), reason="needs tensorflow"
)


needs_h5py = pytest.mark.skipif(not extras.available("h5py"), reason="needs h5py")


LAMBDA = {"class_name": "__lambda__", "config": {"value": ["4wE=", None, None]}}


def conv(**settings):
    shape = {"batch_input_shape": [None, 40, 1]}
    return {"class_name": "Conv1D", "config": {"name": "conv", **shape, **settings}}


def dense(units=8, **settings):
    return {"class_name": "Dense", "config": {"units": units, **settings}}


def sequential(*layers, **more):
    return {"class_name": "Sequential", "config": {"layers": list(layers)}, **more}


def wrapped(kind, layer):
    return {"class_name": kind, "config": {"layer": layer}}


HIDDEN_LAMBDA = {"class_name": "Lambda", "config": {"name": "evil"}}


HIDING_PLACES = {
    "alone": (sequential(conv(), HIDDEN_LAMBDA), "Lambda 'evil'"),
    "in TimeDistributed": (
        sequential(wrapped("TimeDistributed", HIDDEN_LAMBDA)),
        "Lambda 'evil'",
    ),
    "in Bidirectional": (
        sequential(wrapped("Bidirectional", wrapped("RNN", HIDDEN_LAMBDA))),
        "Lambda 'evil'",
    ),
    "in a network in a network": (
        {"class_name": "Functional", "config": {"layers": [sequential(HIDDEN_LAMBDA)]}},
        "Lambda 'evil'",
    ),
    "in a list that stands for a network": (
        {"class_name": "Sequential", "config": [conv(), HIDDEN_LAMBDA]},
        "Lambda 'evil'",
    ),
    "an activation": (sequential(conv(activation=LAMBDA)), "__lambda__"),
    "an activation as Keras writes it": (
        sequential(conv(activation={"value": ["4wE=", None, None]})),
        "__lambda__",
    ),
    "an initialiser": (sequential(conv(kernel_initializer=LAMBDA)), "__lambda__"),
    "a regulariser": (sequential(dense(kernel_regularizer=[LAMBDA])), "__lambda__"),
    "a function of another module": (
        sequential(
            conv(
                activation={
                    "class_name": "function",
                    "module": "os",
                    "config": "system",
                    "registered_name": "function",
                }
            )
        ),
        "os.system",
    ),
    "a function that is no name": (
        sequential(conv(activation={"class_name": "function", "config": {}})),
        "None.{}",
    ),
    "a known name from another module": (
        sequential({"class_name": "Dense", "module": "evil", "config": {}}),
        "Dense",
    ),
    "a class of one's own": (
        sequential(
            {"class_name": "Dense", "registered_name": "mine>Dense", "config": {}}
        ),
        "Dense",
    ),
    "an operation by name": (
        sequential(
            {"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}
        ),
        "TFOpLambda",
    ),
    "a pickle of torch": (
        sequential({"class_name": "TorchModuleWrapper", "config": {}}),
        "TorchModuleWrapper",
    ),
    "how an inner network was trained": (
        sequential(sequential(conv(), compile_config={"loss": LAMBDA})),
        "__lambda__",
    ),
    "a name that is no text": (
        sequential({"class_name": {"class_name": "Lambda"}, "config": {}}),
        "Lambda",
    ),
}


def keras_zip(path, config, version="3.15.1"):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
    return path


def hdf5(path, config=None, **attributes):
    h5py = extras.require("h5py")
    with h5py.File(path, "w") as file:
        if config is not None:
            attributes["model_config"] = json.dumps(config)
        file.attrs.update(attributes)
    return path


@pytest.mark.parametrize("place", HIDING_PLACES)
def test_code_is_found_wherever_it_hides(tmp_path, place):
    config, named = HIDING_PLACES[place]
    path = keras_zip(tmp_path / "a.keras", config)
    with pytest.raises(ValueError) as refusal:
        _keras.load(path)
    line = str(refusal.value)
    assert f"{path}: refused, because loading it runs layers that can hold" in line
    assert named in line
    assert line.endswith("trust=True (--trust).")
    assert "\n" not in line


@needs_h5py
@pytest.mark.parametrize("version", ["2.3.1", "3.15.1"])
def test_code_is_found_in_an_old_file_too(tmp_path, version):
    config, _ = HIDING_PLACES["in TimeDistributed"]
    path = hdf5(tmp_path / "a.h5", config, keras_version=version)
    with pytest.raises(ValueError, match=r"Lambda 'evil'.*trust=True"):
        _keras.load(path)


def test_the_layers_are_listed_without_tensorflow(tmp_path):
    config = sequential(conv(), wrapped("TimeDistributed", dense()))
    path = keras_zip(tmp_path / "a.keras", config)
    code = "from sertools.models import _keras; import sys; "
    code += f"print(*[p.class_name for p in _keras.layers({str(path)!r})]); "
    code += "print({'tensorflow', 'keras', 'tf_keras'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.stdout.splitlines() == [
        "Sequential Conv1D TimeDistributed Dense",
        "set()",
    ], run.stderr


def test_what_is_listed_comes_with_its_settings(tmp_path):
    layer = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}}
    path = keras_zip(tmp_path / "a.keras", sequential(layer))
    assert _keras.layers(path)[1] == ("Dense", "keras.layers", None, {"units": 3})


@pytest.mark.parametrize(
    ("config", "shapes"),
    [
        (sequential(conv(), dense(8)), ((40, 1), 8)),
        (
            sequential(conv(), dense(16), {"class_name": "Softmax"}, dense(7)),
            ((40, 1), 7),
        ),
        (
            sequential(conv(), dense(4), {"class_name": "Activation", "config": {}}),
            ((40, 1), 4),
        ),
        (
            sequential(
                {"class_name": "InputLayer", "config": {"batch_shape": [None, 216, 1]}},
                dense(10),
            ),
            ((216, 1), 10),
        ),
        (sequential(dense(3), {"class_name": "Flatten", "config": {}}), (None, None)),
    ],
)
def test_the_shapes_are_told_where_the_file_tells_them(tmp_path, config, shapes):
    assert _keras.shapes(keras_zip(tmp_path / "a.keras", config)) == shapes


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no Keras file"),
        (b"\x12\x34 random bytes" * 20, "no Keras file"),
        (b"PK\x03\x04 cut", "damaged zip"),
        (b"\x89HDF\r\n\x1a\n cut", "damaged HDF5"),
    ],
)
def test_what_is_no_keras_file_is_called_so(tmp_path, content, reason):
    if "HDF5" in reason and not extras.available("h5py"):
        pytest.skip("needs h5py")
    path = tmp_path / "a.h5"
    path.write_bytes(content)
    for ask in (_keras.layers, _keras.load):
        with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {reason}"):
            ask(path)


def test_a_zip_that_holds_no_network_is_called_so(tmp_path):
    path = tmp_path / "a.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(ValueError, match="a zip file, but no Keras network in it"):
        _keras.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{" * 2000)
    with pytest.raises(ValueError, match="its list of layers is damaged"):
        _keras.load(path)


@needs_h5py
def test_weights_only_and_other_hdf5_are_told_apart(tmp_path):
    path = hdf5(tmp_path / "a.h5", layer_names=["conv"], keras_version="2.3.1")
    with pytest.raises(ValueError, match="weights only, no layers"):
        _keras.load(path)
    with pytest.raises(ValueError, match="HDF5, but no Keras network"):
        _keras.load(hdf5(tmp_path / "b.h5", about="weather"))


def test_a_file_that_is_not_there_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        _keras.load(tmp_path / "nowhere.keras")


def test_quiet_holds_for_all_ways_to_standard_error_and_then_ends(capfd):
    with _keras.quiet():
        os.write(2, b"from C++\n")
        warnings.warn("from Python", stacklevel=1)
        logging.getLogger("absl").warning("from absl")
    os.write(2, b"afterwards\n")
    assert capfd.readouterr().err == "afterwards\n"


# With the frameworks themselves ----------------------------------------------------


@pytest.fixture(scope="module")
def frameworks():
    with _keras.quiet():
        return {name: extras.require(name) for name in ("keras", "tf_keras")}


def network(keras, *first):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((40, 1)),
            *first,
            layers.Conv1D(4, 5, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.Bidirectional(layers.LSTM(3)),
            layers.Dense(8, activation="softmax"),
        ]
    )


X = np.random.default_rng(0).normal(size=(3, 40, 1)).astype(np.float32)


KINDS = [
    pytest.param(library, suffix, id=f"{library}{suffix}")
    for library in ("keras", "tf_keras")
    for suffix in (".h5", ".keras")
]


@needs_tensorflow
@pytest.mark.parametrize(("library", "suffix"), KINDS)
def test_a_network_answers_as_before_whatever_its_file_is_called(
    frameworks, tmp_path, capfd, library, suffix
):
    with _keras.quiet():
        made = network(frameworks[library])
        made.compile("adam", "mse")
        made.save(tmp_path / f"a{suffix}")
        expected = made.predict_on_batch(X)
    other = {".h5": ".keras", ".keras": ".h5"}[suffix]
    os.rename(tmp_path / f"a{suffix}", tmp_path / f"b{other}")
    capfd.readouterr()
    loaded = _keras.load(tmp_path / f"b{other}")
    assert capfd.readouterr() == ("", "")
    assert type(loaded).__module__.startswith(f"{library}.")
    with _keras.quiet():
        assert np.allclose(loaded.predict_on_batch(X), expected, atol=1e-6)
    assert _keras.shapes(tmp_path / f"b{other}") == ((40, 1), 8)


@needs_tensorflow
@pytest.mark.parametrize(("library", "suffix"), KINDS)
def test_a_lambda_runs_only_where_it_is_trusted(frameworks, tmp_path, library, suffix):
    layers, mark = frameworks[library].layers, tmp_path / "mark"
    code = f"lambda x: (__import__('os').makedirs({str(mark)!r}, exist_ok=True), x)[1]"
    with _keras.quiet():
        shape = {"output_shape": (1,)} if library == "keras" else {}
        hidden = layers.TimeDistributed(layers.Lambda(eval(code), **shape))
        network(frameworks[library], hidden).save(tmp_path / f"a{suffix}")
    if mark.exists():  # some run it once while it is built
        mark.rmdir()
    with pytest.raises(ValueError, match=r"Lambda 'lambda.*trust=True \(--trust\)\.$"):
        _keras.load(tmp_path / f"a{suffix}")
    assert not mark.exists()
    loaded = _keras.load(tmp_path / f"a{suffix}", trust=True)
    with _keras.quiet():
        assert loaded.predict_on_batch(X).shape == (3, 8)
    assert mark.exists()


@needs_tensorflow
def test_a_link_that_flips_between_two_files_runs_no_lambda(frameworks, tmp_path):
    keras, mark = frameworks["keras"], tmp_path / "mark"
    code = f"lambda x: (__import__('os').makedirs({str(mark)!r}, exist_ok=True), x)[1]"
    with _keras.quiet():
        hidden = keras.layers.Lambda(eval(code), output_shape=(40, 1))
        network(keras, hidden).save(tmp_path / "payload.keras")
        network(keras).save(tmp_path / "harmless.keras")
    if mark.exists():
        mark.rmdir()
    link, over = tmp_path / "a.keras", threading.Event()

    def flip():
        for name in itertools.cycle(["harmless", "payload"]):
            (tmp_path / "next").symlink_to(tmp_path / f"{name}.keras")
            os.replace(tmp_path / "next", link)
            if over.is_set():
                return

    link.symlink_to(tmp_path / "harmless.keras")
    flipping = threading.Thread(target=flip)
    flipping.start()
    said = []
    try:
        for _ in range(30):
            try:
                loaded = _keras.load(link)
                with _keras.quiet():
                    loaded.predict_on_batch(X)
            except ValueError as error:
                said.append(str(error))
    finally:
        over.set()
        flipping.join()
    assert not mark.exists()
    assert 0 < len(said) < 30  # both were met
    assert all("Lambda" in line and "--trust" in line for line in said)


@needs_h5py
@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_weights_that_unfold_to_far_more_than_the_file_are_refused(tmp_path, suffix):
    import h5py

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:  # never written: all of it is the fill value
        file.create_dataset("layer/kernel", (2**20, 2**10), "f4", chunks=True)
        file.attrs["model_config"] = json.dumps(sequential(conv()))
    if suffix == ".keras":
        keras_zip(tmp_path / "a.keras", sequential(conv()))
        with zipfile.ZipFile(tmp_path / "a.keras", "a") as archive:
            archive.write(path, "model.weights.h5")
    path = tmp_path / f"a{suffix}"
    for ask in (_keras.layers, _keras.load):
        words = rf"^{path}: too large: 4\.0 GiB, where such a file may take 64 MiB"
        with pytest.raises(ValueError, match=words):
            ask(path)


@needs_tensorflow
def test_a_network_in_a_network_and_its_training_are_no_obstacle(frameworks, tmp_path):
    keras = frameworks["keras"]
    with _keras.quiet():
        start = keras.layers.Input((40, 1))
        inner = network(keras)
        joined = keras.layers.Add()([inner(start), inner(start)])
        made = keras.Model(start, keras.layers.Dense(3, keras.activations.gelu)(joined))
        made.compile(keras.optimizers.Adam(), "mse", metrics=["mae"])
        made.save(tmp_path / "a.keras")
        expected = made.predict_on_batch(X)
        loaded = _keras.load(tmp_path / "a.keras")
        assert np.allclose(loaded.predict_on_batch(X), expected, atol=1e-6)


@needs_tensorflow
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_real_weights_alone_are_called_so(frameworks, tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with _keras.quiet():
        library = "keras" if "weights" in suffix else "tf_keras"
        network(frameworks[library]).save_weights(path)
    with pytest.raises(ValueError, match="weights only, no layers"):
        _keras.load(path)


@needs_tensorflow
@pytest.mark.parametrize("version", ["2.3.1", "3.15.1"])
def test_what_keras_cannot_load_is_one_plain_line(tmp_path, capfd, version):
    path = hdf5(tmp_path / "a.h5", sequential(dense(8)), keras_version=version)
    with pytest.raises(ValueError, match="keras cannot load it: ") as error:
        _keras.load(path)
    assert len(str(error.value).splitlines()) == 1
    assert capfd.readouterr() == ("", "")
