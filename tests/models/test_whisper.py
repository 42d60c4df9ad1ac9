import os

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from sertools import evaluation, extras, features, models
from sertools.metadata import FeaturesMetadata
from sertools.models.whisper import Whisper

HEARD = 0.3, 1.234, 0.05  # seconds
needs_whisper = pytest.mark.skipif(
    not extras.available("whisper"), reason="whisper is not installed"
)


def close(a, b):
    return a.shape == b.shape and np.abs(a - b).max() < 1e-4


def frames_of(waveform):
    return -(-len(waveform) // 320)


# ---- what it is, for which nothing needs to be installed


def test_the_variant_is_a_size_and_what_is_wanted_of_it():
    specs = ["whisper", "whisper:base", "whisper:base:layer4", "whisper:small:clip"]
    specs += ["whisper:tiny:layers", "whisper:large-v3:layer32:clip"]
    for spec in specs:
        model = models.load(spec)
        assert model.spec == spec
        assert clone(model).spec == spec
        assert models.load(spec, weights="tiny").label == f"{spec} (random weights)"
        assert models.load(spec).get_params() == clone(model).get_params()
    assert models.load("whisper:tiny").spec == "whisper"
    assert (
        models.load("whisper:base:layer4:clip").weights_subpath() == "whisper/base.pt"
    )


@pytest.mark.parametrize(
    ("spec", "layers", "padding"),
    [
        ("whisper", None, True),
        ("whisper", "last", True),
        ("whisper:base:layer4", 4, True),
        ("whisper:base:layer4", [4], True),
        ("whisper:base:layer0:clip", 0, False),
        ("whisper:base:layer2:layer4", [4, 2], True),
        ("whisper:small:layers:clip", "all", False),
        ("whisper:tiny:clip", None, False),
    ],
)
def test_parameters_and_colons_say_the_same(spec, layers, padding):
    size = spec.split(":")[1] if ":" in spec else "tiny"
    model = Whisper(size, layers=layers, padding=padding)
    assert model.spec == spec
    again = models.load(f"whisper:{size}", layers=layers, padding=padding)
    for other in (clone(model), models.load(spec), again):
        assert other.spec == spec
        assert other.layers_ == model.layers_
        assert other.padding == model.padding
        assert list(other.get_feature_names_out()) == list(
            model.get_feature_names_out()
        )
    assert again.get_params() == model.get_params()


@pytest.mark.parametrize("layers", [7, -1, "layer4", "", [], [1, 7], 2.5, [2.5]])
def test_layers_that_are_not_there_are_refused_at_once(layers):
    with pytest.raises(ValueError, match=r"^No layers .*there are 0 to 6\.$"):
        models.load("whisper:base", layers=layers)


@pytest.mark.parametrize(
    "options", ["layer7", "layer04", "clip:layer4", "layer4:", "layer4clip"]
)
def test_what_cannot_follow_a_size_is_refused_at_once(options):
    with pytest.raises(ValueError) as refusal:
        models.load(f"whisper:base:{options}")
    assert str(refusal.value) == (
        f"whisper:base has no {options!r}. What may follow: layer0 to layer6, or "
        "layers for all of them, and clip for no padding: whisper:base:layer3:clip."
    )


@pytest.mark.parametrize("variant", ["bse", "bse:layer4", "bse:clip"])
def test_an_unknown_size_is_refused_whatever_follows(variant):
    with pytest.raises(ValueError, match=r"no variant 'bse'\. Did you mean base\?"):
        models.load(f"whisper:{variant}")


def test_columns_are_named_by_layer_where_there_are_several():
    names = models.load("whisper:base:layers").get_feature_names_out()
    assert len(names) == len(set(names)) == 6 * 512
    assert names[0] == "layer1/embedding0"
    assert names[-1] == "layer6/embedding511"
    for spec in ("whisper:base", "whisper:base:layer4:clip"):
        assert models.load(spec).get_feature_names_out()[-1] == "embedding511"


def test_the_card_counts_the_dimensions_of_what_is_wanted():
    widths = {"tiny": 384, "base": 512, "small": 768, "medium": 1024, "large-v3": 1280}
    assert models.card("whisper")["variants"] == tuple(widths)
    for name, width in widths.items():
        assert models.card(f"whisper:{name}:layer2")["dimensions"] == width
    assert models.card("whisper:small:layers")["dimensions"] == 12 * 768
    assert models.card("whisper")["training_corpora"] is None


def test_without_weights_it_names_the_command_that_fetches_them(tmp_path, monkeypatch):
    monkeypatch.setenv("SERTOOLS_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"sertools fetch whisper:base \(145"):
        models.load("whisper:base").weights_path()


# ---- beside the library


@pytest.fixture(scope="module")
def whisper():
    if not extras.available("whisper"):
        pytest.skip("whisper is not installed")
    return extras.require("whisper")


@pytest.fixture(scope="module")
def torch(whisper):
    return extras.require("torch")


@pytest.fixture(scope="module")
def checkpoint(whisper, torch, tmp_path_factory):
    """Write what OpenAI publishes: the tiny shape, random, and a small decoder."""
    dims = whisper.model.ModelDimensions(80, 1500, 384, 6, 4, 16, 8, 64, 1, 1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        state = whisper.model.Whisper(dims).half().state_dict()
    path = tmp_path_factory.mktemp("weights") / "tiny.pt"
    torch.save({"dims": vars(dims), "model_state_dict": state}, path)
    return path


@pytest.fixture(scope="module")
def theirs(whisper, checkpoint):
    return whisper.load_model(str(checkpoint), device="cpu").eval()


@pytest.fixture(scope="module")
def ours(checkpoint):
    return models.load("whisper", weights=checkpoint, device="cpu")


@pytest.fixture(scope="module")
def heard(make_voice):
    return [make_voice(100 + 20 * i, s, seed=i) for i, s in enumerate(HEARD)]


@pytest.fixture(scope="module")
def by_hand(whisper, torch, theirs, heard):
    """What enters the blocks, leaves each, and leaves all, as whisper has it."""
    first = theirs.encoder.blocks[0]
    seen = []
    hooks = [first.register_forward_pre_hook(lambda _, args: seen.append(args[0]))]
    for block in theirs.encoder.blocks:
        hooks += [block.register_forward_hook(lambda *args: seen.append(args[-1]))]
    answers = []
    for waveform in heard:
        seen.clear()
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(waveform))
        with torch.no_grad():
            end = theirs.encoder(mel[None])
        own = frames_of(waveform)
        answers.append([layer[0, :own].numpy() for layer in (*seen, end)])
    for hook in hooks:
        hook.remove()
    return answers


@pytest.fixture(scope="module")
def expected(by_hand):
    return np.stack([layers[-1].mean(axis=0) for layers in by_hand])


def test_it_is_whispers_own_encoder_over_the_clips_own_frames(ours, heard, expected):
    assert len(np.unique(expected.round(3), axis=0)) == len(heard)
    assert close(ours.embed(heard), expected)
    assert close(ours.embed(heard[::-1])[::-1], expected)
    for waveform, row in zip(heard, expected, strict=True):
        assert close(ours.embed([waveform])[0], row)


def test_the_store_gives_back_what_whisper_gives(ours, heard, expected, tmp_path):
    import soundfile

    paths = [str(tmp_path / f"{number}.wav") for number in range(len(heard))]
    for path, waveform in zip(paths, heard, strict=True):
        soundfile.write(path, waveform, 16_000, subtype="FLOAT")
    table = {"path": paths, "emotion": "sad", "dataset": "x"}
    clips = pd.DataFrame(table, index=pd.Index(list("abc"), name="clip"))
    store = tmp_path / "store"
    for _ in range(2):
        X = features.extract(ours, clips, store=store, progress=False)
        assert close(X.to_numpy(), expected)
    again = clone(ours)
    assert close(features.extract(again, clips, store, progress=False).values, expected)
    assert "_backend" not in vars(again)  # all came out of the store
    clip = models.load("whisper:tiny:clip", weights=ours.weights, device="cpu")
    apart = features.extract(clip, clips, store, progress=False).to_numpy()
    assert np.abs(apart - expected).max() > 1e-3


def test_every_layer_is_what_leaves_that_block(checkpoint, heard, by_hand):
    every = models.load("whisper:tiny:layers", weights=checkpoint, device="cpu")
    rows = every.embed(heard)
    means = [[layer.mean(axis=0) for layer in layers[1:-1]] for layers in by_hand]
    assert close(rows, np.array([np.concatenate(some) for some in means]))
    given = {"weights": checkpoint, "device": "cpu"}
    some = models.load("whisper:tiny", layers=[1, 3], **given).embed(heard)
    assert close(some, np.hstack([rows[:, :384], rows[:, 768:1152]]))
    for number in (0, 1, 3):
        one = models.load("whisper:tiny", layers=number, **given)
        means = [layers[number].mean(axis=0) for layers in by_hand]
        assert close(one.embed(heard), np.stack(means))


def test_frames_are_whispers_own_and_their_mean_is_the_embedding(ours, heard, by_hand):
    table = ours.frames(heard[1])
    assert close(table.to_numpy(), by_hand[1][-1])
    assert list(table.columns) == list(ours.get_feature_names_out())
    assert table.index.name == "seconds"
    assert np.allclose(table.index, 0.02 * np.arange(62))
    assert close(table.mean().to_numpy(), ours.embed([heard[1]])[0])


def test_longer_clips_are_heard_in_windows_and_every_frame_counts_the_same(
    ours, whisper, torch, theirs, make_voice
):
    long = make_voice(140, 31.5)
    rows = []
    for part in (long[:480_000], long[480_000:]):
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(part))
        with torch.no_grad():
            rows.append(theirs.encoder(mel[None])[0, : frames_of(part)].numpy())
    assert [len(part) for part in rows] == [1500, 75]
    mixed = ours.embed([long[:8_000], long, long[:16_000]])
    assert close(mixed[1], np.concatenate(rows).mean(axis=0))
    assert close(ours.frames(long).to_numpy(), np.concatenate(rows))


@pytest.mark.parametrize("samples", [479_999, 479_360])
def test_the_end_of_a_window_is_heard_as_whisper_hears_it(
    ours, whisper, torch, theirs, samples
):
    """Near 30 s there is no room for silence behind the clip."""
    hiss = np.random.default_rng(0).normal(0, 0.1, samples).astype(np.float32)
    mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(hiss))
    with torch.no_grad():
        [end] = theirs.encoder(mel[None]).numpy()
    assert close(ours.frames(hiss).to_numpy(), end[: frames_of(hiss)])


def test_without_padding_the_blocks_run_on_the_same_frames_alone(
    checkpoint, whisper, torch, theirs, heard, expected
):
    clip = models.load("whisper:tiny:clip", weights=checkpoint, device="cpu")
    rows, net = clip.embed(heard), theirs.encoder
    assert np.abs(rows - expected).max() > 1e-3
    for waveform, row in zip(heard, rows, strict=True):
        gelu = torch.nn.functional.gelu
        mel = whisper.log_mel_spectrogram(whisper.pad_or_trim(waveform))
        with torch.no_grad():
            x = gelu(net.conv2(gelu(net.conv1(mel[None])))).permute(0, 2, 1)
            x = (x + net.positional_embedding)[:, : frames_of(waveform)]
            for block in net.blocks:
                x = block(x)
            assert close(row, net.ln_post(x)[0].mean(dim=0).numpy())
        assert close(clip.embed([waveform, waveform[:800], waveform])[2], row)


def test_a_clip_of_30_s_needs_no_padding(checkpoint, ours, make_voice):
    clip = models.load("whisper:tiny:clip", weights=checkpoint, device="cpu")
    full = [make_voice(120, 30)]
    assert close(clip.embed(full), ours.embed(full))


def test_the_decoder_is_not_kept(ours, theirs):
    held = sum(p.numel() for p in ours.backend.network.parameters())
    assert held == sum(p.numel() for p in theirs.encoder.parameters())
    assert vars(ours.backend).keys() == {"device", "precision", "network"}


def test_forms_have_signatures_of_their_own(checkpoint):
    specs = ["whisper:tiny", "whisper:tiny:clip", "whisper:tiny:layer2"]
    specs += ["whisper:tiny:layers", "whisper:tiny:layer2:clip"]
    made = [models.load(spec, weights=checkpoint, device="cpu") for spec in specs]
    signatures = [str(model.signature()) for model in made]
    assert len(set(signatures)) == len(specs)
    assert [str(clone(model).signature()) for model in made] == signatures
    assert made[0].signature()["bits"] == "32"


# ---- random weights


@needs_whisper
@pytest.mark.parametrize("options", ["", ":clip", ":layer3", ":layers"])
def test_random_weights_answer_for_every_form(options, heard):
    model = models.load(f"whisper:tiny{options}", weights="tiny", device="cpu")
    rows = model.embed(heard[:2])
    assert rows.shape == (2, len(model.get_feature_names_out()))
    assert np.array_equal(clone(model).embed(heard[:2]), rows)


def test_random_weights_leave_the_users_random_numbers_alone(torch):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    _ = models.load("whisper", weights="tiny").backend
    assert torch.equal(torch.rand(4), expected)


@needs_whisper
def test_the_head_average_trains_one_classifier_a_layer(heard, corpus_of_voices):
    model = models.load("whisper:tiny:layers:clip", weights="tiny", device="cpu")
    clips = corpus_of_voices.assign(emotion=np.repeat(["sad", "happy"], 4))
    X = features.extract(model, clips, store=False, progress=False)
    head = models.heads.make("average").fit(X, clips["emotion"])
    fitted = head[-1] if hasattr(head, "steps") else head
    assert list(fitted.sets_) == ["layer1", "layer2", "layer3", "layer4"]


# ---- files that are no Whisper


@pytest.fixture
def spoilt(checkpoint, torch, tmp_path):
    """Give the function that writes the checkpoint with something changed."""

    def spoil(change):
        stored = torch.load(checkpoint, weights_only=True)
        stored = change(stored) or stored
        path = tmp_path / "spoilt.pt"
        torch.save(stored, path)
        return path

    return spoil


def refusal(path, spec="whisper"):
    with pytest.raises(ValueError) as raised:
        _ = models.load(spec, weights=path).backend
    line = str(raised.value)
    assert "\n" not in line
    return line.replace(str(path), "FILE")


def without(name):
    def change(stored):
        del stored["model_state_dict"][name]

    return change


def test_a_file_of_another_model_is_refused(spoilt, torch):
    for other in ({"weight": torch.ones(2)}, [torch.ones(2)], {"dims": 3}):
        line = refusal(spoilt(lambda _, other=other: other))
        assert line == "FILE holds no Whisper: dims and model_state_dict are due."


def test_a_missing_tensor_is_named(spoilt):
    path = spoilt(without("encoder.blocks.2.attn.key.weight"))
    named = "encoder.blocks.2.attn.key.weight is missing"
    assert refusal(path) == f"FILE holds no whole Whisper: {named}."
    assert models.load("whisper", weights=spoilt(without("decoder.ln.weight"))).backend


def test_a_tensor_of_another_shape_is_named(spoilt, torch):
    changed = {"encoder.conv1.weight": torch.ones(384, 80, 5)}
    path = spoilt(lambda stored: stored["model_state_dict"].update(changed))
    shapes = "the shape (384, 80, 5) where (384, 80, 3) is due"
    assert refusal(path) == f"FILE: encoder.conv1.weight has {shapes}."


def test_another_size_is_named(checkpoint, spoilt):
    line = refusal(checkpoint, "whisper:base:clip")
    assert line == "FILE is not whisper:base; it is whisper:tiny."
    line = refusal(spoilt(lambda stored: stored["dims"].update(n_audio_layer=5)))
    assert "FILE is not whisper:tiny; it has other dimensions: " in line
    assert "'n_audio_layer': 5" in line


def test_a_folder_and_a_text_are_refused(whisper, tmp_path):
    assert "one file, such as tiny.pt" in refusal(tmp_path)
    text = tmp_path / "tiny.pt"
    text.write_text("not today")
    assert "FILE" in refusal(text)


class Payload:
    def __reduce__(self):
        return os.mkdir, (os.environ["SERTOOLS_TEST_TRACE"],)


def test_a_file_that_runs_code_is_refused_and_does_not_run(
    spoilt, torch, tmp_path, monkeypatch
):
    trace = tmp_path / "it_ran"
    monkeypatch.setenv("SERTOOLS_TEST_TRACE", str(trace))
    line = refusal(spoilt(lambda stored: {**stored, "extra": Payload()}))
    assert "posix.mkdir" in line and "trust" in line
    assert not trace.exists()


# ---- the published files, and the GPU


def test_sources_are_those_that_whisper_itself_names(whisper):
    names = models.load("whisper").variants
    assert len(names) == 5
    for name in names:
        [source] = models.load(f"whisper:{name}").sources[name]
        assert source.url == whisper._MODELS[name]
        assert source.sha256 == source.url.split("/")[-2]


def test_half_precision_on_a_gpu_stays_near(torch, checkpoint, ours, heard):
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    gpu = models.load("whisper", weights=checkpoint, device="cuda")
    assert gpu.backend.precision == torch.float16
    assert np.abs(gpu.embed(heard) - ours.embed(heard)).max() < 1e-2
    assert gpu.signature() != ours.signature()


def test_it_trains_and_is_evaluated_as_any_other(heard, corpus_of_voices, whisper):
    model = models.load("whisper:tiny:clip", weights="tiny", device="cpu")
    emotions, speakers = ["sad", "happy"] * 4, np.repeat(list("abcd"), 2)
    clips = corpus_of_voices.assign(emotion=emotions, speaker=speakers)
    X = features.extract(model, clips, store=False, progress=False)
    assert (
        FeaturesMetadata.of(X).random_weights
        and FeaturesMetadata.of(X).training_corpora == "unknown"
    )
    result = evaluation.cross_validate("logistic", X, clips, folds="speaker")
    assert len(result.predictions) == 8
