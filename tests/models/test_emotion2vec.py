"""emotion2vec answers as FunASR does, for one clip and for many."""

import logging
import subprocess
import sys

import numpy as np
import pytest

from sertools import extras, models
from sertools.models import emotion2vec
from sertools.models.base import Classifier

from .funasr_folders import FIVE, NINE, small, write

pytestmark = pytest.mark.skipif(
    not (extras.available("funasr") and extras.available("torch")),
    reason="needs funasr and torch",
)
CLASSES = ["angry", "disgust", "fear", "happy", "neutral", "other", "sad", "surprise"]
SECONDS = (1.3, 0.05, 2.0, 0.4, 2.0, 3.1, 0.7)
CLOSE = {"rtol": 0, "atol": 1e-4}


@pytest.fixture(scope="module", params=["nine", "five"])
def folder(request, tmp_path_factory):
    tokens = NINE if request.param == "nine" else FIVE
    return write(tmp_path_factory.mktemp("e2v") / request.param, tokens=tokens)


@pytest.fixture(scope="module")
def clips(make_voice):
    return [make_voice(110 + 20 * i, s, seed=i) for i, s in enumerate(SECONDS)]


@pytest.fixture(scope="module")
def funasr(folder, clips):
    """Answer as FunASR does: one clip after the other."""
    torch = extras.require("torch")
    threads, loggers = torch.get_num_threads(), logging.root.level
    _ = models.load("emotion2vec", weights=folder).embed(clips[:1])  # ours first
    AutoModel = extras.require("funasr").AutoModel
    library = AutoModel(
        model=str(folder),
        hub="hf",
        disable_update=True,
        disable_pbar=True,
        device="cpu",
        log_level="ERROR",
    )

    def answer(clip, granularity="utterance"):
        form = {"granularity": granularity, "extract_embedding": True}
        return library.generate(clip, **form)[0]

    yield answer
    torch.set_num_threads(threads)
    logging.root.setLevel(loggers)


@pytest.fixture(scope="module")
def model(folder):
    return models.load("emotion2vec", weights=folder)


@pytest.fixture(params=[0.0, 240.0], ids=["one by one", "batched"])
def _batch(request, monkeypatch):
    """Batch as on a CPU, and as on a GPU."""
    monkeypatch.setitem(emotion2vec._BATCH, "cpu", request.param)


@pytest.mark.usefixtures("_batch")
def test_embeddings_are_funasrs_own_in_any_order(model, clips, funasr):
    expected = np.stack([funasr(clip)["feats"] for clip in clips])
    assert np.ptp(expected, axis=0).max() > 0.1
    assert np.allclose(model.embed(clips), expected, **CLOSE)
    assert np.allclose(model.embed(clips[::-1])[::-1], expected, **CLOSE)
    alone = np.concatenate([model.embed([clip]) for clip in clips])
    assert np.allclose(alone, expected, **CLOSE)


@pytest.mark.usefixtures("_batch")
def test_scores_are_funasrs_own_by_name(model, clips, funasr):
    found = model.predict_proba(clips)
    for row, clip in zip(found, clips, strict=True):
        theirs = funasr(clip)
        named = dict(zip(theirs["labels"], theirs["scores"], strict=True))
        ours = dict(zip(model.classes_, row, strict=True))
        for label, emotion in {
            "生气/angry": "angry",
            "开心/happy": "happy",
            "难过/sad": "sad",
            "中立/neutral": "neutral",
            "恐惧/fearful": "fear",
        }.items():
            assert ours.get(emotion, 0) == pytest.approx(named.get(label, 0), abs=1e-4)
        other = named.get("其他/other", 0) + named["<unk>"]
        assert ours["other"] == pytest.approx(other, abs=1e-4)
    assert np.ptp(found, axis=0).max() > 0.01


def test_classes_follow_the_tokens(model, folder):
    five = ["angry", "happy", "neutral", "other", "sad"]
    assert list(model.classes_) == (five if folder.name == "five" else CLASSES)
    assert model.card()["emotions"] == list(model.classes_)


