"""Train a head on a corpus and save it, with its score on held-out speakers."""

import argparse
import os
import shlex

from sertools.cli import _output
from sertools.cli._parser import BadUsage, checking

_SHOWN = 20  # excluded clips named on the screen
_REMEMBERED = ("dataset", "root", "emotions", "merge", "max_clips", "model", "weights")
_REMEMBERED += ("trust", "head", "folds", "test", "no_abstain", "seed", "out")


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
        "--head",
        metavar="NAME",
        help="classifier on top of the features: svm, random_forest, logistic, "
        "average, stack, best, linear, weighted; none for a system that trains whole",
    )
    add(
        "--folds",
        default="speaker",
        metavar="NAME",
        help="what is held out for the score: speaker (default), published:NAME, "
        "random, or a column",
    )
    add("--emotions", metavar="LIST", help="only these: angry,happy,neutral,sad")
    add(
        "--merge",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="fold one emotion into another: calm=neutral; repeat for more",
    )
    add("--max-clips", type=int, default=0, metavar="N", help="a balanced sample")
    add(
        "--test",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="score it on another corpus, too; repeat for more",
    )
    add(
        "--no-abstain",
        action="store_true",
        help="never answer 'other', however strange a clip is",
    )
    add("--seed", type=int, default=0, metavar="N", help="of all random draws (0)")
    add("--strict", action="store_true", help="stop if any file cannot be used")
    add("--jobs", type=int, default=-1, metavar="N", help="processes (-1: all cores)")
    add("--out", required=True, metavar="DIR", help="save it there")
    add("--json", action="store_true", help="print the scores as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Train, save, and say how it did on speakers it had not heard."""
    from sertools import training

    quiet = {} if arguments.debug else {"PYTHONWARNINGS": "ignore"}  # of the workers
    with _output.working(), _output.environment(quiet):
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
    spec = made.name
    told = {
        "out": arguments.out,
        "predict": f"sertools predict FILE --model {spec} --weights "
        f"{shlex.quote(arguments.out)}",
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
    from sertools import datasets, evaluation, labels, models, training

    with checking():
        datasets.card(arguments.dataset)
        for word in filter(None, (arguments.emotions or "").split(",")):
            labels.canonical(word)
        merge = _merge(arguments.merge)
        model = models.load(
            arguments.model, weights=arguments.weights, trust=arguments.trust
        )
        _check_head(model, arguments)
        others = dict(_pair(text) for text in arguments.test)
        for name in others:
            datasets.card(name)
    training.check_out(arguments.out)
    clips = datasets.load(arguments.dataset, root=arguments.root, merge=merge)
    tests = {n: datasets.load(n, root=d, merge=merge) for n, d in others.items()}
    with checking():
        clips = datasets.select(
            clips, arguments.emotions, arguments.max_clips, arguments.seed
        )
        if arguments.head:
            evaluation.folds.assign(clips, arguments.folds, arguments.seed)
    return clips, model, tests


def _merge(pairs: list[str]) -> dict[str, str]:
    from sertools import labels

    merge = {}
    for pair in filter(None, ",".join(pairs).split(",")):
        old, equals, new = pair.partition("=")
        if not equals:
            raise BadUsage(
                f"--merge takes OLD=NEW, such as calm=neutral, not {pair!r}."
            )
        merge[labels.canonical(old)] = labels.canonical(new)
    return merge


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


def _pair(text: str) -> tuple[str, str | None]:
    name, _, folder = text.partition("=")
    return name, folder or None


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
        _output.say(f"{where}: {_size(scores)}")
        for line in _lines(scores):
            _output.say(f"  {line}")
    for note in told["warnings"]:
        _output.say(f"  {note}")
    for item in told["excluded"][:_SHOWN]:
        _output.say(f"  excluded: {item['clip']} ({item['reason']}).")
    if len(told["excluded"]) > _SHOWN:
        _output.say(f"  and {len(told['excluded']) - _SHOWN} more; see card.json.")
    _output.say(f"Saved in {told['out']}: {', '.join(sorted(os.listdir(told['out'])))}")
    _output.say(f"Use it: {told['predict']}")


def _size(scores: dict) -> str:
    speakers = scores["n_speakers"]
    who = "speakers unknown" if speakers is None else f"{speakers} speakers"
    return f"{scores['n_clips']} clips, {who}"


def _lines(scores: dict) -> list[str]:
    lines = [
        f"UAR        {_interval(scores['uar'])}",
        f"accuracy   {_interval(scores['accuracy'])}",
        f"chance     {scores['chance']:.3f}",
        f"log loss   {_change(scores['log_loss'])}",
        f"ECE        {_change(scores['calibration_error'])}",
    ]
    if "abstains" in scores:
        careful = scores["uar_with_abstention"]
        lines.append(
            f"abstains   {scores['abstains']:.1%} of clips; counted as mistakes: "
            f"UAR {_interval(careful)}"
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
