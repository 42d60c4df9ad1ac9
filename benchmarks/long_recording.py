"""Measure an hour of speech: how long it takes, and how much memory.

Clips are joined with pauses to a recording (16 kHz, FLAC) in a temporary folder. Then a
fresh process scores it with `sertools.features.timeline` and the head that comes with
sertools, and tells the time on the clock, and how far its peak memory grew from the
moment when everything was loaded. The recording's own size is that of its samples.

    python benchmarks/long_recording.py [--root EMODB] [--hop 1.0]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from sertools import datasets, features, models
from sertools.metadata import TimelineMetadata

RATE = 16_000


def main() -> None:
    """Make the recording, and measure in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", default="", help="EmoDB; the demo corpus if empty")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--hop", type=float, default=0, help="0: no overlap")
    parser.add_argument("--method", default="energy", help="energy or silero")
    parser.add_argument("--measure", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(options)
        return
    name = "emodb" if options.root else "demo"
    clips = datasets.load(name, root=options.root)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        sound, truth = features.concatenate_clips(
            clips, RATE, pause=(0.2, 1.5), seconds=60 * options.minutes
        )
        soundfile.write(path, sound, RATE)
        print(f"{name}: {len(truth)} clips joined to {len(sound) / RATE / 60:.1f} min")
        line = [sys.executable, __file__, "--measure", str(path)]
        line += ["--hop", str(options.hop), "--method", options.method]
        subprocess.run(line, check=True)


def measure(options: argparse.Namespace) -> None:
    """Score one recording; say what it took."""
    model = models.load("trained")
    hiss = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    features.timeline(model, hiss, 0.5, method=options.method, progress=False)
    before, start = peak(), time.perf_counter()
    window, hop = (2.0, options.hop) if options.hop else (8.0, None)
    table = features.timeline(
        model, options.measure, window=window, hop=hop, method=options.method
    )
    took, grown = time.perf_counter() - start, peak() - before
    own = TimelineMetadata.of(table).seconds * RATE * 4 / 2**20
    print(f"{options.method}: {len(table)} rows in {took:.0f} s")
    print(f"peak memory grew by {grown:.0f} MB, {grown / own:.1f} times the recording")


def peak() -> float:
    """Give this process's peak memory in MB, without what its parent had (Linux)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
