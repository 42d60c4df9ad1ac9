"""Time YAMNet on many clips in one call beside YAMNet on one clip after the other.

EmoDB's clips of anger, happiness, neutral and sadness, decoded beforehand, in one
process, in alternation. One side is a plain loop: the network called on each clip as
it is. *Packed* is what `sertools.models.load("yamnet")` does: 16 clips at a time, as
feature extraction hands them on, and all at once. The answers are compared number by
number.

    python benchmarks/yamnet_packing.py --root EMODB --weights YAMNET
"""

import argparse
import os
import platform
import statistics
import sys
import time
from importlib.metadata import version

import numpy as np
import psutil

from sertools import audio, datasets, models

EMOTIONS = ["angry", "happy", "neutral", "sad"]
TARGET = 1.4
CHUNK = 16


def main() -> None:
    """Run the comparison and print it."""
    options = read_options()
    clips = datasets.select(datasets.load("emodb", options.root), EMOTIONS)
    waveforms = [audio.load(path) for path in clips["path"]]
    network = models.load("yamnet", weights=options.weights).backend
    ways = {
        "clip by clip": lambda: one_by_one(network, waveforms),
        f"packed by {CHUNK}": lambda: packed(network, waveforms, CHUNK),
        "packed": lambda: packed(network, waveforms, len(waveforms)),
    }
    describe(waveforms)
    answers = {name: way() for name, way in ways.items()}  # not timed: a warm-up
    print("  round  " + "  ".join(f"{name:>14}" for name in ways))
    rounds, work = [], []
    for number in range(options.rounds):
        names = list(ways)[:: -1 if number % 2 else 1]
        others = elsewhere()
        taken = {name: seconds(ways[name]) for name in names}
        wall = sum(one[0] for one in taken.values())
        others = (elsewhere() - others) / wall / os.cpu_count()
        rounds.append([taken[name][0] for name in ways])
        work.append([taken[name][1] for name in ways])
        busy = f"others used {max(others, 0):.0%} of the machine"
        print(f"  {number + 1:5}  {row(rounds[-1])}    {busy}", flush=True)
    summarise(list(ways), rounds, work)
    compare(answers)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", required=True, help="folder with EmoDB's recordings")
    parser.add_argument("--weights", help="YAMNet's SavedModel; fetched if not given")
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds (7)")
    return parser.parse_args()


def one_by_one(network, waveforms: list) -> list:
    """Call the network itself on each clip."""
    heard = [network.call(waveform) for waveform in waveforms]
    return [(scores.numpy(), embeddings.numpy()) for scores, embeddings, _ in heard]


def packed(network, waveforms: list, chunk: int) -> list:
    """Hear several clips in one call."""
    starts = range(0, len(waveforms), chunk)
    return [one for i in starts for one in network.hear(waveforms[i : i + chunk])]


def seconds(way) -> tuple[float, float]:
    """Time one way, once: wall seconds, and CPU seconds of this process."""
    start, busy = time.perf_counter(), time.process_time()
    way()
    return time.perf_counter() - start, time.process_time() - busy


def elsewhere() -> float:
    """Add up the seconds that all cores have worked for other processes."""
    whole, own = psutil.cpu_times(), os.times()
    return whole.user + whole.system + whole.nice - own.user - own.system


def describe(waveforms: list) -> None:
    """Print what is run, on what, with which versions."""
    length = sum(map(len, waveforms)) / 16_000
    print(f"EmoDB: {len(waveforms)} clips, {length:.0f} s, {', '.join(EMOTIONS)}")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    packages = ("tensorflow", "numpy")
    named = ", ".join(f"{name} {version(name)}" for name in packages)
    print(f"Python {platform.python_version()}, {named}")
    print("\nSeconds, in one process, after a round that is not counted.")


def row(values: list[float]) -> str:
    """Lay out one round's times."""
    return "  ".join(f"{value:14.2f}" for value in values)


def summarise(names: list[str], rounds: list[list], work: list[list]) -> None:
    """Print medians and how many times faster packing is."""
    columns = [list(column) for column in zip(*rounds, strict=True)]
    medians = [statistics.median(column) for column in columns]
    print(f" median  {row(medians)}")
    print(f"    min  {row([min(column) for column in columns])}")
    busy = [statistics.median(column) for column in zip(*work, strict=True)]
    print(f"    cpu  {row(busy)}    (median)\n")
    for name, column, middle in zip(names[1:], columns[1:], medians[1:], strict=True):
        each = [a / b for a, b in zip(columns[0], column, strict=True)]
        ratio = medians[0] / middle
        verdict = "met" if ratio >= TARGET else "MISSED"
        span = f"({min(each):.2f} to {max(each):.2f})"
        print(f"{name}: {ratio:.2f} times faster {span}, at least {TARGET}: {verdict}")


def compare(answers: dict[str, list]) -> None:
    """Print the largest difference between any two numbers."""
    first, *others = answers.values()
    worst = max(
        float(np.abs(a - b).max())
        for other in others
        for ours, theirs in zip(other, first, strict=True)
        for a, b in zip(ours, theirs, strict=True)
    )
    print(f"largest difference of a score or of a number in an embedding: {worst}")
    if worst > 1e-5:
        sys.exit("The answers differ.")


if __name__ == "__main__":
    main()
