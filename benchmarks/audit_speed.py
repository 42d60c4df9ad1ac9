"""Compare the speed of an audit with that of `sha256sum` on the same files.

An audit reads every byte, checksums it, decodes it, and looks for silence, clipping and
odd forms. The files are as many and as large as CREMA-D's, 7442 clips and 606 MB, made
of noise unless --root names a true corpus; they are in the page cache. The rounds
alternate, and the median counts.

    python benchmarks/audit_speed.py
"""

import argparse
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from sertools import datasets
from sertools.datasets._files import official

CORES = os.cpu_count()


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", help="a folder with CREMA-D")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    if not shutil.which("sha256sum"):
        sys.exit("sha256sum is not installed (macOS: brew install coreutils).")
    with tempfile.TemporaryDirectory() as folder:
        root = arguments.root or make(Path(folder))
        measure(root, arguments.rounds)


def make(folder: Path) -> Path:
    """Write as many files as CREMA-D has, each as large as published."""
    noise = np.random.default_rng(0).standard_normal(400_000) * 2_000
    samples = noise.astype("<i2").tobytes()
    for number, (clip, known) in enumerate(official("crema_d").items()):
        length = (known.bytes - 44) // 2 * 2
        form = struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
        header = b"RIFF" + struct.pack("<I", length + 36) + b"WAVEfmt " + form
        header += b"data" + struct.pack("<I", length)
        start = 2 * number
        (folder / f"{clip}.wav").write_bytes(header + samples[start : start + length])
    return folder


def measure(root: str | Path, rounds: int) -> None:
    """Alternate between the candidates, after one round that is not counted."""
    clips = datasets.load("crema_d", root)
    paths = clips["path"].tolist()
    megabytes = sum(map(os.path.getsize, paths)) / 1e6
    names = "\0".join(paths).encode()
    several = ["xargs", "-0", "-n", "100", "-P"]
    candidates = {
        "datasets.load": lambda: datasets.load("crema_d", root),
        "datasets.audit": lambda: datasets.audit(clips, progress=False),
        f"sha256sum, {CORES} processes": lambda: run([*several, f"{CORES}"], names),
        "sha256sum, 1 process": lambda: run([*several, "1"], names),
    }
    seconds = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            candidate()
            if number:
                seconds[name].append(time.perf_counter() - start)
    print(f"{len(paths)} clips, {megabytes:.0f} MB, {CORES} cores, {rounds} rounds")
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    for name, second in middle.items():
        speed = "" if name == "datasets.load" else f"{megabytes / second:6.0f} MB/s"
        print(f"{name:26} {second:6.2f} s  {speed}")
    for name in list(middle)[2:]:
        ratio = middle[name] / middle["datasets.audit"]
        print(f"audit's speed is {ratio:.2f} of that of {name}")


def run(command: list[str], names: bytes) -> None:
    """Let sha256sum read the files."""
    subprocess.run(
        [*command, "sha256sum"], input=names, stdout=subprocess.DEVNULL, check=True
    )


if __name__ == "__main__":
    main()
