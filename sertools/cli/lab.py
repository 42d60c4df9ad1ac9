"""Open JupyterLab at the quickstart, with this interpreter as its kernel."""

import argparse
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import quote

from sertools import _interpreter, extras, files
from sertools.cli import _output
from sertools.cli._parser import BadUsage

_QUICKSTART = "00_quickstart.ipynb"


# JupyterLab's options that take a value: a word after one of these is no folder.
_TAKE_A_VALUE = ("ip", "port", "port-retries", "browser", "config", "log-level")
_TAKE_A_VALUE += ("keyfile", "certfile", "client-ca", "app-dir")
_FOLDERS = ("--notebook-dir", "--ServerApp.root_dir", "--ServerApp.notebook_dir")
_KERNELS = "sertools.cli._kernelspec.ThisInterpreter"


# Nobody is asked about news, and nothing goes out to look for any. These are defaults:
# what a person has chosen in JupyterLab's settings stays.
_DEFAULTS = Path(__file__).with_name("jupyter")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the options of this command."""
    parser.add_argument(
        "folder",
        nargs="?",
        help="where the notebooks are, or should be copied to "
        "(a checkout: notebooks; otherwise: sertools-notebooks); or one notebook",
    )
    for name in _TAKE_A_VALUE:
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    parser.epilog = (
        "Other options, such as --no-browser and --port 8890, are handed to JupyterLab."
    )
    parser.set_defaults(hands_on=True)


def run(arguments: argparse.Namespace) -> int:
    """Start JupyterLab in the place of this process."""
    if not extras.available("jupyterlab"):
        raise ModuleNotFoundError(
            "sertools lab needs JupyterLab, which is not installed here. "
            "Install it with: pip install jupyterlab"
        )
    if any(word.startswith(_FOLDERS) for word in arguments.unknown):
        raise BadUsage("Name the folder itself: sertools lab FOLDER")
    folder, start = place(arguments.folder)
    given = vars(arguments)
    more = [
        f"--{name}={value}"
        for name in _TAKE_A_VALUE
        if (value := given[name.replace("-", "_")]) is not None
    ]
    _output.note(f"The notebooks are in {folder}. Ctrl-C ends JupyterLab.")
    if not os.access(folder, os.W_OK):
        _output.note("You may not write there: notebooks run, but are not saved.")
    sys.stdout.flush()
    words = command(folder, start, [*more, *arguments.unknown])
    os.execve(sys.executable, words, _environment())


def command(folder: Path, start: str | None, more: list[str]) -> list[str]:
    """Write the command line that starts JupyterLab."""
    ours = {
        "--ServerApp.root_dir": str(folder),
        "--ServerApp.kernel_spec_manager_class": _KERNELS,
    }
    if start is not None:
        ours["--LabApp.default_url"] = f"/lab/tree/{quote(start)}"
    given = {word.partition("=")[0] for word in more}
    options = [f"{name}={value}" for name, value in ours.items() if name not in given]
    return [*_interpreter.command("-m", "jupyterlab"), *options, *more]


def place(asked: str | None) -> tuple[Path, str | None]:
    """Find the folder to work in, and the notebook to open first."""
    if asked is not None and asked.endswith(".ipynb"):
        notebook = Path(asked).expanduser().resolve()
        if not notebook.is_file():
            raise FileNotFoundError(f"There is no notebook at {asked}.")
        return notebook.parent, notebook.name
    folder = working_copy(asked)
    names = sorted(path.name for path in folder.glob("*.ipynb"))
    return folder, _QUICKSTART if _QUICKSTART in names else next(iter(names), None)


def working_copy(folder: str | None) -> Path:
    """Find the folder of notebooks; fill it with those that are not there yet."""
    source = files.folder("notebooks")
    in_checkout = source.parent.name != "_shipped"
    if folder is None and in_checkout:
        return source
    target = Path(folder or "sertools-notebooks").expanduser().resolve()
    try:
        target.mkdir(parents=True, exist_ok=True)
        for notebook in sorted(source.glob("*.ipynb")):
            if not (target / notebook.name).exists():
                shutil.copyfile(notebook, target / notebook.name)
    except OSError as error:
        raise OSError(
            f"The notebooks cannot be copied to {target} ({error.strerror}). "
            "Name a folder of yours: sertools lab FOLDER"
        ) from error
    return target


def _environment() -> dict[str, str]:
    """Put this interpreter's programs and our defaults before all others."""
    now = os.environ
    programs = [str(Path(sys.executable).parent), now.get("PATH", os.defpath)]
    settings = [str(_DEFAULTS), *filter(None, [now.get("JUPYTER_CONFIG_PATH")])]
    return {
        **now,
        "PATH": os.pathsep.join(programs),
        "JUPYTER_CONFIG_PATH": os.pathsep.join(settings),
        "JUPYTER_PREFER_ENV_PATH": "1",
    }