def test_frames_are_funasrs_own(model, clips, funasr):
    for clip in clips:
        table = model.frames(clip)
        expected = funasr(clip, "frame")["feats"]
        assert table.shape == expected.shape == (1 + (len(clip) - 400) // 320, 768)
        assert np.allclose(table, expected, **CLOSE)
        assert table.index.name == "seconds"
        assert np.allclose(table.index, 0.02 * np.arange(len(table)))
        assert np.allclose(table.mean(), model.embed([clip])[0], **CLOSE)


def test_scores_of_frames_are_those_of_the_head(model, clips):
    torch = extras.require("torch")
    table = model.frame_scores(clips[0])
    assert list(table.columns) == list(model.classes_)
    assert np.allclose(table.sum(axis=1), 1)
    frames = model.frames(clips[0])
    assert table.index.equals(frames.index)
    outputs = model.backend.network.proj(torch.tensor(frames.to_numpy())).detach()
    used = [not token.startswith("unuse") for token in _tokens(model)]
    odds = outputs[:, used].softmax(-1).numpy()
    at = [t for t in _tokens(model) if not t.startswith("unuse")].index("开心/happy")
    assert np.allclose(table["happy"], odds[:, at], **CLOSE)
    assert np.ptp(table["happy"]) > 0.001


def _tokens(model):
    return (model.weights / "tokens.txt").read_text(encoding="utf-8").split("\n")


def test_padding_is_not_heard(model, make_voice):
    """With FunASR's mask alone, the short ones here move by more than one."""
    clips = [make_voice(150, s, seed=3) for s in (6.0, 0.06, 1.0)]
    heard, keep = model.backend.hear(clips)
    assert keep.sum(1).tolist() == [299, 2, 49]
    for row, within, clip in zip(heard, keep, clips, strict=True):
        alone = model.backend.hear([clip])[0][0]
        assert np.allclose(row[within > 0], alone, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("_batch")
def test_a_norm_over_time_lets_only_equal_lengths_share_a_batch(tmp_path, make_voice):
    conf = small(extractor_mode="default")
    model = models.load("emotion2vec", weights=write(tmp_path / "a", conf=conf))
    clips = [make_voice(120, 0.5), make_voice(180, 1.5), make_voice(150, 0.5)]
    alone = np.concatenate([model.embed([clip]) for clip in clips])
    assert np.allclose(model.embed(clips), alone, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("_batch")
def test_nothing_of_a_batch_stays_behind(model, clips):
    model.embed(clips)
    assert not model.backend.network.alibi_biases
    ear = model.backend.network.modality_encoders["AUDIO"]
    assert not any(m._forward_pre_hooks for m in ear.modules())


def test_how_loud_a_clip_is_does_not_matter(model, clips):
    """FunASR standardises each waveform."""
    assert np.allclose(model.embed([clips[0]]), model.embed([clips[0] / 3]), atol=0.02)


def test_the_default_gives_features_and_emotions():
    model = models.load("emotion2vec")
    assert model.variant_ == "plus_base"
    assert model.card()["answers"] == ["features", "emotions"]
    assert model.card()["weights"] == "sertools fetch emotion2vec (1120 MB)"
    assert "emotions" not in model.card()  # its tokens.txt is not here


def test_base_gives_features_only():
    model = models.load("emotion2vec:base", weights="tiny")
    assert isinstance(model, Classifier)
    assert not hasattr(model, "predict_proba")
    assert model.card()["answers"] == ["features"]
    noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
    asked = [
        lambda: model.predict_proba([noise]),
        lambda: model.predict([noise]),
        lambda: model.classes_,
        lambda: model.frame_scores(noise),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match="features only; add --head") as refusal:
            ask()
        assert "\n" not in str(refusal.value)
    assert model.frames(noise).shape == (49, 768)


def test_what_it_was_trained_on_is_told_or_unknown():
    assert "ravdess" in models.load("emotion2vec:plus_seed").training_corpora
    assert models.load("emotion2vec:base").training_corpora is None


def test_each_variant_has_its_own_place_and_files():
    for variant in ("plus_base", "plus_seed", "plus_large", "base"):
        model = models.load(f"emotion2vec:{variant}")
        assert model.weights_subpath() == f"emotion2vec/{variant}"
        sources = {source.path: source.url for source in model.sources[variant]}
        assert {"config.yaml", "model.pt"} <= set(sources)
        assert ("tokens.txt" in sources) == (variant != "base")
        assert all(f"/emotion2vec_{variant}/resolve/" in u for u in sources.values())


@pytest.mark.slow
@pytest.mark.skipif(not extras.available("tensorflow"), reason="needs TensorFlow")
@pytest.mark.parametrize("whole", ["", "import funasr"])
@pytest.mark.parametrize(
    "order", ["emotion2vec yamnet opensmile", "opensmile yamnet emotion2vec"]
)
def test_it_lives_beside_tensorflow_and_opensmile(order, whole):
    code = f"""
{whole}
import numpy as np
from sertools import models
noise = np.random.default_rng(0).normal(0, 0.1, 16_000)
for name in "{order} {order}".split():
    model = models.load(name, weights=None if name == "opensmile" else "tiny")
    assert np.isfinite(model.embed([noise])).all()
print("alive")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("alive\n"), (done.returncode, done.stderr[-2000:])
