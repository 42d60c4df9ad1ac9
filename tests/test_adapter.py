"""One face for every system: the guide's adapter, and what it gets wrong."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sertools import ExternalModelAdapter, datasets, labels, models, training
from sertools.extras import available
from sertools.models import _torch

RATE = 16_000


def needs(module):
    """Skip where a module is not installed."""
    absent = not available(module)
    return pytest.mark.skipif(absent, reason=f"{module} is not installed")


needs_tensorflow = needs("tensorflow")
needs_weights = pytest.mark.skipif(
    not Path(os.environ.get("SERTOOLS_WEIGHTS", ""), "yamnet").is_dir(),
    reason="SERTOOLS_WEIGHTS holds no yamnet",
)
TYPES = [
    pytest.param("opensmile", None),
    pytest.param("trained", "emodb_egemaps"),
    pytest.param("yamnet", "tiny", marks=needs_tensorflow),
    pytest.param("tensorflow", "tiny", marks=needs_tensorflow),
    pytest.param("ravdess_cnn", "tiny", marks=needs_tensorflow),
    pytest.param("yamnet", "max", marks=[needs_tensorflow, needs_weights]),
    pytest.param("emotion2vec", "tiny", marks=needs("funasr")),
    pytest.param("speechbrain", "tiny", marks=needs("speechbrain")),
    pytest.param("huggingface", "tiny", marks=needs("transformers")),
]


@pytest.fixture(scope="module")
def clip():
    return datasets.load("demo")["path"].iloc[0]


@pytest.fixture(scope="module")
def samples(clip):
    return soundfile.read(clip, dtype="float32")


@pytest.mark.parametrize(("kind", "path"), TYPES)
def test_it_gives_canonical_emotions_best_first(kind, path, clip):
    scores = ExternalModelAdapter(kind, path, device="cpu").predict(clip)
    assert all(labels.canonical(name) == name for name in scores)
    assert all(type(value) is float for value in scores.values())
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert sum(scores.values()) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(("kind", "path"), TYPES)
def test_a_name_keeps_the_probability_that_belongs_to_it(kind, path, clip):
    adapter = ExternalModelAdapter(kind, path, device="cpu")
    (row,) = adapter.model.predict_proba([clip])
    expected = dict(zip(adapter.model.classes_, row, strict=True))
    assert adapter.predict(clip) == pytest.approx(expected)


@pytest.mark.parametrize(("kind", "path"), TYPES)
def test_files_arrays_and_lists_are_one_waveform(kind, path, clip, samples):
    adapter = ExternalModelAdapter(kind, path, device="cpu")
    waveform, rate = samples
    answers = [
        adapter.predict(clip),
        adapter.predict(str(clip)),
        adapter.predict(waveform, sr=rate),
        adapter.predict(waveform.tolist(), sr=rate),
        adapter.predict(np.c_[waveform, waveform], sr=rate),
    ]
    for answer in answers[1:]:
        assert answer == pytest.approx(answers[0], abs=1e-5)


def test_samples_at_another_rate_are_brought_to_the_models_own(samples):
    waveform, rate = samples
    adapter = ExternalModelAdapter("opensmile", device="cpu")
    twice = np.repeat(waveform, 2)
    right, wrong = adapter.predict(twice, sr=2 * rate), adapter.predict(twice, sr=rate)
    assert list(right) != list(wrong) or right != pytest.approx(wrong, abs=0.05)


def test_without_a_gpu_it_computes_on_the_cpu_and_says_so_once(clip):
    if _torch.has_cuda():
        pytest.skip("there is a GPU")
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        adapter = ExternalModelAdapter("trained", "emodb_egemaps", device="cuda")
        adapter.predict(clip)
        adapter.predict(clip)
    assert [str(w.message) for w in said] == [
        "No cuda device here: trained computes on the CPU."
    ]
    assert adapter.device == "cpu"


def test_an_unknown_type_or_device_is_refused_with_what_is_known():
    with pytest.raises(
        ValueError, match=r"Unknown model_type 'opensmil'. Did you mean"
    ):
        ExternalModelAdapter("opensmil", "x")
    with pytest.raises(ValueError, match=r"Unknown device 'gpu'. Known: auto, cpu"):
        ExternalModelAdapter("opensmile", device="gpu")


def test_what_is_no_audio_is_refused():
    adapter = ExternalModelAdapter("opensmile", device="cpu")
    for wrong, line in (([0.1] * 10, "50 ms"), ([np.nan] * RATE, "not numbers")):
        with pytest.raises(ValueError, match=line):
            adapter.predict(wrong)
    with pytest.raises(FileNotFoundError):
        adapter.predict("nowhere.wav")


@pytest.fixture(scope="module")
def own_head(tmp_path_factory):
    """Train a small head on what mfcc hears."""
    folder = tmp_path_factory.mktemp("heads") / "mine"
    clips = datasets.select(datasets.load("demo"), max_clips=48)
    training.train(models.load("mfcc"), "logistic", clips, folder, progress=False)
    return folder


def test_a_trained_head_goes_with_the_system_it_was_trained_on(own_head, clip):
    scores = ExternalModelAdapter("mfcc", own_head, device="cpu").predict(clip)
    assert scores == ExternalModelAdapter("trained", own_head, device="cpu").predict(
        clip
    )
    with pytest.raises(
        ValueError, match="a head on features of mfcc, not of opensmile"
    ):
        ExternalModelAdapter("opensmile", own_head, device="cpu")


def test_a_system_of_features_says_how_to_train_a_head():
    with pytest.raises(
        ValueError, match=r"sertools train --model mfcc --head logistic"
    ):
        ExternalModelAdapter("mfcc", device="cpu")


@needs_tensorflow
@pytest.mark.parametrize("kinds", [("yamnet", "opensmile"), ("opensmile", "yamnet")])
def test_tensorflow_and_opensmile_live_in_one_process_in_either_order(kinds, tmp_path):
    import subprocess
    import sys

    code = "from sertools import ExternalModelAdapter as A\n"
    for kind in kinds:
        path = "tiny" if kind == "yamnet" else None
        code += f"a = A({kind!r}, {path!r}, 'cpu')\n"
        code += "print(sum(a.predict([0.01] * 16000).values()))\n"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert [round(float(line), 5) for line in run.stdout.split()] == [1, 1]
