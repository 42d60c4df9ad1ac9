"""A network made ready for a CPU gives FunASR's own numbers."""

import copy

import numpy as np
import pytest

from sertools import extras
from sertools.models.backends import funasr_on_cpu
from sertools.models.backends.funasr_network import network

from ..funasr_folders import small

pytestmark = pytest.mark.skipif(
    not (extras.available("funasr") and extras.available("torch")),
    reason="needs funasr and torch",
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
    funasr_on_cpu.prepare(prepared)
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


def test_a_torch_without_onednn_leaves_the_network_as_it_is(monkeypatch):
    torch = extras.require("torch")
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    _, plain, prepared = made()
    assert prepared.state_dict().keys() == plain.state_dict().keys()
    samples = torch.ones(1, 4000)
    with torch.inference_mode():
        theirs = plain.extract_features(samples)["x"]
        assert torch.equal(prepared.extract_features(samples)["x"], theirs)
