"""YAMNet: what it hears, many clips at once, and what counts for which emotion."""

import csv
import http.server
import io
import os
import subprocess
import sys
import tarfile
import textwrap
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from sertools import audio, datasets, extras, labels, models
from sertools.models import _saved_model, yamnet
from sertools.models.yamnet import CALL, HOP, PATCH, Network, random_network

HERE = extras.available("tensorflow")
needs_tensorflow = pytest.mark.skipif(not HERE, reason="TensorFlow is not installed")
NAMES = yamnet.random_names()
LENGTHS = [800, PATCH - 1, PATCH, PATCH + 1, 30_000, PATCH + 3 * HOP, 640_000]
EDGES = [PATCH + k * HOP for k in range(10)]
ORDERS = {
    "openSMILE first": ("opensmile", "yamnet"),
    "TensorFlow first": ("yamnet", "opensmile"),
}


def noise(samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)


def heard(**scores):
    """Make the scores of three frames: of the classes given, and 0.001 of others."""
    table = np.full((3, len(NAMES)), 0.001)
    for name, score in scores.items():
        table[:, NAMES.index(name)] = score
    return table


def emotions(scores, names=NAMES):
    found = yamnet.probabilities(scores, yamnet.groups(names))
    return dict(zip(yamnet.CLASSES, found, strict=True))


def run(code):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def tiny():
    return models.load("yamnet", weights="tiny")


def save(folder, network, names=NAMES):
    """Save a network as the authors of YAMNet save theirs: with its class map."""
    tf = extras.require("tensorflow")
    folder.mkdir()
    with open(folder / "map.csv", "w", newline="") as file:
        rows = [(i, f"/m/{i}", name) for i, name in enumerate(names)]
        # the index counts, not the line
        csv.writer(file).writerows([("index", "mid", "display_name"), *rows[::-1]])
    network.class_map = tf.saved_model.Asset(str(folder / "map.csv"))
    network.class_map_path = tf.function(
        lambda: network.class_map.asset_path, input_signature=[]
    )
    tf.saved_model.save(network, str(folder / "saved"))
    return folder / "saved"


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Give a SavedModel like YAMNet's: random weights, and a class map."""
    network = random_network(_saved_model.tensorflow())
    return save(tmp_path_factory.mktemp("yamnet") / "whole", network)


@pytest.fixture
def real(real_data):
    folder = Path(os.environ.get("SERTOOLS_WEIGHTS", ""), "yamnet")
    if not os.environ.get("SERTOOLS_WEIGHTS") or not folder.exists():
        pytest.skip("SERTOOLS_WEIGHTS holds no YAMNet")
    return models.load("yamnet", weights=folder)


# What counts for which emotion


def test_laughter_is_happy_and_speech_is_other():
    assert emotions(heard(Laughter=0.9, Giggle=0.3, Speech=0.1))["happy"] > 0.85
    assert emotions(heard(Speech=0.98))["other"] > 0.98


def test_where_nothing_is_heard_the_mass_goes_to_other():
    assert emotions(np.zeros((2, len(NAMES))))["other"] == 1
    assert emotions(heard())["other"] > 0.99


@pytest.mark.parametrize(
    ("emotion", "name"), [(e, n) for e, some in yamnet.EVIDENCE.items() for n in some]
)
def test_each_class_counts_for_its_emotion(emotion, name):
    found = emotions(heard(**{name: 0.9, "Speech": 0.2}))
    assert max(found, key=found.get) == emotion
    assert sum(found.values()) == pytest.approx(1)


def test_every_frame_counts():
    scores = np.concatenate([heard(Laughter=0.9), heard(Speech=0.98)])
    parts = [emotions(part)["happy"] for part in (scores[:3], scores[3:])]
    assert emotions(scores)["happy"] == pytest.approx(np.mean(parts))


def test_classes_are_found_by_name_wherever_they_stand():
    scores = heard(Laughter=0.7, Screaming=0.4, Speech=0.5)
    order = np.random.default_rng(0).permutation(len(NAMES))
    shuffled = emotions(scores[:, order], [NAMES[number] for number in order])
    assert shuffled == pytest.approx(emotions(scores))


def test_the_table_names_emotions_and_each_class_once():
    named = [name for some in yamnet.EVIDENCE.values() for name in some]
    assert len(named) == len(set(named))
    assert set(yamnet.EVIDENCE) < set(labels.EMOTIONS)
    assert list(models.load("yamnet").classes_) == sorted([*yamnet.EVIDENCE, "other"])


