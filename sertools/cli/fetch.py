"""Download corpora from their owners into the user cache."""

import argparse

from sertools.cli import output
from sertools.cli.usage import checking

__all__ = ["declare", "run"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument("names", nargs="+", metavar="NAME", help="corpora to fetch")
    parser.add_argument(
        "--yes", action="store_true", help="accept licences that exclude commercial use"
    )
    parser.add_argument(
        "--kaggle", action="store_true", help="take the copy that Kaggle keeps"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Fetch one corpus after the other; one that fails does not stop the rest."""
    from sertools import datasets

    with checking():
        for name in arguments.names:
            datasets.card(name)
    folders, failed = {}, False
    for name in arguments.names:
        try:
            with output.working():
                folder = datasets.fetch(
                    name, yes=arguments.yes, kaggle=arguments.kaggle
                )
        except (OSError, ValueError, ModuleNotFoundError) as error:
            output.error(error, traceback=arguments.debug)
            folders[name], failed = None, True
            continue
        folders[name] = str(folder)
        if not arguments.json:
            output.say(f"{name}: {folders[name]}")
    if arguments.json:
        output.as_json(folders)
    return int(failed)
