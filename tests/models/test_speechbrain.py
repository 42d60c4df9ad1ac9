"""Folders of SpeechBrain, small and random, made and asked with its own classes."""

import os
import pickle
import shutil
import socket
import textwrap

import numpy as np
import pytest

from sertools import features, models
from sertools.extras import available, require
from sertools.metadata import FeaturesMetadata
from sertools.models.speechbrain import SpeechBrain

needs_speechbrain = pytest.mark.skipif(
    not all(map(available, ("speechbrain", "transformers", "torch"))),
    reason="needs speechbrain, transformers and torch",
)
WORDS = ("neu", "ang", "hap", "sad")
SORTED = [1, 2, 0, 3]  # angry happy neutral sad
WIDTH = 32
SETTINGS = """
    # what the network starts from, and where its weights are
    wav2vec2_hub: somebody/small-wav2vec2
    pretrained_path: speechbrain/emotion-recognition-wav2vec2-IEMOCAP
    encoder_dim: 32
    out_n_neurons: 4

    wav2vec2: !new:speechbrain.integrations.huggingface.wav2vec2.Wav2Vec2
        source: !ref <wav2vec2_hub>
        output_norm: True
        freeze: True
        save_path: wav2vec2_checkpoints

    avg_pool: !new:speechbrain.nnet.pooling.StatisticsPooling
        return_std: False

    output_mlp: !new:speechbrain.nnet.linear.Linear
        input_size: !ref <encoder_dim>
        n_neurons: !ref <out_n_neurons>
        bias: False

    model: !new:torch.nn.ModuleList
        - [!ref <output_mlp>]

    modules:
        wav2vec2: !ref <wav2vec2>
        output_mlp: !ref <output_mlp>
        avg_pool: !ref <avg_pool>

    softmax: !new:speechbrain.nnet.activations.Softmax

    label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder

    pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
        loadables:
            wav2vec2: !ref <wav2vec2>
            model: !ref <model>
            label_encoder: !ref <label_encoder>
        paths:
            wav2vec2: !ref <pretrained_path>/wav2vec2.ckpt
            model: !ref <pretrained_path>/model.ckpt
            label_encoder: !ref <pretrained_path>/label_encoder.txt
"""
INTERFACE = """
    import torch
    from speechbrain.inference.interfaces import Pretrained


    class CustomEncoderWav2vec2Classifier(Pretrained):
        def encode_batch(self, wavs, wav_lens=None):
            wavs = wavs.to(self.device).float()
            if wav_lens is None:
                wav_lens = torch.ones(len(wavs))
            frames = self.mods.wav2vec2(wavs)
            pooled = self.mods.avg_pool(frames, wav_lens.to(self.device))
            return pooled.flatten(1)

        def classify_batch(self, wavs, wav_lens=None):
            outputs = self.mods.output_mlp(self.encode_batch(wavs, wav_lens))
            out_prob = self.hparams.softmax(outputs)
            score, index = out_prob.max(dim=-1)
            words = self.hparams.label_encoder.decode_torch(index)
            return out_prob, score, index, words
"""


