"""Write the features of a corpus's clips as Parquet."""

import argparse
from dataclasses import asdict
from pathlib import Path

from sertools.cli import _output, _targets
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

_FILES = ("features.parquet", "clips.parquet")


def declare(parser: Parser) -> None:
    """Declare the options of this command."""
    share = parser.share
    share("--dataset", required=True)
    share("--root", "--columns", "--labels")
    share("--model", required=True)
    share("--weights", "--trust", "--emotions", "--merge", "--max-clips", "--seed")
    share("--strict", "--jobs")
    share("--scheduler", help="compute on a Dask cluster: tcp://10.0.0.1:8786")
    share("--out", required=True, help="save features, clips and run.json there")
    share("--json")


def run(arguments: argparse.Namespace) -> int:
    """Extract, save, and say how many clips could not be used, and why."""
    with _output.working(arguments.debug):
        clips, model = _checked(arguments)
        told = _saved(arguments, clips, model)
    if arguments.json:
        _output.as_json(told)
        return 0
    n, excluded = told["n_clips"], told["excluded"]
    _output.say(f"{n} clips, {told['n_features']} features each; {told['model']}.")
    if excluded:
        many = "clip" if len(excluded) == 1 else "clips"
        _output.say(f"{len(excluded)} {many} could not be used:")
    _output.excluded(excluded, "", "run.json names them all.")
    _output.say(f"Saved in {arguments.out}: {', '.join(_FILES)}, run.json")
    return 0


def _checked(arguments: argparse.Namespace):
    """Refuse what cannot work before any work is done."""
    from sertools import datasets

    with checking():
        datasets.card(arguments.dataset)
        _targets.folder(
            arguments.out,
            "--out",
            _targets.holds_a_run,
            [arguments.root, arguments.weights],
            _FILES,
        )
        merge, own = merge_of(arguments), own_of(arguments, [arguments.dataset])
        model = model_of(arguments)
        if not hasattr(model, "embed"):
            raise BadUsage(f"{arguments.model} classifies by itself: no features.")
    clips = datasets.load(arguments.dataset, root=arguments.root, merge=merge, **own)
    return selected(clips, arguments), model


def _saved(arguments: argparse.Namespace, clips, model) -> dict:
    """Write both tables, each whole, and `run.json` about them."""
    from sertools import features, files
    from sertools.metadata import FeaturesMetadata
    from sertools.report._status import recording

    with recording(arguments.out, settings_of(arguments), _FILES) as status:
        X = features.extract(
            model,
            clips,
            jobs=arguments.jobs,
            strict=arguments.strict,
            scheduler=arguments.scheduler,
        )
        facts = asdict(FeaturesMetadata.of(X))
        for name, table in zip(_FILES, (X, clips.loc[X.index]), strict=True):
            with files.replacing(Path(arguments.out, name)) as draft:
                table.to_parquet(draft)
        told = {"n_clips": len(X), "n_features": X.shape[1]}
        told["excluded"] = facts["excluded"]
        status.metrics = facts
        status.fields.update(told)
    return {"out": arguments.out, "model": facts["model"], **told}
