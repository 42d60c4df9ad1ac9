"""Time `sertools evaluate` beside nkululeko 1.14.1 on the same job.

EmoDB's clips of anger, happiness, neutral and sadness; eGeMAPSv02 functionals; a
support vector machine; each speaker held out in turn. Both are run as a person runs
them, as whole processes from the command line, in alternation: *cold* (no features
stored yet) and *warm* (the same command again). nkululeko lives in an environment of
its own; the script writes its table of clips and its experiment file.

    python benchmarks/vs_nkululeko.py --root EMODB --make-env ENV
    python benchmarks/vs_nkululeko.py --root EMODB --nkululeko-python ENV/bin/python
"""

import argparse
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import psutil

from sertools import datasets

VERSION = "1.14.1"
EMOTIONS = ["angry", "happy", "neutral", "sad"]
PACKAGES = ["opensmile", "scikit-learn", "numpy", "pandas"]
COMPARISONS = [
    ("cold, beside its cold run", "sertools cold", "nkululeko cold", 0.75),
    ("warm, beside its cold run", "sertools warm", "nkululeko cold", 0.4),
    ("warm, beside its warm run", "sertools warm", "nkululeko warm", 0.4),
]

# nkululeko's defaults, but for what the comparison is about and `scale = standard`,
# as in its own example of EmoDB with a support vector machine. With `logo` its train
# and test halves are put together again; the split only tells its scaler what to fit.
EXPERIMENT = """\
[EXP]
root = {folder}/
name = exp
[DATA]
databases = ['emodb']
emodb = {folder}/clips.csv
emodb.type = csv
emodb.split_strategy = speaker_split
target = emotion
labels = {emotions}
[FEATS]
type = ['os']
set = eGeMAPSv02
scale = standard
[MODEL]
type = svm
logo = {n_speakers}
"""


def main() -> None:
    """Run the comparison and print it."""
    options = read_options()
    python = options.nkululeko_python or make_environment(options.make_env)
    clips = datasets.select(datasets.load("emodb", options.root), EMOTIONS)
    with tempfile.TemporaryDirectory() as folder:
        describe(python, clips, Path(folder))
        one_round(python, clips, options, Path(folder) / "warm-up")
        rounds = []
        for i in range(options.rounds):
            place = Path(folder) / f"round-{i}"
            rounds.append(one_round(python, clips, options, place, turned=i % 2 == 1))
            print(f"  {i + 1:5}  {row(rounds[-1])}    {others(rounds[-1])}", flush=True)
            scores = check(clips, place)
            rounds[-1] |= scores
    summarise(rounds)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", required=True, help="folder with EmoDB's recordings")
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds (5)")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--nkululeko-python", help="python of nkululeko's environment")
    where.add_argument("--make-env", help="folder to make that environment in")
    options = parser.parse_args()
    options.root = str(Path(options.root).resolve())
    return options


def make_environment(folder: str) -> str:
    """Make an environment with nkululeko in it and give its python."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(Path(folder).resolve() / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", f"nkululeko=={VERSION}"]
    subprocess.run(install, check=True)
    return python


def sertools_command(root: str, out: Path) -> list[str]:
    """Give the command line of sertools."""
    program = str(Path(sys.executable).with_name("sertools"))
    command = [program, "evaluate", "--dataset", "emodb", "--root", root]
    command += ["--emotions", ",".join(EMOTIONS), "--folds", "speaker"]
    return [*command, "--model", "opensmile", "--head", "svm", "--out", str(out)]


def nkululeko_command(python: str) -> list[str]:
    """Give the command line of nkululeko, as its documentation has it."""
    return [python, "-m", "nkululeko.nkululeko", "--config", "exp.ini"]


def write_experiment(clips: pd.DataFrame, folder: Path) -> None:
    """Write nkululeko's table of clips and its experiment file."""
    folder.mkdir(parents=True)
    table = clips[["path", "speaker", "emotion"]].rename(columns={"path": "file"})
    table.to_csv(folder / "clips.csv", index=False)
    n_speakers = clips["speaker"].nunique()
    text = EXPERIMENT.format(folder=folder, emotions=EMOTIONS, n_speakers=n_speakers)
    (folder / "exp.ini").write_text(text)


def one_round(
    python: str,
    clips: pd.DataFrame,
    options: argparse.Namespace,
    place: Path,
    turned: bool = False,
) -> dict[str, float]:
    """Run both cold, then both warm; `turned` changes who goes first."""
    write_experiment(clips, place / "nkululeko")
    commands = {
        "sertools": sertools_command(options.root, place / "sertools"),
        "nkululeko": nkululeko_command(python),
    }
    names = sorted(commands, reverse=not turned)
    taken = {}
    for state in ("cold", "warm"):
        for name in names:
            cost = timed(commands[name], place, f"{name}-{state}.log")
            taken |= {f"{name} {state}{key}": value for key, value in cost.items()}
    return taken


