"""Evaluate a model: speakers held out, or trained on one corpus, tested on another."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sertools.cli import _output
from sertools.cli._parser import BadUsage, checking

if TYPE_CHECKING:
    import pandas as pd

    from sertools.evaluation import Result

_OWN = "folder"  # the one name that may stand for several corpora


@dataclass
class Corpus:
    """A corpus that a command line names."""

    name: str
    root: str | None = None
    alias: str = ""  # what it is called in results, if not by its name

    def load(self, **options) -> "pd.DataFrame":
        """Load its clips; `options` are those of `sertools.datasets.load`."""
        from sertools import datasets

        clips = datasets.load(self.name, root=self.root, **options)
        if not self.alias:
            return clips
        named = clips.rename(lambda clip: clip.replace(self.name, self.alias, 1))
        return named.assign(dataset=self.alias)


def listed(given: Iterable[str]) -> list[Corpus]:
    """Read corpora, each ``NAME``, ``NAME=DIR`` or ``NAME,NAME``."""
    from sertools import datasets

    found = []
    for text in given:
        name, equals, place = text.partition("=")
        if equals:
            found.append(Corpus(name.strip(), place))
        else:
            found += [Corpus(word) for word in map(str.strip, text.split(",")) if word]
    for corpus in found:
        datasets.card(corpus.name)
    return found


def placed(corpora: Sequence[Corpus], roots: Sequence[str]) -> None:
    """Say of each corpus where it lies."""
    plain = [text for text in roots if not _placed_one(corpora, text)]
    if len(plain) > 1:
        raise BadUsage(f"Say whose folders {' and '.join(plain)} are: --root NAME=DIR.")
    if plain and len(corpora) == 1:
        corpora[0].root = corpora[0].root or plain[0]
    elif plain:
        _look_in(plain[0], [corpus for corpus in corpora if not corpus.root])
    _tell_apart(corpora)


def _placed_one(corpora: Sequence[Corpus], text: str) -> bool:
    """Give a corpus the folder that was named for it; say whether it was."""
    from sertools import datasets

    name, equals, place = text.partition("=")
    same = [corpus for corpus in corpora if corpus.name == name]
    if not equals or not (same or name in datasets.names()):
        return False
    if not same:
        here = ", ".join(corpus.name for corpus in corpora)
        raise BadUsage(f"--root {text}: {name} is not asked for. Corpora here: {here}.")
    if len(same) > 1:
        raise BadUsage(f"Which {name}? Write --train {name}=DIR --test {name}=DIR.")
    if same[0].root:
        raise BadUsage(f"Two folders for {name}: {same[0].root} and {place}.")
    same[0].root = place
    return True


def _look_in(root: str, corpora: Sequence[Corpus]) -> None:
    folder = Path(root).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"--root {root}: there is no such folder.")
    inside = [p for p in folder.iterdir() if p.is_dir()] if folder.is_dir() else []
    own = {place.name.casefold(): str(place) for place in sorted(inside)}
    for corpus in corpora:
        corpus.root = own.get(corpus.name)
    if len(corpora) == 1:
        corpora[0].root = corpora[0].root or root
    elif not any(corpus.root for corpus in corpora):
        names = [corpus.name for corpus in corpora]
        each = " ".join(f"--root {name}=DIR" for name in names)
        raise BadUsage(
            f"{root} has no folder {' or '.join(names)} in it. Say where each is: "
            f"{each}."
        )


def _tell_apart(corpora: Sequence[Corpus]) -> None:
    """Call folders of one's own by their folders' names where there are several."""
    names = [corpus.name for corpus in corpora]
    twice = sorted({name for name in names if names.count(name) > 1})
    if not twice:
        return
    if twice != [_OWN]:
        raise BadUsage(
            f"{twice[0]} is there twice. Within one corpus hold speakers out: "
            f"--dataset {twice[0]} --folds speaker."
        )
    own = [corpus for corpus in corpora if corpus.name == _OWN]
    places = [Path(corpus.root or _OWN).expanduser().resolve() for corpus in own]
    short = [place.stem if place.is_file() else place.name for place in places]
    if len(set(short)) < len(short):
        short = [f"{p.parent.name}/{s}" for p, s in zip(places, short, strict=True)]
    if len(set(short)) < len(short):
        raise BadUsage(f"Two folders of one name ({short[0]}): give each its own.")
    for corpus, name in zip(own, short, strict=True):
        corpus.alias = f"{_OWN}:{name}"


_SHOWN = 20  # excluded clips named on the screen
_RESULTS = ("metrics.json", "predictions.parquet")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    add = parser.add_argument
    add("--dataset", metavar="NAME", help="corpus; see sertools datasets")
    add(
        "--train",
        action="append",
        default=[],
        metavar="NAME,...",
        help="instead of --dataset: corpora to train on, NAME or NAME=DIR",
    )
    add(
        "--test",
        action="append",
        default=[],
        metavar="NAME",
        help="with --train: the corpus to test on, NAME or NAME=DIR",
    )
    add(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        help="where the corpus lies; with several, NAME=DIR for each, or one folder "
        "that has a folder of each name in it",
    )
    add("--model", required=True, metavar="NAME", help="system; see sertools models")
    add("--weights", metavar="PATH", help="the model's file or folder of parameters")
    add("--trust", action="store_true", help="allow weights that can run code")
    add(
        "--head",
        metavar="NAME",
        help="classifier on top of the features: svm, random_forest, logistic, "
        "average, stack, best, linear, weighted",
    )
    add(
        "--folds",
        metavar="NAME",
        help="what is held out: speaker (default), published:NAME, random, or a column",
    )
    add("--emotions", metavar="LIST", help="only these: angry,happy,neutral,sad")
    add(
        "--merge",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="fold one emotion into another: calm=neutral; repeat for more",
    )
    add(
        "--standardize",
        default="none",
        metavar="NAME",
        help="what the features are standardised over: none (default), corpus, "
        "speaker, speaker_shrunk",
    )
    add(
        "--tune",
        action="store_true",
        help="choose the head's settings inside the training clips, by speaker",
    )
    add(
        "--max-clips", type=int, default=0, metavar="N", help="a balanced sample (each)"
    )
    add("--seed", type=int, default=0, metavar="N", help="of all random draws (0)")
    add("--strict", action="store_true", help="stop if any file cannot be used")
    add("--jobs", type=int, default=-1, metavar="N", help="processes (-1: all cores)")
    add("--out", metavar="DIR", help="save metrics, predictions and run.json there")
    add("--json", action="store_true", help="print the metrics as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, say how it went, and save it."""
    quiet = {} if arguments.debug else {"PYTHONWARNINGS": "ignore"}  # of the workers
    with _output.working(), _output.environment(quiet):
        clips, model = _checked(arguments)
        result = _recorded(arguments, clips, model)
    if arguments.json:
        _output.as_json(result.metrics())
    else:
        _tell(result)
        if arguments.out:
            _output.say(f"Saved in {arguments.out}: {', '.join(_RESULTS)}, run.json")
    return 0