def test_coverage_counts_all_classes_and_shows_what_no_class_stands_for():
    table = models.load("yamnet").coverage()
    assert list(table.index) == list(labels.EMOTIONS)
    assert table["n_classes"].sum() == 521
    assert table["share"].sum() == pytest.approx(1)
    for emotion in labels.EMOTIONS:
        assert table.loc[emotion, "classes"] == yamnet.EVIDENCE.get(emotion, ())
    absent = set(table.index[table["n_classes"] == 0])
    assert absent == set(labels.EMOTIONS) - set(models.load("yamnet").classes_)


def test_a_class_map_without_the_classes_of_the_table_is_refused():
    with pytest.raises(ValueError, match="no 'Gasp'"):
        yamnet.groups([name for name in NAMES if name != "Gasp"])


def test_the_card_needs_no_tensorflow_and_says_what_was_heard():
    done = run("""
        import sys
        from sertools import models
        print(models.card("yamnet"), "tensorflow" in sys.modules)
    """)
    assert done.stdout.strip().endswith("False"), done.stderr
    assert "AudioSet" in done.stdout and "sertools fetch yamnet (17 MB)" in done.stdout


# Many clips in one call


@needs_tensorflow
@pytest.mark.parametrize("lengths", [LENGTHS, EDGES, [n + 1 for n in EDGES]])
def test_many_clips_in_one_call_are_heard_as_each_alone(tiny, lengths):
    network = tiny.backend
    clips = [noise(samples, seed) for seed, samples in enumerate(lengths)]
    for clip, found in zip(clips, network.hear(clips), strict=True):
        scores, embeddings, _ = network.call(clip)
        assert np.allclose(found.scores, scores, rtol=0, atol=1e-5)
        assert np.allclose(found.embeddings, embeddings, rtol=0, atol=1e-5)


@needs_tensorflow
def test_patches_are_counted_as_the_network_counts_them(tiny):
    lengths = [n + d for n in range(PATCH, 640_000, 5 * HOP) for d in (-1, 0, 1)]
    for samples in [*EDGES, *lengths]:
        count = len(tiny.backend.call(np.zeros(samples, np.float32))[0])
        assert count == yamnet.patches(samples, tiny.backend._rounded), samples


@needs_tensorflow
def test_a_call_is_bounded_and_a_long_clip_is_heard_in_pieces(tiny):
    sizes = []

    def call(waveform):
        sizes.append(len(waveform))
        return tiny.backend.call(waveform)

    network = Network(call, NAMES, "/CPU:0")
    clips = [noise(20_000), noise((2 * CALL + 30) * HOP, 1), noise(50_000, 2)]
    found = network.hear(clips)
    assert len(sizes) == 1 + 3  # one to try it
    assert max(sizes) <= (CALL - 1) * HOP + PATCH
    for clip, one in zip(clips, found, strict=True):
        embeddings = tiny.backend.call(clip)[1].numpy()
        assert np.allclose(one.embeddings, embeddings, rtol=0, atol=1e-5)


@needs_tensorflow
def test_no_new_length_traces_the_network_again(tiny):
    traced = tiny.backend.call.experimental_get_tracing_count()
    tiny.embed([noise(samples) for samples in (900, 17_000, 123_456)])
    assert tiny.backend.call.experimental_get_tracing_count() == traced == 1


# What is made of it


@needs_tensorflow
def test_the_variants_pool_the_frames(tiny):
    clips = [noise(samples, samples) for samples in (5_000, 40_000, 90_000)]
    frames = [one.embeddings for one in tiny.backend.hear(clips)]
    pooled = {
        "mean": [frame.mean(axis=0) for frame in frames],
        "max": [frame.max(axis=0) for frame in frames],
        "mean_std": [np.r_[frame.mean(axis=0), frame.std(axis=0)] for frame in frames],
    }
    for variant, expected in pooled.items():
        model = models.load(f"yamnet:{variant}", weights="tiny")
        assert np.allclose(model.embed(clips), expected, atol=1e-5)
        assert model.card()["dimensions"] == len(expected[0])
    names = models.load("yamnet:mean_std", weights="tiny").get_feature_names_out()
    assert names[[0, 1023, 1024]].tolist() == [
        *("embedding0_mean", "embedding1023_mean", "embedding0_std")
    ]


@needs_tensorflow
def test_frames_follow_time_and_top_classes_are_their_means(tiny, tmp_path):
    clip = noise(40_000)
    frames, top = tiny.frames(clip), tiny.top_classes(clip, n=3)
    assert frames.shape == (5, 521)
    assert np.allclose(frames.index, [0, 0.48, 0.96, 1.44, 1.92])
    assert np.allclose(frames, tiny.backend.call(clip)[0], atol=1e-5)
    means = frames.mean().sort_values(ascending=False)
    assert list(top.index) == list(means.index[:3])
    assert np.allclose(top["score"], means.iloc[:3])
    everything = tiny.top_classes(clip, n=521)["emotion"]
    assert everything["Belly laugh"] == "happy" and everything["Speech"] == "other"
    assert everything.value_counts()["other"] == 508


