"""Compare how fast systems embed clips here and when called as their guide does.

The weights are random, in the shape of the true ones, in a file as their authors
write it; both sides read that file. Clips are noise: how long they are is what
counts. The rounds alternate, after one that is not counted; each candidate's time is
the median, and how many times faster than the guide's it is, is the median of the
ratios within the rounds. Both sides get all cores and keep no gradients; how much of
the machine other programs took meanwhile should be close to nothing. The last
column is how far the embeddings lie from the guide's, once those are averaged over
the clip's own frames, too.

    python benchmarks/embedders.py [SYSTEM ...] [--device cuda]
"""

import argparse
import contextlib
import io
import json
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from sertools import models
from sertools.extras import require
from sertools.models.backends.funasr_network import network, settings

RATE = 16_000
GUIDE = "the guide's call"


class Race(NamedTuple):
    """What one system has to do, and who does it.

    Parameters
    ----------
    about : str
        Weights and clips, in words.
    runs : dict of str to callable
        By name, the guide's call first; each answers for all clips.
    truth : callable
        The library's own answer, averaged over the clip's own frames (n, d).
    wanted : dict of str to float
        How many times faster than the guide's call each should be.
    """

    about: str
    runs: dict[str, Callable]
    truth: Callable
    wanted: dict[str, float]


def whisper(folder: Path, device: str, clips: int) -> Race:
    """Race on clips of 3 s, for which Whisper computes 30 s unless it is stopped."""
    torch, library = require("torch"), require("whisper")
    dims = library.model.ModelDimensions(
        *(80, 1500, 512, 8, 6), *(51_865, 448, 512, 8, 6)
    )
    torch.manual_seed(0)
    state = library.model.Whisper(dims).half().state_dict()
    weights = folder / "base.pt"
    torch.save({"dims": vars(dims), "model_state_dict": state}, weights)
    waveforms = noise(clips * [3.0])
    theirs = library.load_model(str(weights), device=device)
    ours = {
        form: models.load(f"whisper:{form}", weights=weights, device=device)
        for form in ("base", "base:clip")
    }

    @torch.no_grad()
    def guide(frames: int = 1500) -> np.ndarray:
        rows = []
        for waveform in waveforms:
            padded = library.pad_or_trim(waveform)
            mel = library.log_mel_spectrogram(padded, dims.n_mels, device=device)
            heard = theirs.embed_audio(mel[None])[0, :frames]
            rows.append(heard.mean(dim=0).cpu().numpy())
        return np.stack(rows)

    runs = {spec: lambda m=m: m.embed(waveforms) for spec, m in ours.items()}
    return Race(
        f"Whisper, base shape, {clips} clips of 3 s",
        {GUIDE: guide, "padded": runs["base"], "clip": runs["base:clip"]},
        lambda: guide(frames=150),
        {"padded": 1.0, "clip": 8.0},
    )


def emotion2vec(folder: Path, device: str, clips: int) -> Race:
    """Take the base shape, clips of 1 to 8 s; FunASR takes four threads anywhere."""
    torch = require("torch")
    conf, threads = settings(), torch.get_num_threads()
    tokens = ["angry", "happy", "neutral", "sad", "<unk>"]
    torch.manual_seed(0)
    torch.save(network(conf, len(tokens)).state_dict(), folder / "model.pt")
    (folder / "tokens.txt").write_text("\n".join(tokens))
    about = {"model": "Emotion2vec", "model_conf": conf, "tokenizer": "CharTokenizer"}
    (folder / "config.yaml").write_text(json.dumps(about | {"tokenizer_conf": {}}))
    waveforms = noise(np.random.default_rng(0).permutation(np.linspace(1, 8, clips)))
    model = models.load("emotion2vec", weights=folder, device=device)
    quiet = {"disable_update": True, "disable_pbar": True, "log_level": "ERROR"}
    with contextlib.redirect_stdout(io.StringIO()):
        automodel = require("funasr").AutoModel
        logging.disable(logging.WARNING)
        theirs = automodel(model=str(folder), hub="hf", device=device, **quiet)
        logging.disable(logging.NOTSET)

    def guide() -> np.ndarray:
        form = {"granularity": "utterance", "extract_embedding": True}
        return np.stack([theirs.generate(w, **form)[0]["feats"] for w in waveforms])

    def ours() -> np.ndarray:
        torch.set_num_threads(threads)  # FunASR takes its four anew each time
        return model.embed(waveforms)

    return Race(
        f"emotion2vec, base shape, {clips} clips of 1 to 8 s",
        {GUIDE: guide, "embed": ours},
        guide,
        {"embed": 3.0},
    )


SYSTEMS = {"emotion2vec": emotion2vec, "whisper": whisper}
"""To add one: a function that makes its `Race`, and its name here."""


def noise(seconds: Iterable[float]) -> list[np.ndarray]:
    """Make clips of these lengths."""
    drawn = np.random.default_rng(0)
    lengths = [round(length * RATE) for length in seconds]
    return [drawn.normal(0, 0.1, size).astype(np.float32) for size in lengths]


def elsewhere() -> float:
    """Add up the seconds that all cores have worked for other processes."""
    whole, own = psutil.cpu_times(), os.times()
    return whole.user + whole.system + whole.nice - own.user - own.system


def measure(race: Race, rounds: int) -> None:
    """Let the candidates take turns, and print how long they took."""
    rows = {name: run() for name, run in race.runs.items()}
    seconds = {name: [] for name in race.runs}
    others, began = elsewhere(), time.perf_counter()
    for _ in range(rounds):
        for name, run in race.runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    others = (elsewhere() - others) / (time.perf_counter() - began) / os.cpu_count()
    truth, n = race.truth(), len(rows[GUIDE])
    print(f"\n{race.about}, {rounds} rounds; others used {max(others, 0):.0%}")
    for name, times in seconds.items():
        each = 1000 * statistics.median(times) / n
        pairs = zip(seconds[GUIDE], times, strict=True)
        ratio = statistics.median(guide / own for guide, own in pairs)
        wanted = f"wanted: {race.wanted[name]:.1f}" if name in race.wanted else ""
        apart = "" if name == GUIDE else f"{np.abs(rows[name] - truth).max():.0e}"
        print(f"{name:18}{each:8.1f} ms a clip{ratio:7.2f} x  {wanted:12}  {apart}")


def main() -> None:
    """Measure the systems asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("systems", nargs="*", metavar="SYSTEM", help=", ".join(SYSTEMS))
    parser.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    parser.add_argument("--clips", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    unknown = set(arguments.systems) - set(SYSTEMS)
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}. Known: {', '.join(SYSTEMS)}.")
    torch = require("torch")
    threads = torch.get_num_threads()
    print(f"{os.cpu_count()} cores, {threads} threads, {arguments.device}")
    for name in arguments.systems or SYSTEMS:
        torch.set_num_threads(threads)  # a library before may have changed it
        with tempfile.TemporaryDirectory() as folder:
            race = SYSTEMS[name](Path(folder), arguments.device, arguments.clips)
            measure(race, arguments.rounds)


if __name__ == "__main__":
    main()