def _tell(result: "Result") -> None:
    """Show a result, and name every clip that could not be used, up to a point."""
    _output.say(repr(result))
    further = result.excluded[1:]  # the first stands in the result's own notes
    for item in further[:_SHOWN]:
        _output.say(f"  also excluded: {item['clip']} ({item['reason']}).")
    if len(further) > _SHOWN:
        _output.say(f"  and {len(further) - _SHOWN} more; metrics.json names them all.")


def _checked(arguments: argparse.Namespace) -> tuple["pd.DataFrame", object]:
    """Refuse what cannot work before any work is done."""
    from sertools import evaluation, labels, models

    with checking():
        named = _named(arguments)
        for word in filter(None, (arguments.emotions or "").split(",")):
            labels.canonical(word)
        _check_form(arguments.standardize)
        merge = _merge(arguments.merge)
        model = models.load(
            arguments.model, weights=arguments.weights, trust=arguments.trust
        )
        _check_head(model, arguments)
    tables = [_chosen(corpus, merge, arguments) for corpus in named]
    with checking():
        clips = tables[0] if len(tables) == 1 else evaluation.concat_corpora(tables)
        if arguments.dataset and arguments.head:
            evaluation.folds.assign(clips, arguments.folds or "speaker", arguments.seed)
        _check_speakers(arguments.standardize, clips)
    if arguments.strict and clips.attrs.get("excluded"):
        raise ValueError(_unusable(clips.attrs["excluded"]))
    return clips, model


def _named(arguments: argparse.Namespace) -> list[Corpus]:
    """Say which corpora are used, the one tested on last, and where they lie."""
    if arguments.dataset and (arguments.train or arguments.test):
        raise BadUsage(
            "--dataset holds speakers of one corpus out; --train and --test take two "
            "or more. Give one or the other."
        )
    if not (arguments.dataset or (arguments.train and arguments.test)):
        raise BadUsage("Name a corpus: --dataset NAME, or --train NAME --test NAME.")
    test = listed(arguments.test or [arguments.dataset])
    if len(test) > 1:
        raise BadUsage(
            f"Test on one corpus at a time, not on {len(test)}; --train takes several."
        )
    named = [*listed(arguments.train), *test]
    placed(named, arguments.root)
    return named


