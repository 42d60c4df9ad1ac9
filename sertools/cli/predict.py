"""Name the emotion that recordings sound like: files, folders, long recordings."""

import argparse
import os
from functools import partial

from sertools import intended_use
from sertools.cli import _output, _targets
from sertools.cli._parser import BadUsage, Parser, checking, model_of
from sertools.display import visible

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
    share("--jobs", "--max-minutes")
    share("--json", help="print everything as JSON")
    add("--intended-use", action="store_true", help="what a score means, and doesn't")


def run(arguments: argparse.Namespace) -> int:
    """Score every recording; name those that cannot be used."""
    if arguments.intended_use:
        _output.say(intended_use.page())
        return 0
    if not arguments.files:
        raise BadUsage("Which recordings? sertools predict FILE ... (or a folder)")
    from sertools.features import _recordings

    paths, absent = _recordings.found(arguments.files)
    _check_targets(arguments, paths)
    with _output.working(arguments.debug):
        model = _model(arguments)
        found, unusable = _scored(model, arguments, paths)
    unusable = absent | unusable
    if arguments.json:
        _output.as_json(_as_json(model, found, unusable))
    else:
        _tell(model, found)
    for path, reason in unusable.items():
        _output.note(f"not used: {visible(path)}: {reason}.")
    saved = _save(arguments, found)  # last: answers are shown whatever becomes of it
    return int(not (found and saved) or (arguments.strict and bool(unusable)))


def _check_targets(arguments: argparse.Namespace, paths: list) -> None:
    """Look at where tables and labels go before an hour of work."""
    inputs = [*paths, *arguments.files, arguments.weights]
    label_track = partial(_is_export, "labels")
    for kind in ("csv", "rttm"):
        ours = partial(_is_export, kind)
        _targets.file(getattr(arguments, kind), f"--{kind}", ours, inputs)
    labels = arguments.labels
    if labels and (len(paths) > 1 or os.path.isdir(labels)):
        ours = _targets.holds_only(label_track, ".txt")
        _targets.folder(labels, "--labels, for several recordings,", ours, inputs)
    else:
        _targets.file(labels, "--labels", label_track, inputs)
    given = [os.path.abspath(place) for place in _asked_files(arguments)]
    if len(set(given)) < len(given):
        raise BadUsage("--csv, --labels and --rttm each take a place of their own.")


def _is_export(kind: str, text: str) -> bool:
    from sertools.features import _export

    return _export.is_export(text, kind)


def _asked_files(arguments: argparse.Namespace) -> list[str]:
    return list(filter(None, (arguments.csv, arguments.labels, arguments.rttm)))


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


def _scored(model, arguments: argparse.Namespace, paths: list) -> tuple[dict, dict]:
    """Give each recording's timeline, and a reason for each that has none."""
    from sertools import progress as bars
    from sertools.features import _recordings

    answers = {}
    with bars.bar(len(paths), "Listening", "files", len(paths) > 1) as counter:
        asked = (model, paths, arguments.jobs, arguments.max_minutes)
        for path, answer in _recordings.timelines(*asked):
            answers[path] = answer
            counter.update(1)
    scored = {path: answers[path] for path in paths}  # in their order
    unusable = {path: said for path, said in scored.items() if isinstance(said, str)}
    _recordings.check_blame(unusable, len(paths))
    return {p: rows for p, rows in scored.items() if p not in unusable}, unusable


def _tell(model, found: dict) -> None:
    """Show a table, and the line on what it means."""
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
        "not_used": [
            {"file": visible(path), "reason": str(why)}
            for path, why in unusable.items()
        ],
    }


def _save(arguments: argparse.Namespace, found: dict) -> bool:
    """Write what was asked for, each file whole; say whether all were written."""
    from sertools import features
    from sertools.features import _export

    ways = {
        arguments.csv: partial(features.export, kind="csv"),
        arguments.rttm: partial(features.export, kind="rttm"),
        arguments.labels: _export.export_labels,
    }
    done = True
    for place in _asked_files(arguments) if found else ():
        try:
            ways[place](found, place)
        except (OSError, ValueError) as error:
            _output.note(f"sertools: {place} was not saved: {_reason(error)}.")
            done = False
        else:
            if not arguments.json:
                _output.say(f"Saved: {place}")
    return done


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")
