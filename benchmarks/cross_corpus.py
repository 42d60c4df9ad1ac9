"""Train on one corpus, test on another, and print how much of a score is left.

Each system is trained on each corpus and tested on each, over the emotions asked for,
with features as they are, standardised by corpus and by speaker. Within one corpus
speakers are held out in turn; those scores stand in brackets.

    python benchmarks/cross_corpus.py emodb=EMODB ravdess=RAVDESS [NAME=DIR ...]
"""

import argparse
import time

from sertools import datasets, evaluation, features, models
from sertools.evaluation._cross_corpus import CrossCorpus

SYSTEMS = (
    ("opensmile", "logistic"),
    ("opensmile", "svm"),
    ("opensmile:ComParE_2016", "logistic"),
    ("opensmile+opensmile:ComParE_2016", "average"),
)
REPORTED = {"none": 0.36, "corpus": 0.49, "speaker": 0.55}
"""eGeMAPS, logistic, four emotions, EmoDB to RAVDESS, as others found it by hand."""


def main() -> None:
    """Cross the corpora and print one board a system."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("corpora", nargs="+", metavar="NAME=DIR")
    parser.add_argument("--emotions", default="angry,happy,neutral,sad")
    parser.add_argument("--systems", help="MODEL/HEAD,... instead of the usual ones")
    parser.add_argument("--jobs", type=int, default=-1)
    options = parser.parse_args()
    start = time.perf_counter()
    given = (text.partition("=")[::2] for text in options.corpora)
    clips = evaluation.concat_corpora(
        datasets.select(datasets.load(name, root=root or None), options.emotions)
        for name, root in given
    )
    systems = SYSTEMS
    if options.systems:
        systems = [text.split("/") for text in options.systems.split(",")]
    for model, head in systems:
        system = models.load(model)
        X = features.extract(system, clips, jobs=options.jobs, progress=False)
        board = evaluation.cross_corpus(head, X, clips)
        print(f"{board}\n")
        if (model, head) == SYSTEMS[0]:
            compare(board)
    print(f"{time.perf_counter() - start:.0f} s")


def compare(board: CrossCorpus) -> None:
    """Put the figures that were known beforehand beside ours."""
    for form, reported in REPORTED.items():
        result = board.results.get(("emodb", "ravdess", form))
        if result is None:
            return
        uar = result.scores()["uar"]
        inside = uar["low"] is None or uar["low"] <= reported <= uar["high"]
        verdict = "within the interval" if inside else "OUTSIDE the interval"
        print(
            f"emodb -> ravdess, {form}: {uar['value']:.3f}; reported {reported:.2f}, "
            f"{verdict}"
        )
    print()


if __name__ == "__main__":
    main()
