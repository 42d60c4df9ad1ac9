"""Checkpoints of transformers, small and random, made with its own classes."""

import functools
import http.server
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from sertools import features, models
from sertools.extras import available, require
from sertools.metadata import FeaturesMetadata
from sertools.models.huggingface import HuggingFace

needs_transformers = pytest.mark.skipif(
    not (available("transformers") and available("torch")),
    reason="needs transformers and torch",
)
EMOTIONS = ("sad", "angry", "hap", "neutral")
SORTED = [1, 2, 3, 0]
SMALL = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
    "classifier_proj_size": 16,
}
LAYER = {"feat_extract_norm": "layer", "conv_bias": True, "do_stable_layer_norm": True}
BERT = {
    "conv_depthwise_kernel_size": 5,
    "feature_projection_input_dim": 160,
    "add_adapter": False,
}
WHISPER = {
    "d_model": 32,
    "encoder_layers": 3,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "vocab_size": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
    "classifier_proj_size": 16,
}
KINDS = {  # name: (class of transformers, settings beside SMALL)
    "wav2vec2": ("Wav2Vec2", {}),
    "wav2vec2 by layer": ("Wav2Vec2", LAYER),
    "hubert": ("Hubert", {}),
    "hubert by layer": ("Hubert", LAYER),
    "wavlm": ("WavLM", {}),
    "wavlm by layer": ("WavLM", LAYER),
    "unispeech": ("UniSpeechSat", LAYER),
    "data2vec": ("Data2VecAudio", {}),
    "conformer": ("Wav2Vec2Conformer", LAYER),
    "bert": ("Wav2Vec2Bert", BERT),
    "whisper": ("Whisper", WHISPER),
}
PADDED = {"wav2vec2 by layer", "hubert by layer", "wavlm by layer", "unispeech"}


def made_folder(folder, kind="wav2vec2", head=True, words=EMOTIONS, **changes):
    """Save a small random checkpoint, with transformers' own classes."""
    torch, transformers = require("torch"), require("transformers")
    name, own = KINDS[kind]
    base = {} if kind == "whisper" else SMALL
    settings = base | own | {"id2label": dict(enumerate(words))} | changes
    config = getattr(transformers, f"{name}Config")(**settings)
    suffix = "Model"
    if head:
        suffix = f"For{'Audio' if kind == 'whisper' else 'Sequence'}Classification"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = getattr(transformers, f"{name}{suffix}")(config)
        for parameter in model.parameters():  # or all answers are alike
            parameter.data += 0.05 * torch.randn_like(parameter)
        if head:
            model.classifier.weight.data *= 30
    model.save_pretrained(folder)
    _extractor(transformers, kind, config).save_pretrained(folder)
    return folder


def _extractor(transformers, kind, config):
    if kind == "whisper":
        return transformers.WhisperFeatureExtractor()
    if kind == "bert":
        return transformers.SeamlessM4TFeatureExtractor(feature_size=80, stride=2)
    by_layer = getattr(config, "feat_extract_norm", "layer") == "layer"
    return transformers.Wav2Vec2FeatureExtractor(return_attention_mask=by_layer)


