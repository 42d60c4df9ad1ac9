"""Compare how fast systems embed clips here and when called as their guide does.

The weights are random, in the shape of the true ones, in a file as their authors
write it; both sides read that file. Clips are noise: how long they are is what
counts. The rounds alternate, after one that is not counted; each candidate's time is
the median, and how many times faster than the guide's it is, is the median of the
ratios within the rounds. Both sides may use all cores and keep no gradients; FunASR,
which sets a number of threads for all of its process, has one to itself, once with
the four threads it takes anywhere and once with as many as there are cores. How much
of the machine other programs took meanwhile should be close to nothing. Work is what
a clip costs in seconds of a core, which other programs disturb less. The last column
is how far the embeddings lie from the guide's, once those are averaged over the
clip's own frames, too.

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
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from sertools import models
from sertools.extras import require
from sertools.models._funasr import network, settings

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
    """Take the base shape, clips of 1 to 8 s; the guide takes FunASR's defaults."""
    torch = require("torch")
    conf, cores = settings(), torch.get_num_threads()
    tokens = ["angry", "happy", "neutral", "sad", "<unk>"]
    torch.manual_seed(0)
    torch.save(network(conf, len(tokens)).state_dict(), folder / "model.pt")
    (folder / "tokens.txt").write_text("\n".join(tokens))
    about = {"model": "Emotion2vec", "model_conf": conf, "tokenizer": "CharTokenizer"}
    (folder / "config.yaml").write_text(json.dumps(about | {"tokenizer_conf": {}}))
    waveforms = noise(np.random.default_rng(0).permutation(np.linspace(1, 8, clips)))
    model = models.load("emotion2vec", weights=folder, device=device)
    as_it_comes = apart(FunASR, str(folder), device, waveforms)
    tuned = apart(FunASR, str(folder), device, waveforms, ncpu=cores)
    return Race(
        f"emotion2vec, base shape, {clips} clips of 1 to 8 s",
        {
            GUIDE: as_it_comes,
            f"with {cores} thread(s)": tuned,
            "embed": lambda: model.embed(waveforms),
        },
        as_it_comes,
        {"embed": 3.0},
    )


class FunASR:
    """FunASR's loop, as its guide writes it.

    Parameters
    ----------
    folder : str
        Of its model.
    device : str
        Where it computes.
    waveforms : list of ndarray of shape (t,)
        What it is to hear.
    **more
        For its ``AutoModel``.
    """

    def __init__(self, folder: str, device: str, waveforms: list, **more):
        quiet = {"hub": "hf", "disable_update": True, "disable_pbar": True}
        logging.disable(logging.WARNING)
        with contextlib.redirect_stdout(io.StringIO()):
            automodel = require("funasr").AutoModel
            self.model = automodel(model=folder, device=device, **quiet, **more)
        self.waveforms = waveforms

    def __call__(self) -> np.ndarray:
        """Embed the clips, shape (n, d)."""
        form = {"granularity": "utterance", "extract_embedding": True}
        return np.stack(
            [self.model.generate(w, **form)[0]["feats"] for w in self.waveforms]
        )


def apart(kind: Callable, *given, **more) -> Callable:
    """Make something that can be called, in a process of its own, and call it there."""
    pool = ProcessPoolExecutor(1, get_context("spawn"), _make, (kind, given, more))
    return lambda: pool.submit(_call).result()


def _make(kind: Callable, given: tuple, more: dict) -> None:
    global _made
    _made = kind(*given, **more)


def _call():
    return _made()


SYSTEMS = {"emotion2vec": emotion2vec, "whisper": whisper}
"""To add one: a function that makes its `Race`, and its name here."""


def noise(seconds: Iterable[float]) -> list[np.ndarray]:
    """Make clips of these lengths."""
    drawn = np.random.default_rng(0)
    lengths = [round(length * RATE) for length in seconds]
    return [drawn.normal(0, 0.1, size).astype(np.float32) for size in lengths]


def work() -> float:
    """Add up the seconds that cores have worked for this process and its children."""
    own = psutil.Process()
    times = [process.cpu_times() for process in (own, *own.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times)


def elsewhere() -> float:
    """Add up the seconds that all cores have worked for other processes."""
    whole = psutil.cpu_times()
    return whole.user + whole.system + whole.nice - work()


def measure(race: Race, rounds: int) -> None:
    """Let the candidates take turns, and print how long they took."""
    rows = {name: run() for name, run in race.runs.items()}
    seconds, cores = ({name: [] for name in race.runs} for _ in range(2))
    others, began = elsewhere(), time.perf_counter()
    for _ in range(rounds):
        for name, run in race.runs.items():
            start, worked = time.perf_counter(), work()
            run()
            seconds[name].append(time.perf_counter() - start)
            cores[name].append(work() - worked)
    others = (elsewhere() - others) / (time.perf_counter() - began) / os.cpu_count()
    truth, n = race.truth(), len(rows[GUIDE])
    print(f"\n{race.about}, {rounds} rounds; others used {max(others, 0):.0%}")
    for name, times in seconds.items():
        each, load = (1000 * statistics.median(t) / n for t in (times, cores[name]))
        pairs = zip(seconds[GUIDE], times, strict=True)
        ratio = statistics.median(guide / own for guide, own in pairs)
        wanted = f"wanted: {race.wanted[name]:.1f}" if name in race.wanted else ""
        off = "" if name == GUIDE else f"{np.abs(rows[name] - truth).max():.0e}"
        print(
            f"{name:18}{each:8.1f} ms a clip{ratio:7.2f} x  {wanted:12}"
            f"{load:7.0f} ms of work  {off}"
        )


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