@needs_tensorflow
def test_the_emotions_are_those_of_its_frames(tiny):
    clips = [noise(40_000), noise(9_000, 1)]
    expected = [list(emotions(tiny.frames(clip).to_numpy()).values()) for clip in clips]
    assert np.allclose(tiny.predict_proba(clips), expected, atol=1e-5)


@needs_tensorflow
def test_it_stands_before_a_head_though_it_classifies_too(voices):
    heard = np.repeat(["low", "high"], 4)
    model = models.load("yamnet", weights="tiny")
    found = cross_val_predict(
        make_pipeline(model, LogisticRegression()), voices, heard, cv=4
    )
    assert set(found) <= {"low", "high"}
    assert set(model.predict(voices)) <= set(model.classes_)


# Where weights come from


@needs_tensorflow
def test_a_SavedModel_answers_as_what_was_saved(tiny, saved, voices):
    model = models.load("yamnet", weights=saved)
    assert np.allclose(model.embed(voices), tiny.embed(voices), atol=1e-5)
    assert np.allclose(model.predict_proba(voices), tiny.predict_proba(voices))
    assert model.backend.names == NAMES
    assert not model.random_weights and len(model.weights_sha256()) == 64


@needs_tensorflow
def test_one_fetch_serves_all_variants(saved, monkeypatch, voices):
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(saved.parent))
    saved.with_name("yamnet").symlink_to(saved)
    paths = {models.load(f"yamnet:{v}").weights_path() for v in ("max", "mean_std")}
    assert paths == {saved.with_name("yamnet")}


@pytest.fixture
def hub(saved):
    """Serve a SavedModel as TensorFlow Hub does, whatever is asked for."""
    stream, asked = io.BytesIO(), []
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        archive.add(saved, arcname=".")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            found = "nothing" not in self.path
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(stream.getvalue() if found else b"")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()


@pytest.fixture
def hub_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@needs_tensorflow
@pytest.mark.skipif(
    not extras.available("tensorflow_hub"), reason="tensorflow_hub is not installed"
)
def test_a_handle_of_TensorFlow_Hub_is_fetched_once(saved, hub, hub_cache, voices):
    address, asked = hub
    own = models.load("yamnet", weights=saved)
    for _ in range(2):
        model = models.load("yamnet", weights=f"{address}/google/yamnet/1")
        assert np.array_equal(model.embed(voices), own.embed(voices))
        assert model.weights_sha256() == own.weights_sha256()
    assert asked == ["/google/yamnet/1?tf-hub-format=compressed"]


@needs_tensorflow
@pytest.mark.skipif(
    not extras.available("tensorflow_hub"), reason="tensorflow_hub is not installed"
)
def test_a_handle_that_leads_nowhere_ends_in_one_line(hub, hub_cache):
    address = f"{hub[0]}/nothing/1"
    with pytest.raises(ConnectionError, match="cannot be fetched.*404") as refusal:
        models.load("yamnet", weights=address).embed([noise(16_000)])
    assert str(refusal.value).startswith(address)
    assert "\n" not in str(refusal.value) and "--weights" in str(refusal.value)


@needs_tensorflow
@pytest.mark.skipif(
    not extras.available("kagglehub"), reason="kagglehub is not installed"
)
def test_a_handle_of_Kaggle_is_resolved_by_kagglehub(
    saved, tmp_path, monkeypatch, voices
):
    place = tmp_path / "models/google/yamnet/tensorFlow2/yamnet"
    place.mkdir(parents=True)
    (place / "1.complete").touch()  # how kagglehub marks what it has
    (place / "1").symlink_to(saved)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    model = models.load("yamnet", weights="google/yamnet/tensorFlow2/yamnet/1")
    assert model.weights_path() == place / "1"
    own = models.load("yamnet", weights=saved)
    assert np.array_equal(model.embed(voices), own.embed(voices))
    assert model.weights_sha256() == own.weights_sha256()


