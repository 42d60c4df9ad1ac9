"""Time the largest systems on a GPU: clips a second, and the share of its peak.

Random weights of the real shapes: Whisper large-v3 (its encoder, padded to 30 s),
emotion2vec plus_large, and WavLM-large. The operations of a run are counted by torch,
beside what the same device does in one large matrix product of the same precision,
measured in the same run: that is its peak here.

    python benchmarks/gpu.py                       # needs a GPU
    python benchmarks/gpu.py --device cpu --small  # tries the script itself
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sertools import models
from sertools.extras import require
from sertools.models._funasr import network, settings
from sertools.models.whisper import SIZES, Encoder, draw, windows

RATE = 16_000


def main() -> None:
    """Time one system after the other, and print a line each."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--clips", type=int, default=256, help="of 2 to 8 s (256)")
    parser.add_argument("--small", action="store_true", help="small shapes")
    options = parser.parse_args()
    torch = require("torch")
    gpu = options.device.startswith("cuda")
    if gpu and not torch.cuda.is_available():
        parser.exit(1, "No GPU that torch can use. --device cpu --small tries it.\n")
    name = torch.cuda.get_device_name() if gpu else "CPU"
    peak = peak_of(options.device)
    print(f"{name}, torch {torch.__version__}; one large product: {peak:.1f} TFLOP/s")
    clips = waveforms(options.clips)
    print(f"{len(clips)} clips, {sum(map(len, clips)) / RATE:.0f} s of audio")
    for make in (whisper, emotion2vec, wavlm):
        with tempfile.TemporaryDirectory() as folder:
            title, run = make(Path(folder), options.device, options.small)
            line(title, run, clips, peak, options.device)


def waveforms(n: int) -> list[np.ndarray]:
    """Make noise of 2 to 8 s."""
    rng = np.random.default_rng(0)
    lengths = (rng.uniform(2, 8, n) * RATE).astype(int)
    return [rng.normal(0, 0.1, length).astype(np.float32) for length in lengths]


def peak_of(device: str) -> float:
    """Time one large matrix product in half precision (CPU: single), in TFLOP/s."""
    torch = require("torch")
    gpu = device.startswith("cuda")
    size = 8192 if gpu else 2048
    kind = torch.float16 if gpu else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    seconds = min(timed(lambda: a @ b, device) for _ in range(10))
    return 2 * size**3 / seconds / 1e12


def timed(run: Callable, device: str) -> float:
    """Give the seconds that a call takes, all of the device's work included."""
    torch = require("torch")
    gpu = device.startswith("cuda")
    if gpu:
        torch.cuda.synchronize()
    start = time.perf_counter()
    run()
    if gpu:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def line(title: str, run: Callable, clips: list, peak: float, device: str) -> None:
    """Warm up, count the operations once, time three runs, and print the best."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run(clips)
    seconds = min(timed(lambda: run(clips), device) for _ in range(3))
    speed = counter.get_total_flops() / seconds / 1e12
    rate = len(clips) / seconds
    share = f"{speed:.1f} TFLOP/s, {speed / peak:.0%} of that product"
    print(f"{title:32} {rate:8.1f} clips a second   {share}", flush=True)


def whisper(folder: Path, device: str, small: bool) -> tuple[str, Callable]:
    """Take the encoder of large-v3, in its padded form."""
    size = "tiny" if small else "large-v3"
    encoder = Encoder(draw(SIZES[size]), device)

    def run(clips: list[np.ndarray]) -> None:
        each = [window for clip in clips for window in windows(clip, padded=True)]
        encoder.hear(each, (), pooled=True)

    return f"whisper:{size}", run


def emotion2vec(folder: Path, device: str, small: bool) -> tuple[str, Callable]:
    """Take plus_large: 24 blocks, 8 of them before the common ones."""
    torch = require("torch")
    torch.manual_seed(0)
    shape = settings(768, 12, 1, 1) if small else settings(1024, 16, 8, 16)
    tokens = ["angry", "happy", "neutral", "sad", "<unk>"]
    torch.save(network(shape, len(tokens)).state_dict(), folder / "model.pt")
    (folder / "tokens.txt").write_text("\n".join(tokens))
    about = {"model": "Emotion2vec", "model_conf": shape}
    (folder / "config.yaml").write_text(json.dumps(about))
    variant = "plus_base" if small else "plus_large"
    model = models.load(f"emotion2vec:{variant}", weights=folder, device=device)
    _ = model.backend
    return f"emotion2vec:{variant}", model.embed


def wavlm(folder: Path, device: str, small: bool) -> tuple[str, Callable]:
    """Take WavLM-large, as transformers has it."""
    require("torch").manual_seed(0)
    transformers = require("transformers")
    blocks = 2 if small else 24
    config = transformers.WavLMConfig(
        hidden_size=1024,
        num_hidden_layers=blocks,
        num_attention_heads=16,
        intermediate_size=4096,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=False,
    )
    transformers.WavLMModel(config).save_pretrained(folder)
    extractor = transformers.Wav2Vec2FeatureExtractor(return_attention_mask=True)
    extractor.save_pretrained(folder)
    model = models.load("huggingface", weights=folder, device=device)
    parametrize = require("torch").nn.utils.parametrize
    for part in list(model.backend.network.model.modules()):
        if parametrize.is_parametrized(part):  # torch cannot count through it
            parametrize.remove_parametrizations(part, "weight")
    return f"WavLM, {blocks} blocks of 1024", model.embed


if __name__ == "__main__":
    main()
