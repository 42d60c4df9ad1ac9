"""Evaluate a model: speakers held out, or trained on one corpus, tested on another."""

import argparse
from typing import TYPE_CHECKING

from sertools.cli import _output, _targets
from sertools.cli._corpora import Corpus, listed, placed
from sertools.cli._parser import (
    BadUsage,
    Parser,
    checking,
    merge_of,
    model_of,
    own_of,
    selected,
    settings_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from sertools.evaluation import Result

_RESULTS = ("metrics.json", "predictions.parquet")


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    several, share = {"action": "append", "default": []}, parser.share
    share("--dataset")
    parser.add_argument(
        "--train",
        **several,
        metavar="NAME,...",
        help="instead of --dataset: corpora to train on, NAME or NAME=DIR",
    )
    parser.add_argument(
        "--test",
        **several,
        metavar="NAME",
        help="with --train: the corpus to test on, NAME or NAME=DIR",
    )
    share(
        "--root",
        **several,
        help="where the corpus lies; with several, NAME=DIR for each, or one folder "
        "that has a folder of each name in it",
    )
    share("--columns", "--labels")
    share("--model", required=True)
    share("--weights", "--trust", "--head")
    share(
        "--folds",
        help="what is held out: speaker (default), published:NAME, random, or a column",
    )
    share("--emotions", "--merge", "--standardize")
    parser.add_argument(
        "--tune",
        action="store_true",
        help="choose the head's settings inside the training clips, by speaker",
    )
    share("--max-clips", help="a balanced sample (each)")
    share("--seed", "--strict", "--jobs")
    share("--out", help="save metrics, predictions and run.json there")
    share("--json", help="print the metrics as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate, say how it went, and save it."""
    with _output.working(arguments.debug):
        clips, model = _checked(arguments)
        result, unsaved = _recorded(arguments, clips, model)
    if arguments.json:
        _output.as_json(result.metrics())
    else:
        _output.say(repr(result))
        further = result.excluded[1:]  # the first stands in the result's own notes
        _output.excluded(further, "also ", "metrics.json names them all.")
    if unsaved:
        _output.error(unsaved, traceback=arguments.debug)
    elif arguments.out and not arguments.json:
        _output.say(f"Saved in {arguments.out}: {', '.join(_RESULTS)}, run.json")
    return int(unsaved is not None)


def _checked(arguments: argparse.Namespace) -> tuple["pd.DataFrame", object]:
    """Refuse what cannot work before any work is done."""
    from sertools import evaluation
    from sertools.metadata import ClipsMetadata

    with checking():
        named = _named(arguments)
        inputs = [*(one.root for one in named), arguments.weights]
        where, ours = arguments.out, _targets.holds_a_run
        _targets.folder(where, "--out", ours, inputs, _RESULTS)
        own = own_of(arguments, [one.name for one in named])
        _check_form(arguments.standardize)
        merge, model = merge_of(arguments), model_of(arguments)
        _check_head(model, arguments)
    tables = [
        selected(one.load(merge=merge, **own), arguments, one.alias or one.name)
        for one in named
    ]
    with checking():
        clips = tables[0] if len(tables) == 1 else evaluation.concat_corpora(tables)
        if arguments.dataset and arguments.head:
            evaluation.folds.assign(clips, arguments.folds or "speaker", arguments.seed)
        _check_speakers(arguments.standardize, clips)
    if arguments.strict and (excluded := ClipsMetadata.of(clips).excluded):
        raise ValueError(_unusable(excluded))
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


def _recorded(
    arguments: argparse.Namespace, clips, model
) -> tuple["Result", OSError | None]:
    """Evaluate, and save it if asked to; a result is kept though saving it fails."""
    if not arguments.out:
        return _evaluated(arguments, clips, model), None
    from sertools.report._status import recording

    given = settings_of(arguments)
    for name in ("train", "test", "root"):
        given[name] = _one_or_all(given[name])
    result = None
    try:
        with recording(arguments.out, given, _RESULTS) as status:
            result = _evaluated(arguments, clips, model)
            result.save(arguments.out)
            status.metrics = result.metrics()
    except OSError as error:
        if result is None:
            raise
        return result, error
    return result, None


def _evaluated(arguments: argparse.Namespace, clips, model) -> "Result":
    from sertools import evaluation, features

    if not arguments.head:
        return evaluation.predict(
            model, clips, jobs=arguments.jobs, strict=arguments.strict
        )
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