def timed(command: list[str], place: Path, log: str) -> dict[str, float]:
    """Run a whole process; give its wall seconds, its CPU seconds, and others'."""
    environment = os.environ | {"SERTOOLS_STORE": str(place / "store")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with open(place / log, "w") as output:
        before, busy, start = os.times(), busy_seconds(), time.perf_counter()
        code = subprocess.run(
            command,
            cwd=place / "nkululeko",
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        ).returncode
        seconds = time.perf_counter() - start
        after, busy = os.times(), busy_seconds() - busy
    if code != 0:
        tail = (place / log).read_text(errors="replace")[-2000:]
        sys.exit(f"{shlex.join(command)} exited with {code}:\n{tail}")
    cpu = after.children_user - before.children_user
    cpu += after.children_system - before.children_system
    return {"": seconds, " cpu": cpu, " others": max(busy - cpu, 0)}


def busy_seconds() -> float:
    """Add up what all cores have worked since the machine started."""
    times = psutil.cpu_times()
    return times.user + times.system + times.nice


def check(clips: pd.DataFrame, place: Path) -> dict[str, float]:
    """Check that both used the same clips, labels and folds; give both UARs."""
    expected = set(zip(clips["path"], clips["emotion"], strict=True))
    ours = pd.read_parquet(place / "sertools" / "predictions.parquet").reset_index()
    same("sertools", set(zip(ours["path"], ours["emotion"], strict=True)), expected)
    alone = ours.groupby("fold")["speaker"].nunique().eq(1).all()
    store = place / "nkululeko" / "exp" / "store"
    halves = [pd.read_csv(store / f"{half}df.csv") for half in ("train", "test")]
    theirs = pd.concat(halves)
    same(
        "nkululeko", set(zip(theirs["file"], theirs["emotion"], strict=True)), expected
    )
    log = (place / "nkululeko-cold.log").read_text(errors="replace")
    n_folds = len(re.findall(r"result for speaker group", log))
    if not alone or not ours["fold"].nunique() == n_folds == clips["speaker"].nunique():
        sys.exit("The folds are not one speaker each.")
    metrics = json.loads((place / "sertools" / "metrics.json").read_text())
    uar = float(re.findall(r"best \(TEST\) result=([\d.]+)", log)[-1])
    return {"sertools uar": metrics["uar"]["value"], "nkululeko uar": uar}


def same(name: str, found: set, expected: set) -> None:
    """Stop if a program used other clips than it was given."""
    if found != expected:
        sys.exit(f"{name} used {len(found)} clips, not the same {len(expected)}.")


def describe(python: str, clips: pd.DataFrame, folder: Path) -> None:
    """Print what is run, on what, with which versions."""
    n_speakers = clips["speaker"].nunique()
    print(f"EmoDB: {len(clips)} clips, {n_speakers} speakers, {', '.join(EMOTIONS)}")
    print(f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}")
    for name, program in (("sertools", sys.executable), ("nkululeko", python)):
        print(f"{name:9}  {versions(program, name)}")
    ours = ["sertools", *sertools_command("ROOT", Path("DIR"))[1:]]
    print("\n$", shlex.join(ours))
    print("$", shlex.join(["python", *nkululeko_command(python)[1:]]), " # exp.ini:")
    write_experiment(clips, folder / "shown")
    shown = (folder / "shown" / "exp.ini").read_text().strip()
    print("    " + shown.replace(str(folder / "shown"), "DIR").replace("\n", "\n    "))
    print("Whole processes, wall seconds, after a warm-up that compiles bytecode.")
    print("  round  " + "  ".join(f"{name:>14}" for name in columns()), flush=True)


def versions(python: str, name: str) -> str:
    """Ask an environment for its versions."""
    code = (
        "import platform; from importlib.metadata import version;"
        f"names = {[name, *PACKAGES]};"
        "print('Python', platform.python_version(), end='');"
        "print(*(f', {name} {version(name)}' for name in names), sep='')"
    )
    done = subprocess.run([python, "-c", code], check=True, capture_output=True)
    return done.stdout.decode().strip()


def columns() -> list[str]:
    """Name the timed commands in the order they are printed."""
    programs = ("sertools", "nkululeko")
    return [f"{name} {state}" for state in ("cold", "warm") for name in programs]


def row(seconds: dict[str, float]) -> str:
    """Lay out one round's times."""
    return "  ".join(f"{seconds[name]:14.2f}" for name in columns())


def others(taken: dict[str, float]) -> str:
    """Say how busy other programs kept the machine meanwhile: it should be idle."""
    share = sum(taken[f"{name} others"] for name in columns())
    share /= sum(taken[name] for name in columns()) * os.cpu_count()
    return f"others used {share:.0%} of the machine"


def summarise(rounds: list[dict[str, float]]) -> None:
    """Print medians, ranges, ratios and the scores."""
    every = {key: [one[key] for one in rounds] for key in rounds[0]}
    middle = {key: statistics.median(values) for key, values in every.items()}
    print(f" median  {row(middle)}")
    print(f"    min  {row({key: min(values) for key, values in every.items()})}")
    print(f"    max  {row({key: max(values) for key, values in every.items()})}")
    cpu = {name: middle[f"{name} cpu"] for name in columns()}
    print(f"    cpu  {row(cpu)}    (median)")
    print("\nsertools' time as a part of nkululeko's: of the medians (each round)")
    for title, ours, theirs, target in COMPARISONS:
        each = [a / b for a, b in zip(every[ours], every[theirs], strict=True)]
        ratio = middle[ours] / middle[theirs]
        verdict = "met" if ratio <= target else "MISSED"
        span = f"({min(each):.2f} to {max(each):.2f})"
        print(f"  {title}: {ratio:.2f} {span}, at most {target:.2f}: {verdict}")
    print("\nUAR, pooled over the speakers held out; the same clips in both:")
    for name in ("sertools", "nkululeko"):
        values = every[f"{name} uar"]
        print(f"  {name:9} {min(values):.3f} to {max(values):.3f}")


if __name__ == "__main__":
    main()