def made_folder(folder, words=WORDS):
    """Write all that a classifier of SpeechBrain is made of, with random weights."""
    torch, transformers = require("torch"), require("transformers")
    folder.mkdir()
    (folder / "hyperparams.yaml").write_text(textwrap.dedent(SETTINGS))
    (folder / "custom_interface.py").write_text(textwrap.dedent(INTERFACE))
    lines = [f"'{word}' => {number}" for number, word in enumerate(words)]
    lines += ["================", "'starting_index' => 0", ""]
    (folder / "label_encoder.txt").write_text("\n".join(lines))
    config = transformers.Wav2Vec2Config(
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        conv_dim=(16,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    config.save_pretrained(folder / "small-wav2vec2")
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder / "small-wav2vec2")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        net = transformers.Wav2Vec2Model(config)
        for parameter in net.parameters():  # or all answers are alike
            parameter.data += 0.05 * torch.randn_like(parameter)
        state = {f"model.{name}": value for name, value in net.state_dict().items()}
        # as torch named these when the real one was saved
        older = {"parametrizations.weight.original0": "weight_g"}
        older |= {"parametrizations.weight.original1": "weight_v"}
        for new, old in older.items():
            [key] = [key for key in state if key.endswith(new)]
            state[key.replace(new, old)] = state.pop(key)
        torch.save(state, folder / "wav2vec2.ckpt")
        torch.save({"0.w.weight": torch.randn(4, WIDTH) / 5}, folder / "model.ckpt")
    return folder


def answers_of_speechbrain(folder, voices, place):
    """Load with SpeechBrain alone, ask clip by clip: (embedding, scores, words)."""
    torch = require("torch")
    transformers = require("transformers")
    small, library = place / "small", require("speechbrain.inference.interfaces")
    config = transformers.AutoConfig.from_pretrained(folder / "small-wav2vec2")
    transformers.Wav2Vec2Model(config).save_pretrained(small)  # other random weights
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(small)
    theirs = library.foreign_class(
        source=str(folder),
        pymodule_file="custom_interface.py",
        classname="CustomEncoderWav2vec2Classifier",
        savedir=str(place / "savedir"),
        overrides={
            "wav2vec2_hub": str(small),
            "pretrained_path": str(folder),
            "wav2vec2": {"save_path": str(place)},
        },
        run_opts={"device": "cpu"},
    )
    embedding, scores, words = [], [], []
    for voice in voices:
        with torch.inference_mode():
            wave = torch.tensor(voice)[None]
            embedding.append(theirs.encode_batch(wave)[0].numpy())
            said = theirs.classify_batch(wave, torch.ones(1))
        scores.append(said[0][0].numpy())
        words += said[3]
    return np.stack(embedding), np.stack(scores), words


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_folder(tmp_path_factory.mktemp("speechbrain") / "it")


@pytest.fixture(scope="module")
def theirs(folder, voices, tmp_path_factory):
    """Give what SpeechBrain itself says of the voices."""
    copy = shutil.copytree(folder, tmp_path_factory.mktemp("theirs") / "it")
    return answers_of_speechbrain(copy, voices, copy.parent)


@pytest.fixture
def copied(folder, tmp_path):
    """Give a folder of its own to a test that changes files."""
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture(scope="module")
def model(folder):
    return models.load("speechbrain", weights=folder, device="cpu", trust=True)


def loaded(folder, trust=True):
    return models.load("speechbrain", weights=folder, device="cpu", trust=trust)


def listing(folder):
    return {str(p): p.stat().st_mtime_ns for p in sorted(folder.rglob("*"))}


def replaced(folder, old, new, name="hyperparams.yaml"):
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    return folder


@needs_speechbrain
def test_answers_are_those_of_speechbrain_single_and_batched(model, theirs, voices):
    embedding, scores, words = theirs
    assert np.std(scores, axis=0).min() > 1e-3  # clips differ by more than is allowed
    assert model.embed(voices).shape == (8, WIDTH)
    for some in (slice(None), slice(None, None, -1), slice(4, 5)):
        assert np.allclose(model.embed(voices[some]), embedding[some], atol=1e-4)
        found = model.predict_proba(voices[some])
        assert np.allclose(found, scores[some][:, SORTED], atol=1e-4)
    long = {"neu": "neutral", "ang": "angry", "hap": "happy", "sad": "sad"}
    assert model.predict(voices).tolist() == [long[word] for word in words]


@needs_speechbrain
def test_clips_of_one_length_share_a_batch_and_answer_as_alone(model, voices):
    pieces = [voice[:4_800] for voice in voices] + voices[2:4]
    alone = np.concatenate([model.predict_proba([piece]) for piece in pieces])
    assert np.allclose(model.predict_proba(pieces), alone, atol=1e-5)


@needs_speechbrain
def test_it_says_the_same_every_time(folder, model, voices):
    first = model.embed(voices[:2])
    assert np.array_equal(model.embed(voices[:2]), first)
    assert np.array_equal(loaded(folder).embed(voices[:2]), first)
    stored = pickle.dumps(model)
    assert len(stored) < 2_000
    assert np.array_equal(pickle.loads(stored).embed(voices[:2]), first)


@needs_speechbrain
def test_a_store_changes_nothing(model, theirs, corpus_of_voices, tmp_path):
    embedding, scores, _ = theirs
    for place in (False, tmp_path, tmp_path):
        X = features.extract(model, corpus_of_voices, place, progress=False)
        P = features.score(model, corpus_of_voices, place, progress=False)
        assert np.allclose(X, embedding, atol=1e-4)
        assert np.allclose(P, scores[:, SORTED], atol=1e-4)
    assert FeaturesMetadata.of(P).training_corpora == ["iemocap"]


@needs_speechbrain
def test_without_trust_it_is_refused_with_what_would_run(copied, voices):
    replaced(copied, "encoder_dim: 32", "encoder_dim: !apply:os.system ['true']")
    with pytest.raises(ValueError) as refusal:
        loaded(copied, trust=False).predict_proba(voices[:1])
    assert str(refusal.value) == (
        f"{copied}: refused, because loading it runs custom_interface.py, "
        "!apply:os.system, !new:speechbrain.dataio.encoder.CategoricalEncoder, "
        "!new:speechbrain.integrations.huggingface.wav2vec2.Wav2Vec2 and 5 more of "
        "hyperparams.yaml. If you trust whoever made it: trust=True (--trust)."
    )


@needs_speechbrain
@pytest.mark.parametrize("where", ["hyperparams.yaml", "custom_interface.py"])
def test_what_is_planted_runs_with_trust_only(where, copied, voices, tmp_path):
    marker = tmp_path / "ran"
    planted = {
        "hyperparams.yaml": f"__x: !apply:os.mkdir ['{marker}']\n",
        "custom_interface.py": f"import os\nos.mkdir({str(marker)!r})\n",
    }
    path = copied / where
    path.write_text(planted[where] + path.read_text())
    model = loaded(copied, trust=False)
    for ask in (model.embed, model.predict_proba):
        with pytest.raises(ValueError, match="refused, because loading it runs"):
            ask(voices[:1])
    _ = model.classes_, model.card(), model.signature(), model.weights_sha256()
    assert not marker.exists()
    _ = loaded(copied).backend
    assert marker.exists()


@needs_speechbrain
def test_a_tag_under_another_name_is_found_all_the_same(copied):
    path = copied / "hyperparams.yaml"
    planted = "x: !<!apply:os.system> ['true']\ny: !e!os.remove ['z']\n"
    path.write_text(f"%TAG !e! !apply:\n---\n{planted}{path.read_text()}")
    with pytest.raises(ValueError, match="!apply:os.remove, !apply:os.system"):
        _ = loaded(copied, trust=False).backend


@needs_speechbrain
def test_it_leaves_no_trace_and_no_noise_and_asks_no_network(
    folder, voices, tmp_path, monkeypatch, capfd, recwarn
):
    import sys

    def refuse(*args, **kwargs):
        raise AssertionError(f"a connection to {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.chdir(tmp_path)
    before, path = listing(folder), list(sys.path)
    loaded(folder).predict_proba(voices[:2])
    assert listing(folder) == before
    assert os.listdir(tmp_path) == []
    assert sys.path == path
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


@needs_speechbrain
def test_labels_are_mapped_by_name(copied, model, voices):
    words = ("sad", "hap", "neu", "ang")
    lines = [f"'{word}' => {number}" for number, word in enumerate(words)]
    lines = [*reversed(lines), "================", "'starting_index' => 0\n"]
    (copied / "label_encoder.txt").write_text("\n".join(lines))
    other = loaded(copied)
    assert other.classes_.tolist() == ["angry", "happy", "neutral", "sad"]
    # under other names: what was neu is sad, ang is hap, hap is neu, sad is ang
    found = model.predict_proba(voices)[:, [3, 0, 1, 2]]
    assert np.allclose(other.predict_proba(voices), found)


@needs_speechbrain
def test_labels_that_are_no_emotions_are_refused(copied):
    replaced(copied, "'hap'", "'xyz'", "label_encoder.txt")
    with pytest.raises(ValueError, match=r"label_encoder\.txt: Unknown emotion 'xyz'"):
        _ = loaded(copied).classes_
    (copied / "label_encoder.txt").write_text("nothing")
    with pytest.raises(ValueError, match="damaged: no list of labels"):
        _ = loaded(copied).backend


@needs_speechbrain
@pytest.mark.parametrize(
    ("name", "weight"),
    [
        ("wav2vec2.ckpt", "model.encoder.layers.1.attention.k_proj.weight"),
        ("wav2vec2.ckpt", "model.encoder.pos_conv_embed.conv.weight_g"),
        ("model.ckpt", "0.w.weight"),
    ],
)
def test_a_weight_that_is_missing_is_refused_by_name(copied, name, weight):
    torch = require("torch")
    state = torch.load(copied / name)
    del state[weight]
    torch.save(state, copied / name)
    key = weight.replace("weight_g", "parametrizations.weight.original0")
    with pytest.raises(ValueError, match=f"copy: {name} lacks {key}"):
        _ = loaded(copied).backend


@needs_speechbrain
def test_a_weight_of_another_shape_is_refused_in_one_line(copied):
    torch = require("torch")
    torch.save({"0.w.weight": torch.zeros(5, WIDTH)}, copied / "model.ckpt")
    with pytest.raises(ValueError, match=r"size mismatch for 0\.w\.weight") as refusal:
        _ = loaded(copied).backend
    assert "\n" not in str(refusal.value)


@needs_speechbrain
@pytest.mark.parametrize(
    "name",
    ["hyperparams.yaml", "custom_interface.py", "label_encoder.txt", "model.ckpt"],
)
def test_a_file_that_is_missing_is_named(copied, name):
    (copied / name).unlink()
    with pytest.raises((FileNotFoundError, ValueError), match=name) as refusal:
        _ = loaded(copied).backend
    assert "\n" not in str(refusal.value)


@needs_speechbrain
def test_a_network_that_is_nowhere_is_named(copied):
    shutil.rmtree(copied / "small-wav2vec2")
    with pytest.raises(ValueError, match=r"builds on somebody/small-wav2vec2, whose"):
        _ = loaded(copied).backend
    (copied / "hyperparams.yaml").write_text("- : -")
    with pytest.raises(ValueError, match=r"hyperparams\.yaml: damaged"):
        _ = loaded(copied).backend


@needs_speechbrain
def test_the_network_of_the_real_one_needs_no_file(copied):
    from sertools.models.speechbrain import BASE

    replaced(copied, "somebody/small-wav2vec2", BASE)
    with pytest.raises(ValueError, match="size mismatch"):  # it is made, and larger
        _ = loaded(copied).backend


@needs_speechbrain
def test_a_classifier_that_answers_otherwise_is_refused(copied):
    replaced(copied, "out_prob = self", "out_prob = 2 * self", "custom_interface.py")
    with pytest.raises(
        ValueError, match="gives no probabilities of neu, ang, hap, sad"
    ):
        _ = loaded(copied).backend


@needs_speechbrain
def test_logarithms_are_probabilities_too(copied, model, voices):
    replaced(copied, "activations.Softmax", "activations.Softmax\n    apply_log: True")
    found = loaded(copied).predict_proba(voices[:2])
    assert np.allclose(found, model.predict_proba(voices[:2]), atol=1e-6)


def test_without_weights_it_says_how_to_fetch_them(voices, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("SERTOOLS_WEIGHTS", raising=False)
    with pytest.raises(FileNotFoundError, match=r"sertools fetch speechbrain \(378 MB"):
        SpeechBrain(device="cpu", trust=True).predict_proba(voices[:1])
    card = models.card("speechbrain")
    assert card["emotions"] == ["angry", "happy", "neutral", "sad"]
    assert card["training_corpora"] == ("iemocap",)
