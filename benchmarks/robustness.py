"""Print how far recognition falls as recordings become worse, and what it relies on.

EmoDB's clips of anger, happiness, neutral and sadness, eGeMAPSv02, one speaker held
out at a time. The heads are trained on clean speech, and, in the last column, on speech
that is degraded like the test. Then each family of features is shuffled among the clips
of a speaker, and heads are trained on each family alone.

    python benchmarks/robustness.py --root EMODB [--head svm --head logistic]
"""

import argparse
import platform
import time
from importlib.metadata import version

from sertools import datasets, evaluation, features, inspection, models
from sertools.evaluation._robustness import Robustness

EMOTIONS = ["angry", "happy", "neutral", "sad"]


def main() -> None:
    """Run everything and print it."""
    options = read_options()
    clips = datasets.select(datasets.load("emodb", options.root), EMOTIONS)
    model = models.load(options.model)
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("opensmile", "soundfile")
    )
    print(f"Python {platform.python_version()}, {packages}")
    for head in options.head or ["svm", "logistic"]:
        start = time.perf_counter()
        found = evaluation.robustness(
            model, head, clips, matched=True, seed=options.seed, progress=False
        )
        show(found)
        X = features.extract(model, clips, progress=False)
        print(inspection.permutation_importance(head, X, clips, seed=options.seed))
        print(f"{time.perf_counter() - start:.0f} s\n", flush=True)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--root", required=True, help="folder with EmoDB's recordings")
    parser.add_argument("--model", default="opensmile", help="embedder (opensmile)")
    parser.add_argument(
        "--head", action="append", help="svm and logistic, if not given"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (0)")
    return parser.parse_args()


def show(found: Robustness) -> None:
    """Print the levels, and what is answered at each."""
    print(found)
    columns = ["uar", "matched", "matched_low", "matched_high", "changed"]
    print(found.levels[columns].round(3).to_string())
    print(found.answers().round(2).to_string())


if __name__ == "__main__":
    main()
