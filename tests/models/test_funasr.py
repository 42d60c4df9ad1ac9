"""What FunASR passes over is refused here, and nothing in a folder runs."""

import copy
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import yaml

from sertools import extras, models
from sertools.models import _funasr
from sertools.models._funasr import network, settings

from .funasr_folders import FIVE, NINE, small, write

pytestmark = pytest.mark.skipif(
    not (extras.available("funasr") and extras.available("torch")),
    reason="needs funasr and torch",
)


NOISE = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)


def load(folder, variant="plus_base", trust=False):
    return models.load(f"emotion2vec:{variant}", weights=folder, trust=trust)


def refusal(folder, kind=ValueError, variant="plus_base"):
    with pytest.raises(kind) as caught:
        load(folder, variant).embed([NOISE])
    text = str(caught.value)
    assert "\n" not in text
    return text


@pytest.mark.parametrize("name", ["config.yaml", "model.pt", "tokens.txt"])
def test_a_missing_file_is_named(tmp_path, name):
    (write(tmp_path / "a") / name).unlink()
    assert f"a: no {name}, " in refusal(tmp_path / "a", FileNotFoundError)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    folder = write(tmp_path / "a")
    assert "model.pt: not a folder" in refusal(folder / "model.pt")


def test_a_missing_parameter_is_named_and_not_made_up(tmp_path):
    def change(state):
        del state["blocks.1.attn.qkv.weight"], state["blocks.1.attn.qkv.bias"]

    text = refusal(write(tmp_path / "a", change=change))
    assert "model.pt: its blocks.1.attn.qkv.weight and 1 more are missing." in text


def test_a_missing_head_is_refused_unless_features_are_all_that_is_asked_for(tmp_path):
    folder = write(tmp_path / "a", outputs=0)
    assert "its proj.weight and 1 more are missing; without a head, it is an " in (
        refusal(folder)
    )
    (folder / "tokens.txt").unlink()
    assert load(folder, "base").embed([NOISE]).shape == (1, 768)


def test_a_wrong_shape_is_named(tmp_path):
    def change(state):
        name = "modality_encoders.AUDIO.project_features.2.bias"
        state[name] = state[name][:-1]

    text = refusal(write(tmp_path / "a", change=change))
    assert "project_features.2.bias has the shape (767,), where config.yaml" in text
    assert text.endswith("asks for (768,).")


@pytest.mark.parametrize("outputs", [8, 10])
def test_as_many_tokens_as_outputs(tmp_path, outputs):
    folder = write(tmp_path / "a", outputs=outputs)
    assert f"tokens.txt: 9 tokens, but the head in model.pt has {outputs} out" in (
        refusal(folder)
    )


def test_the_width_of_another_variant_is_refused(tmp_path):
    folder = write(tmp_path / "a", conf=small(1024))
    assert "width 1024, where emotion2vec has 768: it is another" in refusal(folder)
    assert load(folder, "plus_large").embed([NOISE]).shape == (1, 1024)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([*NINE[:-2], "gut/Gutmut", "<unk>"], "tokens.txt: Unknown emotion 'Gutmut'"),
        ([*NINE[:-2], "喜/joy", "<unk>"], "tokens.txt: two of its tokens mean happy."),
        ([*NINE[:4], "", *NINE[5:]], "tokens.txt: Unknown emotion ''"),
    ],
)
def test_tokens_that_are_no_emotions_are_refused(tmp_path, words, reason):
    assert reason in refusal(write(tmp_path / "a", tokens=words))


def test_tokens_that_are_no_text_are_refused(tmp_path):
    folder = write(tmp_path / "a")
    (folder / "tokens.txt").write_bytes(b"\xff\xfe\x00")
    assert "tokens.txt: not text in UTF-8." in refusal(folder)
    (folder / "tokens.txt").write_text("\n \n")
    assert "tokens.txt: empty" in refusal(folder)


@pytest.mark.parametrize("end", ["\n", "\r\n\r\n"])
def test_the_end_of_the_tokens_does_not_count(tmp_path, end):
    folder = write(tmp_path / "a")
    (folder / "tokens.txt").write_bytes("\r\n".join(NINE).encode() + end.encode())
    assert len(load(folder).classes_) == 8
    assert load(folder).predict_proba([NOISE]).shape == (1, 8)


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_code_in_the_parameters_does_not_run_without_trust(tmp_path):
    mark = tmp_path / "it ran"
    folder = write(tmp_path / "a", wrap=lambda s: {"model": s, "bad": Payload(mark)})
    assert "model.pt: refused, because loading it runs posix.mkdir" in refusal(folder)
    assert not mark.exists()
    assert load(folder, trust=True).embed([NOISE]).shape == (1, 768)
    assert mark.exists()