def answers_of_transformers(folder, voices, layer=None):
    """Ask transformers itself, one clip at a time: (embedding, scores)."""
    torch, transformers = require("torch"), require("transformers")
    extractor = transformers.AutoFeatureExtractor.from_pretrained(folder)
    model = transformers.AutoModelForAudioClassification.from_pretrained(folder).eval()
    encoder = model.encoder if hasattr(model, "encoder") else model.base_model
    embedding, scores = [], []
    for voice in voices:
        inputs = extractor(voice, sampling_rate=16_000, return_tensors="pt")
        with torch.inference_mode():
            said = model(**inputs, output_hidden_states=True)
            last = encoder(**inputs).last_hidden_state
        frames = last[0] if layer is None else said.hidden_states[layer][0]
        if isinstance(extractor, transformers.WhisperFeatureExtractor):
            frames = frames[: -(-len(voice) // 320)]
        if isinstance(extractor, transformers.SeamlessM4TFeatureExtractor):
            frames = frames[inputs["attention_mask"][0].bool()]
        embedding.append(frames.mean(0).numpy())
        scores.append(said.logits.softmax(-1)[0].numpy())
    return np.stack(embedding), np.stack(scores)


def loaded(folder, layer="", **options):
    spec = f"huggingface:{folder}" + (f":{layer}" if layer else "")
    return models.load(spec, device="cpu", **options)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Give the function that makes a folder of a kind, once."""
    kept = {}

    def folder(kind):
        if kind not in kept:
            kept[kind] = made_folder(tmp_path_factory.mktemp("saved") / "it", kind)
        return kept[kind]

    return folder


@pytest.fixture
def copied(folders, tmp_path):
    """Give a folder of its own to a test that changes files."""
    return shutil.copytree(folders("wav2vec2"), tmp_path / "copy")


@pytest.fixture
def mixed(voices):
    """Give voices of which some are of one length, in no order."""
    return [voices[3], voices[0], voices[5][:4_800], voices[7], voices[1][:4_800]]


def rewritten(folder, name="config.json", **changes):
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def without(folder, *beginnings, shapes=()):
    """Take weights out of a folder, or give them another shape."""
    torch, safetensors = require("torch"), require("safetensors.torch")
    path = folder / "model.safetensors"
    state = safetensors.load_file(path)
    state = {n: t for n, t in state.items() if not n.startswith(beginnings or "-")}
    state |= {name: torch.zeros(shape) for name, shape in shapes}
    safetensors.save_file(state, path, {"format": "pt"})
    return folder


@needs_transformers
@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_those_of_transformers_single_and_batched(kind, folders, mixed):
    embedding, scores = answers_of_transformers(folders(kind), mixed)
    model = loaded(folders(kind))
    assert np.std(scores, axis=0).min() > 1e-4  # clips differ by more than is allowed
    for some in (slice(None), slice(None, None, -1), slice(2, 3)):
        assert np.allclose(model.embed(mixed[some]), embedding[some], atol=1e-4)
        answered = model.predict_proba(mixed[some])
        assert np.allclose(answered, scores[some][:, SORTED], atol=1e-4)
    assert model.backend.network.padded == (kind in PADDED)


@needs_transformers
@pytest.mark.parametrize("kind", ["wav2vec2", "wav2vec2 by layer"])
def test_a_store_changes_nothing(kind, folders, voices, corpus_of_voices, tmp_path):
    embedding, scores = answers_of_transformers(folders(kind), voices)
    model, store = loaded(folders(kind)), tmp_path / "store"
    for place in (False, store, store):
        X = features.extract(model, corpus_of_voices, place, progress=False)
        assert np.allclose(X, embedding, atol=1e-4)
    P = features.score(model, corpus_of_voices, store, progress=False)
    assert np.allclose(P, scores[:, SORTED], atol=1e-4)
    assert FeaturesMetadata.of(P).training_corpora == "unknown"
    assert not FeaturesMetadata.of(P).random_weights


@needs_transformers
def test_group_norm_sees_padding_and_layer_norm_does_not(folders, voices):
    torch, transformers = require("torch"), require("transformers")
    short, long = voices[0], voices[7]
    told, moved = {"sampling_rate": 16_000, "return_tensors": "pt"}, {}
    for kind in ("wav2vec2", "wav2vec2 by layer", "data2vec", "conformer"):
        net = transformers.AutoModel.from_pretrained(folders(kind)).eval()
        prepare = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
        inputs = prepare([short, long], padding=True, **told)
        frames = int(net._get_feat_extract_output_lengths(len(short)))
        with torch.inference_mode():
            alone = net(**prepare(short, **told))[0][0]
            beside = net(**inputs)[0][0, :frames]
        moved[kind] = float((alone - beside).abs().max())
    assert moved.pop("wav2vec2 by layer") < 1e-4
    assert min(moved.values()) > 1e-3


@needs_transformers
@pytest.mark.parametrize("kind", ["wav2vec2", "hubert by layer", "whisper"])
def test_a_layer_is_what_transformers_says_it_is(kind, folders, mixed):
    each = [answers_of_transformers(folders(kind), mixed, n)[0] for n in range(4)]
    for number, expected in enumerate(each):
        model = loaded(folders(kind), f"layer{number}")
        assert np.allclose(model.embed(mixed), expected, atol=1e-4)
        assert model.get_feature_names_out()[17] == "embedding17"
    every = loaded(folders(kind), "layers")
    assert np.allclose(every.embed(mixed), np.hstack(each[1:]), atol=1e-4)
    names = every.get_feature_names_out()
    assert names[0] == "layer1/embedding0"
    assert names[-1] == "layer3/embedding31"
    assert every.card()["dimensions"] == len(names) == 96
    some = models.load(f"huggingface:{folders(kind)}", device="cpu", layers=[3, 1])
    assert np.allclose(some.embed(mixed), np.hstack([each[1], each[3]]), atol=1e-4)
    assert some.get_feature_names_out()[32] == "layer3/embedding0"
    assert some.card()["dimensions"] == 64
    assert every.card()["emotions"] == ["angry", "happy", "neutral", "sad"]


@needs_transformers
def test_a_layer_that_is_not_there_is_refused(folders):
    with pytest.raises(ValueError, match=r"no such layer\. There are layer0 to layer3"):
        loaded(folders("wav2vec2"), "layer4").embed([np.zeros(8_000)])


@needs_transformers
def test_whisper_hears_a_long_clip_in_pieces(folders, make_voice):
    model = loaded(folders("whisper"))
    long = make_voice(120, 70)
    pieces = [long[:480_000], long[480_000:960_000], long[960_000:]]
    each = model.embed(pieces)
    weights = [len(piece) for piece in pieces]
    expected = np.average(each, axis=0, weights=weights)
    assert np.allclose(model.embed([long])[0], expected, atol=1e-5)
    assert np.isclose(model.predict_proba([long]).sum(), 1)


@needs_transformers
def test_an_encoder_gives_features_and_no_scores(tmp_path, voices):
    model = loaded(made_folder(tmp_path, head=False))
    assert model.embed(voices[:2]).shape == (2, 32)
    with pytest.raises(ValueError, match=r"no classifier \(Wav2Vec2Model\): it gives"):
        model.predict_proba(voices[:1])
    with pytest.raises(ValueError, match=r"no classifier \(Wav2Vec2Model\)"):
        _ = model.classes_
    assert "emotions" not in model.card()


@needs_transformers
def test_an_encoder_trained_to_transcribe_is_an_encoder(copied, voices):
    expected = loaded(copied).embed(voices[:2])
    rewritten(copied, architectures=["Wav2Vec2ForCTC"])
    assert np.allclose(loaded(copied).embed(voices[:2]), expected, atol=1e-6)


@needs_transformers
def test_a_head_that_is_missing_is_refused_by_name(copied, voices, capfd):
    whole = loaded(copied, "layer2").embed(voices[:1])
    without(copied, "classifier", "projector")
    with pytest.raises(ValueError) as refusal:
        loaded(copied).predict_proba(voices[:1])
    assert re.fullmatch(
        r".*copy: its head is not whole: classifier.bias missing, classifier.weight "
        r"missing, projector.bias missing and 1 more\. Its encoder can be used .*",
        str(refusal.value),
    )
    alone = loaded(copied, "layer2")
    assert np.array_equal(alone.embed(voices[:1]), whole)
    with pytest.raises(ValueError, match="its head is not whole"):
        alone.predict_proba(voices[:1])
    assert capfd.readouterr() == ("", "")


@needs_transformers
def test_a_head_of_another_shape_is_refused_by_name(copied):
    without(copied, shapes=[("classifier.weight", (8, 16))])
    said = r"not whole: classifier.weight of shape 8x16 instead of 4x16"
    with pytest.raises(ValueError, match=said):
        _ = loaded(copied).backend


@needs_transformers
def test_an_encoder_that_lacks_weights_is_refused(copied):
    without(copied, "wav2vec2.encoder.layers.1.attention.k_proj")
    said = r"copy: wav2vec2.encoder.layers.1.attention.k_proj.bias missing, "
    for layer in ("", "layer1"):
        with pytest.raises(ValueError, match=said):
            _ = loaded(copied, layer).backend


@needs_transformers
def test_weights_under_their_older_names_are_the_same(copied, voices):
    safetensors = require("safetensors.torch")
    expected = loaded(copied).embed(voices[:1])
    path = copied / "model.safetensors"
    old = {"parametrizations.weight.original0": "weight_g"}
    old |= {"parametrizations.weight.original1": "weight_v"}
    state = safetensors.load_file(path)
    for new, name in old.items():
        [key] = [key for key in state if key.endswith(new)]
        state[key.replace(new, name)] = state.pop(key)
    state.pop("wav2vec2.masked_spec_embed", None)  # has a use in training only
    safetensors.save_file(state, path, {"format": "pt"})
    assert np.array_equal(loaded(copied).embed(voices[:1]), expected)
    without(copied, "wav2vec2.encoder.pos_conv_embed.conv.weight_g")
    with pytest.raises(ValueError, match=r"weight.original0 missing"):
        _ = loaded(copied).backend


class Planted:
    """What a pickle runs while it is read."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@needs_transformers
def test_older_weights_are_read_without_running_what_hides_in_them(
    copied, voices, tmp_path
):
    torch, safetensors = require("torch"), require("safetensors.torch")
    expected = loaded(copied).embed(voices[:1])
    state = safetensors.load_file(copied / "model.safetensors")
    (copied / "model.safetensors").unlink()
    torch.save(state, copied / "pytorch_model.bin")
    assert np.array_equal(loaded(copied).embed(voices[:1]), expected)
    marker = tmp_path / "ran"
    torch.save(state | {"x": Planted(marker)}, copied / "pytorch_model.bin")
    with pytest.raises(
        ValueError, match="it should hold tensors, and names"
    ) as refusal:
        _ = loaded(copied).backend
    assert "\n" not in str(refusal.value)
    assert not marker.exists()
    torch.load(copied / "pytorch_model.bin", weights_only=False)  # control
    assert marker.exists()


@needs_transformers
def test_python_of_its_own_runs_only_with_trust(copied, voices, tmp_path):
    marker = tmp_path / "ran"
    code = (
        f"open({str(marker)!r}, 'w').close()\n"
        "from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification\n"
        "class Config(Wav2Vec2Config):\n    model_type = 'homemade'\n"
        "class Model(Wav2Vec2ForSequenceClassification):\n    config_class = Config\n"
    )
    (copied / "modeling_own.py").write_text(code)
    expected = loaded(copied).predict_proba(voices[:2])
    named = {"AutoConfig": "modeling_own.Config"}
    named |= {"AutoModelForAudioClassification": "modeling_own.Model"}
    rewritten(copied, auto_map=named, model_type="homemade")
    with pytest.raises(ValueError) as refusal:
        loaded(copied).predict_proba(voices[:2])
    assert str(refusal.value) == (
        f"{copied}: refused, because loading it runs Python of its own: "
        "modeling_own.Config, modeling_own.Model. If you trust whoever made it: "
        "trust=True (--trust)."
    )
    assert not marker.exists()
    assert np.allclose(loaded(copied, trust=True).predict_proba(voices[:2]), expected)
    assert marker.exists()


@needs_transformers
@pytest.mark.parametrize(
    "asks",
    [
        {"attn_implementation": "somebody/their-kernel"},
        {"_attn_implementation": "somebody/their-kernel"},
        {"_attn_implementation_internal": "somebody/their-kernel"},
        {"attn_implementation": {"": "somebody/their-kernel"}},
        {"experts_implementation": "somebody/their-kernel"},
        {"layers": [{"encoder": {"attn_implementation": "somebody/their-kernel"}}]},
    ],
    ids=str,
)
def test_an_attention_kernel_from_elsewhere_needs_trust(copied, asks):
    rewritten(copied, **asks)
    path = copied / "config.json"
    for text in (path.read_text(), path.read_text().replace("attn_i", "\\u0061ttn_i")):
        path.write_text(text)
        with pytest.raises(ValueError, match="the kernel somebody/their-kernel"):
            _ = loaded(copied).backend


@needs_transformers
@pytest.mark.parametrize(
    ("file", "asks", "said"),
    [
        ("config.json", {"inner": {"auto_map": {"AutoModel": "a.B"}}}, "a.B"),
        ("config.json", {"auto_map": "somebody/it--a.B"}, "somebody/it--a.B"),
        ("preprocessor_config.json", {"x": [{"auto_map": ["a.B"]}]}, "a.B"),
        ("config.json", {"custom_pipelines": {"x": {"impl": "a.B"}}}, "a.B"),
        ("config.json", {"quantization_config": {"quant_method": "x"}}, "its quantiz"),
        ("config.json", {"model_type": "timm_wrapper"}, "nobody looked at, 'timm"),
        (
            "preprocessor_config.json",
            {"feature_extractor_type": "ClapFeatureExtractor"},
            "an extractor that nobody looked at, 'Clap",
        ),
    ],
)
def test_whatever_reaches_for_code_is_named_however_deep_it_stands(
    copied, file, asks, said
):
    rewritten(copied, file, **asks)
    with pytest.raises(ValueError, match=f"refused, because .*{said}"):
        _ = loaded(copied).backend


@needs_transformers
def test_settings_that_its_class_does_not_have_are_not_handed_on(copied, voices):
    expected = loaded(copied).predict_proba(voices[:1])
    rewritten(copied, use_flux=True, forward="x", name_or_path="somebody/else")
    model = loaded(copied)
    assert np.array_equal(model.predict_proba(voices[:1]), expected)
    assert not hasattr(model.backend.network.config, "use_flux")


@needs_transformers
def test_an_adapter_is_not_followed_to_where_it_points(copied, voices):
    expected = loaded(copied).predict_proba(voices[:1])
    told = {"base_model_name_or_path": "somebody/else", "peft_type": "LORA"}
    (copied / "adapter_config.json").write_text(json.dumps(told))
    assert np.array_equal(loaded(copied).predict_proba(voices[:1]), expected)


@needs_transformers
def test_nothing_reaches_for_the_network(copied, voices, monkeypatch, capfd):
    def refuse(*args, **kwargs):
        raise AssertionError(f"a connection to {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert loaded(copied).predict_proba(voices[:1]).shape == (1, 4)
    with pytest.raises(FileNotFoundError, match="sertools fetch huggingface:a/b$"):
        models.load("huggingface:a/b").embed(voices[:1])
    assert capfd.readouterr() == ("", "")


@needs_transformers
def test_labels_are_mapped_by_name_whatever_their_order(copied, voices):
    one = loaded(copied).predict_proba(voices)
    words = ("NEUTRAL", "Happy", "Anger", "sadness")
    rewritten(copied, id2label={str(i): w for i, w in enumerate(words)})
    other = loaded(copied)
    assert other.classes_.tolist() == ["angry", "happy", "neutral", "sad"]
    assert np.allclose(other.predict_proba(voices), one[:, [1, 0, 3, 2]])


@needs_transformers
def test_labels_without_names_are_refused_until_somebody_says_what_they_are(
    tmp_path, voices
):
    words = [f"LABEL_{number}" for number in range(4)]
    folder = made_folder(tmp_path / "it", words=words)
    with pytest.raises(ValueError, match=r"no names \(LABEL_0, .*: which is which can"):
        loaded(folder).predict_proba(voices)
    told = dict(zip(words, EMOTIONS, strict=True))
    model = loaded(folder).set_params(merge=told)
    named = loaded(made_folder(tmp_path / "named"))
    assert np.array_equal(model.predict_proba(voices), named.predict_proba(voices))
    assert model.signature()["merge"] != ""
    assert "merge" not in named.signature()


@needs_transformers
def test_labels_that_are_no_emotions_are_named(tmp_path):
    words = ("arousal", "dominance", "angry", "valence")
    folder = made_folder(tmp_path / "it", words=words)
    said = r"labels that are no emotions: arousal, dominance, valence\. .*merge=\{'ar"
    with pytest.raises(ValueError, match=said):
        _ = loaded(folder).classes_
    rewritten(folder, problem_type="regression")
    with pytest.raises(ValueError, match=r"gives no probabilities \(regression\)"):
        _ = loaded(folder).classes_


@needs_transformers
def test_emotions_that_are_folded_add_up(copied, voices):
    apart = loaded(copied).predict_proba(voices)
    folded = loaded(copied).set_params(merge={"sad": "neutral"})
    assert folded.classes_.tolist() == ["angry", "happy", "neutral"]
    together = folded.predict_proba(voices)
    assert np.allclose(together[:, 2], apart[:, 2] + apart[:, 3])
    with pytest.raises(ValueError, match="Unknown emotion 'nuetral'"):
        _ = loaded(copied).set_params(merge={"sad": "nuetral"}).classes_


@needs_transformers
def test_the_rate_and_the_preparation_are_the_checkpoints(copied, voices):
    assert loaded(copied).sampling_rate == 16_000
    before = loaded(copied).embed([voices[0]])
    assert np.allclose(before, loaded(copied).embed([voices[0] / 2]), atol=1e-3)
    rewritten(copied, "preprocessor_config.json", sampling_rate=8_000)
    assert loaded(copied).sampling_rate == 8_000
    assert loaded(copied).embed([voices[0]]).shape == (1, 32)
    rewritten(copied, "preprocessor_config.json", do_normalize=False)
    moved = loaded(copied).embed([voices[0]]) - loaded(copied).embed([voices[0] / 2])
    assert abs(moved).max() > 1e-3


@needs_transformers
def test_what_is_no_checkpoint_is_refused_by_what_it_lacks(copied, tmp_path):
    (tmp_path / "empty").mkdir()
    said = "config.json, preprocessor_config.json, model.safetensors missing"
    with pytest.raises(FileNotFoundError, match=said):
        _ = loaded(tmp_path / "empty").backend
    (copied / "preprocessor_config.json").unlink()
    with pytest.raises(FileNotFoundError, match="transformers: preprocessor_config"):
        _ = loaded(copied).backend
    (copied / "config.json").write_text("{")
    with pytest.raises(ValueError, match=r"config\.json: damaged: no JSON"):
        _ = loaded(copied).backend


def test_without_a_name_it_is_listed_and_says_what_it_wants(voices):
    assert "huggingface" in models.names()
    card = models.card("huggingface")
    assert card["title"] and card["training_corpora"] is None
    assert "dimensions" not in card and "emotions" not in card
    for ask in (HuggingFace().embed, HuggingFace(layers=2).predict_proba):
        with pytest.raises(ValueError, match=r"which checkpoint\? Name one, hugging"):
            ask(voices[:1])


@pytest.mark.parametrize(
    ("variant", "layers"),
    [
        ("facebook/hubert-base-ls960", None),
        ("gpt2", None),
        ("facebook/hubert-base-ls960:layer6", 6),
        ("facebook/hubert-base-ls960:layer3:layer6", [3, 6]),
        ("facebook/hubert-base-ls960:layers", "all"),
        ("layer0", 0),
        ("/somewhere/a b/it", None),
        ("./it:layer12", 12),
    ],
)
def test_a_variant_is_an_id_or_a_folder_and_a_layer(variant, layers):
    model = models.load(f"huggingface:{variant}")
    assert model.layers == layers
    assert model.spec == f"huggingface:{variant}"
    same = HuggingFace(model.variant, layers=layers)
    assert (same.spec, same.get_params()) == (model.spec, model.get_params())
    copy = pickle.loads(pickle.dumps(model))
    assert copy.get_params() == model.get_params()


@pytest.mark.parametrize("variant", ["a/b/c", "a b", "a/b:layer", "a/b:6", "a@6"])
def test_what_is_neither_is_refused(variant):
    with pytest.raises(ValueError, match=r"neither an id .* A layer: ID:layer6"):
        models.load(f"huggingface:{variant}")


@needs_transformers
def test_an_id_is_looked_for_in_folders_of_weights(folders, tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(tmp_path))
    shutil.copytree(folders("hubert"), tmp_path / "huggingface" / "some" / "one")
    model = models.load("huggingface:some/one:layers", device="cpu")
    assert model.card()["dimensions"] == 96
    assert model.embed([np.zeros(8_000)]).shape == (1, 96)
    given = models.load("huggingface:layers", weights=folders("hubert"), device="cpu")
    assert given.weights_sha256() == model.weights_sha256()


@needs_transformers
def test_sixteen_bits_are_used_only_where_they_hold():
    torch = require("torch")
    from sertools.models._transformers import half_precision

    x = torch.arange(1.0, 9).reshape(2, 4)
    assert half_precision(lambda: x @ x.T, "cpu") is not None
    large = torch.full((2, 2), 300.0)  # its square is beyond float16
    assert half_precision(lambda: large @ large, "cpu") is torch.bfloat16
    close = torch.tensor([[1.0, -0.999]])
    assert half_precision(lambda: close @ torch.ones(2, 1), "cpu") is None


class Hub(http.server.SimpleHTTPRequestHandler):
    """Hugging Face, as far as a download of one checkpoint needs it."""

    def __init__(self, *args, folder, asked, **kwargs):
        self.folder, self.asked = folder, asked
        super().__init__(*args, **kwargs)

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.asked.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        names = sorted(file.name for file in self.folder.iterdir())
        if path.startswith("/api/models/some/one/tree"):
            told = [{"type": "file", "path": n, "size": 1, "oid": "0"} for n in names]
        elif path.startswith("/api/models/some/one"):
            told = {"id": "some/one", "sha": "f" * 40}
            told["siblings"] = [{"rfilename": name} for name in names]
        elif path.startswith("/some/one/resolve/"):
            return self._send((self.folder / path.rpartition("/")[2]).read_bytes())
        else:
            return self.send_error(404)
        return self._send(json.dumps(told).encode())

    def _send(self, body):
        self.send_response(200)
        headers = {"Content-Length": len(body), "Content-Type": "application/json"}
        headers |= {"X-Repo-Commit": "f" * 40, "ETag": f'"{hash(body)}"'}
        for name, value in headers.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def hub(copied):
    """Serve a folder as the checkpoint some/one; give its address and what it hears."""
    (copied / "README.md").write_text("long")
    (copied / "pytorch_model.bin").write_bytes(b"the same again")
    (copied / "tf_model.h5").write_bytes(b"and again")
    asked = []
    handler = functools.partial(Hub, folder=copied, asked=asked)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


@needs_transformers
def test_fetching_takes_what_is_needed_and_no_more(hub, tmp_path):
    address, asked = hub
    code = (
        "from sertools import models\n"
        "model = models.load('huggingface:some/one:layer2', device='cpu')\n"
        "print(model.fetch(progress=False), model.fetch(progress=False))\n"
        "print(model.weights_path(), model.embed([[0.0] * 8000]).shape)\n"
    )
    home = {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hf")}
    home |= {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    first, again, used, *_ = done.stdout.split()
    assert first == again == used
    assert "(1, 32)" in done.stdout
    assert done.stderr == ""
    names = {file.name for file in Path(first).iterdir()}
    assert names == {"config.json", "preprocessor_config.json", "model.safetensors"}
    assert first.endswith("weights/huggingface/some/one")
    assert len([line for line in asked if "GET /some/one/resolve" in line]) == 3
