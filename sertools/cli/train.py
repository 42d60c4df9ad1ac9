"""Train a head on a corpus and save it, with its score on held-out speakers."""

import argparse
import os
import shlex

from sertools.cli import _output, _targets
from sertools.cli._corpora import Corpus, listed
from sertools.cli._parser import (
    HEADS,
    BadUsage,
    Parser,
    checking,
    merge_of,
    model_of,
    own_of,
    selected,
)

# In the command line that a head's card keeps.
_REMEMBERED = (
    *(
        "dataset",
        "root",
        "columns",
        "labels",
        "emotions",
        "merge",
        "max_clips",
        "model",
        "weights",
    ),
    *("trust", "head", "folds", "test", "no_abstain", "seed", "out"),
)


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    share = parser.share
    share("--dataset", required=True)
    share("--root", "--columns", "--labels")
    share("--model", required=True)
    share("--weights", "--trust")
    share("--head", help=f"{HEADS}; none for a system that trains whole")
    share(
        "--folds",
        default="speaker",
        help="what is held out for the score: speaker (default), published:NAME, "
        "random, or a column",
    )
    share("--emotions", "--merge", "--max-clips")
    parser.add_argument(
        "--test",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="score it on another corpus, too; repeat for more",
    )
    parser.add_argument(
        "--no-abstain",
        action="store_true",
        help="never answer 'other', however strange a clip is",
    )
    share("--seed", "--strict", "--jobs")
    share("--out", required=True, help="save it there")
    share("--json", help="print the scores as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Train, save, and say how it did on speakers it had not heard."""
    from sertools import training

    with _output.working(arguments.debug):
        clips, model, tests = _checked(arguments)
        made = training.train(
            model,
            arguments.head,
            clips,
            arguments.out,
            seed=arguments.seed,
            folds=arguments.folds,
            abstain=not arguments.no_abstain,
            tests=tests,
            command=_command(arguments),
            jobs=arguments.jobs,
            strict=arguments.strict,
        )
        facts = training.facts(arguments.out)
    use = f"--model {made.name} --weights {shlex.quote(arguments.out)}"
    told = {
        "out": arguments.out,
        "predict": f"sertools predict FILE {use}",
        "scores": facts["scores"],
        "excluded": facts["training"]["excluded"],
        "warnings": facts.get("warnings", []),
    }
    if arguments.json:
        _output.as_json(told)
    else:
        _tell(told, facts)
    return 0


def _checked(arguments: argparse.Namespace):
    """Refuse what cannot work before any work is done."""
    from sertools import datasets, evaluation, training

    with checking():
        datasets.card(arguments.dataset)
        merge, model = merge_of(arguments), model_of(arguments)
        _check_head(model, arguments)
        others = listed(arguments.test)
        own = own_of(arguments, [arguments.dataset, *(one.name for one in others)])
    inputs = [arguments.root, arguments.weights, *(one.root for one in others)]
    _targets.folder(arguments.out, "--out", lambda folder: True, inputs)
    with checking(FileExistsError):
        training.check_out(arguments.out)
    corpus = Corpus(arguments.dataset, arguments.root)
    clips = corpus.load(merge=merge, **own)
    tests = {other.name: other.load(merge=merge, **own) for other in others}
    with checking():
        clips = selected(clips, arguments)
        if arguments.head:
            evaluation.folds.assign(clips, arguments.folds, arguments.seed)
    return clips, model, tests


def _check_head(model, arguments: argparse.Namespace) -> None:
    from sertools import models

    heads = ", ".join(models.heads.names())
    if hasattr(model, "save"):
        if arguments.head or arguments.test or arguments.no_abstain:
            raise BadUsage(
                f"{arguments.model} trains whole: leave --head, --test and "
                "--no-abstain out."
            )
    elif not hasattr(model, "embed"):
        raise BadUsage(f"{arguments.model} cannot be trained. Add a head to another.")
    elif not arguments.head:
        raise BadUsage(f"{arguments.model} gives features. Add --head: {heads}.")
    else:
        models.heads.make(arguments.head)


def _command(arguments: argparse.Namespace) -> str:
    """Give the command line that makes the same head again."""
    words = ["sertools", "train"]
    for name in _REMEMBERED:
        value = getattr(arguments, name)
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif value not in (None, False, 0, [], "speaker"):
            several = value if isinstance(value, list) else [value]
            words += [word for one in several for word in (option, str(one))]
    return shlex.join(words)


def _tell(told: dict, facts: dict) -> None:
    """Show the scores, whatever could not be used, and what to do next."""
    trained = facts["training"]
    emotions = ", ".join(f"{name} {n}" for name, n in trained["emotions"].items())
    _output.say(f"Trained on {trained['n_clips']} clips: {emotions}.")
    for where, scores in told["scores"].items():
        n = scores["n_speakers"]
        who = "speakers unknown" if n is None else f"{n} speakers"
        _output.say(f"{where}: {scores['n_clips']} clips, {who}")
        for line in _lines(scores):
            _output.say(f"  {line}")
    for note in told["warnings"]:
        _output.say(f"  {note}")
    _output.excluded(told["excluded"], "", "see card.json.")
    _output.say(f"Saved in {told['out']}: {', '.join(sorted(os.listdir(told['out'])))}")
    _output.say(f"Use it: {told['predict']}")


def _lines(scores: dict) -> list[str]:
    lines = [
        f"UAR        {_interval(scores['uar'])}",
        f"accuracy   {_interval(scores['accuracy'])}",
        f"chance     {scores['chance']:.3f}",
        f"log loss   {_change(scores['log_loss'])}",
        f"ECE        {_change(scores['calibration_error'])}",
    ]
    if "abstains" in scores:
        share, careful = scores["abstains"], _interval(scores["uar_with_abstention"])
        lines.append(
            f"abstains   {share:.1%} of clips; counted as mistakes: UAR {careful}"
        )
    return lines


def _interval(score: dict) -> str:
    if score["low"] is None:
        return f"{score['value']:.3f}  (no interval)"
    return f"{score['value']:.3f}  [{score['low']:.3f}, {score['high']:.3f}]"


def _change(values: dict) -> str:
    after, before = values["after"], values["before"]
    told = f"  ({before:.3f} before calibration)" if before != after else ""
    return f"{after:.3f}{told}"