def test_code_in_the_settings_does_not_run_without_trust(tmp_path):
    mark = tmp_path / "it_ran"
    plain = small()["modalities"]["audio"]["feature_encoder_spec"]
    folder = write(tmp_path / "a")
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    code = f"(__import__(''os'').makedirs(''{mark}'', exist_ok=True), {plain})[1]"
    assert plain in text
    text = text.replace(f"'{plain}'", plain).replace(plain, f"'{code}'")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    text = refusal(folder)
    assert "config.yaml: refused, because loading it runs its feature_encoder" in text
    assert not mark.exists()
    assert load(folder, trust=True).embed([NOISE]).shape == (1, 768)
    assert mark.exists()


@pytest.mark.parametrize(
    "spec",
    [
        "[(512, 10, 5)] * 10**9",
        "[(512, 10, 5)] * 64 * 64",
        "[x for x in ()]",
        "[]",
        "(" * 500 + ")" * 500,
        "[(f'{print()}', 1, 1)]",
    ],
)
def test_other_spellings_of_layers_count_as_code(tmp_path, spec):
    folder = write(tmp_path / "a")
    config = (folder / "config.yaml").read_text(encoding="utf-8")
    plain = small()["modalities"]["audio"]["feature_encoder_spec"]
    broken = config.replace(f"'{plain}'", plain).replace(plain, f'"{spec}"')
    assert broken != config
    (folder / "config.yaml").write_text(broken, encoding="utf-8")
    assert "refused, because loading it runs its feature_encoder_" in refusal(folder)


def test_settings_that_call_something_need_trust(tmp_path):
    folder = write(tmp_path / "a", seed="${oc.env:HOME}")
    assert "config.yaml: refused, because loading it runs '${oc.env:HOME}'" in (
        refusal(folder)
    )
    assert load(folder, trust=True).embed([NOISE]).shape == (1, 768)


def test_code_and_packages_of_a_folder_are_never_asked_for(tmp_path):
    mark = tmp_path / "it ran"
    folder = write(tmp_path / "a", trust_remote_code=True, remote_code="./model.py")
    (folder / "requirements.txt").write_text("no-such-package-of-sertools\n")
    (folder / "model.py").write_text(f"import os\nos.mkdir({str(mark)!r})\n")
    assert "install packages and run code of the folder" in refusal(folder)
    with pytest.raises(ValueError, match="trust_remote_code"):
        load(folder, trust=True).embed([NOISE])
    write(folder)
    assert load(folder, trust=True).embed([NOISE]).shape == (1, 768)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("model: Paraformer\n", "not an emotion2vec; its model is Paraformer"),
        ("- 1\n", "not an emotion2vec; its model is None"),
        ("a: [1\n", "cannot be read"),
        ("model: Emotion2vec\n", "incomplete: no model_conf.modalities"),
        ("model: Emotion2vec\nmodel_conf: {modalities: {audio: 1}}\n", "incomplete"),
    ],
)
def test_settings_of_something_else_are_refused(tmp_path, text, reason):
    folder = write(tmp_path / "a")
    (folder / "config.yaml").write_text(text)
    assert f"config.yaml: {reason}" in refusal(folder)


def test_settings_that_make_no_network_are_refused(tmp_path):
    folder = write(tmp_path / "a")
    text = (folder / "config.yaml").read_text(encoding="utf-8")
    text = text.replace("embed_dim: 768", "embed_dim: 767")
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    assert "config.yaml: its settings make no network (" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"no torch", b"PK\x03\x04 cut"])
def test_parameters_that_cannot_be_read_are_refused(tmp_path, content):
    folder = write(tmp_path / "a")
    (folder / "model.pt").write_bytes(content)
    assert "model.pt" in refusal(folder)


@pytest.mark.parametrize("saved", [[1, 2], {"epoch": 3}, {"model": 3}])
def test_files_of_something_else_hold_no_parameters(tmp_path, saved):
    folder = write(tmp_path / "a", wrap=lambda _: saved)
    assert "model.pt: no parameters of a network in it." in refusal(folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = write(tmp_path_factory.mktemp("plain") / "a")
    return load(folder).predict_proba([NOISE])


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: {"state_dict": s},
        lambda s: {"model": s, "epoch": 3},
        lambda s: {"model_state_dict": {f"module.{k}": v for k, v in s.items()}},
        lambda s: {f"d2v_model.{k}": v for k, v in s.items()},
        lambda s: {**s, "modality_encoders.AUDIO.decoder.proj.bias": s["proj.bias"]},
    ],
)
def test_parameters_are_found_wherever_funasr_finds_them(tmp_path, plain, wrap):
    prefixes = ["d2v_model.", "none"]
    folder = write(tmp_path / "a", wrap=wrap, scope_map=prefixes)
    assert np.array_equal(load(folder).predict_proba([NOISE]), plain)


