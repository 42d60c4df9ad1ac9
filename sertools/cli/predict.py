"""Name the emotion that recordings sound like: files, folders, long recordings."""

import argparse

from sertools import intended_use
from sertools.cli import _output
from sertools.cli._parser import BadUsage, Parser, checking, model_of

_DEFAULT = "trained:emodb_egemaps"
_USE = f"{intended_use.LINE} More: sertools predict --intended-use"
_SHOWN = 0.005  # probabilities below are not shown


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    add, share = parser.add_argument, parser.share
    add("files", nargs="*", metavar="FILE", help="recordings, or folders of them")
    share("--model", default=_DEFAULT, help=f"system ({_DEFAULT})")
    share("--weights", "--trust")
    add("--csv", metavar="PATH", help="save a table, one row a segment")
    add(
        "--labels",
        metavar="PATH",
        help="save Audacity labels: a file for one recording, a folder for several",
    )
    add(
        "--rttm", metavar="PATH", help="save RTTM, the emotion where a speaker would be"
    )
    share("--strict", help="exit with 1 if any file cannot be used")
    share("--jobs")
    share("--json", help="print everything as JSON")
    add("--intended-use", action="store_true", help="what a score means, and doesn't")


def run(arguments: argparse.Namespace) -> int:
    """Score every recording; name those that cannot be used."""
    if arguments.intended_use:
        _output.say(intended_use.page())
        return 0
    if not arguments.files:
        raise BadUsage("Which recordings? sertools predict FILE ... (or a folder)")
    with _output.working(arguments.debug):
        model = _model(arguments)
        found, unusable = _scored(model, arguments)
        _save(arguments, found)
    if arguments.json:
        _output.as_json(_as_json(model, found, unusable))
    else:
        _tell(model, found, arguments)
    for path, reason in unusable.items():
        _output.note(f"not used: {path}: {reason}.")
    return int(not found or (arguments.strict and bool(unusable)))


def _model(arguments: argparse.Namespace):
    """Load the system first: what is wrong with it is no recording's fault."""
    with checking():
        model = model_of(arguments)
        if not hasattr(model, "predict_proba"):
            raise BadUsage(
                f"{arguments.model} gives features, not emotions. Train a head on "
                "them first: sertools train --help"
            )
    _ = model.backend, model.classes_
    return model


def _scored(model, arguments: argparse.Namespace) -> tuple[dict, dict]:
    """Give each recording's timeline, and a reason for each that has none."""
    from sertools import progress as bars
    from sertools.features import _recordings

    paths, unusable = _recordings.found(arguments.files)
    answers = {}
    with bars.bar(len(paths), "Listening", "files", len(paths) > 1) as counter:
        for path, answer in _recordings.timelines(model, paths, arguments.jobs):
            answers[path] = answer
            counter.update(1)
    scored = {path: answers[path] for path in paths}  # in their order
    unusable |= {path: said for path, said in scored.items() if isinstance(said, str)}
    return {p: rows for p, rows in scored.items() if p not in unusable}, unusable


def _tell(model, found: dict, arguments: argparse.Namespace) -> None:
    """Show a table, the line on what it means, and where files went."""
    if not found:
        return
    from sertools.features import _export

    rows = _export.rows(found)
    cut = len(rows) > len(found) or any(row["start"] for row in rows)
    head = ("file", *(("time",) if cut else ()), "emotion", "", "others")
    _output.table((_cells(row, cut) for row in rows), head)
    if model.random_weights:
        _output.say("Random weights: no answer here means anything.")
    _output.say(_USE)
    for path in filter(None, (arguments.csv, arguments.labels, arguments.rttm)):
        _output.say(f"Saved: {path}")


def _cells(row: dict, cut: bool) -> tuple:
    others = sorted(row["probabilities"].items(), key=lambda pair: -pair[1])
    shown = ", ".join(
        f"{name} {p:.2f}"
        for name, p in others
        if name != row["emotion"] and p >= _SHOWN
    )
    time = (f"{_clock(row['start'])}-{_clock(row['end'])}",) if cut else ()
    return row["file"], *time, row["emotion"], f"{row['probability']:.2f}", shown


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    return (
        f"{hours}:{minutes:02}:{seconds:04.1f}"
        if hours
        else f"{minutes}:{seconds:04.1f}"
    )


def _as_json(model, found: dict, unusable: dict) -> dict:
    from sertools.features import _export

    files: dict[str, list] = {}
    for row in _export.rows(found):
        files.setdefault(row.pop("file"), []).append(row)
    return {
        "model": model.label,
        "random_weights": model.random_weights,
        "intended_use": _USE,
        "files": [{"file": name, "segments": rows} for name, rows in files.items()],
        "not_used": [{"file": str(p), "reason": why} for p, why in unusable.items()],
    }


def _save(arguments: argparse.Namespace, found: dict) -> None:
    """Write what was asked for, each file whole."""
    from sertools import features
    from sertools.features import _export

    if found and arguments.csv:
        features.export(found, arguments.csv, "csv")
    if found and arguments.rttm:
        features.export(found, arguments.rttm, "rttm")
    if found and arguments.labels:
        _export.export_labels(found, arguments.labels)
