"""Name the emotion that recordings sound like: files, folders, long recordings."""

import argparse
from pathlib import Path

from sertools import intended_use
from sertools.cli import _output
from sertools.cli._parser import BadUsage, checking

_DEFAULT = "trained:emodb_egemaps"
_USE = f"{intended_use.LINE} More: sertools predict --intended-use"
_MANY = 8  # recordings from which on worker processes are worth their start
_SHOWN = 0.005  # probabilities below are not shown


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="recordings, or folders of them")
    add("--model", default=_DEFAULT, metavar="NAME", help=f"system ({_DEFAULT})")
    add("--weights", metavar="PATH", help="the model's file or folder of parameters")
    add("--trust", action="store_true", help="allow weights that can run code")
    add("--csv", metavar="PATH", help="save a table, one row a segment")
    add(
        "--labels",
        metavar="PATH",
        help="save Audacity labels: a file for one recording, a folder for several",
    )
    add(
        "--rttm", metavar="PATH", help="save RTTM, the emotion where a speaker would be"
    )
    add("--strict", action="store_true", help="exit with 1 if any file cannot be used")
    add("--jobs", type=int, default=-1, metavar="N", help="processes (-1: all cores)")
    add("--json", action="store_true", help="print everything as JSON")
    add("--intended-use", action="store_true", help="what a score means, and doesn't")


def run(arguments: argparse.Namespace) -> int:
    """Score every recording; name those that cannot be used."""
    if arguments.intended_use:
        _output.say(intended_use.page())
        return 0
    if not arguments.files:
        raise BadUsage("Which recordings? sertools predict FILE ... (or a folder)")
    quiet = {} if arguments.debug else {"PYTHONWARNINGS": "ignore"}  # of the workers
    with _output.working(), _output.environment(quiet):
        model = _model(arguments)
        paths, unusable = _recordings(arguments.files)
        found = _scored(model, paths, arguments.jobs, unusable)
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
    from sertools import models

    with checking():
        model = models.load(
            arguments.model, weights=arguments.weights, trust=arguments.trust
        )
        if not hasattr(model, "predict_proba"):
            raise BadUsage(
                f"{arguments.model} gives features, not emotions. Train a head on "
                "them first: sertools train --help"
            )
    _ = model.backend
    return model


def _recordings(given: list[str]) -> tuple[list[Path], dict[Path, str]]:
    """List the files, those of folders by what libsndfile reads, each once."""
    paths, unusable = [], {}
    for path in map(Path, given):
        if not path.is_dir():
            paths.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if _is_audio(p, path))
        paths += inside
        if not inside:
            unusable[path] = "a folder without audio files"
    return list(dict.fromkeys(paths)), unusable


def _is_audio(path: Path, folder: Path) -> bool:
    import soundfile

    from sertools.audio._loading import UNREAD

    known = {name.lower() for name in soundfile.available_formats()} - {"raw"}
    known |= {"aif", "aifc", "oga", "opus", "mp3", "wave", "snd"}
    known |= {ending[1:] for ending in UNREAD}  # to say so
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix[1:].lower() in known and not hidden and path.is_file()


def _scored(model, paths, jobs, unusable) -> dict:
    """Score recordings one by one; give a table each, and a reason for the others."""
    from sertools import progress as bars

    answers = {}
    with bars.bar(len(paths), "Listening", "files", len(paths) > 1) as counter:
        for path, answer in _answers(model, paths, jobs):
            answers[path] = answer
            counter.update(1)
    found = {}
    for path in paths:
        answer = answers[path]
        if isinstance(answer, str):
            unusable[path] = answer
        elif answer.empty:
            unusable[path] = "silent: no speech is heard"
        else:
            found[path] = answer
    return found


def _answers(model, paths, jobs):
    """Yield each path with its answer, from workers where there are many."""
    if len(paths) < _MANY or jobs == 1 or not model.run_in_workers:
        for path in paths:
            yield path, _answer(model, path, alone=len(paths) == 1)
        return
    from joblib import Parallel, delayed
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    left = list(paths)
    try:
        workers = Parallel(jobs, return_as="generator")
        for answer in workers(delayed(_answer)(model, path) for path in paths):
            yield left.pop(0), answer
    except TerminatedWorkerError:  # find which: each in a process of its own
        for path in left:
            try:
                (answer,) = Parallel(2)([delayed(_answer)(model, path)])
            except TerminatedWorkerError:
                answer = "the process that read it died (a native crash)"
            yield path, answer


def _answer(model, path: Path, alone: bool = False):
    """Score one recording; a reason stands in for one that cannot be used."""
    from sertools import features

    try:
        return features.timeline(model, path, progress=alone)
    except (ValueError, OSError) as error:
        return str(error).removeprefix(f"{path}: ").rstrip(".")


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
    from sertools import features, files
    from sertools.features import _export

    if not found:
        return
    if arguments.csv:
        features.export(found, arguments.csv, "csv")
    if arguments.rttm:
        features.export(found, arguments.rttm, "rttm")
    if arguments.labels:
        target = Path(arguments.labels)
        if len(found) == 1 and not target.is_dir():
            features.export(found, target, "labels")
        else:
            for path, text in _export.tracks(found, target).items():
                files.write_text(path, text)