def test_half_precision_is_read_into_single(tmp_path, plain):
    def half(state):
        return {name: value.half() for name, value in state.items()}

    scores = load(write(tmp_path / "a", wrap=half)).predict_proba([NOISE])
    assert np.allclose(scores, plain, atol=0.01)


def test_the_decoder_of_the_pretraining_may_be_missing(tmp_path, plain):
    decoder = {"decoder_dim": 64, "decoder_groups": 16, "decoder_kernel": 7}
    decoder |= {"decoder_layers": 2, "projection_layers": 1, "input_dropout": 0.1}
    folder = write(tmp_path / "a", conf=small(decoder=decoder))
    assert np.array_equal(load(folder).predict_proba([NOISE]), plain)


def test_the_parameters_may_have_the_name_of_the_first_release(tmp_path, plain):
    folder = write(tmp_path / "a")
    (folder / "model.pt").rename(folder / "emotion2vec_base.pt")
    assert np.array_equal(load(folder).predict_proba([NOISE]), plain)


def test_loading_a_folder_is_quiet_and_touches_no_network(
    tmp_path, monkeypatch, capfd, recwarn
):
    def refuse(*_):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load(write(tmp_path / "a", tokens=FIVE)).predict_proba([NOISE])
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_loading_leaves_random_numbers_and_threads_as_they_are(tmp_path):
    torch = extras.require("torch")
    folder = write(tmp_path / "a")
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    load(folder).embed([NOISE])
    load("tiny").embed([NOISE])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_num_threads() == threads


def test_a_name_on_hugging_face_is_found_in_its_cache(tmp_path):
    snapshot = tmp_path / "models--mine--e2v" / "snapshots" / "1234"
    snapshot.parent.mkdir(parents=True)
    write(snapshot)
    (tmp_path / "models--mine--e2v" / "refs").mkdir()
    (tmp_path / "models--mine--e2v" / "refs" / "main").write_text("1234")
    code = """
from sertools import models
print(len(models.load("emotion2vec", weights="mine/e2v").classes_))
print("emotions" in models.load("emotion2vec", weights="mine/none").card())
try:
    models.load("emotion2vec", weights="mine/none").classes_
except FileNotFoundError as error:
    print(error)
"""
    there = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **there},
        capture_output=True,
        text=True,
        check=True,
    )
    told = done.stdout.splitlines()
    assert told[:2] == ["8", "False"]
    assert told[2].startswith("mine/none: no such folder here, and Hugging Face does")
    assert len(told) == 3


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


def test_the_rest_of_funasr_is_not_imported_and_nothing_is_printed():
    done = run("""
import sys
from sertools.models._funasr import network, settings
small = settings(64, 1, 1, 1, 8, 1)
first, second = network(small, 3), network(small)
assert not [name for name in sys.modules if name.partition(".")[0] == "funasr"]
assert "transformers" not in sys.modules
assert type(first) is type(second)
assert first.proj.out_features == 3 and second.proj is None and not first.training
""")
    assert (done.stdout, done.stderr) == ("", "")


def test_an_empty_network_has_no_numbers():
    made = network(settings(64, 1, 1, 1, 8, 1), 3, empty=True)
    assert all(value.is_meta for value in made.state_dict().values())


def test_the_base_size_is_that_of_the_published_one():
    made = network(settings(), 9, empty=True)
    assert len(made.blocks) == 8
    assert len(made.modality_encoders["AUDIO"].context_encoder.blocks) == 4
    millions = sum(p.numel() for p in made.parameters()) / 1e6
    assert 90 < millions < 95  # about 90, its authors say