def test_a_folder_of_ones_own_is_no_handle(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = "me/yamnet/tensorFlow2/mine"
    assert _saved_model.is_handle(own)
    Path(own).mkdir(parents=True)
    assert not _saved_model.is_handle(own)


# What is refused


def made_up(**parts):
    """Make something to save that is no YAMNet."""
    tf = _saved_model.tensorflow()
    whole = tf.Module()
    for name, function in parts.items():
        spec = [tf.TensorSpec([None], tf.float32)]
        function = tf.function(function, input_signature=spec, autograph=False)
        setattr(whole, {"call": "__call__"}.get(name, name), function)
    return whole


def refusal(folder, **options):
    with pytest.raises(ValueError) as caught:
        models.load("yamnet", weights=folder, **options).embed([noise(16_000)])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@needs_tensorflow
def test_what_is_no_SavedModel_is_refused(tmp_path):
    (tmp_path / "file.h5").write_bytes(b"\x89HDF")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "saved_model.pb").write_bytes(b"\x00\xffnonsense")
    for path in (tmp_path, tmp_path / "file.h5", damaged):
        assert "is no SavedModel" in refusal(path)


@needs_tensorflow
def test_a_SavedModel_that_is_no_YAMNet_is_refused(tmp_path):
    tf = _saved_model.tensorflow()
    other = made_up(other=lambda waveform: waveform)
    tf.saved_model.save(other, str(tmp_path / "other"))
    assert "holds no YAMNet" in refusal(tmp_path / "other")
    narrow = made_up(call=lambda w: (tf.zeros((5, 10)), tf.zeros((5, 1024)), w))
    path = save(tmp_path / "narrow", narrow)
    assert "holds no YAMNet: an answer has shape (5, 10); 4 x 521 is" in refusal(path)
    path = save(tmp_path / "few", random_network(tf), NAMES[:5] + NAMES[-500:])
    assert "its class map has no" in refusal(path)


@needs_tensorflow
def test_a_SavedModel_that_writes_files_needs_trust(tmp_path, tiny, voices):
    tf = _saved_model.tensorflow()
    target = str(tmp_path / "written")
    network = random_network(tf)
    inner = network.__call__

    def call(waveform):
        def write():
            with tf.control_dependencies([tf.io.write_file(target, "here")]):
                return tf.constant(0.0)

        loud = tf.cond(tf.size(waveform) > 0, write, lambda: tf.constant(0.0))
        return inner(waveform + loud)

    folder = save(tmp_path / "payload", made_up(call=call))
    said = refusal(folder)
    assert "WriteFile" in said and "trust=True (--trust)" in said
    assert not os.path.exists(target)
    trusted = models.load("yamnet", weights=folder, trust=True)
    assert np.allclose(trusted.embed(voices), tiny.embed(voices), atol=1e-5)
    assert os.path.exists(target)


# The device, and quiet


@needs_tensorflow
def test_without_a_gpu_it_warns_once_and_computes_on_the_cpu(tiny, voices):
    if _saved_model.tensorflow().config.list_physical_devices("GPU"):
        pytest.skip("there is a GPU")
    model = models.load("yamnet", weights="tiny", device="cuda")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert np.array_equal(model.embed(voices), tiny.embed(voices))
        model.predict_proba(voices)
    assert len(caught) == 1 and "yamnet" in str(caught[0].message)


@needs_tensorflow
@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
def test_openSMILE_and_TensorFlow_share_a_process_without_a_word(order):
    done = run(f"""
        import numpy as np
        from sertools import models
        wave = [np.sin(np.arange(16000) / 20).astype("float32")]
        for name in {order}:
            weights = "tiny" if name == "yamnet" else None
            print(models.load(name, weights=weights).embed(wave).shape[1])
    """)
    assert done.returncode == 0, done.stderr[-500:]
    widths = {"opensmile": "88", "yamnet": "1024"}
    assert done.stdout.split() == [widths[name] for name in order]
    assert done.stderr == ""


# The real one


@needs_tensorflow
def test_real_clips_together_are_heard_as_each_alone(real, real_data):
    clips = datasets.load("emodb", real_data / "emodb")["path"].iloc[::30]
    network = real.backend
    waveforms = [audio.load(path) for path in clips]
    waveforms += [waveform[: n + 800] for n, waveform in enumerate(waveforms)]
    waveforms += [noise(samples) for samples in EDGES]
    for waveform, one in zip(waveforms, network.hear(waveforms), strict=True):
        scores, embeddings, _ = network.call(waveform)
        assert np.allclose(one.scores, scores, rtol=0, atol=1e-5)
        assert np.allclose(one.embeddings, embeddings, rtol=0, atol=1e-5)


@needs_tensorflow
def test_acted_speech_is_speech_to_the_real_one(real, real_data):
    clips = datasets.load("emodb", real_data / "emodb")["path"].iloc[::30]
    assert set(real.predict(list(clips))) == {"other"}
    assert real.top_classes(clips.iloc[0]).index[0] == "Speech"
    wanted = [name for some in yamnet.EVIDENCE.values() for name in some]
    assert set(wanted) < set(real.backend.names) and len(real.backend.names) == 521