def _chosen(corpus: Corpus, merge: dict, arguments) -> "pd.DataFrame":
    from sertools import datasets

    clips = corpus.load(merge=merge)
    try:
        return datasets.select(
            clips, arguments.emotions, arguments.max_clips, arguments.seed
        )
    except ValueError as error:
        raise BadUsage(f"{corpus.alias or corpus.name}: {error}") from error


def _check_form(standardize: str) -> None:
    from sertools.features._standardization import FORMS

    if standardize not in FORMS:
        known = ", ".join(FORMS)
        raise BadUsage(f"Unknown --standardize {standardize!r}. Known: {known}.")


def _check_speakers(standardize: str, clips: "pd.DataFrame") -> None:
    unknown = int(clips["speaker"].isna().sum())
    if standardize.startswith("speaker") and unknown:
        raise BadUsage(
            f"--standardize {standardize}: the speaker of {unknown} of {len(clips)} "
            "clips is unknown."
        )


def _merge(pairs: list[str]) -> dict[str, str]:
    from sertools import labels

    merge = {}
    for pair in ",".join(pairs).split(","):
        old, equals, new = pair.partition("=")
        if pair and not equals:
            raise BadUsage(
                f"--merge takes OLD=NEW, such as calm=neutral, not {pair!r}."
            )
        if pair:
            merge[labels.canonical(old)] = labels.canonical(new)
    return merge


def _check_head(model, arguments: argparse.Namespace) -> None:
    from sertools import models

    heads = ", ".join(models.heads.names())
    if arguments.head:
        models.heads.make(arguments.head)
        if not hasattr(model, "embed"):
            raise BadUsage(f"{arguments.model} classifies by itself: leave --head out.")
    elif not hasattr(model, "predict_proba"):
        raise BadUsage(
            f"{arguments.model} gives features, not emotions. Add --head: {heads}."
        )
    elif arguments.train:
        raise BadUsage(
            f"{arguments.model} classifies by itself: nothing is trained, so take "
            "--dataset, not --train and --test."
        )
    elif arguments.folds or arguments.tune or arguments.standardize != "none":
        raise BadUsage(
            f"{arguments.model} classifies by itself: nothing is trained, so leave "
            "--folds, --standardize and --tune out."
        )
    if arguments.train and arguments.folds:
        raise BadUsage("--train and --test say what is held out: leave --folds out.")


def _unusable(excluded: list[dict]) -> str:
    named = "; ".join(f"{item['clip']}: {item['reason']}" for item in excluded[:5])
    more = f"; and {len(excluded) - 5} more" if len(excluded) > 5 else ""
    return f"{len(excluded)} files cannot be used (--strict): {named}{more}."


def _recorded(arguments: argparse.Namespace, clips, model) -> "Result":
    """Evaluate; where results are kept, keep `run.json` about it as well."""
    if not arguments.out:
        return _evaluated(arguments, clips, model)
    from sertools.report._status import Status

    folder = Path(arguments.out)
    folder.mkdir(parents=True, exist_ok=True)
    for name in _RESULTS:  # of an earlier run: they would belie run.json
        (folder / name).unlink(missing_ok=True)
    own = ("command", "run", "unknown", "debug", "json", "jobs", "out")
    given = {key: value for key, value in vars(arguments).items() if key not in own}
    for name in ("train", "test", "root"):
        given[name] = _one_or_all(given[name])
    status = Status(None, given)
    status.write(folder)
    try:
        result = _evaluated(arguments, clips, model)
        result.save(folder)
        status.end(metrics=result.metrics(), peak_rss_mb=_peak())
    except BaseException as error:
        told = {"cell": None, "name": type(error).__name__, "message": str(error)}
        status.end(error=told, peak_rss_mb=_peak())
        raise
    finally:
        status.write(folder)
    return result


def _evaluated(arguments: argparse.Namespace, clips, model) -> "Result":
    from sertools import evaluation, features
    from sertools.evaluation import _ahead

    if not arguments.head:
        return evaluation.predict(
            model, clips, jobs=arguments.jobs, strict=arguments.strict
        )
    with _ahead.preparing(arguments.head, clips):
        X = features.extract(model, clips, jobs=arguments.jobs, strict=arguments.strict)
    given = {"seed": arguments.seed, "standardize": arguments.standardize}
    if arguments.tune:
        given["tune"] = True
    if arguments.train:
        *train, test = clips["dataset"].unique()  # in the order they were named
        return evaluation.transfer(arguments.head, X, clips, test, train, **given)
    folds = arguments.folds or "speaker"
    return evaluation.cross_validate(arguments.head, X, clips, folds, **given)


def _one_or_all(given: list[str]) -> str | list[str] | None:
    return given if len(given) > 1 else next(iter(given), None)


def _peak() -> float:
    """Give the most memory this process held at once, in megabytes."""
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3 / 1.024), 1)
