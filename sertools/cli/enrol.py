"""Show how a score by speaker depends on the clips known of the speaker."""

import argparse
from pathlib import Path

from sertools.cli import output
from sertools.cli.usage import BadUsage, checking

__all__ = ["declare", "run"]

_FILES = ("enrolment.csv", "enrolment.png")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add = parser.add_argument
    add(
        "--dataset", required=True, metavar="NAME", help="corpus; see sertools datasets"
    )
    add("--root", metavar="DIR", help="where it lies")
    add("--model", required=True, metavar="NAME", help="system; see sertools models")
    add("--weights", metavar="PATH", help="the model's file or folder of parameters")
    add("--trust", action="store_true", help="allow weights that can run code")
    add(
        "--head", default="svm", metavar="NAME", help="classifier on the features (svm)"
    )
    add("--emotions", metavar="LIST", help="only these: angry,happy,neutral,sad")
    add(
        "--merge",
        default="",
        metavar="OLD=NEW,...",
        help="fold one emotion into another: calm=neutral",
    )
    add(
        "--standardize",
        default="speaker,speaker_shrunk",
        metavar="LIST",
        help="ways to compare: speaker,speaker_shrunk (default), speaker_centred, "
        "speaker_robust, speaker_neutral, speaker_explained",
    )
    add(
        "--counts",
        default="0,1,2,3,5,10,20",
        metavar="LIST",
        help="clips known of the tested speaker (0,1,2,3,5,10,20); all is added",
    )
    add(
        "--mixes",
        default="",
        metavar="LIST",
        help="balanced, random, EMOTION:PERCENT (balanced,random,angry:80,sad:80,"
        "neutral:100)",
    )
    add("--draws", type=int, default=20, metavar="N", help="of the clips known (20)")
    add("--seed", type=int, default=0, metavar="N", help="of all random draws (0)")
    add("--jobs", type=int, default=-1, metavar="N", help="processes (-1: all cores)")
    add("--out", metavar="DIR", help=f"save {' and '.join(_FILES)} there")
    add("--json", action="store_true", help="print the curves as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Draw enrolment clips, score, and show the curves."""
    from sertools import datasets, evaluation, features, models

    with output.working():
        with checking():
            datasets.card(arguments.dataset)
            models.heads.make(arguments.head)
            model = models.load(
                arguments.model, weights=arguments.weights, trust=arguments.trust
            )
            counts = _numbers(arguments.counts)
            merge = _folded(arguments.merge)
        if not hasattr(model, "embed"):
            raise BadUsage(
                f"{arguments.model} classifies by itself: nothing is standardised."
            )
        clips = datasets.load(arguments.dataset, root=arguments.root, merge=merge)
        with checking():
            clips = datasets.select(clips, arguments.emotions)
        X = features.extract(model, clips, jobs=arguments.jobs)
        with checking():
            found = evaluation.enrolment(
                X,
                clips,
                arguments.head,
                _listed(arguments.standardize),
                counts,
                _listed(arguments.mixes) or None,
                arguments.draws,
                arguments.seed,
            )
        if arguments.out:
            _save(found, Path(arguments.out))
    if arguments.json:
        output.as_json(_plain(found))
    else:
        output.say(repr(found))
        if arguments.out:
            output.say(f"Saved in {arguments.out}: {', '.join(_FILES)}")
    return 0


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _folded(text: str) -> dict[str, str]:
    from sertools import labels

    pairs = [word.partition("=") for word in _listed(text)]
    for old, equals, new in pairs:
        if not equals:
            raise BadUsage(
                f"--merge takes OLD=NEW, such as calm=neutral, not {old + new!r}."
            )
    return {labels.canonical(old): labels.canonical(new) for old, _, new in pairs}


def _numbers(text: str) -> list[int]:
    for word in _listed(text):
        if not word.isdecimal():
            raise BadUsage(f"--counts takes numbers such as 0,5,20, not {word!r}.")
    return [int(word) for word in _listed(text)]


def _plain(found) -> dict:
    """Give the curves as plain values."""
    rows = found.table.astype(object).where(found.table.notna(), None)
    return {
        **found.info,
        "n_clips": found.n_clips,
        "n_speakers": found.n_speakers,
        "chance": found.chance,
        "not_standardised": found.nothing,
        "presumes_speaker": True,
        "curves": rows.to_dict("records"),
        "notes": found.notes,
    }


def _save(found, folder: Path) -> None:
    """Write the table, and a picture with one panel for each way."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from sertools import plots

    folder.mkdir(parents=True, exist_ok=True)
    found.table.to_csv(folder / _FILES[0], index=False)
    columns = min(len(found.ways), 2)
    rows = -(-len(found.ways) // columns)
    figure = Figure(figsize=(6.5 * columns, 5 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, way in zip(panels, found.ways, strict=False):
        plots.enrolment(found, way, ax=panel)
    for panel in panels[len(found.ways) :]:
        panel.remove()
    figure.savefig(folder / _FILES[1], dpi=150)