@pytest.mark.slow
@pytest.mark.parametrize("first", ["whole", "alone"])
def test_all_of_funasr_can_be_imported_before_or_after(first):
    whole = "import funasr, funasr.utils.misc; from funasr import AutoModel"
    alone = "made = network(settings(64, 1, 1, 1, 8, 1), 3)"
    order = [whole, alone] if first == "whole" else [alone, whole, alone]
    run(
        "\n".join(
            [
                "from sertools.models._funasr import network, settings",
                *order,
                "import funasr, sys",
                "from funasr.register import tables",
                "assert len(tables.model_classes) > 20",
                "assert funasr.models.emotion2vec.model.Emotion2vec",
                "assert sys.modules['funasr'] is funasr and funasr.__version__",
            ]
        )
    )


FRAMES = (1, 2, 99, 100, 101, 200, 201, 250)


def made(**audio):
    torch = extras.require("torch")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        plain = network(small(64, **audio), 5).requires_grad_(False)
        for parameter in plain.parameters():  # away from ones and zeros
            parameter += 0.02 * torch.randn(parameter.shape)
    prepared = copy.deepcopy(plain)
    _funasr.prepare(prepared)
    return torch, plain, prepared


@pytest.mark.parametrize("mode", ["layer_norm", "default"])
def test_frames_are_funasrs_own_wherever_the_pieces_meet(mode):
    torch, plain, prepared = made(extractor_mode=mode)
    drawn = np.random.default_rng(0)
    for frames in FRAMES:
        for more in (0, 319):  # samples that make no further frame
            size = (2, 400 + 320 * (frames - 1) + more)
            samples = torch.tensor(drawn.normal(0, 1, size), dtype=torch.float32)
            with torch.inference_mode():
                theirs = plain.extract_features(samples)["x"]
                ours = prepared.extract_features(samples)["x"]
            assert ours.shape == theirs.shape == (2, frames, 64)
            assert torch.allclose(ours, theirs, rtol=0, atol=1e-5)


def test_no_matrix_is_kept_twice():
    torch, plain, prepared = made()
    linear = [m for m in prepared.modules() if isinstance(m, torch.nn.Linear)]
    assert [m for m in linear if m.weight is not None] == [prepared.proj]
    assert not any(c.weight is not None for c in _ear(prepared))
    assert all(c.weight is not None for c in _ear(plain))


def _ear(network):
    blocks = network.modality_encoders["AUDIO"].local_encoder.conv_layers
    return [block[0] for block in blocks]


@pytest.mark.parametrize("gone", ["_linear_pointwise", "_reorder_linear_weight"])
def test_where_torch_renames_its_onednn_its_usual_product_serves(monkeypatch, gone):
    torch = extras.require("torch")
    real = torch.ops.mkldnn

    class Renamed:
        def __getattr__(self, name):
            if name == gone:
                raise AttributeError(name)
            return getattr(real, name)

    monkeypatch.setattr(torch.ops, "mkldnn", Renamed())
    _, plain, prepared = made()
    monkeypatch.undo()
    samples = torch.tensor(NOISE[None, :4000])
    with torch.inference_mode():
        theirs = plain.extract_features(samples)["x"]
        ours = prepared.extract_features(samples)["x"]
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-5)


def test_a_product_that_answers_otherwise_is_not_taken(monkeypatch):
    torch = extras.require("torch")
    other = type("Other", (), {})()
    other._reorder_linear_weight = lambda weight: weight
    other._linear_pointwise = lambda x, weight, *_: 2 * (x @ weight.T)
    monkeypatch.setattr(torch.ops, "mkldnn", other)
    weight, x = torch.arange(6.0).reshape(2, 3), torch.ones(1, 3)
    assert torch.equal(_funasr._product(weight)(x), x @ weight.T)


def test_a_torch_without_onednn_leaves_the_network_as_it_is(monkeypatch):
    torch = extras.require("torch")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    _, plain, prepared = made()
    assert prepared.state_dict().keys() == plain.state_dict().keys()
    samples = torch.ones(1, 4000)
    with torch.inference_mode():
        theirs = plain.extract_features(samples)["x"]
        assert torch.equal(prepared.extract_features(samples)["x"], theirs)


def test_aliases_that_unfold_without_end_are_refused_at_once(tmp_path):
    folder = write(tmp_path / "a")
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with (folder / "config.yaml").open("a") as file:
        file.write("\n".join(lines))
    assert "config.yaml: refused: 90 aliases (*name) may not end." in refusal(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [("depth", 10**9), ("embed_dim", 10**7), ("norm_eps", float("inf"))],
)
def test_settings_of_a_network_that_no_computer_could_make_are_refused(
    tmp_path, name, value
):
    folder = write(tmp_path / "a")
    path = folder / "config.yaml"
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    told["model_conf"][name] = value
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    assert f"config.yaml: its {name} is {value}, not " in refusal(folder)
