"""Open JupyterLab at the quickstart, with this interpreter as its kernel."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from sertools import shipped
from sertools.cli import output

__all__ = ["declare", "run"]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "folder",
        nargs="?",
        help="where the notebooks are, or should be copied to "
        "(a checkout: notebooks; otherwise: sertools-notebooks)",
    )
    parser.epilog = "Other options, such as --no-browser, are handed to JupyterLab."
    parser.set_defaults(hands_on=True)


def run(arguments: argparse.Namespace) -> int:
    """Start JupyterLab in the place of this process."""
    folder = working_copy(arguments.folder)
    output.note(f"The notebooks are in {folder}. Ctrl-C ends JupyterLab.")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    start = next(iter(sorted(folder.glob("*.ipynb"))), None)
    if start is not None:
        command.append(f"--LabApp.default_url=/lab/tree/{start.name}")
    path = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
    sys.stdout.flush()
    os.execve(sys.executable, [*command, *arguments.unknown], environment)


def working_copy(folder: str | None) -> Path:
    """Find the folder of notebooks to work in, and fill it if need be.

    Parameters
    ----------
    folder : str or None
        Asked for by the user; None: the checkout's own, or a copy in the
        current folder.

    Returns
    -------
    Path
        The folder, absolute. Notebooks that are there already stay as they are.
    """
    source = shipped.folder("notebooks")
    in_checkout = source.parent.name != "_shipped"
    if folder is None and in_checkout:
        return source
    target = Path(folder or "sertools-notebooks").expanduser().resolve()
    target.mkdir(parents=True, exist_ok=True)
    for notebook in sorted(source.glob("*.ipynb")):
        if not (target / notebook.name).exists():
            shutil.copyfile(notebook, target / notebook.name)
    return target
